//! Runs `cloakroom` and talks to it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};

/// A folder of its own for one test, removed at its end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("cloakroom-it-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A run of the program.
pub(crate) struct Run {
    child: Child,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn start(arguments: &[&str]) -> Run {
    let child = Command::new(env!("CARGO_BIN_EXE_cloakroom"))
        .args(arguments)
        .env_remove("CLOAKROOM_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    Run { child }
}

pub(crate) async fn run(arguments: &[&str]) -> Ended {
    start(arguments).ended().await
}

impl Run {
    /// The next line of standard output.
    pub(crate) async fn line(&mut self) -> String {
        let mut line = String::new();
        let mut stdout = BufReader::with_capacity(1, self.child.stdout.as_mut().unwrap());
        timeout(LIMIT, stdout.read_line(&mut line)).await.expect("a line in time").unwrap();
        line
    }

    /// Standard error up to and with the first line that contains this.
    pub(crate) async fn log_until(&mut self, wanted: &str) -> String {
        let mut log = String::new();
        let mut stderr = BufReader::with_capacity(1, self.child.stderr.as_mut().unwrap());
        while !log.contains(wanted) {
            let read = timeout(LIMIT, stderr.read_line(&mut log)).await.expect("a line in time").unwrap();
            assert!(read > 0, "{wanted:?} is not in {log}");
        }
        log
    }

    /// `INT` is what Ctrl-C sends, `TERM` what service managers send.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().await.unwrap().success());
    }

    pub(crate) async fn ended(mut self) -> Ended {
        let mut ended = Ended { code: None, stdout: String::new(), stderr: String::new() };
        let (mut stdout, mut stderr) = (self.child.stdout.take().unwrap(), self.child.stderr.take().unwrap());
        let reading = async {
            let (out, err) = (stdout.read_to_string(&mut ended.stdout), stderr.read_to_string(&mut ended.stderr));
            tokio::try_join!(out, err).unwrap();
            self.child.wait().await.unwrap().code()
        };
        ended.code = timeout(LIMIT, reading).await.expect("an end in time");
        ended
    }
}

/// The whole answer to a GET request at `http://…`.
pub(crate) async fn get(url: &str, headers: &[&str]) -> String {
    let (authority, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap_or((&url[7..], ""));
    let mut stream = TcpStream::connect(authority).await.unwrap();
    let (target, host) = (format!("GET /{path} HTTP/1.1"), format!("host: {authority}"));
    let request = [&[&target, &host, "connection: close"][..], headers, &["", ""]].concat().join("\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(LIMIT, stream.read_to_string(&mut answer)).await.expect("an answer in time").unwrap();
    answer
}

const LIMIT: Duration = Duration::from_secs(60);
