//! `/authorize`: who is at the browser, and may this client know it (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2).
//!
//! A request is judged in this order:
//!
//! 1. Client and redirect URI are registered, byte for byte; else a page, never a redirect.
//! 2. Everything else is well formed and asks for what there is; else an error goes to the redirect URI.
//! 3. A browser session that satisfies `prompt` and `max_age` gets its code at once.
//! 4. `prompt=none` gets `login_required`; everybody else the login page.

use std::sync::Arc;

use axum::{
    extract::{RawQuery, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use protocol::Timestamp;
use rusqlite::Transaction;

pub(super) mod destination;
pub(super) mod request;

use self::request::{AuthorizationRequest, Prompt, Refusal};
use super::login;
use crate::{
    browser::Cookie,
    opaque::{self, Hash},
    parameters::{Parameters, read_form},
    rejection::Rejection,
    server::LoginServer,
    storage::{
        browser_session::{self, BrowserSession},
        code::{self, CodeGrant},
    },
};

/// `GET /authorize`
pub(super) async fn by_get(
    State(server): State<Arc<LoginServer>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let parameters = Parameters::parse(query.unwrap_or_default().as_bytes());
    authorize(&server, &headers, &parameters).await.unwrap_or_else(Rejection::into_response)
}

/// `POST /authorize`
pub(super) async fn by_post(State(server): State<Arc<LoginServer>>, request: Request) -> Response {
    match read_form(request).await {
        Ok((head, parameters)) => {
            authorize(&server, &head.headers, &parameters).await.unwrap_or_else(Rejection::into_response)
        }
        Err(error) => Rejection::from(error).into_response(),
    }
}

async fn authorize(
    server: &Arc<LoginServer>,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<Response, Rejection> {
    let request = match AuthorizationRequest::parse(parameters, &server.clients, &server.scopes) {
        Ok(request) => request,
        Err(Refusal::Page(rejection)) => return Err(rejection),
        Err(Refusal::Redirect(destination, error)) => return Ok(destination.refuse(error, &server.mint.issuer)),
    };
    let (login_hint, prompt) = (request.login_hint.clone(), request.prompt);
    let destination = request.destination.clone();
    let client_id = request.client_id.clone();

    match code_for_session(server, headers, request).await? {
        Some(code) => Ok(destination.redirect_with_code(&code, &server.mint.issuer)),
        None if prompt == Prompt::None => {
            Ok(destination.refuse(request::ErrorCode::LoginRequired, &server.mint.issuer))
        }
        None => {
            let page = login::Page { parameters, client_id: &client_id, destination: &destination };
            let username = login_hint.unwrap_or_default();
            login::show(
                server,
                headers,
                &page,
                &login::Shown { status: StatusCode::OK, username: &username, alert: None },
            )
        }
    }
}

/// A code, if the browser has a session that is good enough for the request.
async fn code_for_session(
    server: &LoginServer,
    headers: &HeaderMap,
    request: AuthorizationRequest,
) -> Result<Option<String>, Rejection> {
    let Some(cookie) = Cookie::Session.find(headers).map(Hash::of) else { return Ok(None) };
    let now = server.clock.now();
    let code = server.storage.run(now, move |tx| match browser_session::load(tx, cookie, now)? {
        Some(session) if satisfies(&session, &request, now) => issue_code(tx, &request, &session, now).map(Some),
        _ => Ok::<_, rusqlite::Error>(None),
    });
    Ok(code.await?)
}

/// Whether the login is recent enough for what the client asks.
fn satisfies(session: &BrowserSession, request: &AuthorizationRequest, now: Timestamp) -> bool {
    let age = session.authenticated_at.duration_until(now);
    request.prompt != Prompt::Login && request.max_age.is_none_or(|longest| age < longest)
}

/// Makes the code that tells the client who is logged in.
pub(super) fn issue_code(
    tx: &Transaction<'_>,
    request: &AuthorizationRequest,
    session: &BrowserSession,
    now: Timestamp,
) -> rusqlite::Result<String> {
    let code = opaque::secret();
    let grant = CodeGrant {
        client_id: request.client_id.clone(),
        redirect_uri: request.destination.redirect_uri.clone(),
        challenge: request.challenge.clone(),
        nonce: request.nonce.clone(),
        scope: request.scope.clone(),
        subject: session.account.subject.clone(),
        sid: session.sid.clone(),
        authenticated_at: session.authenticated_at,
    };
    code::insert(tx, Hash::of(&code), &grant, now)?;
    Ok(code)
}
