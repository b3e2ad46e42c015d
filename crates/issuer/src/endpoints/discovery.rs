//! What this server offers (OpenID Connect Discovery 1.0 §3, RFC 8414 §2), and its keys (RFC 7517 §5).

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue,
    header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL},
};
use serde_json::{Value, json};

use super::{AUTHORIZE, END_SESSION, JWKS, REVOKE, TOKEN, USERINFO};
use crate::{server::LoginServer, tokens::ACR_PASSWORD};

/// `GET /.well-known/openid-configuration`
pub(super) async fn metadata(State(server): State<Arc<LoginServer>>) -> Response {
    public(json!({
        "issuer": server.mint.issuer,
        "authorization_endpoint": server.paths.url(AUTHORIZE),
        "token_endpoint": server.paths.url(TOKEN),
        "userinfo_endpoint": server.paths.url(USERINFO),
        "jwks_uri": server.paths.url(JWKS),
        "revocation_endpoint": server.paths.url(REVOKE),
        "end_session_endpoint": server.paths.url(END_SESSION),
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "scopes_supported": server.scopes.known(),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "acr_values_supported": [ACR_PASSWORD],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": CLIENT_AUTHENTICATION,
        "revocation_endpoint_auth_methods_supported": CLIENT_AUTHENTICATION,
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "sid", "at_hash", "acr", "amr", "name",
            "preferred_username", "email",
        ],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "authorization_response_iss_parameter_supported": true,
    }))
}

/// `GET /jwks`
pub(super) async fn key_set(State(server): State<Arc<LoginServer>>) -> Response {
    public(json!({ "keys": [server.mint.key.public_jwk()] }))
}

/// Nothing here is secret or depends on who asks, so pages of any origin may read it.
fn public(document: Value) -> Response {
    let mut response = Json(document).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

const CLIENT_AUTHENTICATION: [&str; 3] = ["client_secret_basic", "client_secret_post", "none"];
