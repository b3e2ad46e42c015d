//! An authorization server that approves every login, and otherwise does what its script says.
//!
//! Its refresh tokens are good for one use; the ledger remembers each presentation and what came of it. Revoking a token
//! ends that token alone: the least that RFC 7009 asks, so that a client which revokes the wrong one is found out.

mod browser_facing;
mod ledger;
mod machine_facing;
mod mint;
mod script;
mod token;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Router,
    routing::{get, post},
};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use protocol::{Client, ClientAuthentication, ClientId, Issuer, Secret};

use self::ledger::Ledger;
pub use self::{
    ledger::{Presentation, Verdict},
    script::{IdTokenDefect, IssuerParameter, RefreshTokens, Script, Trouble},
};
use serde_json::Value;

use crate::{
    HandClock,
    server::{Answering, Bound, Server},
};

/// The client that is registered.
pub const CLIENT_ID: &str = "cloakroom-test";
/// Its secret, which must be seen nowhere else.
pub const CLIENT_SECRET: &str = "client-secret-8c1f0b9e5d";

/// An authorization server on a loopback socket.
#[derive(Debug)]
pub struct AuthorizationServer {
    desk: Arc<Desk>,
    server: Server,
}

/// What its endpoints share.
#[derive(Debug)]
struct Desk {
    issuer: String,
    clock: Arc<HandClock>,
    script: Mutex<Script>,
    ledger: Mutex<Ledger>,
}

impl AuthorizationServer {
    /// Starts one that behaves well.
    pub async fn start(clock: Arc<HandClock>) -> Self {
        // Making keys takes seconds on a busy machine: not while somebody waits for an answer with a time limit.
        tokio::task::spawn_blocking(mint::make_keys).await.expect("making keys does not panic");
        let bound = Bound::new().await;
        let issuer = format!("http://{}", bound.address());
        let desk = Desk { issuer, clock, script: Mutex::new(Script::default()), ledger: Mutex::default() };
        let desk = Arc::new(desk);
        let server = bound.serve(answering(router(Arc::clone(&desk))));
        Self { desk, server }
    }

    /// Its issuer identifier.
    pub fn issuer(&self) -> Issuer {
        Issuer::parse(&self.desk.issuer).expect("a loopback address is an issuer")
    }

    /// The registration of the client under test.
    pub fn client(&self) -> Client {
        Client {
            id: ClientId::new(CLIENT_ID.to_owned()).expect("the id is plain"),
            authentication: ClientAuthentication::SecretBasic(Secret::new(CLIENT_SECRET.to_owned())),
        }
    }

    /// What it is told to do; changes hold from the next request on. Not to be kept across an `await`.
    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.desk.script()
    }

    /// Answers the next refresh with `invalid_grant`.
    pub fn refuse_next_refresh(&self) {
        self.script().refresh_troubles.push_back(Trouble::InvalidGrant);
    }

    /// Stops listening.
    pub async fn go_down(&self) {
        self.server.close().await;
    }

    /// Listens again.
    pub async fn come_back(&self) {
        self.server.open_again().await;
    }

    /// Every presentation of a refresh token so far.
    pub fn presentations(&self) -> Vec<Presentation> {
        self.desk.ledger().presentations.clone()
    }

    /// The refresh tokens that would be accepted now.
    pub fn live_refresh_tokens(&self) -> Vec<String> {
        self.desk.ledger().live_refresh_tokens()
    }

    /// The tokens that were revoked, whatever they were.
    pub fn revocations(&self) -> Vec<String> {
        self.desk.ledger().revocations.clone()
    }

    /// Waits until a token has been revoked that was not revoked before: nobody else waits for that.
    pub async fn revoked(&self) {
        let revoked = self.desk.ledger().revoked.clone();
        revoked.reached().await;
    }

    /// A logout token with these claims on top of a good one's; `null` takes one away.
    pub fn logout_token(&self, changes: &Value) -> String {
        mint::logout_token(&self.desk, &self.script(), changes)
    }

    /// How many codes were presented, good or bad.
    pub fn redemptions(&self) -> usize {
        self.desk.ledger().redemptions
    }

    /// Every text that only this server and its client may know: tokens, codes, code verifiers, the client's secret.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = self.desk.ledger().secrets.clone();
        secrets.push(CLIENT_SECRET.to_owned());
        secrets
    }
}

impl Desk {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(machine_facing::discovery))
        .route("/authorize", get(browser_facing::authorize))
        .route("/end-session", get(browser_facing::end_session))
        .route("/token", post(token::token))
        .route("/userinfo", get(machine_facing::user_info))
        .route("/jwks", get(machine_facing::key_set))
        .route("/revoke", post(machine_facing::revoke))
        .with_state(desk)
}

fn answering(router: Router) -> Answering {
    let service = TowerToHyperService::new(router);
    Arc::new(move |request| {
        let answer = service.call(request);
        Box::pin(async move { answer.await.unwrap_or_else(|never| match never {}) })
    })
}
