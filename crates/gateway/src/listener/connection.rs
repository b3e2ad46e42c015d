//! One connection, HTTP/1.1 or HTTP/2, from its first byte to its last.

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc};

use http::Request;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{net::TcpStream, time::sleep};

use super::{
    Answer,
    activity::Activity,
    bodies,
    patience::{Patience, TICK, Verdict},
    watched::Watched,
};
use crate::stop::Stop;

/// Serves a connection until it closes, by whichever side.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    activity: &Arc<Activity>,
    answer: impl Answer,
    mut stop: Stop,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let exchange = activity.request_began(request.version());
        let answer = answer.clone();
        async move {
            let mut request = bodies::arriving(request, &exchange);
            request.extensions_mut().insert(peer);
            let response = answer.answer(request).await;
            Ok::<_, Infallible>(bodies::leaving(response, exchange))
        }
    });
    let builder = builder();
    let stream = TokioIo::new(Watched::new(stream, Arc::clone(activity)));
    let mut connection = pin!(builder.serve_connection(stream, service));
    let mut patience = Patience::new();
    let mut stopping = false;
    loop {
        tokio::select! {
            closed = connection.as_mut() => {
                if let Err(error) = closed {
                    tracing::debug!(%peer, error, "a connection ended early");
                }
                return;
            }
            () = stop.requested(), if !stopping => stopping = true,
            () = activity.asked_to_leave() => {}
            () = sleep(TICK) => match patience.judge(activity) {
                Verdict::Keep => continue,
                Verdict::CloseGracefully => {}
                Verdict::Drop => {
                    tracing::debug!(%peer, "a connection was dropped: its client left us waiting");
                    return;
                }
            }
        }
        connection.as_mut().graceful_shutdown();
        patience.departure_announced();
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
        .max_concurrent_streams(HTTP2_STREAMS)
        .max_pending_accept_reset_streams(HTTP2_RESETS)
        .max_local_error_reset_streams(HTTP2_ERRORS)
        .initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(HTTP2_SEND_BYTES);
    builder
}

/// Longest head of a request.
const HEAD_BYTES: u32 = 32 * 1024;
const HEADERS: usize = 100;
/// Requests at the same time on one HTTP/2 connection.
const HTTP2_STREAMS: u32 = 64;
/// Streams that a client opened and reset before we saw them, beyond which it is a flood (CVE-2023-44487).
const HTTP2_RESETS: usize = 20;
/// Streams that we had to reset for a client's errors, beyond which it is a flood (CVE-2025-8671).
const HTTP2_ERRORS: usize = 64;
/// What a client may send before we have read it: on one stream, and on all together.
const HTTP2_STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// What one HTTP/2 stream may have waiting to be sent.
const HTTP2_SEND_BYTES: usize = 64 * 1024;
