//! ID tokens: who logged in (OpenID Connect Core §2, §3.1.3.7, §12.2).
//!
//! In this order: signature and type ([`verify_jws`]), issuer, audience and authorized party,
//! lifetime, nonce, access token hash, time of authentication, subject.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::{
    Algorithm, ClientId, ExpectedType, Issuer, JwkSet, JwsError, JwsExpectation, Secret, Subject, Timestamp,
    claims::{ClaimError, Claims},
    verify_jws,
};

/// What has to be true of an ID token.
#[derive(Clone, Copy, Debug)]
pub struct IdTokenExpectation<'a> {
    /// The authorization server that this login was sent to.
    pub issuer: &'a Issuer,
    /// Our name there; the only audience that is trusted.
    pub client_id: &'a ClientId,
    /// The algorithms that the authorization server may sign with.
    pub algorithms: &'a [Algorithm],
    /// Ties the token to this login.
    pub nonce: ExpectedNonce<'a>,
    /// The access token that came along; compared with `at_hash` if the token has that.
    pub access_token: Option<&'a Secret<String>>,
    /// The time it is.
    pub now: Timestamp,
    /// How far the clocks may differ.
    pub leeway: Duration,
    /// The `max_age` of the authorization request; then `auth_time` is required and must be recent.
    pub max_age: Option<Duration>,
}

/// The `nonce` that an ID token must have.
#[derive(Clone, Copy, Debug)]
pub enum ExpectedNonce<'a> {
    /// Exactly this one: the token endpoint's answer to a code (OpenID Connect Core §3.1.3.7).
    Exactly(&'a str),
    /// This one or none: the answer to a refresh, when the nonce of the login is known (§12.2).
    AbsentOrEqual(&'a str),
    /// Whatever it is: the answer to a refresh, when the nonce of the login was not kept.
    Any,
}

/// An ID token that holds. After a refresh, compare issuer and subject with those of the login (OpenID Connect Core
/// §12.2).
#[derive(Clone, PartialEq, Debug)]
pub struct IdToken {
    /// Who logged in, as the issuer calls them.
    pub subject: Subject,
    /// The authorization server's session, if it names one (OpenID Connect Back-Channel Logout §2.1).
    pub sid: Option<String>,
    /// When the user last proved who they are (`auth_time`).
    pub authenticated_at: Option<Timestamp>,
    /// How they did it.
    pub acr: Option<String>,
    /// Until when the token holds; says nothing about the session.
    pub expires_at: Timestamp,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// All claims, those above included.
    pub claims: Map<String, Value>,
}

/// Verifies an ID token from the token endpoint. The signature is verified even though TLS vouches for the sender.
///
/// # Errors
///
/// [`IdTokenError::UnknownKey`] may pass when the keys are fetched again; the others are final.
pub fn verify_id_token(
    token: &Secret<String>,
    keys: &JwkSet,
    expected: &IdTokenExpectation<'_>,
) -> Result<IdToken, IdTokenError> {
    verify(token, keys, expected).map(|(token, _)| token)
}

/// Verifies the ID token that came through the browser beside a code (OpenID Connect Core §3.3.2.11, §3.3.2.12): as
/// that of the token endpoint, but a nonce must be [expected exactly](ExpectedNonce::Exactly), and the code must be the
/// one that `c_hash`, which is required, was made of.
///
/// It says nothing that the ID token from the token endpoint does not say again: use that one, after
/// [`require_same_user`](IdToken::require_same_user).
pub fn verify_front_channel_id_token(
    token: &Secret<String>,
    keys: &JwkSet,
    expected: &IdTokenExpectation<'_>,
    code: &Secret<String>,
) -> Result<IdToken, IdTokenError> {
    let ExpectedNonce::Exactly(_) = expected.nonce else { return Err(IdTokenError::WrongNonce) };
    let (token, algorithm) = verify(token, keys, expected)?;
    match token.claims.get("c_hash") {
        None => Err(IdTokenError::MissingClaim("c_hash")),
        Some(Value::String(hash)) if *hash == half_hash(algorithm, code) => Ok(token),
        Some(Value::String(_)) => Err(IdTokenError::WrongCodeHash),
        Some(_) => Err(IdTokenError::Malformed("c_hash")),
    }
}

impl IdToken {
    /// The ID token through the browser and the one from the token endpoint must be about the same user of the same
    /// issuer (OpenID Connect Core §3.3.3.6); so must those of a login and of a refresh (§12.2).
    pub fn require_same_user(&self, other: &Self) -> Result<(), IdTokenError> {
        let is_same_issuer = self.claims.get("iss") == other.claims.get("iss");
        if is_same_issuer && self.subject == other.subject { Ok(()) } else { Err(IdTokenError::WrongSubject) }
    }
}

fn verify(
    token: &Secret<String>,
    keys: &JwkSet,
    expected: &IdTokenExpectation<'_>,
) -> Result<(IdToken, Algorithm), IdTokenError> {
    // Explicit types such as `at+jwt` and `logout+jwt` are other kinds of token (RFC 8725 §3.11).
    let header = JwsExpectation { algorithms: expected.algorithms, typ: ExpectedType::AbsentOr("JWT") };
    let jws = verify_jws(token.expose(), keys, &header)?;
    let claims = Claims(jws.claims);
    claims.require_issuer(expected.issuer)?;
    claims.require_sole_audience(expected.client_id)?;
    let lifetime = claims.require_lifetime(expected.now, expected.leeway)?;
    require_nonce(&claims, expected.nonce)?;
    require_access_token_hash(&claims, jws.algorithm, expected.access_token)?;
    let token = IdToken {
        subject: claims.subject()?,
        sid: claims.text("sid")?.map(str::to_owned),
        authenticated_at: require_recent_authentication(&claims, expected)?,
        acr: claims.text("acr")?.map(str::to_owned),
        expires_at: lifetime.expires_at,
        issued_at: lifetime.issued_at,
        claims: claims.0,
    };
    Ok((token, jws.algorithm))
}

/// Why an ID token is not believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IdTokenError {
    /// No key of the authorization server fits; it may have a new one.
    #[error("ID token is signed with an unknown key")]
    UnknownKey,
    /// It does not say which of several keys it is signed with.
    #[error("ID token does not say which key it is signed with")]
    AmbiguousKey,
    /// The signature is not by the authorization server.
    #[error("ID token has a bad signature")]
    BadSignature,
    /// The named part or claim is malformed.
    #[error("ID token has a malformed {0}")]
    Malformed(&'static str),
    /// It demands an extension that we do not know.
    #[error("ID token demands an extension that is not supported")]
    UnknownExtension,
    /// It is signed with `none`, an unknown algorithm, or one that is not expected.
    #[error("ID token is signed with an algorithm that is not allowed")]
    AlgorithmNotAllowed,
    /// It is another kind of token.
    #[error("ID token has another type")]
    WrongType,
    /// It is from another issuer.
    #[error("ID token is from another issuer")]
    WrongIssuer,
    /// It is not for us, or also for somebody we do not trust.
    #[error("ID token is not for this client alone")]
    WrongAudience,
    /// It has expired.
    #[error("ID token has expired")]
    Expired,
    /// It is from the future.
    #[error("ID token does not hold yet")]
    NotYetValid,
    /// It belongs to another login.
    #[error("ID token has a missing or different nonce")]
    WrongNonce,
    /// The access token that came along belongs to another ID token.
    #[error("ID token belongs to another access token")]
    WrongAccessTokenHash,
    /// The code that came along belongs to another ID token.
    #[error("ID token belongs to another code")]
    WrongCodeHash,
    /// Two ID tokens of one login are about different users.
    #[error("ID token is about another user than the one before")]
    WrongSubject,
    /// The user authenticated too long ago.
    #[error("ID token shows an authentication that is too old")]
    TooOld,
    /// The named claim is required here.
    #[error("ID token has no {0}")]
    MissingClaim(&'static str),
}

/// OpenID Connect Core §3.1.3.7 item 11, §12.2.
fn require_nonce(claims: &Claims, expected: ExpectedNonce<'_>) -> Result<(), IdTokenError> {
    let actual = claims.text("nonce")?;
    let is_expected = match expected {
        ExpectedNonce::Exactly(nonce) => actual == Some(nonce),
        ExpectedNonce::AbsentOrEqual(nonce) => actual.is_none_or(|actual| actual == nonce),
        ExpectedNonce::Any => true,
    };
    if is_expected { Ok(()) } else { Err(IdTokenError::WrongNonce) }
}

/// The access token must be the one that the token was made with (OpenID Connect Core §3.1.3.6 and §3.1.3.8).
fn require_access_token_hash(
    claims: &Claims,
    algorithm: Algorithm,
    access_token: Option<&Secret<String>>,
) -> Result<(), IdTokenError> {
    let (Some(expected), Some(access_token)) = (claims.text("at_hash")?, access_token) else { return Ok(()) };
    if half_hash(algorithm, access_token) == expected { Ok(()) } else { Err(IdTokenError::WrongAccessTokenHash) }
}

/// The left half of the hash, as `at_hash` and `c_hash` have it (OpenID Connect Core §3.1.3.6, §3.3.2.11).
fn half_hash(algorithm: Algorithm, value: &Secret<String>) -> String {
    let hash = algorithm.hash(value.expose().as_bytes());
    let (left_half, _) = hash.as_ref().split_at(hash.as_ref().len() / 2);
    URL_SAFE_NO_PAD.encode(left_half)
}

/// OpenID Connect Core §3.1.2.1 (`max_age`), §3.1.3.7 item 13.
fn require_recent_authentication(
    claims: &Claims,
    expected: &IdTokenExpectation<'_>,
) -> Result<Option<Timestamp>, IdTokenError> {
    let authenticated_at = claims.time("auth_time")?;
    let Some(max_age) = expected.max_age else { return Ok(authenticated_at) };
    let time = authenticated_at.ok_or(IdTokenError::MissingClaim("auth_time"))?;
    if time > expected.now + expected.leeway {
        return Err(IdTokenError::NotYetValid);
    }
    if expected.now > time + max_age + expected.leeway {
        return Err(IdTokenError::TooOld);
    }
    Ok(authenticated_at)
}

impl From<JwsError> for IdTokenError {
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

impl From<ClaimError> for IdTokenError {
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

#[cfg(test)]
mod front_channel_tests;
#[cfg(test)]
mod tests;
