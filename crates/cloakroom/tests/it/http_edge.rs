//! HTTP at the edges: odd methods and targets, headers that must not cross, headers that must be there.

mod headers;
mod targets;

use std::fmt::Write as _;

use http::Method;
use testkit::{Answer, Ask};

use crate::world::{BODY_LIMIT, World};

#[tokio::test]
async fn an_endpoint_knows_its_methods_and_says_so() {
    let world = World::with_signed_in_browser().await;

    for (path, allowed) in [
        ("/auth/login", "GET, OPTIONS"),
        ("/auth/callback/login", "GET, OPTIONS"),
        ("/auth/session", "GET, HEAD, OPTIONS"),
        ("/auth/csrf", "GET, HEAD, OPTIONS"),
        ("/auth/logout", "POST, OPTIONS"),
    ] {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            if allowed.split(", ").any(|allowed| allowed == method.as_str()) {
                continue;
            }
            let answer = world.browser.send(world.fetch(path).method(method.clone())).await;

            assert_rejected(&answer, 405, &format!("{method} {path}"));
            assert_eq!(answer.header("allow").as_deref(), Some(allowed), "{method} {path}");
        }
        let options = world.browser.send(world.fetch(path).method(Method::OPTIONS)).await;
        assert_eq!((options.status.as_u16(), options.header("allow").as_deref()), (204, Some(allowed)));
        let unknown = world.raw(&format!("BREW {path}"), &[], "").await;
        assert_eq!((unknown.status(), unknown.rejection_code()), (405, Some("bad_request")));
    }
    assert!(world.is_signed_in().await);
}

#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    let world = World::with_signed_in_browser().await;

    for path in ["/auth/session", "/auth/csrf"] {
        let get = world.get(path).await;
        let head = world.browser.send(world.fetch(path).method(Method::HEAD)).await;

        assert_eq!((head.status, head.body.len()), (get.status, 0));
        assert_eq!(head.header("content-type"), get.header("content-type"));
    }
}

#[tokio::test]
async fn reserved_and_unknown_endpoints_are_no_route() {
    let world = World::with_signed_in_browser().await;

    for path in [
        "",
        "/",
        "/sessions",
        "/sessions/1/end",
        "/forward-auth",
        "/continue",
        "/back-channel-logout",
        "/device",
        "/Login",
        "/login/",
        "/login/x",
        "/session/1",
        "/callback",
    ] {
        let answer = world.get(&format!("/auth{path}")).await;

        assert_eq!((answer.status.as_u16(), answer.rejection_code()), (404, "no_route".into()), "/auth{path}");
        assert_eq!(answer.json()["code"], "no_route");
    }
    for path in ["/auth/callback/unknown", "/auth/callback/login/x", "/auth/callback/"] {
        assert_eq!(world.browser.open(world.url(path)).await.rejection_code(), "no_route", "{path}");
    }
    // What only begins like the endpoints' path is a route like any other.
    assert_eq!(world.browser.open(world.url("/authors")).await.status, 200);
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() {
    let world = World::with_signed_in_browser().await;
    let send = async |ask: Ask, bytes: usize| {
        world.browser.send(ask.body("application/x-www-form-urlencoded", vec![b'a'; bytes])).await
    };

    let endpoint = send(world.post("/auth/logout"), 64 * 1024 + 1).await;
    let fits = send(world.post("/api"), BODY_LIMIT).await;
    let route = send(world.post("/api"), BODY_LIMIT + 1).await;
    let public = send(Ask::form(world.url("/"), world.url("/hook"), &[]), BODY_LIMIT + 1).await;

    assert_rejected(&endpoint, 413, "endpoint");
    assert_eq!(fits.status, 200);
    assert_rejected(&route, 413, "route");
    assert_eq!((public.status.as_u16(), public.rejection_code()), (413, "bad_request".into()));
    assert!(world.is_signed_in().await);
}

#[tokio::test]
async fn a_body_of_unknown_length_is_limited_too() {
    let world = World::with_signed_in_browser().await;
    let cookie = world.cookie();
    let headers = [("X-CSRF", "1"), ("Origin", world.origin()), ("Cookie", &cookie), ("Transfer-Encoding", "chunked")];
    let mut request = format!("POST /api HTTP/1.1\r\nConnection: close\r\nHost: {}\r\n", world.host());
    for (name, value) in headers {
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    let body = "a".repeat(BODY_LIMIT + 1);
    write!(request, "\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).unwrap();
    let answer = testkit::raw::exchange(world.node.address(), request.as_bytes()).await;

    assert_eq!((answer.status(), answer.rejection_code()), (413, Some("bad_request")));
}

#[tokio::test]
async fn logout_reads_forms_only() {
    let world = World::with_signed_in_browser().await;

    for kind in ["application/json", "multipart/form-data; boundary=x", "text/plain", ""] {
        let answer = world.browser.send(world.post("/auth/logout").body(kind, "{}")).await;

        assert_rejected(&answer, 415, kind);
    }
    assert!(world.is_signed_in().await);
}

#[tokio::test]
async fn a_form_with_unknown_or_repeated_fields_is_refused() {
    let world = World::with_signed_in_browser().await;

    for fields in ["a=b", "csrf_token=x&csrf_token=x", "csrf_token=x&next=/"] {
        let kind = "application/x-www-form-urlencoded";
        let answer = world.browser.send(world.post("/auth/logout").body(kind, fields)).await;

        assert_rejected(&answer, 400, fields);
    }
    for path in [
        "/auth/logout?a",
        "/auth/csrf?a=b",
        "/auth/session?touch=1",
        "/auth/session?fresh=0",
        "/auth/session?touch=0&touch=0",
    ] {
        let method = if path.starts_with("/auth/logout") { Method::POST } else { Method::GET };
        assert_rejected(&world.browser.send(world.fetch(path).method(method)).await, 400, path);
    }
    assert!(world.is_signed_in().await);
}

#[track_caller]
fn assert_rejected(answer: &Answer, status: u16, what: &str) {
    assert_eq!((answer.status.as_u16(), answer.rejection_code()), (status, "bad_request".to_owned()), "{what}");
}
