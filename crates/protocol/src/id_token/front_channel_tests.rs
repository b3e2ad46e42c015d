//! The hybrid flow: a code and an ID token through the browser.

use serde_json::json;

use super::*;
use crate::jose::testing::{changed, forge, rsa_keys};

const NOW: i64 = 1_700_000_000;
/// An example of OpenID Connect Core §A: this code has this `c_hash`.
const CODE: &str = "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk";
const CODE_HASH: &str = "LDktKdoQak3Pk0cnXxCltA";

fn good() -> Value {
    json!({
        "iss": "https://as.example", "sub": "ann", "aud": "app", "exp": NOW + 300, "iat": NOW, "nonce": "n1",
        "c_hash": CODE_HASH,
    })
}

fn verify_with(claims: &Value, code: &str, nonce: ExpectedNonce<'_>) -> Result<IdToken, IdTokenError> {
    let expected = IdTokenExpectation {
        issuer: &Issuer::parse("https://as.example").unwrap(),
        client_id: &ClientId::new("app".to_owned()).unwrap(),
        algorithms: &[Algorithm::Rs256],
        nonce,
        access_token: None,
        now: Timestamp::from_unix_seconds(NOW),
        leeway: Duration::ZERO,
        max_age: None,
    };
    let token = forge(r#"{"alg":"RS256","kid":"test"}"#, &claims.to_string());
    verify_front_channel_id_token(&token.into(), &rsa_keys(), &expected, &code.to_owned().into())
}

fn verify(claims: &Value) -> Result<IdToken, IdTokenError> {
    verify_with(claims, CODE, ExpectedNonce::Exactly("n1"))
}

#[test]
fn a_code_that_belongs_to_the_token_is_accepted() {
    assert_eq!(verify(&good()).unwrap().subject.as_str(), "ann");
}

#[test]
fn another_code_is_refused() {
    let nonce = ExpectedNonce::Exactly("n1");

    assert_eq!(verify_with(&good(), "injected", nonce), Err(IdTokenError::WrongCodeHash));
    assert_eq!(verify_with(&good(), "", nonce), Err(IdTokenError::WrongCodeHash));
}

#[test]
fn the_code_hash_is_required_in_full() {
    assert_eq!(verify(&changed(good(), "c_hash", Value::Null)), Err(IdTokenError::MissingClaim("c_hash")));
    assert_eq!(verify(&changed(good(), "c_hash", json!([CODE_HASH]))), Err(IdTokenError::Malformed("c_hash")));
    for hash in ["", &CODE_HASH[..21], "LDktKdoQak3Pk0cnXxCltB"] {
        assert_eq!(verify(&changed(good(), "c_hash", json!(hash))), Err(IdTokenError::WrongCodeHash), "{hash}");
    }
}

#[test]
fn the_nonce_is_required_whatever_the_caller_would_put_up_with() {
    for nonce in [ExpectedNonce::Any, ExpectedNonce::AbsentOrEqual("n1")] {
        assert_eq!(verify_with(&good(), CODE, nonce), Err(IdTokenError::WrongNonce));
    }
    assert_eq!(verify(&changed(good(), "nonce", Value::Null)), Err(IdTokenError::WrongNonce));
    assert_eq!(verify(&changed(good(), "nonce", json!("n2"))), Err(IdTokenError::WrongNonce));
}

#[test]
fn the_rules_of_every_id_token_hold_here_too() {
    assert_eq!(verify(&changed(good(), "aud", json!("other"))), Err(IdTokenError::WrongAudience));
    assert_eq!(verify(&changed(good(), "exp", json!(NOW))), Err(IdTokenError::Expired));
    assert_eq!(verify(&changed(good(), "iss", json!("https://evil.example"))), Err(IdTokenError::WrongIssuer));
}

#[test]
fn the_hash_goes_with_the_algorithm_of_the_signature() {
    let short = Algorithm::Rs256.hash(CODE.as_bytes());
    let long = Algorithm::Rs512.hash(CODE.as_bytes());

    assert_eq!(half_hash(Algorithm::Es256, &CODE.to_owned().into()), URL_SAFE_NO_PAD.encode(&short.as_ref()[..16]));
    assert_eq!(half_hash(Algorithm::EdDsa, &CODE.to_owned().into()), URL_SAFE_NO_PAD.encode(&long.as_ref()[..32]));
}

#[test]
fn both_tokens_of_a_login_are_about_the_same_user() {
    let (front, mut back) = (verify(&good()).unwrap(), verify(&good()).unwrap());
    back.claims.insert("email".to_owned(), json!("ann@example.com"));
    assert_eq!(front.require_same_user(&back), Ok(()));

    let eve = verify(&changed(good(), "sub", json!("eve"))).unwrap();
    assert_eq!(front.require_same_user(&eve), Err(IdTokenError::WrongSubject));

    back.claims.insert("iss".to_owned(), json!("https://evil.example"));
    assert_eq!(front.require_same_user(&back), Err(IdTokenError::WrongSubject));
}
