//! Bytes to a socket and back, for requests that no well-behaved client would make.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// A server that has not closed the connection by then has said all it will.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What came back, up to the end of the connection.
#[derive(Debug)]
pub struct RawAnswer {
    /// From the status line to the empty line.
    pub head: String,
    /// The rest, as it came.
    pub body: Vec<u8>,
}

/// Sends the bytes as they are and reads until the server closes. Ask it to: `Connection: close`.
pub async fn exchange(server: SocketAddr, bytes: &[u8]) -> RawAnswer {
    let mut stream = TcpStream::connect(server).await.expect("the server listens");
    // A server that refuses early may close before everything is written.
    let _refused = stream.write_all(bytes).await;
    let mut received = Vec::new();
    let _timed_out = timeout(PATIENCE, stream.read_to_end(&mut received)).await;
    RawAnswer::parse(&received)
}

impl RawAnswer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        Self { head: String::from_utf8_lossy(&bytes[..end]).into_owned(), body: bytes[end..].to_vec() }
    }

    /// The status; 0 when the connection was closed without one.
    pub fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }

    /// The rejection code that the answer carries.
    pub fn rejection_code(&self) -> Option<&str> {
        self.header("cloakroom-rejection")
    }
}
