//! Our own endpoints below the frontend's `auth_path`: one file a path.

mod back_channel_logout;
mod callback;
mod csrf_token;
mod form;
mod login;
mod logout;
mod session;

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header, request};
use serde::Serialize;

use crate::{
    bff::Bff,
    pages,
    rejection::{BadRequest, Rejection},
    settings::Frontend,
};

/// The version of the wire contract (docs/wire.md).
pub const CONTRACT: &str = "1";

const READS: &str = "GET, HEAD, OPTIONS";
const NAVIGATIONS: &str = "GET, OPTIONS";
const WRITES: &str = "POST, OPTIONS";

/// Whether a request is for one of our endpoints on this frontend, existing or not.
pub(crate) fn is_ours(frontend: &Frontend, head: &request::Parts) -> bool {
    path_below(frontend, head).is_some()
}

/// The answer of the endpoint that the request is for.
pub(crate) async fn answer(
    bff: &Arc<Bff>,
    frontend: &Frontend,
    head: request::Parts,
    body: Body,
) -> Result<Response<Body>, Rejection> {
    let path = path_below(frontend, &head).and_then(|path| path.strip_prefix('/')).unwrap_or_default();
    match path.split_once('/').map_or((path, None), |(endpoint, rest)| (endpoint, Some(rest))) {
        ("login", None) => match allow(&head, NAVIGATIONS)? {
            Allowed::Options => Ok(options(NAVIGATIONS)),
            Allowed::Yes => login::login(bff, frontend, &head).await,
        },
        ("callback", Some(server)) => match allow(&head, NAVIGATIONS)? {
            Allowed::Options => Ok(options(NAVIGATIONS)),
            Allowed::Yes => callback::callback(bff, frontend, server, &head).await,
        },
        ("session", None) => match allow(&head, READS)? {
            Allowed::Options => Ok(options(READS)),
            Allowed::Yes => session::session(bff, frontend, &head).await,
        },
        ("csrf", None) => match allow(&head, READS)? {
            Allowed::Options => Ok(options(READS)),
            Allowed::Yes => csrf_token::csrf_token(bff, frontend, &head).await,
        },
        ("logout", None) => match allow(&head, WRITES)? {
            Allowed::Options => Ok(options(WRITES)),
            Allowed::Yes => logout::logout(bff, frontend, &head, body).await,
        },
        ("back-channel-logout", Some(server)) => match allow(&head, WRITES)? {
            Allowed::Options => Ok(options(WRITES)),
            Allowed::Yes => back_channel_logout::back_channel_logout(bff, frontend, server, &head, body).await,
        },
        _ => Err(Rejection::NoRoute),
    }
}

/// A JSON answer of the contract.
pub(crate) fn json(status: StatusCode, document: &impl Serialize) -> Response<Body> {
    let text = serde_json::to_vec(document).unwrap_or_default();
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(HeaderName::from_static("cloakroom-contract"), HeaderValue::from_static(CONTRACT));
    pages::harden(headers);
    response
}

enum Allowed {
    Yes,
    Options,
}

fn allow(head: &request::Parts, methods: &'static str) -> Result<Allowed, Rejection> {
    if head.method == Method::OPTIONS {
        return Ok(Allowed::Options);
    }
    let is_listed = methods.split(", ").any(|method| method == head.method.as_str());
    if is_listed { Ok(Allowed::Yes) } else { Err(BadRequest::Method(methods).into()) }
}

fn options(methods: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    pages::harden(response.headers_mut());
    response
}

fn path_below<'a>(frontend: &Frontend, head: &'a request::Parts) -> Option<&'a str> {
    let rest = head.uri.path().strip_prefix(frontend.auth_path.as_str())?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}
