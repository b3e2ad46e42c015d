//! HTTP calls between the parts of the demo.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use protocol::EndpointUrl;
use thiserror::Error;
use tokio::time::timeout;

/// Sends plain HTTP requests to this machine. Follows no redirects.
#[derive(Clone)]
pub(super) struct LoopbackClient(Client<HttpConnector, Full<Bytes>>);

impl LoopbackClient {
    pub(super) fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }

    /// What is at this address.
    pub(super) async fn get(&self, url: &EndpointUrl) -> Result<Response<Bytes>, CallError> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = url.uri().clone();
        self.send(request).await
    }

    /// The answer to a request: whole, within five seconds, at most 256 KiB.
    pub(super) async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, CallError> {
        let url = request.uri().to_string();
        let call = async {
            let answer = self.0.request(request.map(Full::new)).await.map_err(|error| error.to_string())?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, MOST_BYTES).collect().await.map_err(|error| error.to_string())?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        match timeout(TIME_OUT, call).await {
            Ok(answer) => answer.map_err(|reason| CallError { url, reason }),
            Err(_) => Err(CallError { url, reason: format!("no answer within {} seconds", TIME_OUT.as_secs()) }),
        }
    }
}

/// A call that got no answer.
#[derive(Debug, Error)]
#[error("{url} does not answer: {reason}")]
pub(super) struct CallError {
    url: String,
    reason: String,
}

const TIME_OUT: Duration = Duration::from_secs(5);
const MOST_BYTES: usize = 256 * 1024;
