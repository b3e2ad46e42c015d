//! One path each. Every other path answers 404, every other method 405, every other host 421.

use std::sync::Arc;

use axum::{
    Router,
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{StatusCode, header::ALLOW};
use protocol::Issuer;

use crate::server::LoginServer;

mod authorize;
mod discovery;
mod end_session;
mod login;
mod own_host;
mod revoke;
mod token;
mod userinfo;

/// Where the endpoints are.
pub(crate) struct Paths {
    /// The issuer without a slash at its end.
    base: String,
    /// The path of the issuer, without a slash at its end: empty when it is an origin.
    prefix: String,
}

impl Paths {
    pub(crate) fn below(issuer: &Issuer) -> Self {
        let base = issuer.as_str().strip_suffix('/').unwrap_or(issuer.as_str());
        let prefix = issuer.discovery_url().uri().path().strip_suffix(DISCOVERY).unwrap_or_default();
        Self { base: base.to_owned(), prefix: prefix.to_owned() }
    }

    /// The full URL of an endpoint.
    fn url(&self, endpoint: &str) -> String {
        format!("{}{endpoint}", self.base)
    }

    /// The path of an endpoint on its origin.
    fn path(&self, endpoint: &str) -> String {
        format!("{}{endpoint}", self.prefix)
    }
}

/// Mounts every endpoint at its path.
pub(crate) fn router(server: Arc<LoginServer>) -> Router {
    let path = |endpoint| server.paths.path(endpoint);
    Router::new()
        .route(&path(DISCOVERY), get(discovery::metadata))
        .route(&path(JWKS), get(discovery::key_set))
        .route(&path(AUTHORIZE), get(authorize::by_get).post(authorize::by_post).head(no_head).fallback(no_head))
        .route(&path(LOGIN), post(login::login))
        .route(&path(TOKEN), post(token::token))
        .route(&path(USERINFO), get(userinfo::userinfo).post(userinfo::userinfo))
        .route(&path(REVOKE), post(revoke::revoke))
        .route(&path(END_SESSION), get(end_session::by_get).post(end_session::by_post).head(no_head).fallback(no_head))
        .route(&path(CONFIRM), post(end_session::confirm))
        .layer(from_fn_with_state(Arc::clone(&server), own_host::require))
        .with_state(server)
}

/// Refuses HEAD too, where a GET starts or ends something: axum would run it and throw the answer away.
async fn no_head() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, POST")]).into_response()
}

const DISCOVERY: &str = "/.well-known/openid-configuration";
const JWKS: &str = "/jwks";
const AUTHORIZE: &str = "/authorize";
const LOGIN: &str = "/login";
const TOKEN: &str = "/token";
const USERINFO: &str = "/userinfo";
const REVOKE: &str = "/revoke";
const END_SESSION: &str = "/end-session";
const CONFIRM: &str = "/end-session/confirm";
