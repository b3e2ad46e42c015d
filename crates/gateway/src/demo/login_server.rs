//! The built-in login server with one account, and the gateway as its only client.

use std::{sync::Arc, time::Duration};

use cloakroom::random::{Random, SystemRandom};
use issuer::{Clock, LoginServer, Profile, RegisteredClient, Settings};
use protocol::{ClientId, Issuer, Secret};

use super::{Places, folder::Folder, sample_api};
use crate::failure::Failure;

/// The demo user.
pub(super) const USER: &str = "alice";
/// The gateway's name for the login server; part of the redirect URI.
pub(super) const SERVER_NAME: &str = "demo";

/// What the login server and the gateway know about each other.
pub(super) struct Registration {
    pub(super) issuer: Issuer,
    pub(super) client_id: ClientId,
    /// New at every start; both sides get it within this process.
    pub(super) client_secret: Secret<String>,
    redirect_uri: String,
    after_logout: String,
    back_channel_logout_uri: String,
}

/// What becomes of sessions of earlier runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sessions {
    Keep,
    Forget,
}

/// What the command line asks of the login server.
#[derive(Clone, Copy)]
pub(super) struct Wishes {
    pub(super) sessions: Sessions,
    pub(super) access_token_life: Duration,
}

impl Registration {
    pub(super) fn new(places: &Places) -> Result<Self, Failure> {
        Ok(Self {
            issuer: Issuer::parse(&places.issuer).map_err(Failure::trouble)?,
            client_id: ClientId::new("cloakroom-demo".to_owned()).map_err(Failure::trouble)?,
            client_secret: random_secret(),
            redirect_uri: format!("{}/auth/callback/{SERVER_NAME}", places.app),
            after_logout: format!("{}/", places.app),
            back_channel_logout_uri: format!("{}/auth/back-channel-logout/{SERVER_NAME}", places.app),
        })
    }
}

/// Opens the login server and makes sure that the demo user can sign in.
pub(super) async fn open(
    folder: &Folder,
    registration: &Registration,
    password: &Secret<String>,
    wishes: Wishes,
) -> Result<Arc<LoginServer>, Failure> {
    let mut settings = Settings::new(registration.issuer.clone(), sample_api::AUDIENCE);
    settings.access_token_life = wishes.access_token_life;
    settings.resource_scopes = vec![sample_api::SCOPE.to_owned()];
    settings.clients.push(RegisteredClient {
        id: registration.client_id.clone(),
        secret: Some(registration.client_secret.clone()),
        redirect_uris: vec![registration.redirect_uri.clone()],
        post_logout_redirect_uris: vec![registration.after_logout.clone()],
        back_channel_logout_uri: Some(registration.back_channel_logout_uri.clone()),
        name: "Cloakroom demo".to_owned(),
    });
    let (database, password) = (folder.issuer(), password.clone());
    // It waits for the disk and hashes a password, so not on a thread that serves.
    let opened = tokio::task::spawn_blocking(move || {
        let server = LoginServer::open(settings, &database, Clock::system()).map_err(Failure::trouble)?;
        if wishes.sessions == Sessions::Forget {
            server.forget_sessions().map_err(Failure::trouble)?;
        }
        let profile = Profile { name: Some("Alice Liddell".to_owned()), email: Some("alice@example.com".to_owned()) };
        server.accounts().ensure(USER, &password, profile).map_err(Failure::trouble)?;
        Ok(server)
    });
    opened.await.map_err(Failure::trouble)?
}

fn random_secret() -> Secret<String> {
    let mut bytes = [0; 32];
    SystemRandom.fill(&mut bytes);
    let (high, low) = bytes.split_at(16);
    let hexadecimal = |half: &[u8]| half.iter().fold(0, |number, byte| number << 8 | u128::from(*byte));
    Secret::new(format!("{:032x}{:032x}", hexadecimal(high), hexadecimal(low)))
}
