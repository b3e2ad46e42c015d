//! Refreshing: nobody waits while the access token is good, and nobody is signed out who need not be.

mod races;
mod trouble;

use std::time::Duration;

use cloakroom::{
    session::record::{EndReason, Generation},
    settings::Profile,
};
use testkit::{
    Ask, Gate,
    authorization_server::{RefreshTokens, Trouble, Verdict},
};

use crate::world::{Operation, Plan, World};

/// Late enough for a refresh, early enough for the access token.
const DUE: u64 = 240;
/// Too late for the access token.
const OVER: u64 = 295;

/// A world whose authorization server forgives a second use for a minute, and where that is known.
async fn forgiving() -> World {
    let leeway = Duration::from_secs(60);
    let world = World::with(Plan { profile: Profile::leeway(leeway), ..Plan::default() }).await;
    world.authorization_server.script().refresh_tokens = RefreshTokens::Leeway(leeway);
    world.sign_in().await;
    world
}

/// The access token that the resource server received last.
fn token_upstream(world: &World) -> String {
    world.resource_server.last().header("authorization").expect("a token came along").to_owned()
}

fn verdicts(world: &World) -> Vec<Verdict> {
    world.authorization_server.presentations().iter().map(|presentation| presentation.verdict).collect()
}

#[tokio::test]
async fn nobody_waits_for_a_refresh_while_the_access_token_is_good() {
    let world = World::with_signed_in_browser().await;
    world.get("/api").await;
    let old = token_upstream(&world);
    let gate = Gate::default();
    world.authorization_server.script().refresh_troubles.push_back(Trouble::Held(gate.clone()));
    world.clock.advance_seconds(DUE);

    let meanwhile = world.get("/api").await;
    gate.reached().await;
    let token_meanwhile = token_upstream(&world);
    gate.open();
    world.settle().await;
    world.get("/api").await;

    assert_eq!((meanwhile.status.as_u16(), token_meanwhile), (200, old.clone()));
    assert_ne!(token_upstream(&world), old);
    assert_eq!(verdicts(&world), [Verdict::Accepted]);
    assert_eq!(world.record().await.generation, Generation(1));
}

#[tokio::test]
async fn a_fresh_access_token_is_not_refreshed() {
    let world = World::with_signed_in_browser().await;
    world.clock.advance_seconds(190);

    world.get("/api").await;
    world.settle().await;

    assert_eq!(verdicts(&world), []);
}

#[tokio::test]
async fn a_hundred_requests_with_an_expired_access_token_present_the_refresh_token_once() {
    let world = World::with_signed_in_browser().await;
    world.get("/api").await;
    let old = token_upstream(&world);
    world.clock.advance_seconds(OVER);

    let statuses = all_at_once(&world, 100).await;

    assert_eq!(statuses, vec![200; 100]);
    assert_eq!(verdicts(&world), [Verdict::Accepted]);
    let tokens = world.resource_server.received().into_iter().skip(2);
    assert!(
        tokens.clone().count() == 100
            && tokens.into_iter().all(|request| request.header("authorization") != Some(&old))
    );
}

#[tokio::test]
async fn two_nodes_present_the_refresh_token_once_between_them() {
    let world = World::with_signed_in_browser().await;
    let node = world.add_node().await;
    let elsewhere = testkit::Browser::new(world.clock.clone());
    elsewhere.connect_to(node.address());
    elsewhere.plant(&world.url("/"), cloakroom::cookie::SESSION, &world.ticket().unwrap());
    world.clock.advance_seconds(OVER);

    let (here, there) = tokio::join!(world.get("/api"), elsewhere.send(world.fetch("/api")));

    assert_eq!((here.status.as_u16(), there.status.as_u16()), (200, 200));
    assert_eq!(verdicts(&world), [Verdict::Accepted]);
}

#[tokio::test]
async fn every_generation_brings_the_next() {
    let world = World::with_signed_in_browser().await;

    for generation in 1..=5 {
        world.clock.advance_seconds(OVER);
        assert_eq!(world.get("/api").await.status, 200);
        assert_eq!(world.record().await.generation, Generation(generation));
    }

    assert_eq!(verdicts(&world), [Verdict::Accepted; 5]);
}

#[tokio::test]
async fn a_refresh_token_that_stays_the_same_is_kept() {
    let world = World::new().await;
    world.authorization_server.script().refresh_tokens = RefreshTokens::Lasting;
    world.sign_in().await;

    for _ in 0..3 {
        world.clock.advance_seconds(OVER);
        assert_eq!(world.get("/api").await.status, 200);
    }

    let presentations = world.authorization_server.presentations();
    assert_eq!(verdicts(&world), [Verdict::Accepted; 3]);
    assert!(presentations.iter().all(|presentation| presentation == &presentations[0]));
}

#[tokio::test]
async fn pages_are_refreshed_like_calls() {
    let world = World::with_signed_in_browser().await;
    world.clock.advance_seconds(OVER);

    let page = world.browser.open(world.url("/app")).await;

    assert_eq!((page.status.as_u16(), page.earlier.len()), (200, 0));
    assert_eq!(verdicts(&world), [Verdict::Accepted]);
}

#[tokio::test]
async fn a_look_at_the_session_refreshes_nothing() {
    let world = World::with_signed_in_browser().await;
    world.clock.advance_seconds(OVER);

    assert!(world.is_signed_in().await);
    world.settle().await;

    assert_eq!(verdicts(&world), []);
}

#[tokio::test]
async fn claims_follow_a_refresh() {
    let world = World::with_signed_in_browser().await;
    world.authorization_server.script().name = "Alice Liddell".to_owned();
    world.clock.advance_seconds(OVER);

    world.get("/api").await;
    let session = world.session().await;

    assert_eq!(session["claims"]["name"], "Alice Liddell");
    assert_eq!((&session["claims"]["email"], &session["claims_age_seconds"]), (&"alice@example.com".into(), &0.into()));
}

#[tokio::test]
async fn without_a_refresh_token_calls_end_with_the_access_token_and_the_session_goes_on() {
    let world = World::new().await;
    world.authorization_server.script().refresh_tokens = RefreshTokens::None;
    world.sign_in().await;
    world.clock.advance_seconds(290);
    let good = world.get("/api").await;
    world.clock.advance_seconds(5);

    let api = world.get("/api").await;
    let signed_in = world.is_signed_in().await;
    let page = world.browser.open(world.url("/app/orders")).await;

    assert_eq!(good.status, 200);
    assert_eq!((api.status.as_u16(), api.rejection_code(), api.header("set-cookie")), (401, "no_session".into(), None));
    assert!(signed_in);
    assert_eq!((page.url.path(), page.status.as_u16()), ("/app/orders", 200), "{}", page.text());
}

#[tokio::test]
async fn an_access_token_of_unknown_life_is_used_until_the_session_ends() {
    let world = World::new().await;
    world.authorization_server.script().access_token_life = None;
    world.sign_in().await;
    world.clock.advance_minutes(25);

    let answer = world.get("/api").await;
    world.settle().await;

    assert_eq!((answer.status.as_u16(), verdicts(&world)), (200, vec![]));
}

#[tokio::test]
async fn a_refresh_that_brings_another_users_tokens_ends_the_session() {
    let world = World::with_signed_in_browser().await;
    world.authorization_server.script().refresh_troubles.push_back(Trouble::OtherSubject);
    let before = world.resource_server.received().len();
    world.clock.advance_seconds(OVER);

    let answer = world.get("/api").await;
    world.settle().await;

    assert_eq!((answer.status.as_u16(), answer.rejection_code()), (401, "session_ended".into()));
    assert_eq!(world.session_count().await, 0);
    assert_eq!(world.resource_server.received().len(), before);
    assert_eq!(world.authorization_server.live_refresh_tokens(), Vec::<String>::new());
}

#[tokio::test]
async fn a_refused_refresh_ends_the_session() {
    let world = World::with_signed_in_browser().await;
    world.authorization_server.refuse_next_refresh();
    world.clock.advance_seconds(OVER);

    let answer = world.get("/api").await;

    assert_eq!((answer.status.as_u16(), answer.rejection_code()), (401, "session_ended".into()));
    assert_eq!(answer.reason(), "idp_revoked");
    assert!(answer.set_cookie(cloakroom::cookie::SESSION).unwrap().contains("Max-Age=0"));
    assert_eq!(world.end_reasons().await, [EndReason::IdpRevoked]);
}

#[tokio::test]
async fn a_refused_refresh_in_the_background_is_told_at_the_next_request() {
    let world = World::with_signed_in_browser().await;
    world.authorization_server.refuse_next_refresh();
    world.clock.advance_seconds(DUE);

    let served = world.get("/api").await;
    world.settle().await;
    let session = world.session().await;

    assert_eq!(served.status, 200);
    assert_eq!(session, serde_json::json!({ "authenticated": false, "reason": "idp_revoked" }));
}

#[tokio::test]
async fn a_caller_that_goes_away_cancels_no_refresh() {
    let world = World::with_signed_in_browser().await;
    let gate = Gate::default();
    world.authorization_server.script().refresh_troubles.push_back(Trouble::Held(gate.clone()));
    world.clock.advance_seconds(OVER);

    tokio::select! {
        _answer = world.get("/api") => panic!("there is no token to answer with"),
        () = gate.reached() => {}
    }
    gate.open();
    world.settle().await;
    let answer = world.get("/api").await;

    assert_eq!((answer.status.as_u16(), verdicts(&world)), (200, vec![Verdict::Accepted]));
    assert_eq!(world.record().await.generation, Generation(1));
}

#[tokio::test]
async fn a_form_that_meets_an_expired_token_is_sent_once() {
    let world = World::with_signed_in_browser().await;
    world.clock.advance_seconds(OVER);

    let answer = world.browser.send(Ask::form(world.url("/app"), world.url("/app/buy"), &[("a", "b")])).await;

    assert_eq!(answer.status, 200);
    let bought = world.resource_server.received().into_iter().filter(|request| request.target() == "/app/buy");
    assert_eq!((bought.count(), world.store.calls(Operation::Claim)), (1, 1));
}

async fn all_at_once(world: &World, times: usize) -> Vec<u16> {
    let (url, cookie) = (world.node.address(), world.cookie());
    let head = format!(
        "GET /api HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nX-CSRF: 1\r\nCookie: {cookie}\r\n\r\n",
        world.host()
    );
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..times {
        let head = head.clone();
        requests.spawn(async move { testkit::raw::exchange(url, head.as_bytes()).await.status() });
    }
    requests.join_all().await
}
