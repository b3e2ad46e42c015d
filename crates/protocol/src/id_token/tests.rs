//! A good token, and one forged token for every way in which it can be bad.

use serde_json::json;

use super::*;
use crate::jose::testing::{changed, forge, rsa_key, rsa_keys};

const NOW: i64 = 1_700_000_000;
const HEADER: &str = r#"{"alg":"RS256","kid":"test"}"#;
/// An example of OpenID Connect Core §A: this access token has this `at_hash`.
const ACCESS_TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
const ACCESS_TOKEN_HASH: &str = "77QmUPtjPfzWtF2AnpK9RQ";

fn good() -> Value {
    json!({
        "iss": "https://as.example",
        "sub": "ann",
        "aud": "app",
        "exp": NOW + 300,
        "iat": NOW - 1,
        "nonce": "n1",
    })
}

fn verify_with(token: String, change: impl FnOnce(&mut IdTokenExpectation<'_>)) -> Result<IdToken, IdTokenError> {
    let issuer = Issuer::parse("https://as.example").unwrap();
    let client_id = ClientId::new("app".to_owned()).unwrap();
    let access_token = Secret::from(ACCESS_TOKEN.to_owned());
    let mut expected = IdTokenExpectation {
        issuer: &issuer,
        client_id: &client_id,
        algorithms: &[Algorithm::Rs256],
        nonce: ExpectedNonce::Exactly("n1"),
        access_token: Some(&access_token),
        now: Timestamp::from_unix_seconds(NOW),
        leeway: Duration::from_secs(60),
        max_age: None,
    };
    change(&mut expected);
    verify_id_token(&token.into(), &rsa_keys(), &expected)
}

fn verify(claims: &Value) -> Result<IdToken, IdTokenError> {
    verify_with(forge(HEADER, &claims.to_string()), |_| {})
}

/// What comes of the good token with one claim changed, or removed by `null`.
fn verify_changed(name: &str, value: Value) -> Result<IdToken, IdTokenError> {
    verify(&changed(good(), name, value))
}

fn verify_nonce(nonce: Value, expected: ExpectedNonce<'static>) -> Result<IdToken, IdTokenError> {
    let token = forge(HEADER, &changed(good(), "nonce", nonce).to_string());
    verify_with(token, |expectation| expectation.nonce = expected)
}

fn verify_max_age(auth_time: Value) -> Result<IdToken, IdTokenError> {
    let token = forge(HEADER, &changed(good(), "auth_time", auth_time).to_string());
    verify_with(token, |expectation| expectation.max_age = Some(Duration::from_secs(600)))
}

#[test]
fn a_good_token_says_who_logged_in() {
    let mut claims = good();
    claims["sid"] = json!("s1");
    claims["acr"] = json!("mfa");
    claims["auth_time"] = json!(NOW - 10);
    claims["email"] = json!("ann@example.com");

    let token = verify(&claims).unwrap();

    assert_eq!(token.subject.as_str(), "ann");
    assert_eq!(token.sid.as_deref(), Some("s1"));
    assert_eq!(token.acr.as_deref(), Some("mfa"));
    assert_eq!(token.authenticated_at, Some(Timestamp::from_unix_seconds(NOW - 10)));
    assert_eq!(token.expires_at, Timestamp::from_unix_seconds(NOW + 300));
    assert_eq!(token.issued_at, Timestamp::from_unix_seconds(NOW - 1));
    assert_eq!(token.claims["email"], "ann@example.com");
}

#[test]
fn required_claims_cannot_be_left_out() {
    for name in ["iss", "sub", "aud", "exp", "iat"] {
        assert_eq!(verify_changed(name, Value::Null), Err(IdTokenError::MissingClaim(name)));
    }
}

#[test]
fn the_issuer_is_compared_byte_for_byte() {
    for issuer in ["https://as.example/", "https://AS.example", "https://evil.example"] {
        assert_eq!(verify_changed("iss", json!(issuer)), Err(IdTokenError::WrongIssuer), "{issuer}");
    }
    assert_eq!(verify_changed("iss", json!(["https://as.example"])), Err(IdTokenError::Malformed("iss")));
}

#[test]
fn we_are_the_only_audience() {
    assert!(verify_changed("aud", json!(["app"])).is_ok());

    for audience in [json!("other"), json!(["other"]), json!(["app", "other"]), json!("App"), json!("app ")] {
        assert_eq!(verify_changed("aud", audience), Err(IdTokenError::WrongAudience));
    }
    for audience in [json!([]), json!({ "app": 1 }), json!(["app", 1]), json!(7)] {
        assert_eq!(verify_changed("aud", audience), Err(IdTokenError::Malformed("aud")));
    }
}

#[test]
fn an_authorized_party_must_be_us() {
    assert!(verify_changed("azp", json!("app")).is_ok());
    assert_eq!(verify_changed("azp", json!("other")), Err(IdTokenError::WrongAudience));
    assert_eq!(verify_changed("azp", json!(["app"])), Err(IdTokenError::Malformed("azp")));
}

#[test]
fn a_token_holds_until_it_expires_plus_leeway() {
    assert!(verify_changed("exp", json!(NOW - 59)).is_ok());
    assert_eq!(verify_changed("exp", json!(NOW - 60)), Err(IdTokenError::Expired));
    assert_eq!(verify_changed("exp", json!(0)), Err(IdTokenError::Expired));
}

#[test]
fn a_token_from_the_future_does_not_hold_yet() {
    assert!(verify_changed("iat", json!(NOW + 60)).is_ok());
    assert_eq!(verify_changed("iat", json!(NOW + 61)), Err(IdTokenError::NotYetValid));
    assert!(verify_changed("nbf", json!(NOW + 60)).is_ok());
    assert_eq!(verify_changed("nbf", json!(NOW + 61)), Err(IdTokenError::NotYetValid));

    let issued_later = changed(changed(good(), "nbf", json!(NOW)), "iat", json!(NOW + 61));
    assert_eq!(verify(&issued_later), Err(IdTokenError::NotYetValid));
}

#[test]
fn times_are_json_numbers_within_reason() {
    assert!(verify_changed("exp", json!(1_700_000_300.75)).is_ok());

    for name in ["exp", "iat", "nbf", "auth_time"] {
        for value in [json!("1700000300"), json!(true), json!([1_700_000_300]), json!(-1), json!(1e300), json!({})] {
            assert_eq!(verify_changed(name, value.clone()), Err(IdTokenError::Malformed(name)), "{name} {value}");
        }
    }
    for beyond in [json!(u64::MAX), json!(253_402_300_800_i64)] {
        assert_eq!(verify_changed("exp", beyond), Err(IdTokenError::Malformed("exp")));
    }
    let null = format!(r#"{{"iss":"https://as.example","sub":"ann","aud":"app","exp":null,"iat":{NOW}}}"#);
    assert_eq!(verify_with(forge(HEADER, &null), |_| {}), Err(IdTokenError::Malformed("exp")));
}

#[test]
fn the_nonce_of_a_login_is_required() {
    assert_eq!(verify_changed("nonce", Value::Null), Err(IdTokenError::WrongNonce));
    assert_eq!(verify_changed("nonce", json!("n2")), Err(IdTokenError::WrongNonce));
    assert_eq!(verify_changed("nonce", json!(["n1"])), Err(IdTokenError::Malformed("nonce")));
}

#[test]
fn the_nonce_after_a_refresh_is_absent_or_the_same() {
    assert!(verify_nonce(Value::Null, ExpectedNonce::AbsentOrEqual("n1")).is_ok());
    assert!(verify_nonce(json!("n1"), ExpectedNonce::AbsentOrEqual("n1")).is_ok());
    assert_eq!(verify_nonce(json!("n2"), ExpectedNonce::AbsentOrEqual("n1")), Err(IdTokenError::WrongNonce));
    assert!(verify_nonce(json!("n2"), ExpectedNonce::Any).is_ok());
}

#[test]
fn the_access_token_must_be_the_one_that_came_along() {
    assert!(verify_changed("at_hash", json!(ACCESS_TOKEN_HASH)).is_ok());
    assert_eq!(verify_changed("at_hash", json!("77QmUPtjPfzWtF2AnpK9RA")), Err(IdTokenError::WrongAccessTokenHash));
    assert_eq!(verify_changed("at_hash", json!("77Qm")), Err(IdTokenError::WrongAccessTokenHash));
    assert_eq!(verify_changed("at_hash", json!(7)), Err(IdTokenError::Malformed("at_hash")));
}

#[test]
fn a_recent_authentication_is_required_when_it_was_asked_for() {
    assert!(verify_max_age(json!(NOW - 660)).is_ok());
    assert_eq!(verify_max_age(json!(NOW - 661)), Err(IdTokenError::TooOld));
    assert_eq!(verify_max_age(json!(NOW + 61)), Err(IdTokenError::NotYetValid));
    assert_eq!(verify_max_age(Value::Null), Err(IdTokenError::MissingClaim("auth_time")));
}

#[test]
fn the_subject_is_a_short_text() {
    for subject in [json!(""), json!("s".repeat(256)), json!(7), json!("é"), json!("a\nb")] {
        assert_eq!(verify_changed("sub", subject), Err(IdTokenError::Malformed("sub")));
    }
}

#[test]
fn other_kinds_of_token_are_refused() {
    for typ in ["at+jwt", "logout+jwt", "dpop+jwt", "application/at+jwt"] {
        let token = rsa_key().sign(typ, &good()).unwrap();
        assert_eq!(verify_with(token, |_| {}), Err(IdTokenError::WrongType), "{typ}");
    }
    assert!(verify_with(rsa_key().sign("JWT", &good()).unwrap(), |_| {}).is_ok());
}

#[test]
fn what_is_wrong_with_the_signature_is_told_apart() {
    let claims = good().to_string();
    let refusal = |header: &str| verify_with(forge(header, &claims), |_| {}).unwrap_err();

    assert_eq!(refusal(r#"{"alg":"RS256","kid":"new"}"#), IdTokenError::UnknownKey);
    assert_eq!(refusal(r#"{"alg":"none"}"#), IdTokenError::AlgorithmNotAllowed);
    assert_eq!(refusal(r#"{"alg":"RS384"}"#), IdTokenError::AlgorithmNotAllowed);
    assert_eq!(refusal(r#"{"alg":"RS256","crit":["x"]}"#), IdTokenError::UnknownExtension);
    let good_token = forge(HEADER, &claims);
    let (signed_text, _) = good_token.rsplit_once('.').unwrap();
    assert_eq!(verify_with(format!("{signed_text}.AAAA"), |_| {}), Err(IdTokenError::BadSignature));
}
