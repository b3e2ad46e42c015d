//! JWT access tokens of servers that do not follow RFC 9068: without their own type, and with fewer claims.

use serde_json::{Map, Value};

use super::{AccessTokenError, AccessTokenExpectation, require_bearer};
use crate::{ExpectedType, JwkSet, JwsExpectation, Subject, Timestamp, claims::Claims, verify_jws};

/// A plain JWT access token that holds. What RFC 9068 would require may be absent.
#[derive(Clone, PartialEq, Debug)]
pub struct PlainAccessToken {
    /// On whose behalf, if the token says so.
    pub subject: Option<Subject>,
    /// Who asks, if the token says so in `client_id`; servers with a name of their own for it: see
    /// [`claims`](Self::claims).
    pub client_id: Option<String>,
    /// What is granted; empty when the token does not say.
    pub scope: Vec<String>,
    /// Until when the token holds.
    pub expires_at: Timestamp,
    /// All claims, those above included.
    pub claims: Map<String, Value>,
}

/// Verifies a JWT access token whose `typ` is `JWT` or missing: signature, issuer, audience, lifetime. Only for
/// servers that do not issue tokens of RFC 9068; for others, [`verify_access_token`](crate::verify_access_token).
///
/// Nothing in its header tells such a token from an ID token, so the audience has to (RFC 8725 §3.12): it must not be
/// the name of a client. Tokens that only a client can want, with `at_hash`, `c_hash` or `events`, are refused as well.
///
/// # Errors
///
/// [`AccessTokenError::UnknownKey`] may pass when the keys are fetched again; the others are final.
pub fn verify_plain_access_token(
    token: &str,
    keys: &JwkSet,
    expected: &AccessTokenExpectation<'_>,
) -> Result<PlainAccessToken, AccessTokenError> {
    let header = JwsExpectation { algorithms: expected.algorithms, typ: ExpectedType::AbsentOr("JWT") };
    let claims = Claims(verify_jws(token, keys, &header)?.claims);
    if OF_OTHER_KINDS.iter().any(|&name| claims.0.contains_key(name)) {
        return Err(AccessTokenError::WrongType);
    }
    claims.require_issuer(expected.issuer)?;
    if !claims.audiences()?.contains(&expected.audience) {
        return Err(AccessTokenError::WrongAudience);
    }
    let expires_at =
        claims.require_unexpired(expected.now, expected.leeway)?.ok_or(AccessTokenError::MissingClaim("exp"))?;
    claims.require_begun(expected.now, expected.leeway)?;
    require_bearer(&claims)?;
    Ok(PlainAccessToken {
        subject: claims.subject_if_any()?,
        client_id: claims.text("client_id")?.map(str::to_owned),
        scope: claims.scope()?,
        expires_at,
        claims: claims.0,
    })
}

/// Claims of ID tokens (OpenID Connect Core §3.1.3.6, §3.3.2.11) and of security events (RFC 8417 §2.2).
const OF_OTHER_KINDS: [&str; 3] = ["at_hash", "c_hash", "events"];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_lc_rs::hmac;
    use serde_json::json;

    use super::*;
    use crate::{
        Algorithm, Issuer,
        jose::testing::{changed, forge, forge_with, rsa_key, rsa_keys},
    };

    const NOW: i64 = 1_700_000_000;
    const HEADER: &str = r#"{"alg":"RS256","kid":"test"}"#;

    fn good() -> Value {
        json!({
            "iss": "https://as.example", "sub": "ann", "aud": ["https://api.example", "account"],
            "client_id": "app", "exp": NOW + 300, "iat": NOW, "scope": "read write",
        })
    }

    fn verify_with(token: &str, keys: &JwkSet, algorithms: &[Algorithm]) -> Result<PlainAccessToken, AccessTokenError> {
        let expected = AccessTokenExpectation {
            issuer: &Issuer::parse("https://as.example").unwrap(),
            audience: "https://api.example",
            algorithms,
            now: Timestamp::from_unix_seconds(NOW),
            leeway: Duration::from_secs(5),
        };
        verify_plain_access_token(token, keys, &expected)
    }

    fn verify(token: &str) -> Result<PlainAccessToken, AccessTokenError> {
        verify_with(token, &rsa_keys(), &[Algorithm::Rs256])
    }

    fn verify_changed(name: &str, value: Value) -> Result<PlainAccessToken, AccessTokenError> {
        verify(&forge(HEADER, &changed(good(), name, value).to_string()))
    }

    #[test]
    fn a_token_without_type_says_who_may_do_what() {
        let token = verify(&forge(HEADER, &good().to_string())).unwrap();

        assert_eq!(token.subject.unwrap().as_str(), "ann");
        assert_eq!(token.client_id.as_deref(), Some("app"));
        assert_eq!(token.scope, ["read", "write"]);
        assert_eq!(token.expires_at, Timestamp::from_unix_seconds(NOW + 300));
    }

    #[test]
    fn what_rfc_9068_would_require_may_be_absent() {
        assert_eq!(verify_changed("sub", Value::Null).unwrap().subject, None);
        assert_eq!(verify_changed("client_id", Value::Null).unwrap().client_id, None);
        assert!(verify_changed("iat", Value::Null).is_ok());
        assert!(verify_changed("scope", Value::Null).unwrap().scope.is_empty());
        for name in ["iss", "aud", "exp"] {
            assert_eq!(verify_changed(name, Value::Null), Err(AccessTokenError::MissingClaim(name)));
        }
    }

    #[test]
    fn a_malformed_claim_is_not_an_absent_one() {
        for name in ["sub", "client_id", "scope", "iat", "nbf", "exp"] {
            assert_eq!(verify_changed(name, json!([1])), Err(AccessTokenError::Malformed(name)));
        }
    }

    #[test]
    fn a_bound_token_is_not_taken_for_a_bearer_token() {
        assert_eq!(verify_changed("cnf", json!({ "jkt": "x" })), Err(AccessTokenError::BoundToKey));
    }

    #[test]
    fn types_of_other_tokens_are_refused() {
        assert!(verify(&rsa_key().sign("JWT", &good()).unwrap()).is_ok());
        for typ in ["at+jwt", "logout+jwt", "dpop+jwt", "client-authentication+jwt"] {
            assert_eq!(verify(&rsa_key().sign(typ, &good()).unwrap()), Err(AccessTokenError::WrongType), "{typ}");
        }
    }

    #[test]
    fn an_id_token_and_a_logout_token_are_refused_by_what_they_say() {
        for name in ["at_hash", "c_hash", "events"] {
            assert_eq!(verify_changed(name, json!("x")), Err(AccessTokenError::WrongType), "{name}");
        }
        assert_eq!(verify_changed("aud", json!("app")), Err(AccessTokenError::WrongAudience));
    }

    #[test]
    fn a_token_for_somebody_else_or_another_time_is_refused() {
        assert_eq!(verify_changed("aud", json!(["https://api.example/"])), Err(AccessTokenError::WrongAudience));
        assert_eq!(verify_changed("iss", json!("https://evil.example")), Err(AccessTokenError::WrongIssuer));
        assert_eq!(verify_changed("exp", json!(NOW - 5)), Err(AccessTokenError::Expired));
        assert_eq!(verify_changed("nbf", json!(NOW + 6)), Err(AccessTokenError::NotYetValid));
        assert_eq!(verify_changed("iat", json!(NOW + 6)), Err(AccessTokenError::NotYetValid));
    }

    #[test]
    fn a_token_signed_with_a_shared_secret_holds_only_where_that_is_allowed() {
        let secret = [7; 32];
        let keys = JwkSet::from_shared_secret(Algorithm::Hs256, &secret).unwrap();
        let token = forge_with(r#"{"alg":"HS256"}"#, &good().to_string(), |message| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message).as_ref().to_vec()
        });

        assert!(verify_with(&token, &keys, &[Algorithm::Hs256]).is_ok());
        assert_eq!(verify_with(&token, &keys, &[Algorithm::Rs256]), Err(AccessTokenError::AlgorithmNotAllowed));
        assert_eq!(verify_with(&token, &rsa_keys(), &[Algorithm::Hs256]), Err(AccessTokenError::UnknownKey));
    }
}
