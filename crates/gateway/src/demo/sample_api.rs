//! A sample API: a resource server that knows access tokens and nothing of Cloakroom.

mod invoices;

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{HeaderMap, header};
use protocol::AccessToken;
use serde_json::{Value, json};

use self::invoices::Invoices;
use super::bearer::{Refusal, Verifier};

/// The API's name for itself: the `aud` of tokens that are meant for it.
pub(super) const AUDIENCE: &str = "https://sample-api.example";
/// What a token has to grant.
pub(super) const SCOPE: &str = "invoices";

/// `GET|POST /api/invoices`, `GET /api/whoami`. Everything needs an access token.
pub(super) fn router(verifier: Arc<Verifier>) -> Router {
    let invoices = Arc::new(Invoices::default());
    Router::new()
        .route("/api/invoices", get(invoices::list).post(invoices::add).with_state(invoices))
        .route("/api/whoami", get(who_am_i).with_state(Arc::clone(&verifier)))
        .layer(from_fn_with_state(verifier, require_token))
        .layer(DefaultBodyLimit::max(4 * 1024))
}

async fn require_token(
    State(verifier): State<Arc<Verifier>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let token = verifier.require_token(request.headers()).await?;
    request.extensions_mut().insert(Arc::new(token));
    Ok(next.run(request).await.into_response())
}

/// What the API sees of its caller.
async fn who_am_i(
    State(verifier): State<Arc<Verifier>>,
    Extension(token): Extension<Arc<AccessToken>>,
    headers: HeaderMap,
) -> Json<Value> {
    Json(json!({
        "sub": token.subject.as_str(),
        "client_id": token.client_id,
        "scopes": token.scope,
        "token_expires_in_seconds": verifier.seconds_left(&token),
        "cookie_arrived": headers.contains_key(header::COOKIE),
    }))
}

#[cfg(test)]
mod tests;
