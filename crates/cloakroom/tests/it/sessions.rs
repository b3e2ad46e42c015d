//! `GET session`: who is signed in, and for how long.

#[cfg(feature = "sqlite")]
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "sqlite")]
use cloakroom::{clock::Clock, session::store::sqlite::SqliteStore};
use cloakroom::{cookie, session::store::SessionStore, settings::Lifetimes};
use serde_json::json;
use testkit::{Ask, Browser};

use crate::world::{EVIL, Operation, Plan, World};

const SHORT: Lifetimes = Lifetimes { idle: Duration::from_secs(600), absolute: Duration::from_secs(1500) };

#[tokio::test]
async fn nobody_is_signed_in_at_first() {
    let world = World::new().await;

    let answer = world.get("/auth/session").await;

    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "authenticated": false })));
    assert_eq!(answer.header("content-type").as_deref(), Some("application/json"));
}

#[tokio::test]
async fn a_session_tells_the_user_the_claims_and_the_time_left() {
    let world = World::new().await;
    world.authorization_server.script().acr = Some("gold".to_owned());
    world.authorization_server.script().authenticated_ago = Some(Duration::from_secs(30));
    world.sign_in().await;
    world.clock.advance_seconds(12);

    let session = world.session().await;

    let id = session["id"].as_str().unwrap();
    let signed_in_at = 1_800_000_000;
    let expected = json!({
        "authenticated": true,
        "id": id,
        "sub": "alice",
        "claims": { "sub": "alice", "name": "Alice", "email": "alice@example.com" },
        "idle_in": 30 * 60 - 12,
        "absolute_in": 12 * 60 * 60 - 12,
        "acr": "gold",
        "auth_time": signed_in_at - 30,
        "claims_age_seconds": 12,
    });
    assert_eq!(session, expected);
    assert_eq!(id.len(), 22);
    assert!(!world.ticket().unwrap().contains(id));
}

#[tokio::test]
async fn what_the_authorization_server_does_not_say_is_not_there() {
    let world = World::new().await;
    world.authorization_server.script().authenticated_ago = None;
    world.sign_in().await;

    let session = world.session().await;

    assert_eq!((session.get("acr"), session.get("auth_time"), session.get("reason")), (None, None, None));
}

#[tokio::test]
async fn a_session_ends_when_nobody_used_it_for_the_idle_limit() {
    let world = World::signed_in(Plan { lifetimes: SHORT, ..Plan::default() }).await;

    world.clock.advance_seconds(599);
    let just_before = world.session().await;
    world.clock.advance_seconds(1);
    let session = world.session().await;
    let api = world.get("/api").await;

    assert_eq!((&just_before["authenticated"], &just_before["idle_in"]), (&true.into(), &1.into()));
    assert_eq!(session, json!({ "authenticated": false, "reason": "idle" }));
    assert_eq!((api.status.as_u16(), api.rejection_code(), api.reason()), (401, "session_ended".into(), "idle".into()));
    assert!(api.set_cookie(cookie::SESSION).unwrap().contains("Max-Age=0"));
}

#[tokio::test]
async fn use_keeps_a_session_and_the_absolute_limit_ends_it_all_the_same() {
    let world = World::signed_in(Plan { lifetimes: SHORT, ..Plan::default() }).await;

    for _ in 0..3 {
        world.clock.advance_seconds(450);
        assert_eq!(world.get("/auth/session").await.json()["authenticated"], true);
        world.settle().await;
    }
    let session = world.session().await;
    world.clock.advance_seconds(150);
    let over = world.session().await;

    assert_eq!((&session["idle_in"], &session["absolute_in"]), (&150.into(), &150.into()));
    assert_eq!(over, json!({ "authenticated": false, "reason": "absolute" }));
}

#[tokio::test]
async fn api_calls_and_pages_count_as_use() {
    for path in ["/api", "/app"] {
        let world = World::signed_in(Plan { lifetimes: SHORT, ..Plan::default() }).await;
        world.clock.advance_seconds(250);
        assert_eq!(world.get(path).await.status, 200);
        world.settle().await;
        world.clock.advance_seconds(400);

        assert!(world.is_signed_in().await, "{path}");
    }
}

#[tokio::test]
async fn a_look_does_not_count_as_use() {
    let world = World::signed_in(Plan { lifetimes: SHORT, ..Plan::default() }).await;

    for _ in 0..5 {
        world.clock.advance_seconds(100);
        assert!(world.is_signed_in().await);
    }
    world.clock.advance_seconds(100);

    assert!(!world.is_signed_in().await);
}

#[tokio::test]
async fn use_is_written_down_at_most_once_a_minute() {
    let world = World::with_signed_in_browser().await;
    for _ in 0..10 {
        world.clock.advance_seconds(10);
        world.get("/api").await;
    }
    world.settle().await;

    let touches = world.store.calls(Operation::Touch);

    assert_eq!(touches, 1);
}

#[tokio::test]
async fn use_that_could_not_be_written_down_ends_nothing() {
    let world = World::with_signed_in_browser().await;
    world.clock.advance_minutes(2);
    world.store.fail(Operation::Touch, 1);

    let answer = world.get("/api").await;
    world.settle().await;

    assert_eq!(answer.status, 200);
    assert!(world.is_signed_in().await);
}

#[tokio::test]
async fn an_end_elsewhere_is_noticed_within_five_seconds_and_at_once_when_asked() {
    let world = World::with_signed_in_browser().await;
    let node = world.add_node().await;
    let other = Browser::new(world.clock.clone());
    other.connect_to(node.address());
    other.plant(&world.url("/"), cookie::SESSION, &world.ticket().unwrap());
    world.get("/api").await;

    other.send(world.post("/auth/logout")).await;
    let fresh = world.get("/auth/session?touch=0&fresh=1").await.json();
    world.clock.advance_seconds(6);
    let api = world.get("/api").await;

    assert_eq!(fresh, json!({ "authenticated": false, "reason": "logout" }));
    assert_eq!((api.status.as_u16(), api.reason()), (401, "logout".into()));
}

#[tokio::test]
async fn a_session_is_known_on_every_node() {
    let world = World::with_signed_in_browser().await;
    let node = world.add_node().await;

    world.browser.connect_to(node.address());

    assert_eq!(world.get("/api").await.status, 200);
    assert!(world.is_signed_in().await);
}

#[tokio::test]
async fn a_login_begun_on_one_node_ends_on_another() {
    let world = World::new().await;
    let node = world.add_node().await;
    let callback = world.callback_of(&world.browser, "/auth/login?return_to=/app").await;

    world.browser.connect_to(node.address());
    let page = world.arrive(&callback).await;

    assert_eq!((page.status.as_u16(), page.refresh().as_deref()), (200, Some("/app")));
}

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn a_session_in_a_file_survives_a_restart() {
    let folder = crate::store_conformance::SqliteHarness::default();
    let clock = Arc::<testkit::HandClock>::default();
    let (path, shared) = (folder.path(), Arc::clone(&clock));
    let open = || -> Arc<dyn SessionStore> {
        Arc::new(SqliteStore::open(&path, Arc::clone(&shared) as Arc<dyn Clock>).unwrap())
    };
    let world = World::signed_in(Plan { store: Some(open()), clock, ..Plan::default() }).await;
    world.get("/api").await;
    world.settle().await;

    let world = world.restart_on(open).await;
    let at_once = world.get("/api").await;
    world.clock.advance_seconds(295);
    let refreshed = world.get("/api").await;

    assert_eq!((at_once.status.as_u16(), refreshed.status.as_u16()), (200, 200));
    assert_eq!(world.authorization_server.presentations().len(), 1);
    world.browser.send(world.post("/auth/logout")).await;
    assert!(!world.is_signed_in().await);
}

#[tokio::test]
async fn unknown_is_never_signed_out() {
    let world = World::with_signed_in_browser().await;
    world.clock.advance_seconds(6);
    world.store.go_down();

    let answer = world.get("/auth/session").await;
    let fresh = world.get("/auth/session?fresh=1").await;

    for answer in [answer, fresh] {
        assert_eq!((answer.status.as_u16(), answer.rejection_code()), (503, "try_again".into()));
        assert_eq!(answer.header("set-cookie"), None);
    }
}

#[tokio::test]
async fn a_session_shows_itself_to_own_calls_and_to_people_only() {
    let world = World::with_signed_in_browser().await;
    let url = world.url("/auth/session");

    let person = world.browser.open(&url).await;
    let without_header = world.browser.send(Ask::bare_fetch(world.url("/"), &url)).await;
    let foreign = world.browser.send(Ask::bare_fetch(EVIL, &url)).await;
    let framed = world.browser.send(Ask::frame(world.url("/"), &url)).await;

    assert_eq!((person.status.as_u16(), &person.json()["sub"]), (200, &"alice".into()));
    for refused in [without_header, foreign, framed] {
        assert_eq!((refused.status.as_u16(), refused.rejection_code()), (403, "csrf".into()));
    }
}

#[tokio::test]
async fn a_swept_session_is_simply_none() {
    let world = World::signed_in(Plan { lifetimes: SHORT, ..Plan::default() }).await;
    world.clock.advance_seconds(601);

    let removed = world.store.sweep(100).await.unwrap();

    assert!(removed > 0);
    assert_eq!(world.session().await, json!({ "authenticated": false }));
}
