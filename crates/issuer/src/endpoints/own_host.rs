//! Requests are for the issuer's own authority, or they are refused.
//!
//! A page of another site can make its own name lead to this machine (DNS rebinding) and would then read our answers as
//! its own; but it cannot change what the browser says in `Host`.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{header::HOST, request, uri::Authority};

use crate::{rejection::Rejection, server::LoginServer};

/// Answers requests for other authorities, or for none, with 421 (RFC 9110 §15.5.20).
pub(super) async fn require(State(server): State<Arc<LoginServer>>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    if is_own(&head, &server.origin) {
        next.run(Request::from_parts(head, body)).await
    } else {
        Rejection::OtherHost.into_response()
    }
}

/// Whether all that names an authority, the target and every `Host`, names that of `origin`; one of them has to.
fn is_own(head: &request::Parts, origin: &str) -> bool {
    let hosts = head.headers.get_all(HOST).iter().map(|host| host.to_str().unwrap_or_default());
    let mut named = head.uri.authority().map(Authority::as_str).into_iter().chain(hosts).peekable();
    named.peek().is_some() && named.all(|named| names(named, origin))
}

/// Hosts ignore letter case, and a scheme's own port may be left out (RFC 9110 §4.2.3).
fn names(authority: &str, origin: &str) -> bool {
    let Some((scheme, own)) = origin.split_once("://") else { return false };
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    authority.strip_suffix(default_port).unwrap_or(authority).eq_ignore_ascii_case(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_compared_as_browsers_and_proxies_write_it() {
        for own in ["login.example", "LOGIN.example", "login.example:443"] {
            assert!(names(own, "https://login.example"), "{own}");
        }
        for other in ["", "evil.example", "login.example.", "login.example:80", "login.example:8443", "x@login.example"]
        {
            assert!(!names(other, "https://login.example"), "{other}");
        }
        assert!(names("127.0.0.1:8081", "http://127.0.0.1:8081"));
        assert!(!names("localhost:8081", "http://127.0.0.1:8081"));
    }
}
