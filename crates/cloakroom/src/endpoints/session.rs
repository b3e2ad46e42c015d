//! `GET session`: who is signed in, and for how long (rows E5, C2). Never a token.

use std::sync::Arc;

use axum::body::Body;
use http::{Response, StatusCode, request};
use serde::Serialize;
use serde_json::value::RawValue;

use super::form::Parameters;
use crate::{
    bff::Bff,
    cookie,
    csrf::{self, StaticHeader},
    navigation::Manner,
    rejection::Rejection,
    session::{self, ActiveSession, Freshness, Use},
    settings::Frontend,
};

/// The answer without a session.
#[derive(Serialize)]
struct Anonymous {
    authenticated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// The answer with one.
#[derive(Serialize)]
struct SignedIn<'a> {
    authenticated: bool,
    id: String,
    sub: &'a str,
    claims: &'a RawValue,
    idle_in: u64,
    absolute_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    claims_age_seconds: u64,
}

pub(super) async fn session(
    bff: &Arc<Bff>,
    frontend: &Frontend,
    head: &request::Parts,
) -> Result<Response<Body>, Rejection> {
    let parameters = Parameters::of_query(head, &["touch", "fresh"])?;
    let counts = parameters.one_of("touch", &["0"])?.map_or(Use::Counts, |_| Use::Peeks);
    let freshness = parameters.one_of("fresh", &["1"])?.map_or(Freshness::Cached, |_| Freshness::FromStore);
    // A person may look at it in a tab; every other request must be our own page's.
    if Manner::of(head) != Manner::Navigation {
        csrf::require_own(frontend, head, StaticHeader::Needed)?;
    }
    let found = match cookie::presented_ticket(bff.keys(), &head.headers) {
        Some(ticket) => session::find(bff, frontend, ticket, freshness).await,
        None => Err(Rejection::NoSession),
    };
    match found {
        Ok(session) => {
            if counts == Use::Counts {
                session.note_use(bff, frontend);
            }
            signed_in(bff, &session)
        }
        Err(Rejection::NoSession) => Ok(anonymous(None)),
        Err(Rejection::SessionEnded(reason)) => Ok(anonymous(Some(reason.as_str()))),
        Err(other) => Err(other),
    }
}

fn anonymous(reason: Option<&'static str>) -> Response<Body> {
    super::json(StatusCode::OK, &Anonymous { authenticated: false, reason })
}

fn signed_in(bff: &Bff, session: &ActiveSession) -> Result<Response<Body>, Rejection> {
    let trouble = |what: &str| Rejection::TryAgain(format!("the claims of a session cannot be {what}"));
    let now = bff.now();
    let identity = session.identity();
    let secrets = session.opened().secrets().map_err(|_| trouble("opened"))?;
    let claims = serde_json::from_str::<&RawValue>(&secrets.claims).map_err(|_| trouble("read"))?;
    let (idle_in, absolute_in) = session.seconds_left(now);
    let answer = SignedIn {
        authenticated: true,
        id: session::public_id(bff, &identity.session_id),
        sub: identity.subject.as_str(),
        claims,
        idle_in: idle_in.min(absolute_in),
        absolute_in,
        acr: identity.acr.as_deref(),
        auth_time: identity.authenticated_at.map(protocol::Timestamp::unix_seconds),
        claims_age_seconds: secrets.claims_at.duration_until(now).as_secs(),
    };
    Ok(super::json(StatusCode::OK, &answer))
}
