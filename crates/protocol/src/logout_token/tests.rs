//! A good token, and one forged token for every way in which it can be bad.

use serde_json::json;

use super::*;
use crate::jose::testing::{changed, forge, rsa_key, rsa_keys};

const NOW: i64 = 1_700_000_000;
const HEADER: &str = r#"{"alg":"RS256","kid":"test","typ":"logout+jwt"}"#;

fn good() -> Value {
    json!({
        "iss": "https://as.example",
        "aud": "app",
        "sub": "ann",
        "sid": "s1",
        "iat": NOW - 1,
        "exp": NOW + 120,
        "jti": "j1",
        "events": { LOGOUT_EVENT: {} },
    })
}

fn verify_token(token: String) -> Result<LogoutToken, LogoutTokenError> {
    let expected = LogoutTokenExpectation {
        issuer: &Issuer::parse("https://as.example").unwrap(),
        client_id: &ClientId::new("app".to_owned()).unwrap(),
        algorithms: &[Algorithm::Rs256],
        now: Timestamp::from_unix_seconds(NOW),
        leeway: Duration::from_secs(60),
        max_age: Duration::from_secs(300),
    };
    verify_logout_token(&token.into(), &rsa_keys(), &expected)
}

fn verify(claims: &Value) -> Result<LogoutToken, LogoutTokenError> {
    verify_token(forge(HEADER, &claims.to_string()))
}

/// What comes of the good token with one claim changed, or removed by `null`.
fn verify_changed(name: &str, value: Value) -> Result<LogoutToken, LogoutTokenError> {
    verify(&changed(good(), name, value))
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

#[test]
fn a_good_token_says_which_session_ends() {
    let token = verify(&good()).unwrap();

    assert_eq!(token.subject.unwrap().as_str(), "ann");
    assert_eq!(token.sid.as_deref(), Some("s1"));
    assert_eq!(token.jti, "j1");
    assert_eq!(token.issued_at, seconds(NOW - 1));
    assert_eq!(token.expires_at, seconds(NOW + 120 + 60));
}

#[test]
fn required_claims_cannot_be_left_out() {
    for name in ["iss", "aud", "iat", "jti", "events"] {
        assert_eq!(verify_changed(name, Value::Null), Err(LogoutTokenError::MissingClaim(name)));
    }
    assert_eq!(verify_changed("jti", json!("")), Err(LogoutTokenError::Malformed("jti")));
    assert_eq!(verify_changed("jti", json!(1)), Err(LogoutTokenError::Malformed("jti")));
}

#[test]
fn a_user_or_a_session_is_named() {
    assert_eq!(verify_changed("sub", Value::Null).unwrap().subject, None);
    assert_eq!(verify_changed("sid", Value::Null).unwrap().sid, None);

    let neither = changed(changed(good(), "sub", Value::Null), "sid", Value::Null);
    assert_eq!(verify(&neither), Err(LogoutTokenError::MissingClaim("sub or sid")));
}

#[test]
fn a_malformed_user_or_session_is_not_an_absent_one() {
    for name in ["sub", "sid"] {
        for value in [json!(""), json!(7), json!(["ann"]), json!({})] {
            assert_eq!(verify_changed(name, value), Err(LogoutTokenError::Malformed(name)), "{name}");
        }
    }
    let null = good().to_string().replace("\"ann\"", "null");
    assert_eq!(verify_token(forge(HEADER, &null)), Err(LogoutTokenError::Malformed("sub")));
}

#[test]
fn a_token_from_or_for_somebody_else_is_refused() {
    assert_eq!(verify_changed("iss", json!("https://as.example/")), Err(LogoutTokenError::WrongIssuer));
    assert_eq!(verify_changed("iss", json!("https://evil.example")), Err(LogoutTokenError::WrongIssuer));
    assert!(verify_changed("aud", json!(["app"])).is_ok());
    for audience in [json!("other"), json!(["app", "other"]), json!("App")] {
        assert_eq!(verify_changed("aud", audience), Err(LogoutTokenError::WrongAudience));
    }
    assert_eq!(verify_changed("azp", json!("other")), Err(LogoutTokenError::WrongAudience));
}

#[test]
fn the_event_is_a_logout_and_nothing_else() {
    assert!(verify_changed("events", json!({ LOGOUT_EVENT: { "reason": "x" } })).is_ok());

    for events in [
        json!({}),
        json!({ LOGOUT_EVENT: null }),
        json!({ LOGOUT_EVENT: true }),
        json!({ LOGOUT_EVENT: [] }),
        json!({ "https://schemas.openid.net/event/backchannel-logout": {} }),
        json!({ LOGOUT_EVENT: {}, "urn:example:other": {} }),
    ] {
        assert_eq!(verify_changed("events", events.clone()), Err(LogoutTokenError::WrongEvent), "{events}");
    }
    for events in [json!(LOGOUT_EVENT), json!([LOGOUT_EVENT]), json!(true)] {
        assert_eq!(verify_changed("events", events), Err(LogoutTokenError::Malformed("events")));
    }
}

#[test]
fn a_nonce_is_refused_even_if_it_is_empty() {
    assert_eq!(verify_changed("nonce", json!("n1")), Err(LogoutTokenError::HasNonce));
    assert_eq!(verify_changed("nonce", json!("")), Err(LogoutTokenError::HasNonce));
    let null = good().to_string().replacen('{', "{\"nonce\":null,", 1);
    assert_eq!(verify_token(forge(HEADER, &null)), Err(LogoutTokenError::HasNonce));
}

#[test]
fn an_expired_token_is_refused_and_so_is_one_from_the_future() {
    assert!(verify_changed("exp", json!(NOW - 59)).is_ok());
    assert_eq!(verify_changed("exp", json!(NOW - 60)), Err(LogoutTokenError::Expired));
    assert!(verify_changed("iat", json!(NOW + 60)).is_ok());
    assert_eq!(verify_changed("iat", json!(NOW + 61)), Err(LogoutTokenError::NotYetValid));
    assert_eq!(verify_changed("nbf", json!(NOW + 61)), Err(LogoutTokenError::NotYetValid));
    for name in ["iat", "exp", "nbf"] {
        assert_eq!(verify_changed(name, json!("1700000000")), Err(LogoutTokenError::Malformed(name)));
    }
}

#[test]
fn without_an_expiry_the_age_decides() {
    let issued = |iat: i64| verify(&changed(changed(good(), "exp", Value::Null), "iat", json!(iat)));

    assert_eq!(issued(NOW - 359).unwrap().expires_at, seconds(NOW + 1));
    assert_eq!(issued(NOW - 360), Err(LogoutTokenError::Expired));
}

#[test]
fn a_distant_expiry_does_not_lengthen_what_has_to_be_remembered() {
    let old = changed(changed(good(), "exp", json!(NOW + 86_400)), "iat", json!(NOW - 360));

    assert_eq!(verify(&old), Err(LogoutTokenError::Expired));
    assert_eq!(verify_changed("exp", json!(NOW + 86_400)).unwrap().expires_at, seconds(NOW - 1 + 300 + 60));
}

#[test]
fn other_kinds_of_token_are_refused() {
    for typ in ["JWT", "at+jwt", "secevent+jwt", "dpop+jwt"] {
        let token = rsa_key().sign(typ, &good()).unwrap();
        assert_eq!(verify_token(token), Err(LogoutTokenError::WrongType), "{typ}");
    }
    for typ in ["logout+jwt", "application/logout+jwt", "Logout+JWT"] {
        assert!(verify_token(rsa_key().sign(typ, &good()).unwrap()).is_ok(), "{typ}");
    }
    assert!(verify_token(forge(r#"{"alg":"RS256","kid":"test"}"#, &good().to_string())).is_ok());
}

#[test]
fn what_is_wrong_with_the_signature_is_told_apart() {
    let refusal = |header: &str| verify_token(forge(header, &good().to_string())).unwrap_err();

    assert_eq!(refusal(r#"{"alg":"RS256","kid":"new"}"#), LogoutTokenError::UnknownKey);
    assert_eq!(refusal(r#"{"alg":"none"}"#), LogoutTokenError::AlgorithmNotAllowed);
    assert_eq!(refusal(r#"{"alg":"RS384"}"#), LogoutTokenError::AlgorithmNotAllowed);
    assert_eq!(refusal(r#"{"alg":"RS256","crit":["x"]}"#), LogoutTokenError::UnknownExtension);
    let token = forge(HEADER, &good().to_string());
    let (signed_text, _) = token.rsplit_once('.').unwrap();
    assert_eq!(verify_token(format!("{signed_text}.AAAA")), Err(LogoutTokenError::BadSignature));
}

#[test]
fn the_form_has_exactly_one_token() {
    assert_eq!(parse_logout_request(b"logout_token=a.b.c").unwrap().expose(), "a.b.c");
    assert_eq!(parse_logout_request(b"x=1&x=2&logout_token=a.b.c&y").unwrap().expose(), "a.b.c");

    let large = [b"logout_token=".as_slice(), &vec![b'a'; MAX_REQUEST_BYTES]].concat();
    for body in [
        b"".as_slice(),
        b"logout_token=",
        b"logout_token",
        b"Logout_token=a",
        b"logout_token=a&logout_token=a",
        b"logout_token=a&logout_tok%65n=",
        b"logout_token=&logout_token=a",
        br#"{"logout_token":"a"}"#,
        &large,
    ] {
        assert_eq!(parse_logout_request(body).unwrap_err(), LogoutTokenError::Malformed("request"));
    }
}
