use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::routing::{get, post};
use bytes::Bytes;
use hyper::body::Frame;
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
        .route("/slower", post(|_: Request<Body>| async { sleep(Duration::from_secs(600)).await }))
        .route("/endless", get(|| async { Body::new(Endless) }))
        .route("/forever", get(std::future::pending::<()>));
    let limits = Limits::for_one_peer(connections);
    Served { address, server: tasks::spawn(serve(vec![socket], limits, app, stop)) }
}

/// A body without end.
struct Endless;

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b'a'; 64 * 1024])))))
    }
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
async fn http_2_is_understood_without_tls_within_limits() {
    let (_request_stop, stop) = Stop::by_hand();
    let served = served(8, stop).await;
    let mut stream = served.connect().await;

    stream.write_all(HTTP_2_PREFACE).await.unwrap();

    let mut head = [0; 9];
    timeout(Duration::from_secs(5), stream.read_exact(&mut head)).await.unwrap().unwrap();
    assert_eq!(head[3], 4, "the server's first frame is SETTINGS (RFC 9113 §3.4)");
    let mut settings = vec![0; usize::from(head[2])];
    stream.read_exact(&mut settings).await.unwrap();
    let settings = settings.chunks(6).map(|setting| (setting[1], u32::from_be_bytes(setting[2..].try_into().unwrap())));
    let settings = settings.collect::<Vec<_>>();
    for limit in [(3, 64), (4, 256 * 1024), (6, 32 * 1024)] {
        assert!(settings.contains(&limit), "{limit:?} in {settings:?}");
    }
}

#[tokio::test]
async fn a_flood_of_resets_ends_its_http_2_connection() {
    let (_request_stop, stop) = Stop::by_hand();
    let served = served(8, stop).await;
    let mut stream = served.connect().await;
    let mut flood = HTTP_2_PREFACE.to_vec();
    for stream_id in (1..1000_u32).step_by(2) {
        flood.extend(http_2_request(GET, "/forever", stream_id, END_STREAM));
        // CANCEL.
        flood.extend([0, 0, 4, 3, 0].iter().chain(&stream_id.to_be_bytes()).chain(&8_u32.to_be_bytes()));
    }

    let _ = stream.write_all(&flood).await;

    let mut answer = Vec::new();
    let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await.expect("it is closed");
    let enhance_your_calm = 11_u32.to_be_bytes();
    assert!(answer.windows(4).any(|bytes| bytes == enhance_your_calm), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn clients_that_neither_send_nor_read_do_not_keep_others_from_being_served() {
    let (_request_stop, stop) = Stop::by_hand();
    let served = served(20, stop).await;
    let mut held = Vec::new();
    for request in [
        b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n".to_vec(),
        b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n".to_vec(),
        [HTTP_2_PREFACE, &http_2_request(POST, "/echo", 1, 0)].concat(),
        [HTTP_2_PREFACE, &http_2_request(GET, "/endless", 1, END_STREAM)].concat(),
    ] {
        for _ in 0..5 {
            let mut stream = served.connect().await;
            stream.write_all(&request).await.unwrap();
            held.push(stream);
        }
    }

    let mut other = served.connect().await;
    other.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let answer = timeout(Duration::from_secs(90), other.read(&mut [0; 64])).await;

    assert!(answer.expect("an answer in time").unwrap() > 0);
    sleep(Duration::from_secs(10)).await;
    for (number, mut stream) in held.into_iter().enumerate() {
        let end = timeout(Duration::from_secs(1), stream.read_to_end(&mut Vec::new())).await;
        assert!(end.is_ok(), "connection {number} is still open");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_its_time_is_waited_for() {
    let (_request_stop, stop) = Stop::by_hand();
    let served = served(8, stop).await;
    let mut stream = served.connect().await;
    // Nobody reads this body, so nobody waits for the rest of it.
    stream.write_all(b"POST /slower HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\na").await.unwrap();

    let mut answer = [0; 12];
    timeout(Duration::from_secs(700), stream.read_exact(&mut answer)).await.unwrap().unwrap();

    assert_eq!(&answer, b"HTTP/1.1 200");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_makes_room_for_a_new_one() {
    let (_request_stop, stop) = Stop::by_hand();
    let served = served(1, stop).await;
    let mut first = served.connect().await;
    exchange(&mut first, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;

    let mut second = served.connect().await;
    let answer = exchange(&mut second, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;

    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(first.read(&mut [0; 64]).await.unwrap(), 0);
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
    first.write_all(b"GET /forever HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
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

/// RFC 9113 §3.4: the client's preface and empty SETTINGS.
const HTTP_2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const END_STREAM: u8 = 1;
/// In the static table of HPACK (RFC 7541, appendix A).
const GET: u8 = 0x82;
const POST: u8 = 0x83;

/// A HEADERS frame for `http://a`, whole.
fn http_2_request(method: u8, path: &str, stream_id: u32, flags: u8) -> Vec<u8> {
    let length = u8::try_from(path.len()).unwrap();
    let block = [&[method, 0x86, 0x04, length], path.as_bytes(), b"\x01\x01a"].concat();
    let head = [0, 0, u8::try_from(block.len()).unwrap(), 1, flags | 4];
    [&head[..], &stream_id.to_be_bytes(), &block].concat()
}
