//! One request on a connection of its own.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{Answer, Ask};

/// Sends the request and reads the whole answer. A connection that breaks before there is one answers with status 599.
pub(super) async fn exchange(server: SocketAddr, ask: &Ask, headers: HeaderMap) -> Answer {
    let stream = TcpStream::connect(server).await.unwrap_or_else(|error| panic!("{}: {error}", ask.url));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a new connection is open");
    let body = ask.body.as_ref().map_or_else(Bytes::new, |(_, body)| Bytes::copy_from_slice(body));
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = ask.method.clone();
    *request.uri_mut() = ask.url.path_and_query().parse().expect("a URL has a path");
    *request.headers_mut() = headers;
    let host = ask.url.authority().parse().expect("a host is text");
    request.headers_mut().insert(header::HOST, host);

    let answering = async {
        match sender.send_request(request).await {
            Ok(answer) => read(ask, answer).await,
            Err(_) => broken(ask),
        }
    };
    // The connection ends with the answer: nothing else is asked on it.
    let mut connection = std::pin::pin!(connection.with_upgrades());
    let mut answering = std::pin::pin!(answering);
    tokio::select! {
        biased;
        answer = &mut answering => answer,
        _ended = &mut connection => answering.await,
    }
}

async fn read(ask: &Ask, answer: http::Response<Incoming>) -> Answer {
    let (head, mut incoming) = answer.into_parts();
    let (mut body, mut complete) = (BytesMut::new(), true);
    while let Some(frame) = incoming.frame().await {
        let Ok(frame) = frame else {
            complete = false;
            break;
        };
        body.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..]));
    }
    let (url, body, earlier) = (ask.url.clone(), body.freeze(), Vec::new());
    Answer { url, status: head.status, headers: head.headers, body, complete, earlier }
}

fn broken(ask: &Ask) -> Answer {
    let status = http::StatusCode::from_u16(599).expect("599 is a status");
    let (url, headers, body) = (ask.url.clone(), HeaderMap::new(), Bytes::new());
    Answer { url, status, headers, body, complete: false, earlier: Vec::new() }
}
