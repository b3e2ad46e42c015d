//! What reviews found, one test each. Each failed before its fix.

use cloakroom::{cookie, session::record::EndReason};
use testkit::{
    Ask, Browser,
    authorization_server::{IdTokenDefect, RefreshTokens, Trouble},
};

use crate::world::{Operation, Plan, World};

/// Seconds after a login when the access token of 300 s is not good any more.
const OVER: u64 = 295;

#[tokio::test]
async fn trace_never_reaches_an_upstream() {
    let world = World::with_signed_in_browser().await;
    let before = world.resource_server.received().len();

    for path in ["/api", "/app", "/"] {
        let cookie = world.cookie();
        let headers = [("Cookie", cookie.as_str()), ("X-CSRF", "1"), ("Sec-Fetch-Site", "same-origin")];
        let answer = world.raw(&format!("TRACE {path}"), &headers, "").await;

        assert_eq!(answer.status(), 405, "{path}");
    }

    assert_eq!(world.resource_server.received().len(), before);
}

#[tokio::test]
async fn a_route_in_disguise_is_refused_over_http() {
    let world = World::with_signed_in_browser().await;
    let before = world.resource_server.received().len();

    for path in ["/%61pi/delete", "/API/delete", "/api;x/delete", "/aP%69", "/api%3bx", "/%61uth/session"] {
        let navigation = Ask::link(crate::world::EVIL, world.url(path)).without_following();
        let answer = world.browser.send(navigation).await;

        assert_eq!(answer.status, 400, "{path}");
    }

    assert_eq!(world.resource_server.received().len(), before);
}

#[tokio::test]
async fn a_session_whose_token_ended_without_refresh_token_is_sent_to_the_authorization_server() {
    let world = World::with(Plan::default()).await;
    world.authorization_server.script().refresh_tokens = RefreshTokens::None;
    world.sign_in().await;
    world.clock.advance_seconds(OVER);

    let page = world.browser.open(world.url("/app")).await;

    assert_eq!((page.url.path(), page.status.as_u16()), ("/app", 200), "{}", page.text());
    assert_eq!(world.session_count().await, 1);
    assert_eq!(world.authorization_server.redemptions(), 2);
}

#[tokio::test]
async fn a_cookie_of_another_application_does_not_hide_ours() {
    let world = World::with_signed_in_browser().await;
    let cookie = format!("legacy=Jos\u{e9}; {}", world.cookie());

    let headers = [("Cookie", cookie.as_str()), ("X-CSRF", "1"), ("Sec-Fetch-Site", "same-origin")];
    let answer = world.raw("GET /api", &headers, "").await;

    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn another_users_tokens_are_refused_after_a_restart_and_under_a_new_key() {
    for unknown_key in [false, true] {
        let world = World::with_signed_in_browser().await;
        let restarted = world.add_node().await;
        world.browser.connect_to(restarted.address());
        if unknown_key {
            world.authorization_server.script().id_token = IdTokenDefect::UnknownKey;
        }
        world.authorization_server.script().refresh_troubles.push_back(Trouble::OtherSubject);
        let before = world.resource_server.received().len();
        world.clock.advance_seconds(OVER);

        let answer = world.get("/api").await;

        assert_eq!((answer.status.as_u16(), answer.rejection_code()), (401, "session_ended".into()));
        assert_eq!((world.session_count().await, world.resource_server.received().len()), (0, before));
    }
}

#[tokio::test]
async fn a_refusal_for_one_session_does_not_delay_another() {
    let world = World::with_signed_in_browser().await;
    let bob = Browser::new(world.clock.clone());
    bob.open(world.url("/auth/login")).await;
    world.clock.advance_seconds(OVER);
    world.authorization_server.script().refresh_troubles.push_back(Trouble::Refused("interaction_required"));

    let mallory = world.get("/api").await;
    let bobs = bob.send(world.fetch("/api")).await;

    assert_eq!((mallory.status.as_u16(), bobs.status.as_u16()), (503, 200), "{}", bobs.text());
}

#[tokio::test]
async fn a_late_answer_for_a_replaced_session_leaves_the_new_cookie_alone() {
    let world = World::with_signed_in_browser().await;
    let old = world.ticket().unwrap();
    world.browser.send(Ask::link(world.url("/"), world.url("/auth/login?prompt=login"))).await;
    let late = Browser::new(world.clock.clone());
    late.plant(&world.url("/"), cookie::SESSION, &old);

    let answer = late.send(world.fetch("/api")).await;

    assert_eq!((answer.status.as_u16(), answer.reason()), (401, "replaced".into()));
    assert_eq!(answer.set_cookie(cookie::SESSION), None);
}

#[tokio::test]
async fn what_was_redeemed_and_not_kept_is_revoked() {
    let world = World::new().await;
    world.authorization_server.script().id_token = IdTokenDefect::Nonce;

    let callback = world.callback_of(&world.browser, "/auth/login").await;
    let answer = world.arrive(&callback).await;
    world.settle().await;

    assert_eq!(answer.status, 502);
    assert_eq!(world.authorization_server.live_refresh_tokens(), Vec::<String>::new());
}

#[tokio::test]
async fn a_form_that_is_turned_away_is_answered_with_a_page() {
    let world = World::with_signed_in_browser().await;

    let answer = world.browser.send(Ask::form(crate::world::EVIL, world.url("/app"), &[("a", "b")])).await;

    assert_eq!((answer.status.as_u16(), answer.rejection_code()), (403, "csrf".into()));
    assert!(answer.text().contains("<h1>"), "{}", answer.text());
}

#[tokio::test]
async fn a_logout_whose_client_hangs_up_ends_the_session_all_the_same() {
    let world = World::with_signed_in_browser().await;
    let gate = world.store.hold_once(Operation::Revoke);

    tokio::select! {
        _ = world.browser.send(world.post("/auth/logout")) => panic!("the store holds the end"),
        () = gate.reached() => {}
    }
    gate.open();
    world.settle().await;

    assert_eq!(world.end_reasons().await, [EndReason::Logout]);
    assert_eq!(world.authorization_server.live_refresh_tokens(), Vec::<String>::new());
}

#[tokio::test]
async fn a_login_server_that_died_a_moment_ago_begins_no_login() {
    let world = World::with_signed_in_browser().await;
    world.authorization_server.go_down().await;
    world.clock.advance_seconds(11);

    let answer = Browser::new(world.clock.clone()).open(world.url("/auth/login")).await;

    assert_eq!((answer.status.as_u16(), answer.rejection_code()), (503, "try_again".into()));
    assert_eq!(world.get("/api").await.status, 200);
}
