//! `GET csrf`: the session-bound token, for forms and for browsers that tell nothing about where a request comes from.

use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode, request};
use serde::Serialize;

use super::form::Parameters;
use crate::{
    bff::Bff,
    cookie,
    csrf::{self, StaticHeader},
    rejection::Rejection,
    session::{self, Freshness},
    settings::Frontend,
};

#[derive(Serialize)]
struct Answer {
    csrf_token: String,
    header: &'static str,
    field: &'static str,
}

pub(super) async fn csrf_token(
    bff: &Arc<Bff>,
    frontend: &Frontend,
    head: &request::Parts,
) -> Result<Response<Body>, Rejection> {
    Parameters::of_query(head, &[])?;
    csrf::require_own(frontend, head, StaticHeader::Needed)?;
    let ticket = cookie::presented_ticket(bff.keys(), &head.headers).ok_or(Rejection::NoSession)?;
    let session = session::find(bff, frontend, ticket, Freshness::Cached).await?;
    let csrf_token = csrf::token(bff.keys(), &session.identity().session_id);
    Ok(super::json(StatusCode::OK, &Answer { csrf_token, header: "X-CSRF-Token", field: "csrf_token" }))
}
