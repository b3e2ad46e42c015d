//! Did our own page send it? Every rule of the contract's section 5, over real HTTP.

use cloakroom::cookie;
use http::Method;
use testkit::{Answer, Ask, Browser, Url, raw::RawAnswer};

use crate::world::{EVIL, World};

const SIBLING: &str = "http://localhost:1/";

#[tokio::test]
async fn an_own_call_with_the_static_header_passes_and_without_it_does_not() {
    let world = World::with_signed_in_browser().await;
    let (from, api) = (world.url("/app"), world.url("/api"));

    for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let with = world.browser.send(Ask::fetch(&from, &api).method(method.clone())).await;
        let without = world.browser.send(Ask::bare_fetch(&from, &api).method(method.clone())).await;

        assert_eq!(with.status, 200, "{method}");
        assert_refused(&world, &without, &format!("{method}"));
    }
}

#[tokio::test]
async fn the_static_header_has_one_value() {
    let world = World::with_signed_in_browser().await;

    for value in ["0", "", "true", "1, 1", " 2"] {
        let ask = Ask::bare_fetch(world.url("/"), world.url("/api")).header("X-CSRF", value);

        assert_refused(&world, &world.browser.send(ask).await, value);
    }
    let repeated = world.fetch("/api").header("X-CSRF", "1");
    assert_refused(&world, &world.browser.send(repeated).await, "repeated");
}

#[tokio::test]
async fn no_request_of_another_origin_passes() {
    let world = World::with_signed_in_browser().await;

    for from in [EVIL, SIBLING, "https://localhost.evil.test/"] {
        for url in [world.url("/api"), world.url("/app"), world.url("/auth/session"), world.url("/auth/csrf")] {
            for ask in [
                Ask::bare_fetch(from, &url),
                Ask::fetch(from, &url),
                Ask::opaque_fetch(from, &url),
                Ask::image(from, &url),
                Ask::frame(from, &url),
                Ask::form(from, &url, &[]),
                Ask::fetch(from, &url).method(Method::DELETE),
                Ask::bare_fetch(from, &url).body("application/json", "{}").method(Method::POST),
            ] {
                let described = format!("{ask:?}");

                let answer = world.browser.send(ask.without_following()).await;

                let is_wrong_method = answer.status == 405 && url.path().starts_with("/auth");
                if !is_wrong_method {
                    assert_refused(&world, &answer, &described);
                }
                assert_eq!(answer.header("access-control-allow-origin"), None);
            }
        }
    }
    assert!(world.resource_server.received().iter().all(|request| request.target() == "/"));
}

#[tokio::test]
async fn a_form_of_another_origin_signs_nobody_out() {
    let world = World::with_signed_in_browser().await;

    for from in [EVIL, SIBLING] {
        let answer = world.browser.send(Ask::form(from, world.url("/auth/logout"), &[("csrf_token", "x")])).await;

        assert_eq!((answer.status.as_u16(), answer.rejection_code()), (403, "csrf".into()));
        assert_eq!(answer.header("set-cookie"), None);
    }
    assert!(world.is_signed_in().await);
}

#[tokio::test]
async fn one_foreign_header_refuses_whatever_else_is_sent() {
    let world = World::with_signed_in_browser().await;
    let (own, page) = (world.origin().to_owned(), world.url("/app").to_string());
    let near = own.replace("localhost", "LOCALHOST");
    let cookie = world.cookie();
    let good: [(&str, &str); 5] =
        [("X-CSRF", "1"), ("Cookie", &cookie), ("Sec-Fetch-Site", "same-origin"), ("Origin", &own), ("Referer", &page)];
    let send = async |changed: &str, value: &str| {
        let headers: Vec<_> =
            good.iter().map(|&(name, old)| (name, if name == changed { value } else { old })).collect();
        world.raw("POST /api", &headers, "").await
    };
    assert_eq!(send("", "").await.status(), 200);

    for (name, value) in [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Sec-Fetch-Site", "none"),
        ("Sec-Fetch-Site", "Same-Origin"),
        ("Sec-Fetch-Site", ""),
        ("Sec-Fetch-Site", "same-origin, same-origin"),
        ("Origin", "https://evil.test"),
        ("Origin", "null"),
        ("Origin", ""),
        ("Origin", "http://localhost"),
        ("Origin", &near),
        ("Origin", &format!("{own}.evil.test")),
        ("Origin", &format!("{own}/")),
        ("Referer", EVIL),
        ("Referer", ""),
        ("Referer", &format!("{own}.evil.test/")),
        ("Referer", &format!("{own}@evil.test/")),
        ("Referer", &format!("https://evil.test/?{own}")),
    ] {
        let answer = send(name, value).await;

        assert_refused_raw(&answer, &format!("{name}: {value}"));
    }
}

#[tokio::test]
async fn a_repeated_header_refuses() {
    let world = World::with_signed_in_browser().await;
    let (own, page, cookie) = (world.origin().to_owned(), world.url("/app").to_string(), world.cookie());

    for (name, value) in [("Origin", own.as_str()), ("Referer", page.as_str()), ("Sec-Fetch-Site", "same-origin")] {
        let headers = [("X-CSRF", "1"), ("Cookie", &cookie), ("Origin", &own), (name, value), (name, value)];

        let answer = world.raw("POST /api", &headers, "").await;

        assert_refused_raw(&answer, name);
    }
}

#[tokio::test]
async fn where_nothing_tells_the_origin_a_write_needs_the_session_bound_token() {
    let world = World::with_signed_in_browser().await;
    let stranger = World::with_signed_in_browser().await;
    let (token, theirs) = (token(&world, &world.browser).await, token(&stranger, &stranger.browser).await);
    let cookie = world.cookie();
    let write = async |headers: &[(&str, &str)]| {
        let headers: Vec<_> = [("X-CSRF", "1"), ("Cookie", cookie.as_str())].iter().chain(headers).copied().collect();
        world.raw("POST /api", &headers, "").await
    };

    let read = world.raw("GET /api", &[("X-CSRF", "1"), ("Cookie", &cookie)], "").await;
    let bare_read = world.raw("GET /api", &[("Cookie", &cookie)], "").await;

    assert_eq!(read.status(), 200);
    assert_refused_raw(&bare_read, "a read without the static header");
    assert_refused_raw(&write(&[]).await, "a write without a token");
    assert_eq!(write(&[("X-CSRF-Token", &token)]).await.status(), 200);
    for wrong in [theirs.as_str(), "", &token[1..], &format!("{token}A"), &"A".repeat(43)] {
        assert_refused_raw(&write(&[("X-CSRF-Token", wrong)]).await, wrong);
    }
    assert_refused_raw(&write(&[("X-CSRF-Token", &token), ("X-CSRF-Token", &token)]).await, "twice");
}

#[tokio::test]
async fn the_session_bound_token_replaces_no_other_proof() {
    let world = World::with_signed_in_browser().await;
    let token = token(&world, &world.browser).await;

    let foreign = Ask::form(EVIL, world.url("/app"), &[]).header("X-CSRF-Token", &token);
    let own = Ask::bare_fetch(world.url("/"), world.url("/api")).method(Method::POST).header("X-CSRF-Token", &token);

    assert_refused(&world, &world.browser.send(foreign).await, "foreign");
    assert_refused(&world, &world.browser.send(own).await, "without the static header");
}

#[tokio::test]
async fn the_session_bound_token_lasts_as_long_as_the_session() {
    let world = World::with_signed_in_browser().await;
    let first = token(&world, &world.browser).await;
    world.clock.advance_minutes(20);
    world.get("/api").await;

    let later = token(&world, &world.browser).await;
    world.browser.send(Ask::link(world.url("/"), world.url("/auth/login?prompt=login"))).await;
    let of_the_next_session = token(&world, &world.browser).await;

    assert_eq!((first.len(), &later), (43, &first));
    assert_ne!(of_the_next_session, first);
}

#[tokio::test]
async fn the_session_bound_token_is_given_to_own_calls_with_a_session() {
    let world = World::new().await;

    let without_session = world.get("/auth/csrf").await;
    world.sign_in().await;
    let without_header = world.browser.send(Ask::bare_fetch(world.url("/"), world.url("/auth/csrf"))).await;
    let answer = world.get("/auth/csrf").await;

    assert_eq!((without_session.status.as_u16(), without_session.rejection_code()), (401, "no_session".into()));
    assert_refused(&world, &without_header, "without the static header");
    assert_eq!((&answer.json()["header"], &answer.json()["field"]), (&"X-CSRF-Token".into(), &"csrf_token".into()));
}

#[tokio::test]
async fn a_web_socket_handshake_is_judged_by_its_origin_and_then_not_proxied() {
    let world = World::with_signed_in_browser().await;
    let open = async |from: Url, path: &str| world.browser.send(Ask::web_socket(from, world.url(path))).await;
    let handshake = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "AAAA")];
    let cookie = world.cookie();
    let nameless: Vec<_> = handshake.into_iter().chain([("Cookie", cookie.as_str()), ("X-CSRF", "1")]).collect();

    let own = open(world.url("/"), "/app/socket").await;
    let foreign = open(Url::parse(EVIL), "/app/socket").await;
    let foreign_api = open(Url::parse(EVIL), "/api/socket").await;
    let sibling = open(Url::parse(SIBLING), "/app/socket").await;
    let without_origin = world.raw("GET /app/socket", &nameless, "").await;
    let public = open(Url::parse(EVIL), "/socket").await;

    assert_eq!((own.status.as_u16(), own.rejection_code()), (501, "bad_request".into()));
    assert_refused(&world, &foreign, "foreign");
    assert_refused(&world, &foreign_api, "foreign, api");
    assert_refused(&world, &sibling, "sibling");
    assert_refused_raw(&without_origin, "without Origin");
    assert_eq!(public.status, 501);
    assert!(world.resource_server.received().iter().all(|request| !request.target().contains("socket")));
}

#[tokio::test]
async fn a_preflight_gets_no_permission_and_reaches_no_upstream() {
    let world = World::with_signed_in_browser().await;
    let before = world.resource_server.received().len();

    for path in ["/api", "/app", "/", "/auth/session", "/auth/logout", "/auth/nothing"] {
        for from in [EVIL, SIBLING] {
            let preflight = Ask::opaque_fetch(from, world.url(path))
                .method(Method::OPTIONS)
                .header("Access-Control-Request-Method", "POST")
                .header("Access-Control-Request-Headers", "x-csrf");

            let answer = world.browser.send(preflight).await;

            assert_refused(&world, &answer, path);
            let allows = answer.headers.keys().any(|name| name.as_str().starts_with("access-control-"));
            assert!(!allows, "{path}");
        }
    }
    assert_eq!(world.resource_server.received().len(), before);
}

#[tokio::test]
async fn a_navigation_to_a_page_passes_wherever_it_comes_from() {
    let world = World::with_signed_in_browser().await;

    for ask in [
        Ask::typed(world.url("/app")),
        Ask::link(world.url("/"), world.url("/app")),
        Ask::link(SIBLING, world.url("/app")),
        Ask::link(EVIL, world.url("/app")),
    ] {
        let page = world.browser.send(ask).await;

        assert_eq!((page.status.as_u16(), page.json()["target"].as_str()), (200, Some("/app")));
    }
}

#[tokio::test]
async fn a_page_with_an_own_origin_in_a_frame_of_another_site_gets_nothing() {
    let world = World::with_signed_in_browser().await;

    let framed = world.browser.send(Ask::frame(EVIL, world.url("/app"))).await;

    assert_refused(&world, &framed, "frame");
}

async fn token(world: &World, browser: &Browser) -> String {
    let answer = browser.send(Ask::fetch(world.url("/"), world.url("/auth/csrf"))).await;
    answer.json()["csrf_token"].as_str().expect("a session has a token").to_owned()
}

#[track_caller]
fn assert_refused(world: &World, answer: &Answer, what: &str) {
    assert_eq!((answer.status.as_u16(), answer.rejection_code()), (403, "csrf".to_owned()), "{what}");
    assert_eq!(answer.header("set-cookie"), None, "{what}");
    assert!(world.browser.cookie(cookie::SESSION).is_some());
}

#[track_caller]
fn assert_refused_raw(answer: &RawAnswer, what: &str) {
    assert_eq!((answer.status(), answer.rejection_code()), (403, Some("csrf")), "{what}");
}
