//! Calls to authorization servers. A seam: tests and operators can put their own client in.

use std::{pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use thiserror::Error;

use crate::tls;

/// The longest answer that is read.
const LONGEST_ANSWER: usize = 1024 * 1024;
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// What a [`HttpClient`] returns.
pub type HttpFuture<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, SendError>> + Send + 'a>>;

/// Sends one request and reads the whole answer.
///
/// Must not follow redirects, repeat the request by itself, keep cookies, or read more than a mebibyte.
pub trait HttpClient: Send + Sync + 'static {
    /// The answer, whatever its status, within `limit`.
    fn send(&self, request: Request<Bytes>, limit: Duration) -> HttpFuture<'_>;
}

/// Why there is no answer.
#[derive(Clone, Debug, Error)]
pub enum SendError {
    /// The request certainly did not reach the server.
    #[error("not sent: {0}")]
    NotSent(String),
    /// It may have reached the server.
    #[error("no answer: {0}")]
    NoAnswer(String),
}

/// The client that programs use: HTTP/1.1, a new connection for each request, so that no request is ever sent into a
/// connection that is closing and nobody has to guess whether it arrived.
pub(crate) struct DirectClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl DirectClient {
    pub(crate) fn new() -> Result<Self, tls::TlsError> {
        let connector = tls::connector(CONNECT_LIMIT)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .retry_canceled_requests(false)
            .build(connector);
        Ok(Self { client })
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, SendError> {
        let answer = self.client.request(request.map(Full::new)).await.map_err(|error| {
            let text = with_causes(&error);
            if error.is_connect() { SendError::NotSent(text) } else { SendError::NoAnswer(text) }
        })?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, LONGEST_ANSWER).collect().await;
        let body = body.map_err(|error| SendError::NoAnswer(error.to_string()))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

impl HttpClient for DirectClient {
    fn send(&self, request: Request<Bytes>, limit: Duration) -> HttpFuture<'_> {
        Box::pin(async move {
            match tokio::time::timeout(limit, self.exchange(request)).await {
                Ok(answer) => answer,
                Err(_) => Err(SendError::NoAnswer(format!("nothing within {limit:?}"))),
            }
        })
    }
}

impl std::fmt::Debug for DirectClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DirectClient")
    }
}

/// The client that programs use, as the seam wants it.
pub(crate) fn direct() -> Result<Arc<dyn HttpClient>, tls::TlsError> {
    Ok(Arc::new(DirectClient::new()?))
}

/// An error and what caused it: the outermost one rarely says what happened.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
