//! A resource server that records every request byte for byte and echoes it, or misbehaves as told.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A resource server on a loopback socket.
#[derive(Debug)]
pub struct ResourceServer {
    address: SocketAddr,
    desk: Arc<Desk>,
    _accepting: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Desk {
    received: Mutex<Vec<Received>>,
    script: Mutex<VecDeque<Behaviour>>,
    manner: Mutex<Option<Behaviour>>,
}

/// How a request is answered.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// 200 with method, target and headers as JSON.
    Echo,
    /// These bytes, then the end of the connection.
    Raw(Vec<u8>),
    /// Half of the body, a pause, the rest.
    Slow(Duration),
    /// The head of an answer of 100 bytes, ten of them, then the end of the connection.
    CutShort,
    /// So many bytes.
    Huge(usize),
    /// The end of the connection.
    Silence,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// Request line and headers, byte for byte.
    pub head: String,
    /// The body without its transfer coding.
    pub body: Vec<u8>,
}

impl ResourceServer {
    /// Starts one.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("there is a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let desk = Arc::new(Desk::default());
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::clone(&desk)));
        Self { address, desk, _accepting: accepting }
    }

    /// Its address as a URL without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.desk.received).clone()
    }

    /// The latest request.
    pub fn last(&self) -> Received {
        lock(&self.desk.received).last().cloned().expect("the resource server received a request")
    }

    /// Answers every request like this from now on.
    pub fn answer_always(&self, behaviour: Behaviour) {
        *lock(&self.desk.manner) = Some(behaviour);
    }

    /// Answers the next request like this; the ones after it as before.
    pub fn answer_next(&self, behaviour: Behaviour) {
        lock(&self.desk.script).push_back(behaviour);
    }
}

impl Received {
    /// The request's method.
    pub fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    /// The request's target, as it stood in the request line.
    pub fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// The headers in the order of arrival.
    pub fn headers(&self) -> Vec<(&str, &str)> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.map(|(name, value)| (name, value.trim())).collect()
    }

    /// The value of a header that is there once, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.headers();
        let mut values = headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| *value);
        assert!(values.next().is_none(), "{name} came more than once:\n{}", self.head);
        value
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let desk = Arc::clone(&desk);
            connections.spawn(async move {
                // A client may go away at any time.
                let _gone = connection(stream, &desk).await;
            });
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(mut stream: TcpStream, desk: &Desk) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    while let Some(received) = read_request(&mut stream, &mut buffer).await? {
        let echo = json!({
            "method": received.method(),
            "target": received.target(),
            "headers": received.headers(),
            "body_bytes": received.body.len(),
        })
        .to_string();
        let is_head = received.method() == "HEAD";
        lock(&desk.received).push(received);
        let next = lock(&desk.script).pop_front();
        let behaviour = next.or_else(|| lock(&desk.manner).clone()).unwrap_or(Behaviour::Echo);
        match behaviour {
            Behaviour::Echo => {
                let body = if is_head { "" } else { &echo };
                let head = head("application/json", echo.len());
                stream.write_all(format!("{head}{body}").as_bytes()).await?;
            }
            Behaviour::Slow(pause) => {
                let (first, second) = echo.split_at(echo.len() / 2);
                let head = head("application/json", echo.len());
                stream.write_all(format!("{head}{first}").as_bytes()).await?;
                tokio::time::sleep(pause).await;
                stream.write_all(second.as_bytes()).await?;
            }
            Behaviour::Huge(bytes) => {
                stream.write_all(head("application/octet-stream", bytes).as_bytes()).await?;
                stream.write_all(&vec![b'x'; bytes]).await?;
            }
            Behaviour::Raw(bytes) => return stream.write_all(&bytes).await,
            Behaviour::CutShort => {
                return stream.write_all(format!("{}0123456789", head("text/plain", 100)).as_bytes()).await;
            }
            Behaviour::Silence => return Ok(()),
        }
    }
    Ok(())
}

fn head(kind: &str, length: usize) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n")
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<Option<Received>> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    buffer.drain(..end);
    let mut received = Received { head, body: Vec::new() };
    let length = received.header("content-length").and_then(|length| length.parse().ok());
    if let Some(length) = length {
        received.body = take(stream, buffer, length).await?;
    } else if received.header("transfer-encoding").is_some() {
        loop {
            let line = take_line(stream, buffer).await?;
            let length = usize::from_str_radix(line.trim(), 16).map_err(std::io::Error::other)?;
            received.body.extend(take(stream, buffer, length).await?);
            take_line(stream, buffer).await?;
            if length == 0 {
                break;
            }
        }
    }
    Ok(Some(received))
}

async fn take(stream: &mut TcpStream, buffer: &mut Vec<u8>, length: usize) -> std::io::Result<Vec<u8>> {
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(buffer.drain(..length).collect())
}

async fn take_line(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<String> {
    let end = loop {
        if let Some(at) = buffer.windows(2).position(|window| window == b"\r\n") {
            break at + 2;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let line = take(stream, buffer, end).await?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}
