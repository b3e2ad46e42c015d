//! The token endpoint (RFC 6749 §3.2), and everything that can go wrong there.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{Extension, Form, body::Body, extract::State};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use cloakroom::clock::Clock as _;
use http::{HeaderMap, Response, StatusCode, header};
use hyper::body::Frame;
use protocol::CodeVerifier;
use serde_json::{Value, json};

use super::{
    CLIENT_ID, CLIENT_SECRET, Desk,
    browser_facing::{Parameters, find, page},
    ledger::Granted,
    machine_facing::json_answer,
    mint,
    script::Trouble,
};
use crate::server::Hangup;

enum Asked<'a> {
    Code(&'a str),
    Refresh(&'a str),
}

pub(super) async fn token(
    State(desk): State<Arc<Desk>>,
    Extension(hangup): Extension<Hangup>,
    headers: HeaderMap,
    Form(parameters): Form<Parameters>,
) -> Response<Body> {
    if !is_our_client(&headers) {
        return refusal(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let value = |name| find(&parameters, name).unwrap_or_default();
    let asked = match value("grant_type") {
        "authorization_code" => Asked::Code(value("code")),
        "refresh_token" => Asked::Refresh(value("refresh_token")),
        _ => return refusal(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
    };
    let trouble = next_trouble(&desk, &asked);
    if let Some(Trouble::Held(gate)) = &trouble {
        gate.pass().await;
    }
    let outcome = match &trouble {
        Some(trouble) if !trouble.acts() => {
            pass_over(&desk, &asked);
            Err("not acted upon")
        }
        _ => grant(&desk, &asked, &parameters),
    };
    let answer = match outcome {
        Ok(granted) => tokens(&desk, &granted, trouble.as_ref()),
        Err(why) if trouble.as_ref().is_none_or(Trouble::acts) => {
            return json_answer(
                StatusCode::BAD_REQUEST,
                &json!({ "error": "invalid_grant", "error_description": why }),
            );
        }
        Err(_) => Value::Null,
    };
    suffer(trouble, answer, &hangup).await
}

/// Whether the client's credentials came along (RFC 6749 §2.3.1).
pub(super) fn is_our_client(headers: &HeaderMap) -> bool {
    let expected = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")));
    headers.get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes() == expected.as_bytes())
}

fn next_trouble(desk: &Desk, asked: &Asked<'_>) -> Option<Trouble> {
    let mut script = desk.script();
    match asked {
        Asked::Code(_) => script.redemption_troubles.pop_front(),
        Asked::Refresh(_) => script.refresh_troubles.pop_front().or_else(|| script.every_refresh.clone()),
    }
}

fn pass_over(desk: &Desk, asked: &Asked<'_>) {
    match asked {
        Asked::Code(_) => desk.ledger().redemptions += 1,
        Asked::Refresh(token) => desk.ledger().pass_over(token),
    }
}

fn grant(desk: &Desk, asked: &Asked<'_>, parameters: &Parameters) -> Result<Granted, &'static str> {
    let kind = desk.script().refresh_tokens;
    let mut ledger = desk.ledger();
    let code = match asked {
        Asked::Refresh(token) => {
            return ledger.present(token, kind, desk.clock.now()).ok_or("the refresh token is not good");
        }
        Asked::Code(code) => {
            ledger.redemptions += 1;
            ledger.codes.remove(*code).ok_or("the code is not known, or has been redeemed")?
        }
    };
    let verifier = find(parameters, "code_verifier").and_then(CodeVerifier::parse).ok_or("there is no verifier")?;
    ledger.secrets.push(verifier.expose().to_owned());
    if verifier.challenge() != code.challenge {
        return Err("the verifier does not fit");
    }
    if find(parameters, "redirect_uri") != Some(&code.redirect_uri) {
        return Err("the redirect URI is another");
    }
    Ok(ledger.open_grant(code))
}

/// RFC 6749 §5.1.
fn tokens(desk: &Desk, granted: &Granted, trouble: Option<&Trouble>) -> Value {
    let script = desk.script();
    let mut ledger = desk.ledger();
    let access_token = ledger.access_token(&granted.subject);
    let mut answer = json!({ "access_token": access_token, "token_type": "Bearer", "scope": "openid profile" });
    if let Some(life) = script.access_token_life {
        answer["expires_in"] = life.as_secs().into();
    }
    if let Some(token) = ledger.next_refresh_token(granted.grant, script.refresh_tokens) {
        answer["refresh_token"] = token.into();
    }
    let subject = if matches!(trouble, Some(Trouble::OtherSubject)) { "mallory" } else { &granted.subject };
    let id_token =
        mint::id_token(desk, &script, &mint::Login { subject, nonce: &granted.nonce, access_token: &access_token });
    if let Some(token) = id_token {
        ledger.secrets.push(token.clone());
        answer["id_token"] = token.into();
    }
    answer
}

async fn suffer(trouble: Option<Trouble>, answer: Value, hangup: &Hangup) -> Response<Body> {
    match trouble {
        None | Some(Trouble::Held(_) | Trouble::OtherSubject) => json_answer(StatusCode::OK, &answer),
        Some(Trouble::InvalidGrant) => refusal(StatusCode::BAD_REQUEST, "invalid_grant"),
        Some(Trouble::Refused(code)) => refusal(StatusCode::BAD_REQUEST, code),
        Some(Trouble::InvalidClient) => refusal(StatusCode::UNAUTHORIZED, "invalid_client"),
        Some(Trouble::Html) => page(StatusCode::OK, "Welcome to our captive portal"),
        Some(Trouble::Status(status)) => {
            page(StatusCode::from_u16(status).expect("the script names a status"), "Something went wrong")
        }
        Some(Trouble::TooMany(seconds)) => {
            let mut answer = page(StatusCode::TOO_MANY_REQUESTS, "Slow down");
            answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            answer
        }
        Some(Trouble::Truncated) => truncated(&answer),
        Some(Trouble::AnswerLost | Trouble::RequestLost) => hangup.now().await,
        Some(Trouble::Hang) => std::future::pending().await,
    }
}

/// Announces the whole answer and sends half of it.
fn truncated(answer: &Value) -> Response<Body> {
    let text = answer.to_string();
    let half = Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2]);
    let answer = Response::builder().header(header::CONTENT_LENGTH, text.len());
    answer.body(Body::new(CutOff { half: Some(half), flushed: false })).expect("the answer is well formed")
}

/// A body that fails when its first half has been sent.
struct CutOff {
    half: Option<Bytes>,
    flushed: bool,
}

impl hyper::body::Body for CutOff {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        if !std::mem::replace(&mut self.flushed, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(std::io::Error::other("cut off"))))
    }
}

fn refusal(status: StatusCode, error: &str) -> Response<Body> {
    json_answer(status, &json!({ "error": error }))
}
