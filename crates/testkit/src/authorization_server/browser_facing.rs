//! Where browsers come: login and logout pages.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Query, State},
};
use http::{Response, StatusCode, header};

use super::{
    CLIENT_ID, Desk,
    ledger::Code,
    script::{IssuerParameter, Script},
};

pub(super) type Parameters = Vec<(String, String)>;

/// Approves at once (RFC 6749 §4.1.1) and sends the browser back.
pub(super) async fn authorize(State(desk): State<Arc<Desk>>, Query(parameters): Query<Parameters>) -> Response<Body> {
    let find = |name: &str| find(&parameters, name).unwrap_or_default().to_owned();
    let fits = find("response_type") == "code"
        && find("client_id") == CLIENT_ID
        && find("code_challenge_method") == "S256"
        && find("scope").split(' ').any(|scope| scope == "openid")
        && !find("nonce").is_empty()
        && !find("state").is_empty();
    if !fits {
        return page(StatusCode::BAD_REQUEST, "not a request that this server grants");
    }
    let script = desk.script();
    let mut answer = form_urlencoded::Serializer::new(String::new());
    match &script.login_error {
        Some(error) => answer.append_pair("error", error).append_pair("error_description", "<b>a server's text</b>"),
        None => answer.append_pair("code", &new_code(&desk, &script, find("redirect_uri"), &find)),
    };
    answer.append_pair("state", &find("state"));
    match script.issuer_parameter {
        IssuerParameter::Right => answer.append_pair("iss", &desk.issuer),
        IssuerParameter::Wrong => answer.append_pair("iss", "https://other.example"),
        IssuerParameter::Missing => &mut answer,
    };
    see_other(&format!("{}?{}", find("redirect_uri"), answer.finish()))
}

fn new_code(desk: &Desk, script: &Script, redirect_uri: String, find: &impl Fn(&str) -> String) -> String {
    let mut ledger = desk.ledger();
    let code = ledger.secret("code");
    let granted =
        Code { redirect_uri, challenge: find("code_challenge"), nonce: find("nonce"), subject: script.subject.clone() };
    ledger.codes.insert(code.clone(), granted);
    code
}

/// Says goodbye, and sends the browser back where the client wants it.
pub(super) async fn end_session(Query(parameters): Query<Parameters>) -> Response<Body> {
    match find(&parameters, "post_logout_redirect_uri") {
        Some(url) => see_other(url),
        None => page(StatusCode::OK, "signed out"),
    }
}

pub(super) fn find<'a>(parameters: &'a Parameters, name: &str) -> Option<&'a str> {
    parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

pub(super) fn page(status: StatusCode, text: &str) -> Response<Body> {
    let answer = Response::builder().status(status).header(header::CONTENT_TYPE, "text/html");
    answer.body(Body::from(format!("<!doctype html><p>{text}</p>"))).expect("the answer is well formed")
}

fn see_other(url: &str) -> Response<Body> {
    let answer = Response::builder().status(StatusCode::SEE_OTHER).header(header::LOCATION, url);
    answer.body(Body::empty()).expect("the answer is well formed")
}
