//! Targets and hosts that could be read in two ways.

use std::fmt::Write as _;

use crate::world::World;

#[tokio::test]
async fn an_ambiguous_target_is_refused_everywhere_and_forwarded_nowhere() {
    let world = World::with_signed_in_browser().await;
    let cookie = world.cookie();
    let before = world.resource_server.received().len();

    for target in [
        "/public/../api",
        "/./api",
        "/api/..",
        "/api/%2e%2e/app",
        "/api/%2E",
        "/api/.%2e/x",
        "/api//x",
        "//api",
        "/api%2fx",
        "/api%2Fx",
        "/api%5cx",
        "/api\\x",
        "/api/%00",
        "/api/%0d%0aX:y",
        "/api/%",
        "/api/%2",
        "/api/%zz",
        "/api/%252e%252e/x",
        "/api/..;/x",
        "/api/..;a=b/x",
        "/auth/../api",
        "/auth//login",
        "/auth/%6cogin/..",
    ] {
        let answer = world.raw(&format!("GET {target}"), &[("X-CSRF", "1"), ("Cookie", &cookie)], "").await;

        assert_eq!((answer.status(), answer.rejection_code()), (400, Some("bad_request")), "{target}");
    }
    assert_eq!(world.resource_server.received().len(), before);
}

#[tokio::test]
async fn bytes_that_are_no_ascii_are_refused() {
    let world = World::with_signed_in_browser().await;
    let before = world.resource_server.received().len();

    for target in ["/api/é", "/api/\u{1}", "/api?é", "/api/a b", "/api/\t"] {
        let answer = world.raw(&format!("GET {target}"), &[("X-CSRF", "1")], "").await;

        assert_eq!(answer.status(), 400, "{target:?}");
    }
    assert_eq!(world.resource_server.received().len(), before);
}

#[tokio::test]
async fn a_fragment_takes_part_in_nothing() {
    let world = World::with_signed_in_browser().await;
    let cookie = world.cookie();

    let answer = world.raw("GET /api/a#/../b?c", &[("X-CSRF", "1"), ("Cookie", &cookie)], "").await;

    assert_eq!((answer.status(), world.resource_server.last().target().to_owned()), (200, "/api/a".to_owned()));
}

#[tokio::test]
async fn a_route_is_cut_at_a_slash_and_matched_byte_for_byte() {
    let world = World::new().await;

    for (target, is_api) in
        [("/api", true), ("/api/", true), ("/api?x", true), ("/apis", false), ("/API", false), ("/ap%69", false)]
    {
        let answer = world.raw(&format!("GET {target}"), &[("X-CSRF", "1")], "").await;

        assert_eq!(answer.status() == 401, is_api, "{target}");
    }
}

#[tokio::test]
async fn a_target_that_is_too_long_is_refused() {
    let world = World::new().await;

    let longest = world.raw(&format!("GET /{}", "a".repeat(8 * 1024 - 1)), &[], "").await;
    let longer = world.raw(&format!("GET /{}", "a".repeat(8 * 1024)), &[], "").await;

    assert_eq!(longest.status(), 200);
    assert_eq!((longer.status(), longer.rejection_code()), (414, Some("bad_request")));
}

#[tokio::test]
async fn an_unknown_host_is_no_route() {
    let world = World::with_signed_in_browser().await;
    let port = world.node.address().port();
    let cookie = world.cookie();

    for host in
        ["evil.test", "localhost", &format!("localhost.evil.test:{port}"), &format!("localhost.:{port}"), "localhost:1"]
    {
        for target in ["/", "/api", "/auth/session"] {
            let headers = [("Host", host), ("X-CSRF", "1"), ("Cookie", &cookie)];
            let answer = world.raw(&format!("GET {target}"), &headers, "").await;

            assert_eq!((answer.status(), answer.rejection_code()), (404, Some("no_route")), "{host}");
        }
    }
}

#[tokio::test]
async fn a_host_ignores_letter_case() {
    let world = World::new().await;
    let host = world.host().to_ascii_uppercase();

    let answer = world.raw("GET /", &[("Host", &host)], "").await;

    assert_eq!(answer.status(), 200);
    assert_eq!(world.resource_server.last().header("x-forwarded-host"), Some(world.host().as_str()));
}

#[tokio::test]
async fn a_missing_or_repeated_host_is_refused() {
    let world = World::new().await;
    let host = world.host();

    let missing = testkit::raw::exchange(world.node.address(), b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    let repeated = world.raw("GET /", &[("Host", &host), ("Host", &host)], "").await;
    let two = world.raw("GET /", &[("Host", &host), ("Host", "evil.test")], "").await;

    assert_eq!((missing.status(), repeated.status(), two.status()), (400, 400, 400));
}

#[tokio::test]
async fn an_absolute_target_has_to_agree_with_the_host() {
    let world = World::new().await;
    let host = world.host();

    let agreed = world.raw(&format!("GET http://{host}/about"), &[], "").await;
    let contradicted = world.raw("GET http://evil.test/about", &[], "").await;
    let smuggled = world.raw(&format!("GET http://{host}/about"), &[("Host", "evil.test")], "").await;
    let with_user = world.raw(&format!("GET http://user@{host}/about"), &[], "").await;

    assert_eq!((agreed.status(), world.resource_server.last().target().to_owned()), (200, "/about".to_owned()));
    assert_eq!((contradicted.status(), smuggled.status(), with_user.status()), (400, 400, 400));
    assert_eq!(world.resource_server.received().len(), 1);
}

#[tokio::test]
async fn connect_and_star_targets_are_refused() {
    let world = World::new().await;

    for request in ["OPTIONS *", "CONNECT evil.test:443", "GET *"] {
        let answer = world.raw(request, &[], "").await;

        assert!((400..500).contains(&answer.status()), "{request}: {}", answer.head);
    }
    assert!(world.resource_server.received().is_empty());
}

#[tokio::test]
async fn a_message_of_two_lengths_is_refused() {
    let world = World::with_signed_in_browser().await;
    let before = world.resource_server.received().len();
    let mut head = format!("POST /hook HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", world.host());
    write!(head, "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n").unwrap();

    let both = testkit::raw::exchange(world.node.address(), format!("{head}\r\n0\r\n\r\nGET /api").as_bytes()).await;
    let two = world.raw("POST /hook", &[("Content-Length", "4"), ("Content-Length", "5")], "").await;

    let smuggled = world.resource_server.received().iter().skip(before).any(|request| request.target() == "/api");
    assert!(!smuggled);
    assert_eq!(two.status(), 400);
    assert!(both.status() == 400 || both.head.to_ascii_lowercase().contains("connection: close"), "{}", both.head);
}
