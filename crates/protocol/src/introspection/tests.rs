//! A good answer, and one for every way in which it can be bad.

use serde_json::json;

use super::*;
use crate::{ClientAuthentication, ClientId, jose::testing::changed, metadata::testing::metadata};

const NOW: i64 = 1_700_000_000;

fn client() -> Client {
    let authentication = ClientAuthentication::SecretPost("s".to_owned().into());
    Client { id: ClientId::new("api".to_owned()).unwrap(), authentication }
}

fn good() -> Value {
    json!({
        "active": true, "iss": "https://as.example", "sub": "ann", "aud": ["https://api.example"],
        "client_id": "app", "scope": "read write", "token_type": "Bearer", "username": "ann",
        "exp": NOW + 300, "iat": NOW - 10, "nbf": NOW - 10,
    })
}

fn answer(status: u16, body: String) -> Result<IntrospectedToken, IntrospectionError> {
    let expected = IntrospectionExpectation {
        issuer: &Issuer::parse("https://as.example").unwrap(),
        audience: Some("https://api.example"),
        now: Timestamp::from_unix_seconds(NOW),
        leeway: Duration::from_secs(5),
    };
    parse_introspection_response(&Response::builder().status(status).body(Bytes::from(body)).unwrap(), &expected)
}

fn answer_changed(name: &str, value: Value) -> Result<IntrospectedToken, IntrospectionError> {
    answer(200, changed(good(), name, value).to_string())
}

#[test]
fn the_request_names_the_token_and_its_kind() {
    let request = introspection_request(&metadata(), &client(), &"a t".to_owned().into(), TokenKind::Access).unwrap();

    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "https://as.example/introspect");
    assert_eq!(request.headers()["accept"], "application/json");
    assert_eq!(request.body(), "token=a+t&token_type_hint=access_token&client_id=api&client_secret=s");
}

#[test]
fn there_is_no_request_without_an_endpoint() {
    let mut metadata = metadata();
    metadata.introspection_endpoint = None;

    assert!(introspection_request(&metadata, &client(), &"t".to_owned().into(), TokenKind::Access).is_none());
}

#[test]
fn a_good_answer_says_who_may_do_what() {
    let token = answer(200, good().to_string()).unwrap();

    assert_eq!(token.subject.unwrap().as_str(), "ann");
    assert_eq!(token.client_id.as_deref(), Some("app"));
    assert_eq!(token.scope, ["read", "write"]);
    assert_eq!(token.expires_at, Some(Timestamp::from_unix_seconds(NOW + 300)));
    assert_eq!(token.issued_at, Some(Timestamp::from_unix_seconds(NOW - 10)));
    assert_eq!(token.claims["username"], "ann");
}

#[test]
fn the_server_may_say_little() {
    let expected = IntrospectionExpectation {
        issuer: &Issuer::parse("https://as.example").unwrap(),
        audience: None,
        now: Timestamp::from_unix_seconds(NOW),
        leeway: Duration::ZERO,
    };

    for body in [r#"{"active":true}"#, r#"{"active":true,"sub":null,"exp":null,"scope":"","cnf":null}"#] {
        let response = Response::new(Bytes::from_static(body.as_bytes()));
        let token = parse_introspection_response(&response, &expected).unwrap();
        assert!(token.subject.is_none() && token.client_id.is_none() && token.scope.is_empty(), "{body}");
        assert!(token.expires_at.is_none() && token.issued_at.is_none(), "{body}");
    }
}

#[test]
fn only_true_means_active() {
    assert_eq!(answer_changed("active", json!(false)), Err(IntrospectionError::Inactive));
    assert_eq!(answer(200, r#"{"active":false}"#.to_owned()), Err(IntrospectionError::Inactive));
    for active in [json!("true"), json!(1), json!([true]), Value::Null] {
        assert!(matches!(answer_changed("active", active), Err(IntrospectionError::Unusable(_))));
    }
    let repeated = r#"{"active":false,"active":true}"#.to_owned();
    assert!(matches!(answer(200, repeated), Err(IntrospectionError::Unusable(_))));
}

#[test]
fn another_issuer_is_refused_but_none_is_not() {
    assert!(answer_changed("iss", Value::Null).is_ok());
    assert_eq!(answer_changed("iss", json!("https://as.example/")), Err(IntrospectionError::WrongIssuer));
    assert_eq!(answer_changed("iss", json!(["https://as.example"])), Err(IntrospectionError::Malformed("iss")));
}

#[test]
fn an_audience_that_is_asked_for_is_required() {
    assert!(answer_changed("aud", json!("https://api.example")).is_ok());
    assert_eq!(answer_changed("aud", json!("https://other.example")), Err(IntrospectionError::WrongAudience));
    assert_eq!(answer_changed("aud", Value::Null), Err(IntrospectionError::MissingClaim("aud")));
    assert_eq!(answer_changed("aud", json!({})), Err(IntrospectionError::Malformed("aud")));
}

#[test]
fn an_active_token_that_has_expired_is_refused_nevertheless() {
    assert!(answer_changed("exp", json!(NOW - 4)).is_ok());
    assert_eq!(answer_changed("exp", json!(NOW - 5)), Err(IntrospectionError::Expired));
    assert_eq!(answer_changed("nbf", json!(NOW + 6)), Err(IntrospectionError::NotYetValid));
    assert_eq!(answer_changed("iat", json!(NOW + 6)), Err(IntrospectionError::NotYetValid));
    assert_eq!(answer_changed("exp", json!("1700000300")), Err(IntrospectionError::Malformed("exp")));
}

#[test]
fn a_bound_token_is_not_taken_for_a_bearer_token() {
    assert!(answer_changed("token_type", Value::Null).is_ok());
    assert!(answer_changed("token_type", json!("bEARER")).is_ok());
    for kind in ["DPoP", "access_token", "Bearer "] {
        assert_eq!(answer_changed("token_type", json!(kind)), Err(IntrospectionError::NotBearer), "{kind}");
    }
    for cnf in [json!({ "jkt": "x" }), json!({}), json!("x")] {
        assert_eq!(answer_changed("cnf", cnf), Err(IntrospectionError::NotBearer));
    }
}

#[test]
fn a_malformed_claim_is_not_an_absent_one() {
    for name in ["sub", "client_id", "scope", "token_type"] {
        assert_eq!(answer_changed(name, json!([1])), Err(IntrospectionError::Malformed(name)));
    }
}

#[test]
fn failures_are_told_apart_by_what_helps() {
    let body = || r#"{"error":"invalid_client"}"#.to_owned();

    let refused = IntrospectionError::Refused { status: 401, code: TokenErrorCode::InvalidClient };
    assert_eq!(answer(401, body()), Err(refused));
    assert_eq!(answer(429, body()), Err(IntrospectionError::RateLimited { retry_after: None }));
    assert_eq!(answer(503, body()), Err(IntrospectionError::ServerFailed { status: 503, retry_after: None }));
    assert!(matches!(answer(302, good().to_string()), Err(IntrospectionError::Unusable(_))));
    assert!(matches!(answer(200, "eyJhbGciOiJSUzI1NiJ9.e30.AA".to_owned()), Err(IntrospectionError::Unusable(_))));
    let large = changed(good(), "x", json!("x".repeat(MAX_RESPONSE_BYTES))).to_string();
    assert_eq!(answer(200, large), Err(IntrospectionError::Unusable("answer is too large")));
}
