//! Requests on routes: who gets through, who is sent where, and what upstreams can do to it.

mod bounce;

use std::time::Duration;

use cloakroom::{cookie, session::store::SessionStore as _};
use http::Method;
use testkit::{Ask, Browser, resource_server::Behaviour};

use crate::world::{EVIL, Operation, World};

#[tokio::test]
async fn an_api_call_without_a_session_is_told_where_to_sign_in() {
    let world = World::new().await;

    let answer = world.get("/api/orders").await;

    assert_eq!((answer.status.as_u16(), answer.rejection_code()), (401, "no_session".into()));
    assert_eq!(answer.header("content-type").as_deref(), Some("application/problem+json"));
    assert_eq!(answer.header("www-authenticate").as_deref(), Some("Cloakroom login=\"/auth/login\""));
    let problem = answer.json();
    assert_eq!((&problem["code"], &problem["status"]), (&"no_session".into(), &401.into()));
    assert_eq!(problem["login_url"], "/auth/login");
    assert!(problem["title"].is_string() && problem["type"].is_string() && problem.get("reason").is_none());
    assert!(world.resource_server.received().is_empty());
}

#[tokio::test]
async fn an_api_route_never_redirects() {
    let world = World::new().await;
    let api = world.url("/api/orders");

    for ask in [
        world.fetch("/api/orders"),
        world.post("/api/orders"),
        Ask::typed(&api),
        Ask::link(world.url("/"), &api),
        Ask::link(world.url("/"), &api).header("X-CSRF", "1"),
        Ask::link(EVIL, &api),
    ] {
        let answer = world.browser.send(ask.without_following()).await;

        assert!(answer.status.is_client_error(), "{}", answer.status);
        assert_eq!((answer.header("location"), answer.refresh(), answer.header("set-cookie")), (None, None, None));
    }
}

#[tokio::test]
async fn a_page_without_a_session_is_reached_through_a_login() {
    let world = World::new().await;

    let page = world.browser.open(world.url("/app/orders?page=2&sort=a%20b")).await;

    assert_eq!((page.url.path_and_query(), page.status.as_u16()), ("/app/orders?page=2&sort=a%20b", 200));
    let first = &page.earlier[0];
    assert_eq!((first.status.as_u16(), first.rejection_code()), (303, "no_session".into()));
    let login = first.url.join(&first.header("location").unwrap());
    assert_eq!((login.path(), login.parameter("auto").as_deref()), ("/auth/login", Some("1")));
    assert_eq!(login.parameter("return_to").as_deref(), Some("/app/orders?page=2&sort=a%20b"));
}

#[tokio::test]
async fn what_is_no_navigation_is_never_sent_to_sign_in() {
    let world = World::new().await;
    let (from, page) = (world.url("/"), world.url("/app/orders"));

    for ask in [
        Ask::bare_fetch(&from, &page),
        Ask::fetch(&from, &page),
        Ask::image(&from, &page),
        Ask::frame(&from, &page),
        Ask::form(&from, &page, &[("a", "b")]),
        Ask::prefetch(&from, &page),
    ] {
        let answer = world.browser.send(ask.without_following()).await;

        assert_eq!((answer.status.as_u16(), answer.rejection_code()), (401, "no_session".into()));
        assert_eq!((answer.header("location"), answer.refresh(), answer.header("set-cookie")), (None, None, None));
    }
}

#[tokio::test]
async fn own_images_and_forms_on_a_page_route_carry_the_token() {
    let world = World::with_signed_in_browser().await;
    let (from, page) = (world.url("/app"), world.url("/app/picture"));

    for ask in [Ask::image(&from, &page), Ask::form(&from, &page, &[("a", "b")]), Ask::prefetch(&from, &page)] {
        let answer = world.browser.send(ask).await;

        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(world.resource_server.last().header("authorization").is_some());
    }
}

#[tokio::test]
async fn a_store_that_is_away_logs_nobody_out() {
    let world = World::with_signed_in_browser().await;
    world.get("/api").await;
    world.store.go_down();

    let cached = world.get("/api").await;
    world.clock.advance_seconds(6);
    let refused = world.get("/api").await;
    let page = world.browser.open(world.url("/app")).await;
    let session = world.get("/auth/session").await;
    world.store.come_back();
    let again = world.get("/api").await;

    assert_eq!(cached.status, 200);
    for answer in [refused, page, session] {
        assert_eq!((answer.status.as_u16(), answer.rejection_code()), (503, "try_again".into()));
        assert!(answer.header("retry-after").is_some());
        assert_eq!((answer.header("set-cookie"), answer.header("location")), (None, None));
    }
    assert_eq!((again.status.as_u16(), world.session_count().await), (200, 1));
}

#[tokio::test]
async fn an_ended_session_is_told_with_its_reason_and_its_cookie_deleted() {
    let world = World::with_signed_in_browser().await;
    let ticket = world.ticket().unwrap();
    world.browser.send(world.post("/auth/logout")).await;
    world.browser.plant(&world.url("/"), cookie::SESSION, &ticket);

    let ended = world.get("/api").await;
    world.clock.advance_minutes(11);
    world.store.sweep(100).await.unwrap();
    world.browser.plant(&world.url("/"), cookie::SESSION, &ticket);
    let forgotten = world.get("/api").await;

    assert_eq!((ended.status.as_u16(), ended.rejection_code()), (401, "session_ended".into()));
    assert_eq!(ended.reason(), "logout");
    let deletion = ended.set_cookie(cookie::SESSION).unwrap();
    assert!(deletion.contains("Max-Age=0") && deletion.contains("SameSite=Strict"), "{deletion}");
    assert_eq!((forgotten.status.as_u16(), forgotten.rejection_code()), (401, "no_session".into()));
}

#[tokio::test]
async fn a_session_is_good_on_its_own_frontend_only() {
    let world = World::with_signed_in_browser().await;
    let other = Browser::new(world.clock.clone());
    other.plant(&world.other_url("/"), cookie::SESSION, &world.ticket().unwrap());
    let from = world.other_url("/");

    let api = other.send(Ask::fetch(&from, world.other_url("/api"))).await;
    let session = other.send(Ask::fetch(&from, world.other_url("/auth/session"))).await;

    assert_eq!((api.status.as_u16(), api.rejection_code()), (401, "no_session".into()));
    assert_eq!(session.json(), serde_json::json!({ "authenticated": false }));
    assert!(world.is_signed_in().await);
}

#[tokio::test]
async fn a_cookie_that_is_no_ticket_of_ours_never_reaches_the_store() {
    let world = World::with_signed_in_browser().await;
    let elsewhere = World::with_signed_in_browser().await;
    let ticket = world.ticket().unwrap();
    let mut tampered = ticket.clone().into_bytes();
    tampered[40] = if tampered[40] == b'A' { b'B' } else { b'A' };
    let calls = world.store.calls(Operation::Load);

    for forged in [
        String::from_utf8(tampered).unwrap(),
        elsewhere.ticket().unwrap(),
        ticket[..79].to_owned(),
        format!("{ticket}A"),
        "A".repeat(80),
        String::new(),
        "%".repeat(4000),
    ] {
        world.browser.plant(&world.url("/"), cookie::SESSION, &forged);

        let answer = world.get("/api").await;

        assert_eq!((answer.status.as_u16(), answer.rejection_code()), (401, "no_session".into()), "{forged}");
    }
    assert_eq!(world.store.calls(Operation::Load), calls);
}

#[tokio::test]
async fn two_different_tickets_are_no_session() {
    let world = World::with_signed_in_browser().await;
    let planted = format!("{}; {}={}", world.cookie(), cookie::SESSION, "A".repeat(80));

    let answer = world.raw("GET /api", &[("X-CSRF", "1"), ("Cookie", &planted)], "").await;
    let twice = format!("{}; {}={}", world.cookie(), cookie::SESSION, world.ticket().unwrap());
    let same = world.raw("GET /api", &[("X-CSRF", "1"), ("Cookie", &twice)], "").await;

    assert_eq!((answer.status(), answer.rejection_code()), (401, Some("no_session")));
    assert_eq!(same.status(), 200);
}

#[tokio::test]
async fn a_public_route_carries_no_token_and_reads_no_cookie() {
    let world = World::with_signed_in_browser().await;
    world.browser.plant(&world.url("/"), "theme", "dark");
    world.clock.advance_seconds(6);
    world.store.go_down();
    let calls = world.store.calls(Operation::Load);

    let page = world.browser.open(world.url("/about")).await;
    let received = world.resource_server.last();

    assert_eq!(page.status, 200);
    assert_eq!((received.header("authorization"), received.header("cookie")), (None, Some("theme=dark")));
    assert_eq!((page.header("cache-control"), page.header("set-cookie")), (None, None));
    assert_eq!(world.store.calls(Operation::Load), calls);
}

#[tokio::test]
async fn a_public_route_answers_other_sites_too() {
    let world = World::with_signed_in_browser().await;

    let form = world.browser.send(Ask::form(EVIL, world.url("/hook"), &[("a", "b")])).await;
    let image = world.browser.send(Ask::image(EVIL, world.url("/logo.png"))).await;

    assert_eq!((form.status.as_u16(), image.status.as_u16()), (200, 200));
    assert!(world.resource_server.received().iter().all(|request| request.header("authorization").is_none()));
}

#[tokio::test]
async fn a_request_is_forwarded_once_and_byte_for_byte() {
    let world = World::with_signed_in_browser().await;
    let body = "x".repeat(50_000);
    let before = world.resource_server.received().len();

    let ask = world.post("/api/a%20b;c=1/?d=../e//f&g=%2F").body("text/plain", body.clone());
    let answer = world.browser.send(ask).await;

    assert_eq!(answer.status, 200);
    assert_eq!(world.resource_server.received().len(), before + 1);
    let received = world.resource_server.last();
    assert_eq!((received.method(), received.target()), ("POST", "/api/a%20b;c=1/?d=../e//f&g=%2F"));
    assert_eq!(received.body, body.as_bytes());
}

#[tokio::test]
async fn an_upstream_that_says_nothing_is_not_asked_twice() {
    let world = World::with_signed_in_browser().await;
    let before = world.resource_server.received().len();
    world.resource_server.answer_next(Behaviour::Silence);
    let call = world.browser.send(world.post("/api/orders").body("text/plain", "buy")).await;
    world.resource_server.answer_next(Behaviour::Silence);
    let page = world.browser.open(world.url("/app")).await;

    assert_eq!((call.status.as_u16(), call.rejection_code()), (502, "upstream_failed".into()));
    assert_eq!(call.header("content-type").as_deref(), Some("application/problem+json"));
    assert_eq!((page.status.as_u16(), page.rejection_code()), (502, "upstream_failed".into()));
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert_eq!(world.resource_server.received().len(), before + 2);
}

#[tokio::test]
async fn an_answer_arrives_as_the_upstream_sends_it() {
    let world = World::with_signed_in_browser().await;

    world.resource_server.answer_next(Behaviour::Slow(Duration::from_millis(100)));
    let slow = world.get("/api").await;
    world.resource_server.answer_next(Behaviour::Huge(3_000_000));
    let huge = world.get("/api").await;
    world.resource_server.answer_next(Behaviour::CutShort);
    let cut = world.get("/api").await;

    assert!(slow.complete && slow.json()["method"] == "GET");
    assert!(huge.complete && huge.body.len() == 3_000_000);
    assert!(!cut.complete && cut.body.len() <= 10);
}

#[tokio::test]
async fn an_upstreams_own_refusal_is_passed_on() {
    let world = World::with_signed_in_browser().await;
    let refusal = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nWWW-Authenticate: Bearer\r\n\r\nno";
    world.resource_server.answer_next(Behaviour::Raw(refusal.to_vec()));

    let answer = world.get("/api").await;

    assert_eq!((answer.status.as_u16(), answer.rejection_code()), (401, String::new()));
    assert_eq!((answer.text(), answer.header("www-authenticate").as_deref()), ("no".to_owned(), Some("Bearer")));
    assert!(world.is_signed_in().await);
}

#[tokio::test]
async fn head_is_forwarded_as_head() {
    let world = World::with_signed_in_browser().await;

    let answer = world.browser.send(world.fetch("/api").method(Method::HEAD)).await;

    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
    assert_eq!(world.resource_server.last().method(), "HEAD");
}
