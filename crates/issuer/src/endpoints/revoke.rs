//! `POST /revoke`: a client is done with a token (RFC 7009 §2).
//!
//! A refresh token ends its whole family. An access token is forgotten here, so that `UserInfo` refuses it; resource
//! servers that verify its signature by themselves go on accepting it for the few minutes it has left.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use protocol::Timestamp;
use rusqlite::Transaction;

use super::token::{client_authentication::require_client, refusal::TokenRefusal};
use crate::{
    opaque::Hash,
    pages,
    parameters::read_form,
    server::LoginServer,
    storage::{access_token, family},
};

/// `POST /revoke`
pub(super) async fn revoke(State(server): State<Arc<LoginServer>>, request: Request) -> Response {
    match end_token(&server, request).await {
        Ok(()) => {
            let mut response = StatusCode::OK.into_response();
            pages::protect(response.headers_mut());
            response
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn end_token(server: &LoginServer, request: Request) -> Result<(), TokenRefusal> {
    let (head, parameters) = read_form(request).await?;
    parameters.require_unrepeated()?;
    let client_id = require_client(&server.clients, &head.headers, &parameters)?.id.as_str().to_owned();
    let token = parameters.find("token").ok_or(TokenRefusal::InvalidRequest)?.to_owned();
    let now = server.clock.now();
    match server.storage.run(now, move |tx| end(tx, &token, &client_id, now)).await? {
        Revocation::Done => Ok(()),
        Revocation::NotTheirs => Err(TokenRefusal::InvalidGrant),
    }
}

enum Revocation {
    /// The token is good for nothing now; perhaps it was before (RFC 7009 §2.2).
    Done,
    /// It belongs to another client (RFC 7009 §2.1).
    NotTheirs,
}

fn end(tx: &Transaction<'_>, token: &str, client_id: &str, now: Timestamp) -> rusqlite::Result<Revocation> {
    let hash = Hash::of(token);
    let of_refresh_token = family::named_by(tx, token, now)?;
    let of_access_token = access_token::load(tx, hash, now)?;
    match (of_refresh_token, of_access_token) {
        (Some(family), _) if family.client_id == client_id => family::end(tx, family.id)?,
        (None, Some(family)) if family.client_id == client_id => access_token::end(tx, hash)?,
        (None, None) => {}
        _ => return Ok(Revocation::NotTheirs),
    }
    Ok(Revocation::Done)
}
