//! `GET callback/{server}`: come back from a login. In this order, and nothing is used before it has been checked:
//!
//! 1. `state` opens with this browser's login cookie, for this server and frontend, within the hour (RFC 9700 §4.7).
//! 2. `iss` is right (RFC 9207).
//! 3. The login has not been completed before (single use).
//! 4. The code is redeemed with our code verifier; the ID token is verified with our nonce (OpenID Connect Core §3.1.3.7).
//! 5. A new session starts, and the one it replaces ends.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use http::{Response, header, request};
use protocol::{AuthorizationOutcome, IdToken, Secret, TokenResponse};
use tracing::{info, warn};

use crate::{
    authorization_server::{Server, ServerError},
    bff::Bff,
    claims,
    cookie::Ticket,
    keys::IndexPurpose,
    navigation::Manner,
    pages,
    pending_login::{self, Begun, BrowserSecret, LIFE_SECONDS, PendingLogin},
    rejection::{BadRequest, Rejection},
    revocation::revoke_later,
    session::{
        self, NewSession,
        record::EndReason,
        store::{CountPurpose, Once, OncePurpose},
    },
    settings::Frontend,
};

const MOST_AUTOMATIC_LOGINS: u64 = 3;

pub(super) async fn callback(
    bff: &Arc<Bff>,
    frontend: &Frontend,
    server: &str,
    head: &request::Parts,
) -> Result<Response<Body>, Rejection> {
    if Manner::of(head) != Manner::Navigation {
        return Err(BadRequest::NotANavigation.into());
    }
    let server = bff.server_of(frontend, server).ok_or(Rejection::NoRoute)?;
    let answer = protocol::parse_authorization_response(head.uri.query().unwrap_or_default())
        .map_err(|_| BadRequest::Login("the authorization response is malformed"))?;
    let state = answer.state.as_deref().ok_or(BadRequest::Login("there is no state"))?;
    let browser = BrowserSecret::presented(&head.headers).ok_or(BadRequest::Login("there is no login cookie"))?;
    let pending = open(bff, frontend, server, state, &browser)?;

    let metadata = server.metadata().await.map_err(rejection)?;
    answer.verify_issuer(&metadata).map_err(|_| BadRequest::Login("the issuer is missing or wrong"))?;
    let code = match &answer.outcome {
        AuthorizationOutcome::Code(code) => code,
        AuthorizationOutcome::Refused(error) => return Err(refused(&error.code)),
    };

    if take(bff, &pending).await? == Once::Repeated {
        return Ok(repeated(bff, &pending));
    }
    limit_loops(bff, &pending, &browser).await?;
    let secrets = pending_login::key_id(state).and_then(|key_id| pending.secrets(key_id, &browser, bff.keys()));
    let (verifier, nonce) = secrets.ok_or(BadRequest::Login("the key is not known"))?;
    let new = exchange(bff, frontend, server, Exchange { code, verifier, nonce, pending: &pending, head }).await?;
    let refresh_token = new.tokens.refresh_token.clone();
    let ticket =
        session::start(bff, new).await.inspect_err(|_| revoke_later(bff, &server.settings().name, refresh_token))?;
    replace(bff, &pending).await;
    Ok(signed_in(bff, frontend, &pending, &ticket))
}

fn open(
    bff: &Bff,
    frontend: &Frontend,
    server: &Server,
    state: &str,
    browser: &BrowserSecret,
) -> Result<PendingLogin, Rejection> {
    let pending = PendingLogin::open(state, browser, bff.keys())
        .map_err(|_| BadRequest::Login("the state is not one that this browser was given"))?;
    if pending.server != server.settings().name || pending.frontend != frontend.name {
        return Err(BadRequest::Login("the state is for another server or frontend").into());
    }
    let age = pending.began_at.duration_until(bff.now());
    if age > Duration::from_secs(LIFE_SECONDS.into()) {
        return Err(BadRequest::Login("the login is too old").into());
    }
    Ok(pending)
}

/// RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6. The code is from a list; the server's text is never shown.
fn refused(code: &str) -> Rejection {
    info!(code, "the authorization server refused a login");
    match code {
        "access_denied" => Rejection::Forbidden("the login was declined"),
        "login_required" | "interaction_required" | "consent_required" | "account_selection_required" => {
            Rejection::NoSession
        }
        "temporarily_unavailable" | "server_error" => {
            Rejection::TryAgain("the authorization server says so".to_owned())
        }
        other => Rejection::UpstreamFailed(format!("the authorization server answered {other:?}")),
    }
}

/// Makes the login good for one callback, on all nodes.
async fn take(bff: &Bff, pending: &PendingLogin) -> Result<Once, Rejection> {
    let keep = Duration::from_secs(LIFE_SECONDS.into());
    let once = bff.store().insert_once(OncePurpose::PendingLogin, pending.once_id(), keep).await;
    once.map_err(|error| session::unavailable(&error))
}

/// The browser asks again for a login that was completed: a late tab, a double click. It goes where it wanted to go and
/// finds its session there.
fn repeated(bff: &Bff, pending: &PendingLogin) -> Response<Body> {
    pages::forward(pending_login::return_path(pending, bff.settings()).as_str())
}

/// A page that sends people to sign in although they just did would do so for ever.
async fn limit_loops(bff: &Bff, pending: &PendingLogin, browser: &BrowserSecret) -> Result<(), Rejection> {
    if pending.begun == Begun::ByPerson {
        return Ok(());
    }
    let id = bff.keys().index(IndexPurpose::Browser, &[&browser.hash()]);
    let count = bff.store().count(CountPurpose::AutomaticLogins, id, Duration::from_secs(60)).await;
    if count.map_err(|error| session::unavailable(&error))? > MOST_AUTOMATIC_LOGINS {
        return Err(Rejection::TooManyRequests("automatic logins"));
    }
    Ok(())
}

struct Exchange<'a> {
    code: &'a Secret<String>,
    verifier: protocol::CodeVerifier,
    nonce: String,
    pending: &'a PendingLogin,
    head: &'a request::Parts,
}

async fn exchange<'a>(
    bff: &'a Arc<Bff>,
    frontend: &'a Frontend,
    server: &'a Server,
    exchange: Exchange<'a>,
) -> Result<NewSession<'a>, Rejection> {
    let redirect_uri = frontend
        .redirect_uri(server.settings())
        .map_err(|_| Rejection::UpstreamFailed("the redirect URI is not a URL".to_owned()))?;
    let tokens = server.redeem(exchange.code, &redirect_uri, &exchange.verifier).await.map_err(rejection)?;
    let id_token = verify(server, &tokens, &exchange).await;
    let id_token =
        id_token.inspect_err(|_| revoke_later(bff, &server.settings().name, tokens.refresh_token.clone()))?;
    let user_info = server.user_info(&tokens.access_token, &id_token.subject).await;
    let claims = claims::of_login(&id_token.claims, user_info.as_ref());
    let (began_at, headers) = (exchange.pending.began_at, &exchange.head.headers);
    Ok(NewSession { frontend, server: server.settings(), id_token, tokens, claims, began_at, headers })
}

async fn verify(server: &Server, tokens: &TokenResponse, exchange: &Exchange<'_>) -> Result<IdToken, Rejection> {
    let token = tokens.id_token.as_ref().ok_or_else(|| Rejection::UpstreamFailed("no ID token came".to_owned()))?;
    let max_age = exchange.pending.max_age.map(|seconds| Duration::from_secs(seconds.into()));
    server.verify_login(token, &tokens.access_token, &exchange.nonce, max_age).await.map_err(rejection)
}

/// Ends the session that the login replaces. The new one is there already: if this fails, the old one idles out.
async fn replace(bff: &Arc<Bff>, pending: &PendingLogin) {
    if let Some(old) = pending.replaces
        && let Err(error) = session::end(bff, old, EndReason::Replaced).await
    {
        warn!(key = ?old, %error, "a replaced session was not ended");
    }
}

fn signed_in(bff: &Bff, frontend: &Frontend, pending: &PendingLogin, ticket: &Ticket) -> Response<Body> {
    let mut response = pages::forward(pending_login::return_path(pending, bff.settings()).as_str());
    response.headers_mut().append(header::SET_COOKIE, ticket.set_cookie(frontend));
    response
}

fn rejection(error: ServerError) -> Rejection {
    match error {
        ServerError::Away(why) => Rejection::TryAgain(why),
        ServerError::Useless(why) => Rejection::UpstreamFailed(why),
    }
}
