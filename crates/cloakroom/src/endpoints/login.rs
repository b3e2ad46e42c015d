//! `GET login`: begin a login. Nothing is stored; everything is sealed into `state`.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use http::{Response, StatusCode, header, request};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::AuthorizationRequest;

use super::form::Parameters;
use crate::{
    authorization_server::{Server, ServerError},
    bff::Bff,
    cookie,
    navigation::{Manner, Site, text},
    pages::{self, Action},
    pending_login::{self, Begun, BrowserSecret, PendingLogin},
    random, refresh,
    rejection::{BadRequest, Rejection, response::see_other},
    return_path::{self, ReturnPath},
    session::{self, ActiveSession, Freshness, record::StoreKey},
    settings::{CrossSiteLogin, Frontend},
};

const PARAMETERS: [&str; 7] = ["return_to", "as", "prompt", "login_hint", "acr", "max_age", "auto"];
const PROMPTS: [&str; 4] = ["none", "login", "consent", "select_account"];

/// What the person, or our redirect, asks for.
struct Wish<'a> {
    return_path: ReturnPath,
    server: Option<&'a str>,
    prompt: Option<&'a str>,
    login_hint: Option<&'a str>,
    acr: Option<&'a str>,
    max_age: Option<u32>,
    begun: Begun,
}

pub(super) async fn login(
    bff: &Arc<Bff>,
    frontend: &Frontend,
    head: &request::Parts,
) -> Result<Response<Body>, Rejection> {
    if Manner::of(head) != Manner::Navigation {
        return Err(BadRequest::NotANavigation.into());
    }
    let parameters = Parameters::of_query(head, &PARAMETERS)?;
    let wish = wish(&parameters, bff, frontend)?;
    if is_sent_by_another_site(frontend, head) && frontend.cross_site_login == CrossSiteLogin::Ask {
        return Ok(ask(head));
    }
    let current = current_session(bff, frontend, head).await?;
    let wants_more = wish.prompt.is_some() || wish.acr.is_some() || wish.max_age.is_some();
    // A session whose tokens have ended for good is still one, but whoever comes here with it came for new tokens.
    if current.as_ref().is_some_and(|session| refresh::has_tokens(bff, session)) && !wants_more {
        return Ok(see_other(wish.return_path.as_str()));
    }
    let current = current.map(|session| session.key());
    let Some(server) = chosen(bff, frontend, &wish)? else { return Ok(choose(bff, frontend, head)) };
    begin(bff, frontend, server, &wish, (current, head)).await
}

/// Whether another site's link, form or redirect led here. An old browser tells by `Referer` alone.
fn is_sent_by_another_site(frontend: &Frontend, head: &request::Parts) -> bool {
    match Site::of(&head.headers) {
        Site::Foreign => true,
        Site::Own | Site::None => false,
        Site::Unknown => {
            let is_own = |referer| frontend.origin.strip_from(referer).is_some();
            head.headers.contains_key(header::REFERER) && !text(&head.headers, "referer").is_some_and(is_own)
        }
    }
}

fn wish<'a>(parameters: &'a Parameters, bff: &Bff, frontend: &Frontend) -> Result<Wish<'a>, Rejection> {
    let max_age = parameters.bounded("max_age", 9)?.map(str::parse::<u32>).transpose();
    let begun = parameters.one_of("auto", &["1"])?.map_or(Begun::ByPerson, |_| Begun::Automatically);
    Ok(Wish {
        return_path: return_path::of_parameter(parameters.find("return_to"), bff, frontend)?,
        server: parameters.bounded("as", 32)?,
        prompt: parameters.one_of("prompt", &PROMPTS)?,
        login_hint: parameters.bounded("login_hint", 256)?,
        acr: parameters.bounded("acr", 256)?,
        max_age: max_age.map_err(|_| BadRequest::Parameter("max_age"))?,
        begun,
    })
}

/// The session that this login would replace. The store is asked even without a ticket: a login that could not be
/// completed must not begin.
async fn current_session(
    bff: &Bff,
    frontend: &Frontend,
    head: &request::Parts,
) -> Result<Option<ActiveSession>, Rejection> {
    let Some(ticket) = cookie::presented_ticket(bff.keys(), &head.headers) else {
        bff.store().load(StoreKey([0; 32])).await.map_err(|error| session::unavailable(&error))?;
        return Ok(None);
    };
    match session::find(bff, frontend, ticket, Freshness::Cached).await {
        Ok(session) => Ok(Some(session)),
        Err(Rejection::NoSession | Rejection::SessionEnded(_)) => Ok(None),
        Err(other) => Err(other),
    }
}

fn chosen<'a>(bff: &'a Bff, frontend: &'a Frontend, wish: &Wish<'_>) -> Result<Option<&'a Server>, Rejection> {
    match (wish.server, frontend.authorization_servers.as_slice()) {
        (Some(name), _) => bff.server_of(frontend, name).map(Some).ok_or_else(|| BadRequest::Parameter("as").into()),
        (None, [only]) => Ok(bff.server(only)),
        (None, _) => Ok(None),
    }
}

async fn begin(
    bff: &Arc<Bff>,
    frontend: &Frontend,
    server: &Server,
    wish: &Wish<'_>,
    (replaces, head): (Option<StoreKey>, &request::Parts),
) -> Result<Response<Body>, Rejection> {
    let metadata = server.metadata_of_living().await.map_err(|error| match error {
        ServerError::Away(why) => Rejection::TryAgain(why),
        ServerError::Useless(why) => Rejection::UpstreamFailed(why),
    })?;
    let browser = BrowserSecret::presented(&head.headers).unwrap_or_else(|| BrowserSecret::generate(bff.random()));
    let pending = PendingLogin {
        id: random::bytes(bff.random()),
        server: server.settings().name.clone(),
        frontend: frontend.name.clone(),
        return_path: wish.return_path.as_str().to_owned(),
        replaces,
        began_at: bff.now(),
        max_age: wish.max_age,
        begun: wish.begun,
    };
    let state = pending.seal(&browser, bff.keys(), bff.random());
    let misconfigured = || Rejection::UpstreamFailed("a login cannot be described".to_owned());
    let (verifier, nonce) = pending.secrets(bff.keys().primary(), &browser, bff.keys()).ok_or_else(misconfigured)?;
    let request = AuthorizationRequest {
        client_id: &server.settings().client.id,
        redirect_uri: &frontend.redirect_uri(server.settings()).map_err(|_| misconfigured())?,
        scope: &server.settings().scope,
        state: &state,
        nonce: &nonce,
        code_challenge: &verifier.challenge(),
        prompt: wish.prompt,
        login_hint: wish.login_hint,
        acr_values: wish.acr,
        max_age: wish.max_age.map(|seconds| Duration::from_secs(seconds.into())),
    };
    let mut response = see_other(&request.url(&metadata));
    response.headers_mut().append(header::SET_COOKIE, browser.set_cookie());
    debug_assert_eq!(pending_login::key_id(&state), Some(bff.keys().primary()));
    Ok(response)
}

/// Another site sent the person here: one click makes it their own decision, and the request our own.
fn ask(head: &request::Parts) -> Response<Body> {
    let again = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let text = "Another website sent you here to sign in. Go on only if you meant to.";
    pages::message(
        StatusCode::OK,
        "Sign in?",
        text,
        &[Action::new("Sign in", again), Action::new("Go to the start page", "/")],
    )
}

fn choose(bff: &Bff, frontend: &Frontend, head: &request::Parts) -> Response<Body> {
    let query = head.uri.query().unwrap_or_default();
    let separator = if query.is_empty() { "" } else { "&" };
    let servers = frontend.authorization_servers.iter().filter_map(|name| bff.server(name));
    let actions: Vec<Action> = servers
        .map(|server| {
            let name = utf8_percent_encode(&server.settings().name, NON_ALPHANUMERIC);
            let href = format!("{}/login?{query}{separator}as={name}", frontend.auth_path);
            Action::new(&server.settings().display_name, href)
        })
        .collect();
    pages::message(StatusCode::OK, "Sign in with", "", &actions)
}
