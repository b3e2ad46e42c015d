//! The login page, and `POST /login`, which its form is sent to.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header::SET_COOKIE};
use protocol::Secret;
use rusqlite::Transaction;

use super::{
    LOGIN,
    authorize::{
        self,
        destination::Destination,
        request::{AuthorizationRequest, Refusal},
    },
};
use crate::{
    accounts::login::LoginFailure,
    browser::{Cookie, LoginCookie},
    clients,
    opaque::{self, Hash},
    pages::{self, LoginPage},
    parameters::{Parameters, read_form},
    rejection::Rejection,
    server::LoginServer,
    storage::{
        account::{self, Credentials},
        browser_session, device,
        participant::Participant,
    },
};

/// The authorization request that a login page is for.
pub(super) struct Page<'a> {
    pub(super) parameters: &'a Parameters,
    pub(super) client_id: &'a str,
    pub(super) destination: &'a Destination,
}

/// What a login page shows.
pub(super) struct Shown<'a> {
    pub(super) status: StatusCode,
    pub(super) username: &'a str,
    pub(super) alert: Option<String>,
}

/// `POST /login`
pub(super) async fn login(State(server): State<Arc<LoginServer>>, request: Request) -> Response {
    let (head, form) = match read_form(request).await {
        Ok(read) => read,
        Err(error) => return Rejection::from(error).into_response(),
    };
    log_in(&server, &head.headers, &form).await.unwrap_or_else(Rejection::into_response)
}

/// Shows the login page, and gives the browser the cookie that its form needs.
pub(super) fn show(
    server: &LoginServer,
    headers: &HeaderMap,
    page: &Page<'_>,
    shown: &Shown<'_>,
) -> Result<Response, Rejection> {
    let client = server.clients.find(page.client_id).ok_or(Rejection::UnknownClient)?;
    let cookie = LoginCookie::ensure(headers);
    let html = LoginPage {
        action: &server.paths.path(LOGIN),
        csrf: &server.form_key.token(Cookie::Login, cookie.value()),
        request: &page.parameters.to_query(),
        client_name: &client.name,
        username: shown.username,
        alert: shown.alert.clone(),
    };
    let leads_to = clients::form_action_source(&page.destination.redirect_uri);
    let mut response = pages::form(shown.status, &html, leads_to.as_deref());
    if let LoginCookie::New(value) = &cookie {
        response.headers_mut().extend(Cookie::Login.set(value).map(|cookie| (SET_COOKIE, cookie)));
    }
    Ok(response)
}

async fn log_in(server: &Arc<LoginServer>, headers: &HeaderMap, form: &Parameters) -> Result<Response, Rejection> {
    server.form_key.require_own_page(headers, &server.origin, Cookie::Login, form.find("csrf"))?;
    form.require_unrepeated().map_err(|_| Rejection::Malformed)?;
    let parameters = Parameters::parse(form.find("request").unwrap_or_default().as_bytes());
    let request = match AuthorizationRequest::parse(&parameters, &server.clients, &server.scopes) {
        Ok(request) => request,
        Err(Refusal::Page(rejection)) => return Err(rejection),
        Err(Refusal::Redirect(destination, error)) => return Ok(destination.refuse(error, &server.mint.issuer)),
    };
    let username = form.find("username").unwrap_or_default();
    let password = Secret::new(form.find("password").unwrap_or_default().to_owned());
    let (client_id, destination) = (request.client_id.clone(), request.destination.clone());

    let outcome = match server.login.require_account(username, password, device(headers)).await {
        Ok(credentials) => start_session(server, headers, request, credentials).await,
        Err(failure) => Err(failure),
    };

    match outcome {
        Ok(started) => {
            tracing::info!(client_id, "somebody logged in");
            Ok(started.redirect(&destination, &server.mint.issuer))
        }
        Err(LoginFailure::Storage(error)) => Err(Rejection::Storage(error)),
        Err(failure) => {
            tracing::info!(reason = ?failure, "a login failed");
            let page = Page { parameters: &parameters, client_id: &client_id, destination: &destination };
            show_again(server, headers, &page, username, &failure)
        }
    }
}

/// What tells this browser from strangers.
fn device(headers: &HeaderMap) -> Option<Hash> {
    Cookie::Device.find_secret(headers).map(Hash::of)
}

/// A session that has just started, with the code for the client that asked for the login.
struct Started {
    session_cookie: String,
    device_cookie: String,
    code: String,
}

impl Started {
    fn redirect(&self, destination: &Destination, issuer: &str) -> Response {
        let mut response = destination.redirect_with_code(&self.code, issuer);
        let cookies = [Cookie::Session.set(&self.session_cookie), Cookie::Device.set(&self.device_cookie)];
        response.headers_mut().extend(cookies.into_iter().flatten().map(|cookie| (SET_COOKIE, cookie)));
        response
    }
}

/// Starts the browser's session under new cookies. An account that was disabled, or given another password, while the
/// password was compared is not logged in.
async fn start_session(
    server: &LoginServer,
    headers: &HeaderMap,
    request: AuthorizationRequest,
    credentials: Credentials,
) -> Result<Started, LoginFailure> {
    let now = server.clock.now();
    let (old_session, old_device) = (Cookie::Session.find(headers).map(Hash::of), device(headers));
    let (session_cookie, device_cookie) = (opaque::secret(), opaque::secret());
    let (new_session, new_device) = (Hash::of(&session_cookie), Hash::of(&device_cookie));
    let starting = move |tx: &Transaction<'_>| -> rusqlite::Result<_> {
        let Some(account) = account::unchanged(tx, &credentials)? else { return Ok(None) };
        device::remember(tx, &account.subject, old_device, new_device, now)?;
        let replaced = match old_session {
            Some(cookie) => browser_session::load(tx, cookie, now)?,
            None => None,
        };
        let (session, ended) = browser_session::start(tx, account, new_session, replaced, now)?;
        authorize::issue_code(tx, &request, &session, now).map(|code| Some((code, ended)))
    };
    let back_channel = Arc::clone(&server.back_channel);
    let telling = move |started: Option<(String, Vec<Participant>)>| {
        started.map(|(code, ended)| {
            back_channel.tell(ended);
            code
        })
    };
    let code = server
        .storage
        .run_then(now, starting, telling)
        .await
        .map_err(LoginFailure::Storage)?
        .ok_or(LoginFailure::Wrong)?;
    Ok(Started { session_cookie, device_cookie, code })
}

fn show_again(
    server: &LoginServer,
    headers: &HeaderMap,
    page: &Page<'_>,
    username: &str,
    failure: &LoginFailure,
) -> Result<Response, Rejection> {
    let (status, alert, retry_after) = match failure {
        LoginFailure::Wrong => (StatusCode::FORBIDDEN, "Username or password is wrong.".to_owned(), None),
        LoginFailure::TooEarly { retry_after } => {
            let seconds = pages::whole_seconds(*retry_after);
            let alert = format!("Too many attempts. Wait {seconds} seconds, then try again.");
            (StatusCode::TOO_MANY_REQUESTS, alert, Some(*retry_after))
        }
        LoginFailure::Busy | LoginFailure::Storage(_) => {
            let alert = "Many people are logging in right now. Try again in a moment.".to_owned();
            (StatusCode::SERVICE_UNAVAILABLE, alert, Some(Duration::from_secs(1)))
        }
    };
    let username = if username.len() <= LONGEST_SHOWN_USERNAME { username } else { "" };
    let shown = Shown { status, username, alert: Some(alert) };
    let response = show(server, headers, page, &shown)?;
    Ok(match retry_after {
        Some(span) => pages::with_retry_after(response, span),
        None => response,
    })
}

const LONGEST_SHOWN_USERNAME: usize = 128;
