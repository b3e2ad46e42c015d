//! A sample app server that knows nothing of Cloakroom: static files for everybody, and one page that is made on the
//! server for the person who is signed in, with an API call on their behalf.

mod account;

use std::sync::Arc;

use axum::{
    Json, Router,
    http::{HeaderName, StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use serde_json::json;

use self::account::AccountPage;
use super::{Places, bearer::Verifier};

/// The app's own policy. Without inline script and with Trusted Types, markup that an attacker smuggles in stays text.
const SECURITY_HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-cache"),
];

/// `/`, its files, and `/account`.
pub(super) fn router(places: &Places, verifier: Arc<Verifier>) -> Router {
    let links = json!({ "elsewhere": places.elsewhere, "issuer": places.issuer });
    Router::new()
        .route("/", get(async || file("text/html; charset=utf-8", include_str!("app/index.html"))))
        .route("/app.js", get(async || file("text/javascript; charset=utf-8", include_str!("app/app.js"))))
        .route("/style.css", get(async || file("text/css; charset=utf-8", include_str!("app/style.css"))))
        .route("/icon.svg", get(async || file("image/svg+xml", include_str!("app/icon.svg"))))
        .route("/links.json", get(async move || (SECURITY_HEADERS, Json(links))))
        .route("/account", get(account::page).with_state(Arc::new(AccountPage::new(&places.api, verifier))))
        .fallback(async || (StatusCode::NOT_FOUND, SECURITY_HEADERS, "There is no such page.\n"))
}

fn file(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    (SECURITY_HEADERS, [(header::CONTENT_TYPE, content_type)], text)
}
