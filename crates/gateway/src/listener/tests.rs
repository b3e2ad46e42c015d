use std::time::Duration;

use axum::routing::{get, post};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

struct Served {
    address: SocketAddr,
    server: tokio::task::JoinHandle<()>,
}

async fn served(connections: usize, stop: Stop) -> Served {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let app = Router::new()
        .route("/", get(|peer: axum::Extension<SocketAddr>| async move { peer.0.to_string() }))
        .route("/echo", post(|body: String| async move { body }))
        .route("/slow", get(|| async { sleep(Duration::from_millis(300)).await }))
        .route("/forever", get(std::future::pending::<()>));
    Served { address, server: tasks::spawn(serve(vec![socket], connections, app, stop)) }
}

impl Served {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

async fn exchange(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 4096];
    let read = timeout(Duration::from_secs(5), stream.read(&mut buffer)).await.unwrap().unwrap();
    String::from_utf8_lossy(&buffer[..read]).into_owned()
}

#[tokio::test]
async fn a_connection_is_used_again_and_tells_its_peer() {
    let (_request_stop, stop) = Stop::by_hand();
    let served = served(8, stop).await;
    let mut stream = served.connect().await;

    let first = exchange(&mut stream, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let second = exchange(&mut stream, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;

    assert!(first.starts_with("HTTP/1.1 200"), "{first}");
    assert!(second.ends_with(&stream.local_addr().unwrap().to_string()), "{second}");
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused() {
    let (_request_stop, stop) = Stop::by_hand();
    let served = served(8, stop).await;
    let below = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "a".repeat(30 * 1024));
    let above = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "a".repeat(40 * 1024));

    let accepted = exchange(&mut served.connect().await, &below).await;
    let refused = exchange(&mut served.connect().await, &above).await;

    assert!(accepted.starts_with("HTTP/1.1 200"), "{accepted}");
    assert!(refused.starts_with("HTTP/1.1 431"), "{refused}");
}

#[tokio::test]
async fn http_2_is_understood_without_tls() {
    let (_request_stop, stop) = Stop::by_hand();
    let served = served(8, stop).await;
    let mut stream = served.connect().await;

    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();

    let mut head = [0; 9];
    timeout(Duration::from_secs(5), stream.read_exact(&mut head)).await.unwrap().unwrap();
    assert_eq!(head[3], 4, "the server's first frame is SETTINGS (RFC 9113 §3.4)");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_sends_no_whole_head_is_closed() {
    let (_request_stop, stop) = Stop::by_hand();
    let served = served(8, stop).await;
    let mut stream = served.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();

    let closed = timeout(Duration::from_secs(20), stream.read(&mut [0; 64])).await.unwrap();

    assert!(matches!(closed, Ok(0) | Err(_)));
}

#[tokio::test]
async fn more_connections_than_allowed_wait_for_their_turn() {
    let (_request_stop, stop) = Stop::by_hand();
    let served = served(1, stop).await;
    let mut first = served.connect().await;
    exchange(&mut first, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut second = served.connect().await;
    second.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();

    let early = timeout(Duration::from_millis(100), second.read(&mut [0; 64])).await;
    drop(first);
    let late = timeout(Duration::from_secs(5), second.read(&mut [0; 64])).await;

    assert!(early.is_err());
    assert!(late.unwrap().unwrap() > 0);
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way_and_closes_what_is_idle() {
    let (request_stop, stop) = Stop::by_hand();
    let served = served(8, stop).await;
    let mut idle = served.connect().await;
    exchange(&mut idle, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut busy = served.connect().await;
    busy.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(50)).await;

    request_stop();

    let answer = exchange(&mut busy, "").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(idle.read(&mut [0; 64]).await.unwrap(), 0);
    timeout(Duration::from_secs(5), served.server).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_second_signal_waits_for_nothing() {
    let (signal, stop) = Stop::by_hand();
    let served = served(8, stop).await;
    let mut busy = served.connect().await;
    busy.write_all(b"GET /forever HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(50)).await;

    signal();
    sleep(Duration::from_millis(50)).await;
    let after_first = served.server.is_finished();
    signal();

    assert!(!after_first);
    timeout(Duration::from_secs(1), served.server).await.unwrap().unwrap();
}
