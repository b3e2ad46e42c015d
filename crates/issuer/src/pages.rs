//! The pages that people see. No script; the one style sheet is allowed by its hash.

use std::{sync::LazyLock, time::Duration};

use askama::Template;
use aws_lc_rs::digest;
use axum::response::{Html, IntoResponse, Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

/// The login form.
#[derive(Template)]
#[template(path = "login.html")]
pub(crate) struct LoginPage<'a> {
    /// Where it is sent.
    pub(crate) action: &'a str,
    pub(crate) csrf: &'a str,
    /// The authorization request that goes on after the login.
    pub(crate) request: &'a str,
    pub(crate) client_name: &'a str,
    /// What the username field holds at first.
    pub(crate) username: &'a str,
    pub(crate) alert: Option<String>,
}

/// The question whether to sign out.
#[derive(Template)]
#[template(path = "sign_out.html")]
pub(crate) struct SignOutPage<'a> {
    /// Where the answer is sent.
    pub(crate) action: &'a str,
    pub(crate) csrf: &'a str,
    /// The logout request that goes on after the answer.
    pub(crate) request: &'a str,
    pub(crate) username: &'a str,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    heading: &'a str,
    text: &'a str,
}

/// A page with a form, whose answer may send the browser on to `leads_to` (a source of `form-action`): browsers apply
/// the directive to redirects after the submission too. A client whose callback redirects to a third origin is stopped
/// there by Chromium; Cloakroom's own answers with a page.
pub(crate) fn form(status: StatusCode, page: &impl Template, leads_to: Option<&str>) -> Response {
    let mut response = render(status, page, &format!("'self' {}", leads_to.unwrap_or_default()));
    // With `no-referrer` the browser would send the form with `Origin: null`, and it could not be told from a foreign one.
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// A page that says why nothing was done.
pub(crate) fn error(status: StatusCode, text: &str) -> Response {
    render(status, &MessagePage { heading: "This did not work", text }, "'none'")
}

/// A page that says that something was done.
pub(crate) fn done(heading: &str, text: &str) -> Response {
    render(StatusCode::OK, &MessagePage { heading, text }, "'none'")
}

/// Adds when to try again, in whole seconds, rounded up.
pub(crate) fn with_retry_after(mut response: Response, span: Duration) -> Response {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(span)));
    response
}

/// Whole seconds, rounded up.
pub(crate) fn whole_seconds(span: Duration) -> u64 {
    span.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}

/// Keeps an answer out of caches and its address out of other sites' logs.
pub(crate) fn protect(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn render(status: StatusCode, page: &impl Template, form_action: &str) -> Response {
    let html = match page.render() {
        Ok(html) => html,
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    protect(headers);
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    match HeaderValue::try_from(content_security_policy(form_action)) {
        Ok(policy) => headers.insert(CONTENT_SECURITY_POLICY, policy),
        Err(_) => headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'")),
    };
    response
}

fn content_security_policy(form_action: &str) -> String {
    let style = LazyLock::force(&STYLE_HASH);
    format!(
        "default-src 'none'; style-src '{style}'; form-action {}; frame-ancestors 'none'; base-uri 'none'",
        form_action.trim_end()
    )
}

const STYLE: &str = include_str!("../templates/style.css");
static STYLE_HASH: LazyLock<String> =
    LazyLock::new(|| format!("sha256-{}", STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()))));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_and_clients_write_is_escaped() {
        let hostile = "\"><script>alert(1)</script>&'";
        let page = LoginPage {
            action: "/login",
            csrf: hostile,
            request: hostile,
            client_name: hostile,
            username: hostile,
            alert: Some(hostile.to_owned()),
        };

        let html = page.render().unwrap();

        assert_eq!(html.matches("&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#38;&#39;").count(), 5);
        assert!(!html.contains("<script"), "{html}");
    }

    #[test]
    fn the_style_in_the_page_is_the_one_that_the_policy_allows() {
        let html = MessagePage { heading: "", text: "" }.render().unwrap();
        let (_, after) = html.split_once("<style>").unwrap();
        let (style, _) = after.split_once("</style>").unwrap();

        let hash = STANDARD.encode(digest::digest(&digest::SHA256, style.as_bytes()));

        assert!(content_security_policy("'self'").contains(&format!("style-src 'sha256-{hash}'")));
    }

    #[test]
    fn seconds_are_rounded_up() {
        assert_eq!(whole_seconds(Duration::from_millis(3001)), 4);
        assert_eq!(whole_seconds(Duration::from_secs(3)), 3);
    }
}
