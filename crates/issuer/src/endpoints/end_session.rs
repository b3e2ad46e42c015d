//! `/end-session`: logout at the client's request (OpenID Connect RP-Initiated Logout 1.0 §2).
//!
//! A request is judged in this order:
//!
//! 1. Its client and `post_logout_redirect_uri`, where given, are registered; its `id_token_hint`, where given, is ours
//!    and the client's. Else a page, and nothing ends.
//! 2. No browser session: there is nothing to end, the browser goes on.
//! 3. The client proves that it means this very session, by its `sid` as `logout_hint` or in the ID token: it ends.
//! 4. Else the person is asked, because any page can send a browser here.

use std::sync::Arc;

use axum::{
    extract::{RawQuery, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header::SET_COOKIE};
use rusqlite::Transaction;

mod request;

use self::request::LogoutRequest;
use super::{
    CONFIRM,
    authorize::destination::{see_other, with_parameters},
};
use crate::{
    browser::Cookie,
    clients,
    opaque::Hash,
    pages::{self, SignOutPage},
    parameters::{Parameters, read_form},
    rejection::Rejection,
    server::LoginServer,
    storage::browser_session::{self, BrowserSession},
};

/// `GET /end-session`
pub(super) async fn by_get(
    State(server): State<Arc<LoginServer>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let parameters = Parameters::parse(query.unwrap_or_default().as_bytes());
    end_session(&server, &headers, &parameters).await.unwrap_or_else(Rejection::into_response)
}

/// `POST /end-session`
pub(super) async fn by_post(State(server): State<Arc<LoginServer>>, request: Request) -> Response {
    match read_form(request).await {
        Ok((head, parameters)) => {
            end_session(&server, &head.headers, &parameters).await.unwrap_or_else(Rejection::into_response)
        }
        Err(error) => Rejection::from(error).into_response(),
    }
}

/// `POST /end-session/confirm`, which the form of the question is sent to.
pub(super) async fn confirm(State(server): State<Arc<LoginServer>>, request: Request) -> Response {
    match read_form(request).await {
        Ok((head, form)) => end_confirmed(&server, &head.headers, &form).await.unwrap_or_else(Rejection::into_response),
        Err(error) => Rejection::from(error).into_response(),
    }
}

async fn end_session(
    server: &LoginServer,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<Response, Rejection> {
    let request = LogoutRequest::parse(parameters, server)?;
    let Some(session) = current_session(server, headers).await? else { return Ok(leave(&request)) };
    if request.proves(&session.sid) {
        return end(server, session, &request).await;
    }
    Ok(ask(server, headers, parameters, &request, &session))
}

async fn end_confirmed(server: &LoginServer, headers: &HeaderMap, form: &Parameters) -> Result<Response, Rejection> {
    server.form_key.require_own_page(headers, &server.origin, Cookie::Session, form.find("csrf"))?;
    form.require_unrepeated().map_err(|_| Rejection::Malformed)?;
    let parameters = Parameters::parse(form.find("request").unwrap_or_default().as_bytes());
    let request = LogoutRequest::parse(&parameters, server)?;
    match current_session(server, headers).await? {
        Some(session) => end(server, session, &request).await,
        None => Ok(leave(&request)),
    }
}

async fn current_session(server: &LoginServer, headers: &HeaderMap) -> Result<Option<BrowserSession>, Rejection> {
    let Some(cookie) = Cookie::Session.find(headers).map(Hash::of) else { return Ok(None) };
    let now = server.clock.now();
    Ok(server.storage.run(now, move |tx| browser_session::load(tx, cookie, now)).await?)
}

async fn end(server: &LoginServer, session: BrowserSession, request: &LogoutRequest) -> Result<Response, Rejection> {
    let (now, back_channel) = (server.clock.now(), Arc::clone(&server.back_channel));
    let ending = move |tx: &Transaction<'_>| browser_session::end(tx, &session.sid);
    server.storage.run_then(now, ending, move |ended| back_channel.tell(ended)).await?;
    Ok(leave(request))
}

/// Sends the browser where the client wants it, or says that it is done. The cookie names no session any more.
fn leave(request: &LogoutRequest) -> Response {
    let mut response = match &request.post_logout_redirect_uri {
        Some(uri) => see_other(&with_parameters(uri, request.state.as_deref().map(|state| ("state", state)))),
        None => pages::done("Signed out", "You can close this page."),
    };
    response.headers_mut().extend(Cookie::Session.remove().map(|cookie| (SET_COOKIE, cookie)));
    response
}

fn ask(
    server: &LoginServer,
    headers: &HeaderMap,
    parameters: &Parameters,
    request: &LogoutRequest,
    session: &BrowserSession,
) -> Response {
    let page = SignOutPage {
        action: &server.paths.path(CONFIRM),
        csrf: &server.form_key.token(Cookie::Session, Cookie::Session.find(headers).unwrap_or_default()),
        request: &parameters.to_query(),
        username: &session.account.username,
    };
    let leads_to = request.post_logout_redirect_uri.as_deref().and_then(clients::form_action_source);
    pages::form(StatusCode::OK, &page, leads_to.as_deref())
}
