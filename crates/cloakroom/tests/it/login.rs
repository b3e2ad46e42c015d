//! Signing in: how it begins, and what must not begin it. How it ends is in `callback` and `forged`.

mod callback;
mod forged;

use cloakroom::{cookie, session::record::EndReason, settings::CrossSiteLogin};
use http::Method;
use testkit::{Answer, Ask, Browser};

use crate::world::{EVIL, Operation, Plan, SECOND_SERVER, World};

#[tokio::test]
async fn a_login_leads_to_an_api_call_with_a_token_and_without_our_cookies() {
    let world = World::new().await;

    let page =
        world.browser.send(Ask::link(world.url("/"), world.url("/auth/login?return_to=/app/orders%23top"))).await;
    let answer = world.get("/api/orders").await;

    assert_eq!((page.url.path(), page.url.fragment(), page.status.as_u16()), ("/app/orders", Some("top"), 200));
    assert_eq!(answer.status, 200);
    let received = world.resource_server.last();
    let token = received.header("authorization").unwrap().strip_prefix("Bearer ").unwrap();
    assert!(world.authorization_server.secrets().iter().any(|secret| secret == token));
    assert_eq!(received.header("cookie"), None);
    assert_eq!(world.ticket().unwrap().len(), 80);
    assert!(world.browser.refused_cookies().is_empty());
}

#[tokio::test]
async fn the_authorization_request_has_pkce_state_nonce_and_the_configured_redirect_uri() {
    let world = World::new().await;

    let login = "/auth/login?prompt=consent&login_hint=a%40b&acr=gold&max_age=60";
    let answer = world.browser.send(Ask::typed(world.url(login)).without_following()).await;

    assert_eq!(answer.status, 303);
    let request = testkit::Url::parse(&answer.header("location").unwrap());
    let parameter = |name| request.parameter(name).unwrap();
    assert_eq!(request.path(), "/authorize");
    assert_eq!(parameter("redirect_uri"), format!("{}/auth/callback/login", world.origin()));
    assert_eq!((parameter("response_type"), parameter("code_challenge_method")), ("code".into(), "S256".into()));
    assert_eq!((parameter("code_challenge").len(), parameter("nonce").len()), (43, 43));
    assert!(!parameter("state").is_empty());
    assert_eq!((parameter("prompt"), parameter("login_hint")), ("consent".into(), "a@b".into()));
    assert_eq!((parameter("acr_values"), parameter("max_age")), ("gold".into(), "60".into()));
    let cookie = answer.set_cookie(cookie::LOGIN).unwrap();
    assert!(cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=3600"), "{cookie}");
}

#[tokio::test]
async fn a_parameter_that_is_unknown_repeated_or_out_of_bounds_begins_nothing() {
    let world = World::new().await;

    for query in [
        "next=/",
        "return_to=/&return_to=/",
        "prompt=login&prompt=login",
        "prompt=create",
        "prompt=",
        "prompt=login%20consent",
        "auto=0",
        "as=",
        "as=unknown",
        "as=second",
        "login_hint=",
        "acr=",
        "max_age=-1",
        "max_age=1h",
        "max_age=1.5",
        "max_age=9999999999",
        "max_age=",
        &format!("login_hint={}", "a".repeat(257)),
        &format!("acr={}", "a".repeat(257)),
        &format!("return_to=/{}", "a".repeat(2048)),
    ] {
        let answer = begin(&world, Ask::typed(world.url(&format!("/auth/login?{query}")))).await;

        assert_turned_away(&answer, 400, "bad_request", query);
    }
}

#[tokio::test]
async fn no_return_path_leads_to_another_site() {
    let world = World::new().await;

    for bad in [
        "https://evil.test/",
        "//evil.test",
        "/\\evil.test",
        "/%09/evil.test",
        "/%2e%2e//evil.test",
        "/..//evil.test",
        "https://localhost:1@evil.test",
        "javascript:alert(1)",
        "http:evil.test",
        &format!("{}.evil.test/", world.origin()),
        &format!("{}@evil.test/", world.origin()),
        &format!("{}\\@evil.test/", world.origin()),
        &format!(" {}/", world.origin()),
        "",
        "orders",
        "http://localhost:1/",
    ] {
        let login = world.url("/auth/login").with_parameter("return_to", bad);

        let answer = begin(&world, Ask::typed(login)).await;

        assert_turned_away(&answer, 400, "bad_request", bad);
    }
}

#[tokio::test]
async fn a_login_may_end_on_another_configured_frontend() {
    let world = World::new().await;
    let place = world.other_url("/welcome").to_string();

    let page = world.browser.open(world.url("/auth/login").with_parameter("return_to", &place)).await;

    assert_eq!(page.url.to_string(), place);
}

#[tokio::test]
async fn only_a_navigation_begins_a_login() {
    let world = World::new().await;
    let (from, login) = (world.url("/"), world.url("/auth/login"));

    for ask in [
        Ask::fetch(&from, &login),
        Ask::bare_fetch(&from, &login),
        Ask::image(&from, &login),
        Ask::frame(&from, &login),
        Ask::prefetch(&from, &login),
        Ask::image(EVIL, &login),
        Ask::frame(EVIL, &login),
    ] {
        let described = format!("{ask:?}");

        let answer = begin(&world, ask).await;

        assert_turned_away(&answer, 400, "bad_request", &described);
    }
    let head = begin(&world, Ask::link(&from, &login).method(Method::HEAD)).await;
    assert_eq!((head.status.as_u16(), head.header("allow").as_deref()), (405, Some("GET, OPTIONS")));
    assert!(head.set_cookie(cookie::LOGIN).is_none());
}

#[tokio::test]
async fn another_site_cannot_begin_a_login_without_a_click() {
    let world = World::new().await;

    let page = begin(&world, Ask::link(EVIL, world.url("/auth/login?return_to=/app"))).await;

    assert_eq!((page.status.as_u16(), page.set_cookie(cookie::LOGIN)), (200, None));
    let button = page.url.join(&page.link("Sign in").unwrap());
    let landed = world.browser.send(Ask::link(page.page(), button)).await;
    assert_eq!((landed.url.path(), landed.status.as_u16()), ("/app", 200));
    assert!(world.is_signed_in().await);
}

#[tokio::test]
async fn a_sibling_origin_cannot_begin_a_login_without_a_click_either() {
    let world = World::new().await;

    let page = begin(&world, Ask::link("http://localhost:1/", world.url("/auth/login"))).await;

    assert_eq!((page.status.as_u16(), page.set_cookie(cookie::LOGIN)), (200, None));
}

#[tokio::test]
async fn another_site_cannot_begin_a_login_in_an_old_browser_either() {
    let world = World::new().await;
    let browser = Browser::old(world.clock.clone());

    let page = browser.send(Ask::link(EVIL, world.url("/auth/login")).without_following()).await;

    assert_eq!((page.status.as_u16(), page.set_cookie(cookie::LOGIN)), (200, None));
    assert!(page.link("Sign in").is_some());
}

#[tokio::test]
async fn another_site_begins_a_login_where_the_frontend_allows_it() {
    let world = World::with(Plan { cross_site_login: CrossSiteLogin::Allow, ..Plan::default() }).await;

    let page = world.browser.send(Ask::link(EVIL, world.url("/auth/login?return_to=/app"))).await;

    assert_eq!((page.url.path(), page.status.as_u16()), ("/app", 200));
    assert!(world.is_signed_in().await);
}

#[tokio::test]
async fn whoever_is_signed_in_goes_straight_to_the_return_path() {
    let world = World::with_signed_in_browser().await;

    let answer = begin(&world, Ask::link(world.url("/"), world.url("/auth/login?return_to=/app"))).await;

    assert_eq!((answer.status.as_u16(), answer.header("location").as_deref()), (303, Some("/app")));
    assert_eq!(answer.set_cookie(cookie::LOGIN), None);
}

#[tokio::test]
async fn whoever_is_signed_in_can_still_ask_for_more() {
    for parameter in ["prompt=login", "acr=gold", "max_age=0"] {
        let world = World::with_signed_in_browser().await;
        let before = world.ticket();

        let page = world.browser.send(Ask::link(world.url("/"), world.url(&format!("/auth/login?{parameter}")))).await;

        assert_eq!((page.url.path(), page.status.as_u16()), ("/", 200), "{}", page.text());
        assert_ne!(world.ticket(), before);
        assert_eq!(world.end_reasons().await, [EndReason::Replaced]);
        assert_eq!(world.session_count().await, 1);
    }
}

#[tokio::test]
async fn people_choose_where_there_are_several_authorization_servers() {
    let world = World::new().await;

    let page = world.browser.open(world.other_url("/auth/login?return_to=/app")).await;
    let choice = page.url.join(&page.link("The second server").unwrap());
    let landed = world.browser.send(Ask::link(page.page(), &choice)).await;

    assert!(page.link("The login server").is_some());
    assert_eq!(choice.parameter("as").as_deref(), Some(SECOND_SERVER));
    assert_eq!((landed.url.path(), landed.status.as_u16()), ("/app", 200));
}

#[tokio::test]
async fn two_tabs_that_sign_in_at_once_both_land() {
    let world = World::new().await;

    let first = world.callback_of(&world.browser, "/auth/login?return_to=/app/1").await;
    let second = world.callback_of(&world.browser, "/auth/login?return_to=/app/2").await;
    let landed_second = world.arrive(&second).await;
    let landed_first = world.arrive(&first).await;

    assert_eq!(landed_second.refresh().as_deref(), Some("/app/2"));
    assert_eq!(landed_first.refresh().as_deref(), Some("/app/1"));
    assert!(world.is_signed_in().await);
}

#[tokio::test]
async fn automatic_logins_that_loop_are_stopped_at_the_fourth() {
    let world = World::new().await;
    let login = world.url("/auth/login?return_to=/&auto=1");

    for _ in 0..3 {
        let landed = world.browser.send(Ask::link(world.url("/"), &login)).await;
        assert_eq!((landed.url.path(), landed.status.as_u16()), ("/", 200));
        world.browser.forget(cookie::SESSION);
    }
    let stopped = world.browser.send(Ask::link(world.url("/"), &login)).await;
    let by_hand = world.browser.send(Ask::link(world.url("/"), world.url("/auth/login"))).await;

    assert_eq!((stopped.status.as_u16(), stopped.rejection_code()), (429, "too_many_requests".into()));
    assert_eq!(stopped.header("retry-after").as_deref(), Some("60"));
    assert_eq!((by_hand.url.path(), by_hand.status.as_u16()), ("/", 200));
}

#[tokio::test]
async fn automatic_logins_work_again_after_a_minute() {
    let world = World::new().await;
    let login = world.url("/auth/login?auto=1");
    for _ in 0..4 {
        world.browser.send(Ask::link(world.url("/"), &login)).await;
        world.browser.forget(cookie::SESSION);
    }

    world.clock.advance_seconds(61);
    let landed = world.browser.send(Ask::link(world.url("/"), &login)).await;

    assert_eq!((landed.url.path(), landed.status.as_u16()), ("/", 200));
}

#[tokio::test]
async fn without_the_authorization_server_no_login_begins_and_sessions_go_on() {
    let world = World::with_signed_in_browser().await;
    let stranger = Browser::new(world.clock.clone());
    world.clock.advance_minutes(1);
    world.authorization_server.go_down().await;
    let fresh = World::new().await;
    fresh.authorization_server.go_down().await;

    let refused = begin(&fresh, Ask::typed(fresh.url("/auth/login"))).await;
    let api = world.get("/api/orders").await;

    assert_turned_away(&refused, 503, "try_again", "login");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(api.status, 200);
    // Its metadata are known, but old: it is asked whether it is still there.
    let begun = stranger.send(Ask::typed(world.url("/auth/login")).without_following()).await;
    assert_turned_away(&begun, 503, "try_again", "login with known metadata");
}

#[tokio::test]
async fn logins_work_again_when_the_authorization_server_is_back() {
    let world = World::new().await;
    world.authorization_server.go_down().await;
    let refused = begin(&world, Ask::typed(world.url("/auth/login"))).await;

    world.authorization_server.come_back().await;
    world.clock.advance_seconds(2);
    world.sign_in().await;

    assert_eq!(refused.status, 503);
}

#[tokio::test]
async fn without_the_store_no_login_begins() {
    let world = World::new().await;
    world.store.fail(Operation::Load, 1);

    let answer = begin(&world, Ask::typed(world.url("/auth/login"))).await;

    assert_turned_away(&answer, 503, "try_again", "login");
}

async fn begin(world: &World, ask: Ask) -> Answer {
    world.browser.send(ask.without_following()).await
}

#[track_caller]
fn assert_turned_away(answer: &Answer, status: u16, code: &str, what: &str) {
    assert_eq!((answer.status.as_u16(), answer.rejection_code()), (status, code.to_owned()), "{what}");
    assert_eq!((answer.header("location"), answer.header("set-cookie")), (None, None), "{what}");
}
