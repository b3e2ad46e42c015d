//! What does the resource server say? Clean headers, the token attached, the answer streamed back.

mod headers;
mod sending;

pub(crate) use self::headers::keep_private;

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use http::{Request, Response, StatusCode, Uri, Version, request, uri::PathAndQuery};
use http_body_util::{BodyExt as _, LengthLimitError};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tracing::{debug, warn};

use self::sending::Sending;
use crate::{
    authorization_server::http_client::with_causes,
    bff::Bff,
    policy::Permit,
    rejection::{BadRequest, Rejection},
    tls,
};

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// An upstream that has not begun to answer so long after it was sent the last byte does not.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// Connections to upstreams.
pub(crate) struct UpstreamClient {
    client: Client<HttpsConnector<HttpConnector>, Body>,
}

impl UpstreamClient {
    pub(crate) fn new() -> Result<Self, tls::TlsError> {
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_LIMIT)
            .pool_timer(TokioTimer::new())
            // Only ever repeats a request of which not a byte was written: the connection had closed before.
            .retry_canceled_requests(true)
            .build(tls::connector(CONNECT_LIMIT)?);
        Ok(Self { client })
    }
}

/// The upstream's answer, as it arrives.
///
/// # Errors
///
/// [`Rejection::UpstreamFailed`] when there is none; [`Rejection::BadRequest`] when the request's body is too large.
pub(crate) async fn forward(
    bff: &Arc<Bff>,
    permit: Permit<'_>,
    mut head: request::Parts,
    body: Body,
) -> Result<Response<Body>, Rejection> {
    let found = permit.found();
    debug!(rule = permit.rule(), route = found.route.prefix, "permitted");
    headers::clean_request(&mut head, found.frontend);
    if let Some(token) = permit.access_token()? {
        headers::attach(&mut head.headers, &token)?;
    }
    head.uri = target(found.route.upstream.uri(), &head.uri)?;
    head.version = Version::HTTP_11;
    let (body, sending) = Sending::watch(body, found.route.body_limit, bff);

    let answer = bff.upstream().client.request(Request::from_parts(head, body));
    let answer = tokio::select! {
        answer = answer => answer.map_err(|error| refusal(&error))?,
        () = sending.silence(ANSWER_LIMIT) => return Err(failed("no answer within 60 s of the last byte sent")),
    };

    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(failed("a change of protocols that nobody asked for"));
    }
    let mut answer = answer.map(|body| Body::new(body.map_err(axum::Error::new)));
    headers::clean_answer(answer.headers_mut());
    if permit.is_personal() {
        keep_private(answer.headers_mut());
    }
    Ok(answer)
}

/// The upstream's scheme, host and base path, with the request's own path and query, byte for byte.
fn target(upstream: &Uri, request: &Uri) -> Result<Uri, Rejection> {
    let asked = request.path_and_query().map_or("/", PathAndQuery::as_str);
    let base = upstream.path().trim_end_matches('/');
    let mut parts = upstream.clone().into_parts();
    let path: PathAndQuery = format!("{base}{asked}").parse().map_err(|_| BadRequest::AmbiguousTarget)?;
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).map_err(|_| BadRequest::AmbiguousTarget.into())
}

fn refusal(error: &legacy::Error) -> Rejection {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return BadRequest::BodyTooLarge.into();
        }
        cause = error.source();
    }
    failed(&with_causes(error))
}

fn failed(why: &str) -> Rejection {
    warn!(why, "an upstream gave no answer");
    Rejection::UpstreamFailed(why.to_owned())
}

impl std::fmt::Debug for UpstreamClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UpstreamClient")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_keeps_every_byte_of_path_and_query() {
        let upstream: Uri = "http://api.internal:9000/base/".parse().unwrap();

        let uri = target(&upstream, &"/api/a%20b;c?d=e/../f&g".parse().unwrap()).unwrap();

        assert_eq!(uri.to_string(), "http://api.internal:9000/base/api/a%20b;c?d=e/../f&g");
    }
}
