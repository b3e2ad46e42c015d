//! The authorization server signs somebody out, from server to server.

use cloakroom::session::record::EndReason;
use serde_json::{Value, json};
use testkit::{Browser, raw::RawAnswer};

use crate::world::{Operation, World};

const SID: &str = "server-session-1";

#[tokio::test]
async fn a_logout_token_ends_the_session_it_names() {
    let world = World::with_signed_in_browser().await;

    let answer = send(&world, &world.authorization_server.logout_token(&json!({"sid": SID}))).await;

    assert_eq!(answer.status(), 200);
    assert_eq!(world.end_reasons().await, [EndReason::BackChannelLogout]);
    assert_eq!(world.get("/api").await.reason(), "back_channel_logout");
}

#[tokio::test]
async fn a_logout_token_without_sid_ends_all_sessions_of_the_user_and_no_others() {
    let world = World::with_signed_in_browser().await;
    let second = Browser::new(world.clock.clone());
    second.open(world.url("/auth/login")).await;
    world.authorization_server.script().subject = "bob".to_owned();
    let bob = Browser::new(world.clock.clone());
    bob.open(world.url("/auth/login")).await;

    let answer = send(&world, &world.authorization_server.logout_token(&json!({"sub": "alice"}))).await;

    assert_eq!((answer.status(), world.session_count().await), (200, 1));
    assert_eq!(bob.send(world.fetch("/api")).await.status, 200);
}

#[tokio::test]
async fn a_sid_that_nobody_has_is_fine() {
    let world = World::with_signed_in_browser().await;

    let answer = send(&world, &world.authorization_server.logout_token(&json!({"sid": "another"}))).await;

    assert_eq!((answer.status(), world.session_count().await), (200, 1));
}

#[tokio::test]
async fn a_logout_token_that_does_not_hold_ends_nothing() {
    let world = World::with_signed_in_browser().await;
    let server = &world.authorization_server;
    let good = json!({"sid": SID});
    let now = 1_000_000_000_i64;
    let mut bad: Vec<String> = [
        json!({"sid": null}),
        json!({"iss": "https://evil.test"}),
        json!({"aud": "another"}),
        json!({"aud": ["client", "another"]}),
        json!({"nonce": "n"}),
        json!({"events": null}),
        json!({"events": {}}),
        json!({"events": {"http://schemas.openid.net/event/backchannel-logout": "yes"}}),
        json!({"jti": null}),
        json!({"iat": null}),
        json!({"exp": 1}),
        json!({"iat": "1000000000"}),
        json!({"iat": now * 100, "exp": now * 100 + 60}),
    ]
    .into_iter()
    .map(|change| server.logout_token(&merged(&good, &change)))
    .collect();
    let token = server.logout_token(&good);
    bad.extend([format!("{token}A"), String::new(), "a.b.c".to_owned(), token.replacen('.', "..", 1)]);

    for token in bad {
        let answer = send(&world, &token).await;

        assert_eq!(answer.status(), 400, "{token}");
    }
    assert!(world.is_signed_in().await);
}

#[tokio::test]
async fn the_token_comes_exactly_once_and_in_a_form() {
    let world = World::with_signed_in_browser().await;
    let token = world.authorization_server.logout_token(&json!({"sid": SID}));
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let path = "POST /auth/back-channel-logout/login";

    let twice = world.raw(path, &form, &format!("logout_token={token}&logout_token={token}")).await;
    let json =
        world.raw(path, &[("Content-Type", "application/json")], &format!("{{\"logout_token\":\"{token}\"}}")).await;
    let elsewhere = world.raw("POST /auth/back-channel-logout/nobody", &form, &format!("logout_token={token}")).await;
    let by_get = world.raw(&format!("GET /auth/back-channel-logout/login?logout_token={token}"), &[], "").await;

    assert_eq!((twice.status(), json.status(), elsewhere.status(), by_get.status()), (400, 415, 404, 405));
    assert!(world.is_signed_in().await);
}

#[tokio::test]
async fn a_login_that_is_being_completed_meets_the_logout() {
    let world = World::new().await;
    let callback = world.callback_of(&world.browser, "/auth/login").await;
    send(&world, &world.authorization_server.logout_token(&json!({"sid": SID}))).await;

    let answer = world.arrive(&callback).await;

    assert_eq!((answer.status.as_u16(), world.session_count().await), (401, 0));
    assert_eq!(world.ticket(), None);
}

#[tokio::test]
async fn a_login_that_is_being_completed_meets_a_logout_of_the_whole_user() {
    let world = World::new().await;
    let callback = world.callback_of(&world.browser, "/auth/login").await;
    world.clock.advance_seconds(40);
    send(&world, &world.authorization_server.logout_token(&json!({"sub": "alice"}))).await;
    world.clock.advance_seconds(40);

    let answer = world.arrive(&callback).await;

    assert_eq!((answer.status.as_u16(), world.session_count().await), (401, 0));
}

#[tokio::test]
async fn a_login_begun_after_the_logout_is_not_met_by_it() {
    for named in [json!({"sid": SID}), json!({"sub": "alice"})] {
        let world = World::with_signed_in_browser().await;
        send(&world, &world.authorization_server.logout_token(&named)).await;
        world.clock.advance_seconds(16);

        world.sign_in().await;

        assert_eq!(world.session_count().await, 1, "{named}");
    }
}

#[tokio::test]
async fn a_logout_that_broke_off_is_done_when_it_is_sent_again() {
    let world = World::with_signed_in_browser().await;
    let token = world.authorization_server.logout_token(&json!({"sid": SID}));

    world.store.fail(Operation::Revoke, 1);
    let broken = send(&world, &token).await;
    let again = send(&world, &token).await;

    assert_eq!((broken.status(), again.status()), (503, 200));
    assert_eq!(world.session_count().await, 0);
}

#[tokio::test]
async fn a_replayed_logout_token_does_not_end_a_later_session() {
    let world = World::with_signed_in_browser().await;
    let token = world.authorization_server.logout_token(&json!({"sub": "alice"}));
    send(&world, &token).await;
    world.clock.advance_seconds(16);
    world.sign_in().await;

    let replayed = send(&world, &token).await;

    assert_eq!((replayed.status(), world.session_count().await), (200, 1));
}

fn merged(good: &Value, change: &Value) -> Value {
    let mut merged = good.clone();
    for (name, value) in change.as_object().expect("a change is an object") {
        merged[name] = value.clone();
    }
    merged
}

async fn send(world: &World, token: &str) -> RawAnswer {
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    world.raw("POST /auth/back-channel-logout/login", &form, &format!("logout_token={token}")).await
}
