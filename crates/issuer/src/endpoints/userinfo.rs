//! `GET` or `POST /userinfo`: claims about the person, for an access token (OpenID Connect Core §5.3).

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use serde_json::Value;

use crate::{
    opaque::Hash,
    pages,
    server::LoginServer,
    storage::{StorageError, access_token, family::Family},
    tokens,
};

/// Why there are no claims (RFC 6750 §3.1).
enum BearerRefusal {
    /// No token in the header.
    Missing,
    /// Not one of ours, expired, revoked, or its account is disabled.
    InvalidToken,
    Storage(StorageError),
}

/// `GET /userinfo`, `POST /userinfo`
pub(super) async fn userinfo(State(server): State<Arc<LoginServer>>, headers: HeaderMap) -> Response {
    let mut response = match require_family(&server, &headers).await {
        Ok(family) => Json(claims(&family)).into_response(),
        Err(refusal) => refusal.into_response(),
    };
    pages::protect(response.headers_mut());
    response
}

fn claims(family: &Family) -> Value {
    let mut claims = tokens::profile_claims(&family.account, &family.scope);
    claims.insert("sub".to_owned(), family.account.subject.as_str().into());
    claims.into()
}

/// What the token was issued for. It is looked up by its hash, so every byte of it is what we signed.
async fn require_family(server: &LoginServer, headers: &HeaderMap) -> Result<Family, BearerRefusal> {
    let hash = Hash::of(bearer_token(headers).ok_or(BearerRefusal::Missing)?);
    let now = server.clock.now();
    let family = server.storage.run(now, move |tx| access_token::load(tx, hash, now)).await;
    family.map_err(BearerRefusal::Storage)?.ok_or(BearerRefusal::InvalidToken)
}

/// RFC 6750 §2.1; the form and query variants are not read.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let (scheme, token) = line.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

impl IntoResponse for BearerRefusal {
    fn into_response(self) -> Response {
        let challenge = match self {
            Self::Missing => HeaderValue::from_static("Bearer"),
            Self::InvalidToken => HeaderValue::from_static("Bearer error=\"invalid_token\""),
            Self::Storage(error) => {
                tracing::error!(%error, "UserInfo could not be answered");
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
        };
        (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, challenge)]).into_response()
    }
}
