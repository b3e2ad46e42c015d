//! The pages we serve ourselves: static HTML, under a policy that allows nothing else. One of them has a line of script.

use std::sync::LazyLock;

use askama::Template;
use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use crate::{seal, upstream};

/// Chosen for contrast in both colour schemes; no font or image is loaded.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2024;--paper:#fbfbfa;--soft:#5f666d;--line:#d9dcdf;--accent:#1f5f4f}\
@media (prefers-color-scheme:dark){:root{--ink:#e9ebec;--paper:#16191b;--soft:#9aa2a9;--line:#33393e;--accent:#8fd3bf}}\
*{box-sizing:border-box}\
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--paper);color:var(--ink);\
font:1.0625rem/1.55 system-ui,sans-serif}\
main{width:100%;max-width:30rem;border:1px solid var(--line);border-radius:.75rem;padding:2rem}\
h1{font-size:1.375rem;line-height:1.3;margin:0;font-weight:600}\
p{color:var(--soft);margin:.75rem 0 0}\
ul{list-style:none;margin:1.5rem 0 0;padding:0;display:grid;gap:.625rem}\
a{display:block;text-align:center;padding:.625rem 1rem;border-radius:.5rem;border:1px solid var(--accent);color:var(--accent);\
text-decoration:none;font-weight:600}\
li:first-child a{background:var(--accent);color:var(--paper)}\
a:focus-visible{outline:3px solid var(--accent);outline-offset:2px}";

/// Only script knows the fragment of its page's address; without it a page that goes on by itself loses the fragment.
/// One that no return path can hold (too long, with a backslash) is left out.
const GO_ON: &str = "location.replace(document.links[0].href+encodeURIComponent(/^#[!-[\\]-~]{1,999}$/.test(location.hash)?location.hash:''))";

static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| policy(""));
static POLICY_WITH_SCRIPT: LazyLock<HeaderValue> =
    LazyLock::new(|| policy(&format!("script-src 'sha256-{}'; ", hash(GO_ON))));

fn policy(script: &str) -> HeaderValue {
    let style = hash(STYLE);
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; {script}form-action 'self'; frame-ancestors 'none'; \
         base-uri 'none'"
    );
    HeaderValue::try_from(policy).expect("the policy is plain ASCII")
}

fn hash(text: &str) -> String {
    STANDARD.encode(seal::sha256(&[text.as_bytes()]))
}

/// Something to do on a page. The first one stands out.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) href: String,
    pub(crate) label: String,
}

impl Action {
    pub(crate) fn new(label: &str, href: impl Into<String>) -> Self {
        Self { href: href.into(), label: label.to_owned() }
    }
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    title: &'a str,
    text: &'a str,
    actions: &'a [Action],
    /// When and where the page goes by itself.
    refresh: Option<&'a str>,
    /// What goes there in its stead, where the browser runs script.
    script: Option<&'static str>,
    style: &'static str,
}

/// A page that says something and offers ways on.
pub(crate) fn message(status: StatusCode, title: &str, text: &str, actions: &[Action]) -> Response<Body> {
    render(status, &Page { title, text, actions, refresh: None, script: None, style: STYLE })
}

/// A page that goes on by itself, as a request of our own: the Strict cookie comes along, and the address bar is clean.
pub(crate) fn forward(url: &str) -> Response<Body> {
    let actions = [Action::new("Continue", url)];
    let refresh = format!("0;url={url}");
    let page =
        Page { title: "Signed in", text: "", actions: &actions, refresh: Some(&refresh), script: None, style: STYLE };
    render(StatusCode::OK, &page)
}

/// A page that goes on to `login_url` as a request of our own, with the fragment added that its own address has. A
/// refresh cannot do that: to the same address with a fragment it only scrolls.
pub(crate) fn bounce(login_url: &str) -> Response<Body> {
    let actions = [Action::new("Continue", login_url)];
    let refresh = format!("0;url={login_url}");
    let (refresh, script) = (Some(refresh.as_str()), Some(GO_ON));
    let text = "A link on another website led here. If this page stays, go on by the button.";
    let page = Page { title: "One moment", text, actions: &actions, refresh, script, style: STYLE };
    render(StatusCode::OK, &page)
}

fn render(status: StatusCode, page: &Page<'_>) -> Response<Body> {
    let html = page.render().unwrap_or_else(|_| page.title.to_owned());
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    let policy = if page.script.is_some() { &POLICY_WITH_SCRIPT } else { &POLICY };
    headers.insert(header::CONTENT_SECURITY_POLICY, (*policy).clone());
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    harden(headers);
    headers.append(header::VARY, HeaderValue::from_static("Accept"));
    response
}

/// What every answer of our own carries.
pub(crate) fn harden(headers: &mut HeaderMap) {
    upstream::keep_private(headers);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn an_address_cannot_break_out_of_a_page() {
        let page = forward("/a?b=\"><script>alert(1)</script>");

        let body = page.into_body().collect().await.unwrap().to_bytes();

        let html = String::from_utf8(body.to_vec()).unwrap();
        assert!(!html.contains("<script") && !html.contains("b=\">"), "{html}");
    }
}
