//! `POST back-channel-logout/{server}`: the authorization server says that somebody signed out there (OpenID Connect
//! Back-Channel Logout §2.5). From server to server: no cookie is read, and the token's signature is the only credential.
//!
//! In this order: verify; note the end, for a login that is being completed right now; end what is there;
//! remember the `jti` last, so that a crash in between makes the sender's next try do the work and not be taken for a replay.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use http::{Response, StatusCode, header, request};
use http_body_util::{BodyExt as _, Limited};
use protocol::{LogoutToken, Secret, Timestamp};
use serde::Serialize;
use tracing::{info, warn};

use crate::{
    authorization_server::{LogoutTrouble, Server},
    bff::Bff,
    keys::IndexPurpose,
    navigation,
    rejection::{BadRequest, Rejection},
    session::{
        self,
        record::{EndReason, SidIndex, StoreKey, UserIndex},
        store::{OncePurpose, StoreError},
    },
    settings::Frontend,
};

const LONGEST_BODY: usize = 64 * 1024;
/// A login that was begun before can be completed for so long.
const LONGEST_LOGIN: Duration = Duration::from_secs(60 * 60);

#[derive(Serialize)]
struct Refusal {
    error: &'static str,
}

pub(super) async fn back_channel_logout(
    bff: &Arc<Bff>,
    frontend: &Frontend,
    server: &str,
    head: &request::Parts,
    body: Body,
) -> Result<Response<Body>, Rejection> {
    let server = bff.server_of(frontend, server).ok_or(Rejection::NoRoute)?;
    let Some(token) = read(head, body).await? else { return Ok(refuse()) };
    let token = match server.verify_logout(&token).await {
        Ok(token) => token,
        Err(LogoutTrouble::Token(error)) => {
            warn!(server = server.settings().name, %error, "a logout token was refused");
            return Ok(refuse());
        }
        Err(LogoutTrouble::Server(error)) => return Err(Rejection::TryAgain(error.to_string())),
    };
    act(bff, server, &token).await?;
    Ok(super::json(StatusCode::OK, &serde_json::Map::new()))
}

async fn read(head: &request::Parts, body: Body) -> Result<Option<Secret<String>>, Rejection> {
    let kind = navigation::text(&head.headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(BadRequest::ContentType.into());
    }
    let body = Limited::new(body, LONGEST_BODY).collect().await.map_err(|_| BadRequest::BodyTooLarge)?.to_bytes();
    Ok(protocol::parse_logout_request(&body).ok())
}

async fn act(bff: &Arc<Bff>, server: &Server, token: &LogoutToken) -> Result<(), Rejection> {
    let store = bff.store();
    let issuer = server.settings().issuer.as_str().as_bytes();
    let jti = bff.keys().index(IndexPurpose::LogoutToken, &[issuer, token.jti.as_bytes()]);
    if store.is_remembered(OncePurpose::LogoutToken, jti).await.map_err(unavailable)? {
        return Ok(());
    }
    let ended = match (&token.sid, &token.subject) {
        (Some(sid), _) => {
            let sid = bff.keys().index(IndexPurpose::Sid, &[issuer, sid.as_bytes()]);
            leave_note(bff, &sid).await?;
            end_all(bff, store.by_sid(SidIndex(sid)).await.map_err(unavailable)?).await?
        }
        (None, Some(subject)) => {
            let user = bff.keys().index(IndexPurpose::User, &[issuer, subject.as_str().as_bytes()]);
            leave_note(bff, &user).await?;
            end_all(bff, store.by_user(UserIndex(user)).await.map_err(unavailable)?).await?
        }
        (None, None) => 0,
    };
    info!(server = server.settings().name, ended, "signed out at the authorization server");
    store.insert_once(OncePurpose::LogoutToken, jti, keep(token, bff.now())).await.map_err(unavailable)?;
    Ok(())
}

/// For logins that are being completed right now.
async fn leave_note(bff: &Bff, index: &[u8; 32]) -> Result<(), Rejection> {
    let note = session::note_of_end(bff, index);
    bff.store().insert_once(OncePurpose::EndedSid, note, LONGEST_LOGIN).await.map_err(unavailable)?;
    Ok(())
}

async fn end_all(bff: &Arc<Bff>, keys: Vec<StoreKey>) -> Result<usize, Rejection> {
    for key in &keys {
        session::end(bff, *key, EndReason::BackChannelLogout).await?;
    }
    Ok(keys.len())
}

/// As long as the token could be presented again.
fn keep(token: &LogoutToken, now: Timestamp) -> Duration {
    now.duration_until(token.expires_at) + Duration::from_secs(2 * 60)
}

/// §2.8: 400, and nothing that helps a forger.
fn refuse() -> Response<Body> {
    super::json(StatusCode::BAD_REQUEST, &Refusal { error: "invalid_request" })
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
fn unavailable(error: StoreError) -> Rejection {
    session::unavailable(&error)
}
