//! The front door: every request comes in here and leaves as an answer of the wire contract.

use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request, Response, request};

use crate::{
    bff::Bff,
    endpoints, proxy,
    rejection::{
        BadRequest, Rejection,
        response::{Asked, is_preflight, respond},
    },
    route,
};

/// The answer to one request.
pub(crate) async fn answer(bff: &Arc<Bff>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let asked = Asked::of(bff, &head);
    match dispatch(bff, Request::from_parts(head, body)).await {
        Ok(response) => response,
        Err(rejection) => respond(bff, &asked, &rejection),
    }
}

/// TRACE would send the access token back to whoever asks (RFC 9110 §9.3.8), and CONNECT asks for a tunnel.
fn require_forwardable(head: &request::Parts) -> Result<(), Rejection> {
    match head.method {
        Method::TRACE | Method::CONNECT => {
            Err(BadRequest::Method("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS").into())
        }
        _ => Ok(()),
    }
}

async fn dispatch(bff: &Arc<Bff>, request: Request<Body>) -> Result<Response<Body>, Rejection> {
    let (head, body) = request.into_parts();
    let frontend = route::find_frontend(bff, &head)?;
    route::require_one_reading(frontend, route::require_unambiguous(&head.uri)?)?;
    require_forwardable(&head)?;
    if is_preflight(&head) {
        return Err(Rejection::CrossSite("a preflight from an origin that is not listed"));
    }
    if endpoints::is_ours(frontend, &head) {
        return endpoints::answer(bff, frontend, head, body).await;
    }
    proxy::proxy(bff, Request::from_parts(head, body)).await
}
