//! Where clients come: metadata, keys, UserInfo, revocation.

use std::sync::Arc;

use axum::{Form, body::Body, extract::State};
use http::{HeaderMap, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{
    Desk,
    browser_facing::{Parameters, find},
    mint, token,
};

pub(super) async fn discovery(State(desk): State<Arc<Desk>>) -> Response<Body> {
    let issuer = &desk.issuer;
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "revocation_endpoint": format!("{issuer}/revoke"),
        "end_session_endpoint": format!("{issuer}/end-session"),
        "authorization_response_iss_parameter_supported": desk.script().announces_issuer,
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": ["RS256"],
    });
    json_answer(StatusCode::OK, &document)
}

pub(super) async fn key_set(State(desk): State<Arc<Desk>>) -> Response<Body> {
    let key = mint::signing_key(desk.script().signing_key);
    json_answer(StatusCode::OK, &json!({ "keys": [key.public_jwk()] }))
}

pub(super) async fn user_info(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response<Body> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let subject = token.and_then(|token| desk.ledger().subject_of(token).map(str::to_owned));
    let Some(subject) = subject else { return json_answer(StatusCode::UNAUTHORIZED, &json!({})) };
    let script = desk.script();
    let email = format!("{subject}@example.com");
    let subject = script.user_info_subject.clone().unwrap_or(subject);
    json_answer(StatusCode::OK, &json!({ "sub": subject, "name": script.name, "email": email }))
}

/// RFC 7009. Ends one token, and nothing that belongs to it.
pub(super) async fn revoke(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    Form(parameters): Form<Parameters>,
) -> Response<Body> {
    if !token::is_our_client(&headers) {
        return json_answer(StatusCode::UNAUTHORIZED, &json!({ "error": "invalid_client" }));
    }
    desk.ledger().revoke(find(&parameters, "token").unwrap_or_default());
    json_answer(StatusCode::OK, &json!({}))
}

pub(super) fn json_answer(status: StatusCode, document: &Value) -> Response<Body> {
    let answer = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    answer.body(Body::from(document.to_string())).expect("the answer is well formed")
}
