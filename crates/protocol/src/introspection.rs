//! Token introspection (RFC 7662): a resource server asks about a token that only its authorization server can read.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::{Map, Value};

use crate::{
    AuthorizationServerMetadata, Client, Issuer, Secret, Subject, Timestamp, TokenError, TokenErrorCode, TokenKind,
    claims::{ClaimError, Claims},
    json,
};

/// What has to be true of a token that the server calls active.
#[derive(Clone, Copy, Debug)]
pub struct IntrospectionExpectation<'a> {
    /// The authorization server that was asked; compared with `iss` if the answer has that.
    pub issuer: &'a Issuer,
    /// The resource server's own name; then `aud` is required and must have it. Absent: the server is trusted to call a
    /// token active only for those it is meant for (RFC 7662 §4).
    pub audience: Option<&'a str>,
    /// The time it is.
    pub now: Timestamp,
    /// How far the clocks may differ.
    pub leeway: Duration,
}

/// A token that the server calls active and that holds (RFC 7662 §2.2). What the server does not say is absent.
#[derive(Clone, PartialEq, Debug)]
pub struct IntrospectedToken {
    /// On whose behalf.
    pub subject: Option<Subject>,
    /// Who asks.
    pub client_id: Option<String>,
    /// What is granted; empty when the server does not say.
    pub scope: Vec<String>,
    /// Until when the token holds. The server may end it earlier: an answer that is kept grows stale (§4).
    pub expires_at: Option<Timestamp>,
    /// When it was issued.
    pub issued_at: Option<Timestamp>,
    /// All claims, those above included.
    pub claims: Map<String, Value>,
}

/// The request that asks about a token (RFC 7662 §2.1), or `None` when the server offers no introspection. The client is
/// the resource server's own registration; a public one would be an oracle for guessed tokens (§4).
pub fn introspection_request(
    metadata: &AuthorizationServerMetadata,
    client: &Client,
    token: &Secret<String>,
    kind: TokenKind,
) -> Option<Request<Bytes>> {
    let endpoint = metadata.introspection_endpoint.as_ref()?;
    Some(client.post_form(endpoint, &[("token", token.expose()), ("token_type_hint", kind.hint())]))
}

/// Reads the answer (RFC 7662 §2.2). In this order: status, size, one JSON object, `active`, issuer, audience,
/// lifetime, token type.
///
/// # Errors
///
/// - [`IntrospectionError::Inactive`] and those about the token: the token is no good.
/// - [`IntrospectionError::RateLimited`], [`IntrospectionError::ServerFailed`]: nothing is known; ask again later.
/// - [`IntrospectionError::Refused`], [`IntrospectionError::Unusable`]: asking again will not help.
pub fn parse_introspection_response(
    response: &Response<Bytes>,
    expected: &IntrospectionExpectation<'_>,
) -> Result<IntrospectedToken, IntrospectionError> {
    if response.status() != StatusCode::OK {
        return Err(IntrospectionError::from(TokenError::from_response(response)));
    }
    if response.body().len() > MAX_RESPONSE_BYTES {
        return Err(IntrospectionError::Unusable("answer is too large"));
    }
    let mut members =
        json::parse_object(response.body()).map_err(|_| IntrospectionError::Unusable("answer is not a JSON object"))?;
    // As in the token endpoint's answers: some servers write out what they have nothing to say about.
    members.retain(|_, value| !value.is_null());
    match members.get("active") {
        Some(Value::Bool(true)) => active(Claims(members), expected),
        Some(Value::Bool(false)) => Err(IntrospectionError::Inactive),
        _ => Err(IntrospectionError::Unusable("active is not true or false")),
    }
}

fn active(claims: Claims, expected: &IntrospectionExpectation<'_>) -> Result<IntrospectedToken, IntrospectionError> {
    if claims.text("iss")?.is_some() {
        claims.require_issuer(expected.issuer)?;
    }
    if let Some(audience) = expected.audience
        && !claims.audiences()?.contains(&audience)
    {
        return Err(IntrospectionError::WrongAudience);
    }
    let expires_at = claims.require_unexpired(expected.now, expected.leeway)?;
    let issued_at = claims.require_begun(expected.now, expected.leeway)?;
    require_bearer(&claims)?;
    Ok(IntrospectedToken {
        subject: claims.subject_if_any()?,
        client_id: claims.text("client_id")?.map(str::to_owned),
        scope: claims.scope()?,
        expires_at,
        issued_at,
        claims: claims.0,
    })
}

/// A token that is bound to a key (`cnf`: RFC 8705 §3.2, RFC 9449 §6.2), or of another type, is worth nothing without
/// its proof, and nobody here asks for one.
fn require_bearer(claims: &Claims) -> Result<(), IntrospectionError> {
    let is_bearer = claims.text("token_type")?.is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
    if is_bearer && !claims.0.contains_key("cnf") { Ok(()) } else { Err(IntrospectionError::NotBearer) }
}

/// Why a token is not known to be good.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IntrospectionError {
    /// The token is expired, revoked, unknown, or not for whoever asks; the server does not say which (§2.2).
    #[error("token is not active")]
    Inactive,
    /// The token is from another issuer.
    #[error("introspected token is from another issuer")]
    WrongIssuer,
    /// The token is for other resource servers.
    #[error("introspected token is for another audience")]
    WrongAudience,
    /// The token has expired, although the server calls it active.
    #[error("introspected token has expired")]
    Expired,
    /// The token is from the future.
    #[error("introspected token does not hold yet")]
    NotYetValid,
    /// The token is bound to a key, or is no bearer token.
    #[error("introspected token is not a bearer token")]
    NotBearer,
    /// The named claim is required here.
    #[error("introspected token has no {0}")]
    MissingClaim(&'static str),
    /// The named claim is malformed.
    #[error("introspected token has a malformed {0}")]
    Malformed(&'static str),
    /// The server refuses to say, for example because of our credentials (§2.3).
    #[error("authorization server refused the introspection with status {status}: {code}")]
    Refused {
        /// HTTP status, 400 to 499.
        status: u16,
        /// The reason it gives.
        code: TokenErrorCode,
    },
    /// Too many requests.
    #[error("authorization server asks for fewer requests")]
    RateLimited {
        /// How long to wait, if the server says so.
        retry_after: Option<Duration>,
    },
    /// The server failed, 5xx.
    #[error("authorization server failed with status {status}")]
    ServerFailed {
        /// HTTP status, 500 to 599.
        status: u16,
        /// How long to wait, if the server says so.
        retry_after: Option<Duration>,
    },
    /// Anything else.
    #[error("authorization server gave an unusable answer: {0}")]
    Unusable(&'static str),
}

impl From<ClaimError> for IntrospectionError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Missing(name) => Self::MissingClaim(name),
            ClaimError::Malformed(name) => Self::Malformed(name),
            ClaimError::WrongIssuer => Self::WrongIssuer,
            ClaimError::WrongAudience => Self::WrongAudience,
            ClaimError::Expired => Self::Expired,
            ClaimError::NotYetValid => Self::NotYetValid,
        }
    }
}

impl From<TokenError> for IntrospectionError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Refused { status, code } => Self::Refused { status, code },
            TokenError::RateLimited { retry_after } => Self::RateLimited { retry_after },
            TokenError::ServerFailed { status, retry_after } => Self::ServerFailed { status, retry_after },
            TokenError::Unusable(reason) => Self::Unusable(reason),
        }
    }
}

const MAX_RESPONSE_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests;
