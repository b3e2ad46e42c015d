//! Another site: a page that links to the app, and tries what hostile pages try.

use axum::{
    Router,
    http::header,
    routing::{MethodRouter, get},
};

use super::Places;

/// `/elsewhere`: links and attempts. `/elsewhere/form`: a form that sends itself to the app's API.
pub(super) fn router(places: &Places) -> Router {
    let app = &places.app;
    let html = |text: &str| {
        let policy = format!("default-src 'self'; connect-src {app}; form-action {app}; frame-src {app}");
        file("text/html; charset=utf-8", policy, text.replace("{{app}}", app))
    };
    let asset = |content_type, text: &str| file(content_type, "default-src 'none'".to_owned(), text.to_owned());
    Router::new()
        .route("/", html(include_str!("elsewhere/index.html")))
        .route("/elsewhere", html(include_str!("elsewhere/index.html")))
        .route("/elsewhere/form", html(include_str!("elsewhere/form.html")))
        .route("/elsewhere.js", asset("text/javascript; charset=utf-8", include_str!("elsewhere/elsewhere.js")))
        .route("/form.js", asset("text/javascript; charset=utf-8", include_str!("elsewhere/form.js")))
        .route("/style.css", asset("text/css; charset=utf-8", include_str!("app/style.css")))
        .route("/icon.svg", asset("image/svg+xml", include_str!("app/icon.svg")))
}

fn file(content_type: &'static str, policy: String, text: String) -> MethodRouter {
    get(async move || {
        let headers = [(header::CONTENT_TYPE, content_type.to_owned()), (header::CONTENT_SECURITY_POLICY, policy)];
        (headers, [(header::CACHE_CONTROL, "no-cache")], text)
    })
}
