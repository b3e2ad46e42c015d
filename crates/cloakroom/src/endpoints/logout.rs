//! `POST logout`: the session ends here first; then its refresh token is revoked, and the browser is told where to sign
//! out at the authorization server.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header, request};
use protocol::EndSessionRequest;
use serde::Serialize;

use super::form::{Parameters, Written, read};
use crate::{
    bff::Bff,
    cookie::{self, Life},
    csrf::{self, Shown, TokenOwed},
    pages,
    rejection::{Rejection, response::see_other},
    revocation::revoke_later,
    session::{self, ActiveSession, record::EndReason},
    settings::{Frontend, SameSite},
};

#[derive(Serialize)]
struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    logout_url: Option<String>,
}

/// How the request was made, and so how it is answered.
enum Asker {
    Form,
    Script,
}

pub(super) async fn logout(
    bff: &Arc<Bff>,
    frontend: &Frontend,
    head: &request::Parts,
    body: Body,
) -> Result<Response<Body>, Rejection> {
    Parameters::of_query(head, &[])?;
    let shown = csrf::require_not_foreign(&frontend.origin, &head.headers)?;
    let (asker, owed) = match read(head, body, &["csrf_token"]).await? {
        Written::Form(fields) => (Asker::Form, fields.find("csrf_token").map(|token| TokenOwed::new(token.to_owned()))),
        Written::Nothing => (Asker::Script, TokenOwed::of_header(&head.headers)),
    };
    let Some(ticket) = cookie::presented_ticket(bff.keys(), &head.headers) else { return Ok(nobody(frontend, &asker)) };
    let (key, is_proved) = (ticket.store_key(), shown == Shown::Own && csrf::has_static_header(&head.headers));
    match session::find_to_end(bff, frontend, ticket).await {
        Ok(session) => {
            if !is_proved {
                let missing = "neither the static header nor the session-bound token came along";
                session.settle(bff, Some(&owed.ok_or(Rejection::CrossSite(missing))?))?;
            }
            let logout_url = end(bff, frontend, &session).await?;
            Ok(goodbye(frontend, &asker, logout_url))
        }
        Err(Rejection::NoSession | Rejection::SessionEnded(_)) => Ok(nobody(frontend, &asker)),
        Err(other) => {
            if is_proved {
                session::refuse_here(bff, key);
            }
            Err(other)
        }
    }
}

/// Ends the session, and has its refresh token revoked, whether or not the client waits for it. The URL is where the
/// authorization server signs out.
async fn end(bff: &Arc<Bff>, frontend: &Frontend, session: &ActiveSession) -> Result<Option<String>, Rejection> {
    let (task_bff, ended) = (Arc::clone(bff), session.clone());
    let outcome = bff.carry_through(async move { end_for_good(&task_bff, &ended).await }).await;
    outcome.ok_or_else(|| Rejection::TryAgain("a logout broke off".to_owned()))??;

    let identity = session.identity();
    let Some(server) = bff.server(&identity.server) else { return Ok(None) };
    let Ok(metadata) = server.metadata().await else { return Ok(None) };
    // No ID token as hint: it would put a token into a URL. The `sid` names the session just as well.
    let request = EndSessionRequest {
        client_id: &server.settings().client.id,
        post_logout_redirect_uri: Some(&format!("{}/", frontend.origin)),
        state: None,
        logout_hint: identity.sid.as_deref(),
        id_token_hint: None,
    };
    Ok(request.url(&metadata))
}

async fn end_for_good(bff: &Arc<Bff>, session: &ActiveSession) -> Result<(), Rejection> {
    // First, so that a refresh which lands later revokes what it was given, and one that has landed is seen below.
    session::refuse_here(bff, session.key());
    // Read before the end erases it. A session that cannot be opened is ended all the same.
    let refresh_token = session.newest(bff).await.secrets().ok().and_then(|secrets| secrets.refresh_token);
    let ended = session::end(bff, session.key(), EndReason::Logout).await;
    // Also where the store has not confirmed: it will end the session later, and nobody knows the token by then.
    revoke_later(bff, &session.identity().server, refresh_token);
    ended
}

fn goodbye(frontend: &Frontend, asker: &Asker, logout_url: Option<String>) -> Response<Body> {
    let mut response = match asker {
        Asker::Form => see_other(logout_url.as_deref().unwrap_or("/")),
        Asker::Script => super::json(StatusCode::OK, &Answer { logout_url }),
    };
    delete_cookies(response.headers_mut(), frontend);
    response
}

fn nobody(frontend: &Frontend, asker: &Asker) -> Response<Body> {
    let mut response = match asker {
        Asker::Form => see_other("/"),
        Asker::Script => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            pages::harden(response.headers_mut());
            response
        }
    };
    delete_cookies(response.headers_mut(), frontend);
    response
}

fn delete_cookies(headers: &mut HeaderMap, frontend: &Frontend) {
    let login: HeaderValue = cookie::set(cookie::LOGIN, "", SameSite::Lax, Life::Over);
    headers.append(header::SET_COOKIE, cookie::clear_session(frontend));
    headers.append(header::SET_COOKIE, login);
}
