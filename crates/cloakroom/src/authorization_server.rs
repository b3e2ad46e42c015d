//! What does the authorization server answer? Sends the protocol's messages; keeps metadata and keys.

pub(crate) mod http_client;
mod kept;

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::{
    AuthorizationServerMetadata, CodeVerifier, EndpointUrl, ExpectedNonce, IdToken, IdTokenError, IdTokenExpectation,
    Issuer, JwkSet, LogoutToken, LogoutTokenError, LogoutTokenExpectation, Secret, Subject, TokenError, TokenErrorCode,
    TokenKind, TokenResponse,
};
use serde_json::{Map, Value};
use thiserror::Error;
use tracing::{error, warn};

pub use self::http_client::{HttpClient, HttpFuture, SendError};
use self::kept::Kept;
use crate::{clock::Clock, refresh::decision::Answer, settings::AuthorizationServer};

/// Metadata and keys are fetched again after so long.
const KEPT_FOR: Duration = Duration::from_secs(60 * 60);
/// Whoever answered within this time is alive. So a login costs one more question to its server, and many at once share it.
const ALIVE_FOR: Duration = Duration::from_secs(1);
/// A logout token is good for at most so long.
const LONGEST_LOGOUT_TOKEN_LIFE: Duration = Duration::from_secs(10 * 60);
/// Clock difference that is tolerated.
const LEEWAY: Duration = Duration::from_secs(60);
/// A refresh that was not taken is not tried again for so long.
const BACK_OFF: Duration = Duration::from_secs(2);

/// One authorization server and what we know of it.
pub(crate) struct Server {
    settings: AuthorizationServer,
    client: Arc<dyn HttpClient>,
    clock: Arc<dyn Clock>,
    metadata: Kept<AuthorizationServerMetadata>,
    keys: Kept<JwkSet>,
    back_off_until: std::sync::Mutex<Duration>,
}

/// Why a logout token is not acted upon.
#[derive(Clone, Debug, Error)]
pub(crate) enum LogoutTrouble {
    /// It is not believed: the sender's fault, and final.
    #[error("{0}")]
    Token(LogoutTokenError),
    /// Metadata or keys could not be had: sending it again can help.
    #[error("{0}")]
    Server(ServerError),
}

/// What a refresh says of the user.
#[derive(Debug)]
pub(crate) enum Renewal {
    /// New claims, verified.
    Claims(Box<IdToken>),
    /// Nothing that could be believed.
    Nothing,
    /// The tokens are another user's.
    AnotherUser,
}

/// Why an authorization server is of no help.
#[derive(Clone, Debug, Error)]
pub(crate) enum ServerError {
    /// It does not answer, or says that it cannot now.
    #[error("the authorization server does not answer: {0}")]
    Away(String),
    /// It answers something that we cannot or must not use.
    #[error("the authorization server's answer is of no use: {0}")]
    Useless(String),
}

impl Server {
    pub(crate) fn new(settings: AuthorizationServer, client: Arc<dyn HttpClient>, clock: Arc<dyn Clock>) -> Self {
        Self {
            settings,
            client,
            clock,
            metadata: Kept::default(),
            keys: Kept::default(),
            back_off_until: std::sync::Mutex::new(Duration::ZERO),
        }
    }

    pub(crate) fn settings(&self) -> &AuthorizationServer {
        &self.settings
    }

    /// Its metadata (OpenID Connect Discovery §4), at most an hour old; older only while it does not answer.
    pub(crate) async fn metadata(&self) -> Result<Arc<AuthorizationServerMetadata>, ServerError> {
        self.metadata.find_or_old(&*self.clock, KEPT_FOR, || self.fetch_metadata()).await
    }

    /// The same, if the server has just answered: a login must not begin that could not be completed.
    pub(crate) async fn metadata_of_living(&self) -> Result<Arc<AuthorizationServerMetadata>, ServerError> {
        self.metadata.find_recent(&*self.clock, ALIVE_FOR, || self.fetch_metadata()).await
    }

    async fn fetch_metadata(&self) -> Result<AuthorizationServerMetadata, ServerError> {
        let request = protocol::discovery_request(&self.settings.issuer);
        let answer = self.send(request).await?;
        protocol::parse_discovery_response(&self.settings.issuer, &answer).map_err(|error| {
            error!(server = self.settings.name, %error, "the metadata of an authorization server is of no use");
            if answer.status().is_server_error() {
                ServerError::Away(error.to_string())
            } else {
                ServerError::Useless(error.to_string())
            }
        })
    }

    async fn keys(&self, at_most: Duration) -> Result<Arc<JwkSet>, ServerError> {
        let metadata = self.metadata().await?;
        let fetch = async || {
            let answer = self.send(protocol::key_set_request(&metadata)).await?;
            protocol::parse_key_set_response(&answer).map_err(|error| ServerError::Useless(error.to_string()))
        };
        self.keys.find(&*self.clock, at_most, fetch).await
    }

    /// The tokens for a code (RFC 6749 §4.1.3).
    pub(crate) async fn redeem(
        &self,
        code: &Secret<String>,
        redirect_uri: &EndpointUrl,
        verifier: &CodeVerifier,
    ) -> Result<TokenResponse, ServerError> {
        let metadata = self.metadata().await?;
        let request = protocol::code_request(&metadata, &self.settings.client, code, redirect_uri, verifier);
        let answer = self.send(request).await?;
        protocol::parse_token_response(&answer).map_err(|error| {
            warn!(server = self.settings.name, %error, "a code was not redeemed");
            match error {
                TokenError::RateLimited { .. } | TokenError::ServerFailed { .. } => {
                    ServerError::Away(error.to_string())
                }
                TokenError::Refused { .. } | TokenError::Unusable(_) => ServerError::Useless(error.to_string()),
            }
        })
    }

    /// Fetches what a refresh needs, before anything is claimed: between claim and answer only the answer is waited for.
    pub(crate) async fn prepare(&self) -> Result<(), ServerError> {
        self.metadata().await.inspect_err(|_| self.put_off("no metadata", None))?;
        // Without keys a refresh goes on: its ID token is then only compared, not believed.
        drop(self.keys(KEPT_FOR).await);
        Ok(())
    }

    /// Presents a refresh token (RFC 6749 §6), once. Never repeats by itself.
    pub(crate) async fn refresh(&self, token: &Secret<String>) -> (Answer, Option<TokenResponse>) {
        let Some(metadata) = self.metadata.at_hand() else { return (Answer::NotTaken, None) };
        let request = protocol::refresh_request(&metadata, &self.settings.client, token);
        match self.client.send(request, self.settings.profile.request_limit()).await {
            Err(SendError::NotSent(why)) => {
                self.put_off(&why, None);
                (Answer::NotTaken, None)
            }
            Err(SendError::NoAnswer(why)) => {
                warn!(server = self.settings.name, why, "a refresh was not answered");
                (Answer::Unknown, None)
            }
            Ok(answer) => match protocol::parse_token_response(&answer) {
                Ok(tokens) => (Answer::Tokens, Some(tokens)),
                Err(error) => (self.classify(&error), None),
            },
        }
    }

    /// Only `invalid_grant` ends a session. What is about us as a client, or about load, puts every refresh off; any
    /// other refusal only this one.
    fn classify(&self, error: &TokenError) -> Answer {
        match error {
            TokenError::Refused { code: TokenErrorCode::InvalidGrant, .. } => Answer::InvalidGrant,
            TokenError::Refused {
                code: TokenErrorCode::InvalidClient | TokenErrorCode::UnauthorizedClient, ..
            } => {
                error!(server = self.settings.name, %error, "the authorization server refuses us as a client: sessions cannot be refreshed");
                self.put_off("refused as a client", None);
                Answer::NotTaken
            }
            TokenError::Refused { .. } => {
                warn!(server = self.settings.name, %error, "a refresh was refused for now");
                Answer::NotTaken
            }
            TokenError::RateLimited { retry_after } => {
                self.put_off("rate limited", *retry_after);
                Answer::NotTaken
            }
            TokenError::ServerFailed { .. } | TokenError::Unusable(_) => {
                warn!(server = self.settings.name, %error, "a refresh was answered with nothing usable");
                Answer::Unknown
            }
        }
    }

    /// Puts every refresh at this server off for a while.
    fn put_off(&self, why: &str, wait: Option<Duration>) {
        let wait = wait.unwrap_or(BACK_OFF).clamp(BACK_OFF, Duration::from_secs(60));
        warn!(server = self.settings.name, why, ?wait, "refreshes are put off");
        let until = self.clock.monotonic() + wait;
        *self.back_off_until.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = until;
    }

    /// Whether refreshes are put off at the moment.
    pub(crate) fn is_backing_off(&self) -> bool {
        let until = *self.back_off_until.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.clock.monotonic() < until
    }

    /// Verifies the ID token of a login in full; fetches the keys again when it names one that is not known.
    pub(crate) async fn verify_login(
        &self,
        token: &Secret<String>,
        access_token: &Secret<String>,
        nonce: &str,
        max_age: Option<Duration>,
    ) -> Result<IdToken, ServerError> {
        let metadata = self.metadata().await?;
        let expected =
            IdTokenExpectation { max_age, ..self.expect(&metadata, ExpectedNonce::Exactly(nonce), access_token) };
        let keys = self.keys(KEPT_FOR).await?;
        let verified = match protocol::verify_id_token(token, &keys, &expected) {
            Err(IdTokenError::UnknownKey) => {
                let keys = self.keys(Duration::from_secs(10)).await?;
                protocol::verify_id_token(token, &keys, &expected)
            }
            verified => verified,
        };
        verified.map_err(|error| {
            error!(server = self.settings.name, %error, "an ID token was refused");
            ServerError::Useless(error.to_string())
        })
    }

    /// What the ID token that came with a refresh says of the user (OpenID Connect Core §12.2), judged with the keys at
    /// hand: storing the new tokens must not wait for anything.
    pub(crate) fn renewal(&self, tokens: &TokenResponse, subject: &Subject) -> Renewal {
        let Some(token) = &tokens.id_token else { return Renewal::Nothing };
        let verified = self.metadata.at_hand().zip(self.keys.at_hand()).map(|(metadata, keys)| {
            let expected = self.expect(&metadata, ExpectedNonce::Any, &tokens.access_token);
            protocol::verify_id_token(token, &keys, &expected)
        });
        match verified {
            Some(Ok(verified)) if verified.subject == *subject => Renewal::Claims(Box::new(verified)),
            Some(Ok(_)) => Renewal::AnotherUser,
            Some(Err(_)) | None if names_another(token, &self.settings.issuer, subject) => Renewal::AnotherUser,
            Some(Err(error)) => {
                warn!(server = self.settings.name, %error, "claims were not renewed");
                Renewal::Nothing
            }
            None => Renewal::Nothing,
        }
    }

    /// Verifies a logout token (OpenID Connect Back-Channel Logout §2.6); fetches the keys again when it names an unknown one.
    pub(crate) async fn verify_logout(&self, token: &Secret<String>) -> Result<LogoutToken, LogoutTrouble> {
        let metadata = self.metadata().await.map_err(LogoutTrouble::Server)?;
        let expected = LogoutTokenExpectation {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client.id,
            algorithms: &metadata.id_token_signing_algorithms,
            now: self.clock.now(),
            leeway: LEEWAY,
            max_age: LONGEST_LOGOUT_TOKEN_LIFE,
        };
        let keys = self.keys(KEPT_FOR).await.map_err(LogoutTrouble::Server)?;
        let verified = match protocol::verify_logout_token(token, &keys, &expected) {
            Err(LogoutTokenError::UnknownKey) => {
                let keys = self.keys(Duration::from_secs(10)).await.map_err(LogoutTrouble::Server)?;
                protocol::verify_logout_token(token, &keys, &expected)
            }
            verified => verified,
        };
        verified.map_err(LogoutTrouble::Token)
    }

    fn expect<'a>(
        &'a self,
        metadata: &'a AuthorizationServerMetadata,
        nonce: ExpectedNonce<'a>,
        access_token: &'a Secret<String>,
    ) -> IdTokenExpectation<'a> {
        IdTokenExpectation {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client.id,
            algorithms: &metadata.id_token_signing_algorithms,
            nonce,
            access_token: Some(access_token),
            now: self.clock.now(),
            leeway: LEEWAY,
            max_age: None,
        }
    }

    /// The claims of the UserInfo endpoint (OpenID Connect Core §5.3); none where it has none or does not answer.
    pub(crate) async fn user_info(
        &self,
        access_token: &Secret<String>,
        subject: &Subject,
    ) -> Option<Map<String, Value>> {
        let metadata = self.metadata().await.ok()?;
        let request = protocol::userinfo_request(&metadata, access_token)?;
        let answer = self.send(request).await.ok()?;
        let claims = protocol::parse_userinfo_response(&answer, subject);
        claims.inspect_err(|error| warn!(server = self.settings.name, %error, "UserInfo is left out")).ok()
    }

    /// Revokes a refresh token (RFC 7009). What comes of it is logged; nobody waits.
    pub(crate) async fn revoke(&self, token: &Secret<String>) {
        let Ok(metadata) = self.metadata().await else { return };
        let Some(request) = protocol::revocation_request(&metadata, &self.settings.client, token, TokenKind::Refresh)
        else {
            return;
        };
        let outcome = match self.send(request).await {
            Ok(answer) => protocol::parse_revocation_response(&answer).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = outcome {
            warn!(server = self.settings.name, error, "a refresh token was not revoked at the authorization server");
        }
    }

    async fn send(&self, request: http::Request<bytes::Bytes>) -> Result<http::Response<bytes::Bytes>, ServerError> {
        self.client.send(request, self.settings.time_out).await.map_err(|error| {
            warn!(server = self.settings.name, %error, "an authorization server was not reached");
            ServerError::Away(error.to_string())
        })
    }
}

/// Whether an ID token that cannot be verified speaks of another user. That is believed of anyone: it only takes away.
fn names_another(token: &Secret<String>, issuer: &Issuer, subject: &Subject) -> bool {
    let payload = token.expose().split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims = payload.and_then(|bytes| serde_json::from_slice::<Map<String, Value>>(&bytes).ok());
    claims.is_some_and(|claims| {
        let is = |name: &str, expected: &str| claims.get(name).and_then(Value::as_str) == Some(expected);
        !is("sub", subject.as_str()) || !is("iss", issuer.as_str())
    })
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({})", self.settings.name)
    }
}
