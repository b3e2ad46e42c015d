//! Logout tokens: the authorization server says that a session there has ended (OpenID Connect Back-Channel Logout 1.0).
//!
//! In this order: signature and type ([`verify_jws`]), issuer, audience, lifetime, age, `jti`, event, no `nonce`, user
//! or session. Whoever acts on the token remembers its [`jti`](LogoutToken::jti), so that it works once.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::{
    Algorithm, ClientId, ExpectedType, Issuer, JwkSet, JwsError, JwsExpectation, Secret, Subject, Timestamp,
    claims::{ClaimError, Claims},
    verify_jws,
};

/// What has to be true of a logout token.
#[derive(Clone, Copy, Debug)]
pub struct LogoutTokenExpectation<'a> {
    /// The authorization server whose sessions are meant.
    pub issuer: &'a Issuer,
    /// Our name there; the only audience that is trusted.
    pub client_id: &'a ClientId,
    /// The algorithms that the authorization server may sign with; the same as for its ID tokens (§2.6).
    pub algorithms: &'a [Algorithm],
    /// The time it is.
    pub now: Timestamp,
    /// How far the clocks may differ.
    pub leeway: Duration,
    /// How old a token may be, whatever its `exp` says; §2.4 recommends that a token lives at most two minutes. Bounds
    /// how long a `jti` has to be remembered.
    pub max_age: Duration,
}

/// A logout token that holds. It names a session, a user, or both; never neither (§2.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogoutToken {
    /// Whose sessions end; all of them when there is no [`sid`](Self::sid) (§2.7).
    pub subject: Option<Subject>,
    /// Which session ends, as the ID token named it.
    pub sid: Option<String>,
    /// The token's own name. One that was seen before is a replay and must be refused (§2.6).
    pub jti: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// Until when the `jti` has to be remembered: afterwards the token is refused anyway.
    pub expires_at: Timestamp,
}

/// Reads the form that the authorization server posts to the back-channel logout URI (§2.5): `logout_token` exactly
/// once; what else is there is ignored.
pub fn parse_logout_request(body: &[u8]) -> Result<Secret<String>, LogoutTokenError> {
    if body.len() > MAX_REQUEST_BYTES {
        return Err(LogoutTokenError::Malformed("request"));
    }
    let mut tokens = form_urlencoded::parse(body).filter(|(name, _)| name == "logout_token");
    match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) if !token.is_empty() => Ok(Secret::new(token.into_owned())),
        _ => Err(LogoutTokenError::Malformed("request")),
    }
}

/// Verifies a logout token as OpenID Connect Back-Channel Logout §2.6 says. Whether its `jti` is new only the caller
/// knows.
///
/// # Errors
///
/// [`LogoutTokenError::UnknownKey`] may pass when the keys are fetched again; the others are final. The answer is 400
/// in any case (§2.8).
pub fn verify_logout_token(
    token: &Secret<String>,
    keys: &JwkSet,
    expected: &LogoutTokenExpectation<'_>,
) -> Result<LogoutToken, LogoutTokenError> {
    // §2.4 recommends the type; where there is one, it is this one (RFC 8725 §3.11).
    let header = JwsExpectation { algorithms: expected.algorithms, typ: ExpectedType::AbsentOr("logout+jwt") };
    let claims = Claims(verify_jws(token.expose(), keys, &header)?.claims);
    claims.require_issuer(expected.issuer)?;
    claims.require_sole_audience(expected.client_id)?;
    let (issued_at, expires_at) = require_freshness(&claims, expected)?;
    let jti = claims.required_text("jti")?.to_owned();
    require_logout_event(&claims.0)?;
    // With a nonce it could pass for an ID token (§2.4).
    if claims.0.contains_key("nonce") {
        return Err(LogoutTokenError::HasNonce);
    }
    let (subject, sid) = (claims.subject_if_any()?, claims.text("sid")?.map(str::to_owned));
    if subject.is_none() && sid.is_none() {
        return Err(LogoutTokenError::MissingClaim("sub or sid"));
    }
    Ok(LogoutToken { subject, sid, jti, issued_at, expires_at })
}

/// Why a logout token is not believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LogoutTokenError {
    /// No key of the authorization server fits; it may have a new one.
    #[error("logout token is signed with an unknown key")]
    UnknownKey,
    /// It does not say which of several keys it is signed with.
    #[error("logout token does not say which key it is signed with")]
    AmbiguousKey,
    /// The signature is not by the authorization server.
    #[error("logout token has a bad signature")]
    BadSignature,
    /// The named part or claim is malformed; `request` when the form does not have one token.
    #[error("logout token has a malformed {0}")]
    Malformed(&'static str),
    /// It demands an extension that we do not know.
    #[error("logout token demands an extension that is not supported")]
    UnknownExtension,
    /// It is signed with `none`, an unknown algorithm, or one that is not expected.
    #[error("logout token is signed with an algorithm that is not allowed")]
    AlgorithmNotAllowed,
    /// It is another kind of token.
    #[error("logout token has another type")]
    WrongType,
    /// It is from another issuer.
    #[error("logout token is from another issuer")]
    WrongIssuer,
    /// It is not for us, or also for somebody we do not trust.
    #[error("logout token is not for this client alone")]
    WrongAudience,
    /// It has expired, or is older than we accept.
    #[error("logout token has expired or is too old")]
    Expired,
    /// It is from the future.
    #[error("logout token does not hold yet")]
    NotYetValid,
    /// Its `events` are not the logout event alone.
    #[error("logout token is not about a logout")]
    WrongEvent,
    /// It has a `nonce`, which no logout token has.
    #[error("logout token has a nonce")]
    HasNonce,
    /// The named claim is required here.
    #[error("logout token has no {0}")]
    MissingClaim(&'static str),
}

/// `iat` is required and recent (§2.4, §2.6). `exp` is required as well, but older servers leave it out; the age is
/// bounded either way. Gives when the token was issued, and until when it is accepted.
fn require_freshness(
    claims: &Claims,
    expected: &LogoutTokenExpectation<'_>,
) -> Result<(Timestamp, Timestamp), LogoutTokenError> {
    let (now, leeway) = (expected.now, expected.leeway);
    let expires_at = claims.require_unexpired(now, leeway)?;
    let issued_at = claims.require_begun(now, leeway)?.ok_or(LogoutTokenError::MissingClaim("iat"))?;
    let too_old_at = issued_at + expected.max_age;
    if now >= too_old_at + leeway {
        return Err(LogoutTokenError::Expired);
    }
    Ok((issued_at, expires_at.map_or(too_old_at, |at| at.min(too_old_at)) + leeway))
}

/// `events` has the logout event as its one member, with an object as value, usually empty (§2.4).
fn require_logout_event(claims: &Map<String, Value>) -> Result<(), LogoutTokenError> {
    let events = claims.get("events").ok_or(LogoutTokenError::MissingClaim("events"))?;
    let events = events.as_object().ok_or(LogoutTokenError::Malformed("events"))?;
    let is_logout = events.len() == 1 && events.get(LOGOUT_EVENT).is_some_and(Value::is_object);
    if is_logout { Ok(()) } else { Err(LogoutTokenError::WrongEvent) }
}

impl From<JwsError> for LogoutTokenError {
    fn from(error: JwsError) -> Self {
        match error {
            JwsError::Malformed(part) => Self::Malformed(part),
            JwsError::UnknownExtension => Self::UnknownExtension,
            JwsError::AlgorithmNotAllowed => Self::AlgorithmNotAllowed,
            JwsError::WrongType => Self::WrongType,
            JwsError::UnknownKey => Self::UnknownKey,
            JwsError::AmbiguousKey => Self::AmbiguousKey,
            JwsError::BadSignature => Self::BadSignature,
        }
    }
}

impl From<ClaimError> for LogoutTokenError {
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

/// A member name, not an address: nobody fetches it (§2.4).
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// Room for the longest token that is looked at, and for what is ignored.
const MAX_REQUEST_BYTES: usize = 80 * 1024;

#[cfg(test)]
mod tests;
