//! `POST /token`: a code or a refresh token in, a token set out (RFC 6749 §4.1.3, §6).

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use protocol::CodeVerifier;

pub(super) mod client_authentication;
pub(super) mod refusal;

use self::{client_authentication::require_client, refusal::TokenRefusal};
use crate::{
    opaque::Hash,
    pages,
    parameters::{Parameters, read_form},
    scope::Scope,
    server::LoginServer,
    storage::{
        StorageError,
        code::{self, CodeGrant, Spent},
        family::{self, Rotation},
    },
    tokens::TokenSet,
};

/// `POST /token`
pub(super) async fn token(State(server): State<Arc<LoginServer>>, request: Request) -> Response {
    match exchange(&server, request).await {
        Ok(tokens) => {
            let mut response = Json(tokens).into_response();
            pages::protect(response.headers_mut());
            response
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn exchange(server: &Arc<LoginServer>, request: Request) -> Result<TokenSet, TokenRefusal> {
    let (head, parameters) = read_form(request).await?;
    parameters.require_unrepeated()?;
    let client_id = require_client(&server.clients, &head.headers, &parameters)?.id.as_str().to_owned();
    match parameters.find("grant_type") {
        Some("authorization_code") => redeem(server, client_id, &parameters).await,
        Some("refresh_token") => refresh(server, client_id, &parameters).await,
        Some(_) => Err(TokenRefusal::UnsupportedGrantType),
        None => Err(TokenRefusal::InvalidRequest),
    }
}

/// What a client shows to redeem a code.
struct Redemption {
    client_id: String,
    redirect_uri: String,
    challenge: String,
}

/// A code is used up by its first presentation, right or wrong; a second one ends what the first brought.
async fn redeem(
    server: &Arc<LoginServer>,
    client_id: String,
    parameters: &Parameters,
) -> Result<TokenSet, TokenRefusal> {
    let hash = parameters.find("code").map(Hash::of).ok_or(TokenRefusal::InvalidRequest)?;
    let verifier = parameters.find("code_verifier").ok_or(TokenRefusal::InvalidRequest)?;
    let redemption = Redemption {
        client_id,
        redirect_uri: parameters.find("redirect_uri").ok_or(TokenRefusal::InvalidRequest)?.to_owned(),
        challenge: CodeVerifier::parse(verifier).ok_or(TokenRefusal::InvalidGrant)?.challenge(),
    };
    let (now, minting) = (server.clock.now(), Arc::clone(server));

    let outcome = server.storage.run(now, move |tx| -> Result<_, StorageError> {
        let grant = match code::spend(tx, hash, now)? {
            Spent::First(grant) if redemption.fits(&grant) => grant,
            Spent::Again => {
                tracing::warn!(client_id = redemption.client_id, "a code was presented twice: its tokens are ended");
                return Ok(None);
            }
            Spent::First(_) | Spent::Unknown => return Ok(None),
        };
        let Some(started) = family::start(tx, &grant, now)? else { return Ok(None) };
        code::tie(tx, hash, started.family.id)?;
        minting.mint.issue(tx, started, grant.nonce.as_deref(), now).map(Some)
    });
    outcome.await?.ok_or(TokenRefusal::InvalidGrant)
}

impl Redemption {
    /// RFC 6749 §4.1.3 and RFC 7636 §4.6. The challenge is no secret, so how it is compared tells nothing.
    fn fits(&self, grant: &CodeGrant) -> bool {
        self.client_id == grant.client_id
            && self.redirect_uri == grant.redirect_uri
            && self.challenge == grant.challenge
    }
}

/// The answer always has the whole scope that was granted at the login; asking for more is refused.
async fn refresh(
    server: &Arc<LoginServer>,
    client_id: String,
    parameters: &Parameters,
) -> Result<TokenSet, TokenRefusal> {
    let presented = parameters.find("refresh_token").ok_or(TokenRefusal::InvalidRequest)?.to_owned();
    let asked = parameters.find("scope").map(str::to_owned);
    let (now, minting) = (server.clock.now(), Arc::clone(server));

    let outcome = server.storage.run(now, move |tx| -> Result<_, StorageError> {
        let known = family::named_by(tx, &presented, now)?;
        if known.is_some_and(|known| asked.is_some_and(|asked| !Scope::granted(&known.scope).covers(&asked))) {
            return Ok(Err(TokenRefusal::InvalidScope));
        }
        match family::rotate(tx, &presented, &client_id, minting.refresh_leeway, now)? {
            Rotation::Renewed(continued) => minting.mint.issue(tx, *continued, None, now).map(Ok),
            Rotation::Ended => {
                tracing::warn!(client_id, "a refresh token was used again or by another client: its family is ended");
                Ok(Err(TokenRefusal::InvalidGrant))
            }
            Rotation::Unknown => Ok(Err(TokenRefusal::InvalidGrant)),
        }
    });
    outcome.await?
}
