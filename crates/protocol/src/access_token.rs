//! Access tokens as a resource server sees them: JWTs of RFC 9068, and those of servers that do not follow it.

mod plain;

use std::time::Duration;

use serde_json::{Map, Value};

pub use self::plain::{PlainAccessToken, verify_plain_access_token};
use crate::{
    Algorithm, ExpectedType, Issuer, JwkSet, JwsError, JwsExpectation, Subject, Timestamp,
    claims::{ClaimError, Claims},
    verify_jws,
};

/// What has to be true of an access token.
#[derive(Clone, Copy, Debug)]
pub struct AccessTokenExpectation<'a> {
    /// The authorization server whose tokens are accepted.
    pub issuer: &'a Issuer,
    /// The resource server's own name (RFC 9068 §3).
    pub audience: &'a str,
    /// The algorithms that the authorization server may sign with.
    pub algorithms: &'a [Algorithm],
    /// The time it is.
    pub now: Timestamp,
    /// How far the clocks may differ.
    pub leeway: Duration,
}

/// An access token that holds.
#[derive(Clone, PartialEq, Debug)]
pub struct AccessToken {
    /// On whose behalf; the client itself when no user is involved (RFC 9068 §2.2).
    pub subject: Subject,
    /// Who asks.
    pub client_id: String,
    /// What is granted (RFC 9068 §2.2.3); empty when the token does not say.
    pub scope: Vec<String>,
    /// Until when the token holds.
    pub expires_at: Timestamp,
    /// All claims, those above included.
    pub claims: Map<String, Value>,
}

/// Verifies a JWT access token as RFC 9068 §4 says: signature, type, issuer, audience, lifetime, and the claims that
/// §2.2 requires.
///
/// # Errors
///
/// [`AccessTokenError::UnknownKey`] may pass when the keys are fetched again; the others are final.
pub fn verify_access_token(
    token: &str,
    keys: &JwkSet,
    expected: &AccessTokenExpectation<'_>,
) -> Result<AccessToken, AccessTokenError> {
    let header = JwsExpectation { algorithms: expected.algorithms, typ: ExpectedType::Exactly("at+jwt") };
    let claims = Claims(verify_jws(token, keys, &header)?.claims);
    claims.require_issuer(expected.issuer)?;
    if !claims.audiences()?.contains(&expected.audience) {
        return Err(AccessTokenError::WrongAudience);
    }
    let lifetime = claims.require_lifetime(expected.now, expected.leeway)?;
    claims.required_text("jti")?;
    require_bearer(&claims)?;
    Ok(AccessToken {
        subject: claims.subject()?,
        client_id: claims.required_text("client_id")?.to_owned(),
        scope: claims.scope()?,
        expires_at: lifetime.expires_at,
        claims: claims.0,
    })
}

/// A token that is bound to a key (`cnf`: RFC 8705 §3.1, RFC 9449 §6.1) is worth nothing without the proof that whoever
/// presents it has the key, and nobody here asks for one (RFC 9449 §7.2).
fn require_bearer(claims: &Claims) -> Result<(), AccessTokenError> {
    if claims.0.contains_key("cnf") { Err(AccessTokenError::BoundToKey) } else { Ok(()) }
}

/// Why an access token is not believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AccessTokenError {
    /// No key of the authorization server fits; it may have a new one.
    #[error("access token is signed with an unknown key")]
    UnknownKey,
    /// It does not say which of several keys it is signed with.
    #[error("access token does not say which key it is signed with")]
    AmbiguousKey,
    /// The signature is not by the authorization server.
    #[error("access token has a bad signature")]
    BadSignature,
    /// The named part or claim is malformed.
    #[error("access token has a malformed {0}")]
    Malformed(&'static str),
    /// It demands an extension that we do not know.
    #[error("access token demands an extension that is not supported")]
    UnknownExtension,
    /// It is signed with `none`, an unknown algorithm, or one that is not expected.
    #[error("access token is signed with an algorithm that is not allowed")]
    AlgorithmNotAllowed,
    /// It is another kind of token, an ID token for example.
    #[error("access token has another type")]
    WrongType,
    /// It is from another issuer.
    #[error("access token is from another issuer")]
    WrongIssuer,
    /// It is for other resource servers.
    #[error("access token is for another audience")]
    WrongAudience,
    /// It has expired.
    #[error("access token has expired")]
    Expired,
    /// It is from the future.
    #[error("access token does not hold yet")]
    NotYetValid,
    /// It is bound to a key, and no proof of that key is asked for here.
    #[error("access token is bound to a key")]
    BoundToKey,
    /// The named claim is required (RFC 9068 §2.2).
    #[error("access token has no {0}")]
    MissingClaim(&'static str),
}

impl From<JwsError> for AccessTokenError {
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

impl From<ClaimError> for AccessTokenError {
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
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jose::testing::{changed, forge, rsa_key, rsa_keys};

    const NOW: i64 = 1_700_000_000;

    fn good() -> Value {
        json!({
            "iss": "https://as.example", "sub": "ann", "aud": ["https://api.example", "https://other.example"],
            "client_id": "app", "exp": NOW + 300, "iat": NOW, "jti": "1", "scope": "read write",
        })
    }

    fn verify_as(typ: &str, claims: &Value) -> Result<AccessToken, AccessTokenError> {
        verify(&rsa_key().sign(typ, claims).unwrap())
    }

    fn verify(token: &str) -> Result<AccessToken, AccessTokenError> {
        let expected = AccessTokenExpectation {
            issuer: &Issuer::parse("https://as.example").unwrap(),
            audience: "https://api.example",
            algorithms: &[Algorithm::Rs256],
            now: Timestamp::from_unix_seconds(NOW),
            leeway: Duration::from_secs(5),
        };
        verify_access_token(token, &rsa_keys(), &expected)
    }

    fn verify_changed(name: &str, value: Value) -> Result<AccessToken, AccessTokenError> {
        verify_as("at+jwt", &changed(good(), name, value))
    }

    #[test]
    fn a_good_token_says_who_may_do_what() {
        let token = verify_as("at+jwt", &good()).unwrap();

        assert_eq!(token.subject.as_str(), "ann");
        assert_eq!(token.client_id, "app");
        assert_eq!(token.scope, ["read", "write"]);
        assert_eq!(token.expires_at, Timestamp::from_unix_seconds(NOW + 300));
        assert!(verify_changed("scope", Value::Null).unwrap().scope.is_empty());
    }

    #[test]
    fn an_id_token_is_not_an_access_token() {
        for typ in ["JWT", "logout+jwt", ""] {
            assert_eq!(verify_as(typ, &good()), Err(AccessTokenError::WrongType), "{typ}");
        }
        let untyped = forge(r#"{"alg":"RS256","kid":"test"}"#, &good().to_string());
        assert_eq!(verify(&untyped), Err(AccessTokenError::WrongType));
        assert!(verify_as("application/at+jwt", &good()).is_ok());
    }

    #[test]
    fn a_bound_token_is_not_taken_for_a_bearer_token() {
        for cnf in [json!({ "jkt": "x" }), json!({}), json!("x")] {
            assert_eq!(verify_changed("cnf", cnf), Err(AccessTokenError::BoundToKey));
        }
    }

    #[test]
    fn required_claims_cannot_be_left_out() {
        for name in ["iss", "sub", "aud", "client_id", "exp", "iat", "jti"] {
            assert_eq!(verify_changed(name, Value::Null), Err(AccessTokenError::MissingClaim(name)));
        }
    }

    #[test]
    fn a_token_for_somebody_else_or_another_time_is_refused() {
        assert_eq!(verify_changed("aud", json!("https://other.example")), Err(AccessTokenError::WrongAudience));
        assert_eq!(verify_changed("aud", json!("https://api.example/")), Err(AccessTokenError::WrongAudience));
        assert_eq!(verify_changed("iss", json!("https://evil.example")), Err(AccessTokenError::WrongIssuer));
        assert_eq!(verify_changed("exp", json!(NOW - 5)), Err(AccessTokenError::Expired));
        assert_eq!(verify_changed("nbf", json!(NOW + 6)), Err(AccessTokenError::NotYetValid));
        assert_eq!(verify_changed("exp", json!("1700000300")), Err(AccessTokenError::Malformed("exp")));
    }
}
