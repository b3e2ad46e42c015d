//! One connection, HTTP/1.1 or HTTP/2, from its first byte to its last.

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc};

use axum::body::Body;
use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto,
};
use tokio::{net::TcpStream, time::sleep};

use super::{
    Answer,
    activity::{Activity, Patience, TICK, Verdict},
    watched::Watched,
};
use crate::stop::Stop;

/// Serves a connection until it closes, by whichever side.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, answer: impl Answer, mut stop: Stop) {
    let activity = Arc::new(Activity::default());
    let service = service_fn(|request: Request<Incoming>| {
        let under_way = activity.request_began(request.version());
        let answer = answer.clone();
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            let response = answer.answer(request).await;
            Ok::<_, Infallible>(response.map(|body| under_way.until_sent(body)))
        }
    });
    let builder = builder();
    let mut connection = pin!(builder.serve_connection(Watched::new(stream, Arc::clone(&activity)), service));
    let mut patience = Patience::default();
    let mut stopping = false;
    loop {
        tokio::select! {
            closed = connection.as_mut() => {
                if let Err(error) = closed {
                    tracing::debug!(%peer, error, "a connection ended early");
                }
                return;
            }
            () = stop.requested(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = sleep(TICK) => match patience.judge(&activity) {
                Verdict::Keep => {}
                Verdict::CloseGracefully => connection.as_mut().graceful_shutdown(),
                Verdict::Drop => return,
            }
        }
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // `Patience` watches over heads and idleness in both protocols, and from the first byte on; hyper's own limit
    // would count idle time as time for a head.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES as usize)
        .max_headers(HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES)
        .max_concurrent_streams(100)
        .max_send_buf_size(HTTP2_SEND_BYTES);
    builder
}

/// Longest head of a request.
const HEAD_BYTES: u32 = 32 * 1024;
const HEADERS: usize = 100;
/// What one HTTP/2 stream may have waiting to be sent.
const HTTP2_SEND_BYTES: usize = 64 * 1024;
