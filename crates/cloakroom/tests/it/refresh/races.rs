//! Refreshes that meet a logout, another node, or the end of their own process.

use cloakroom::{
    cookie,
    session::record::{EndReason, Generation, Status},
};
use testkit::{
    Browser, Gate,
    authorization_server::{Trouble, Verdict},
};
use tokio::runtime;

use super::{DUE, OVER, forgiving, verdicts};
use crate::world::{Operation, World};

#[tokio::test]
async fn a_logout_during_a_refresh_leaves_no_live_refresh_token() {
    let world = World::with_signed_in_browser().await;
    let gate = Gate::default();
    world.authorization_server.script().refresh_troubles.push_back(Trouble::Held(gate.clone()));
    world.clock.advance_seconds(DUE);
    world.get("/api").await;
    gate.reached().await;

    let logout = world.browser.send(world.post("/auth/logout")).await;
    gate.open();
    world.settle().await;

    assert_eq!((logout.status.as_u16(), world.end_reasons().await), (200, vec![EndReason::Logout]));
    assert_eq!(world.authorization_server.live_refresh_tokens(), Vec::<String>::new());
}

#[tokio::test]
async fn a_logout_before_the_commit_wins() {
    let world = World::with_signed_in_browser().await;
    let gate = world.store.hold(Operation::Commit);
    world.clock.advance_seconds(DUE);
    world.get("/api").await;
    gate.reached().await;

    world.browser.send(world.post("/auth/logout")).await;
    gate.open();
    world.settle().await;

    assert_eq!(world.end_reasons().await, [EndReason::Logout]);
    assert_eq!(world.record().await.generation, Generation(0));
    assert_eq!(world.authorization_server.live_refresh_tokens(), Vec::<String>::new());
}

#[tokio::test]
async fn a_refresh_that_lands_in_the_middle_of_a_logout_leaves_no_live_refresh_token() {
    let world = World::with_signed_in_browser().await;
    let (answer, end) = (Gate::default(), world.store.hold(Operation::Revoke));
    world.authorization_server.script().refresh_troubles.push_back(Trouble::Held(answer.clone()));
    world.clock.advance_seconds(DUE);
    world.get("/api").await;
    answer.reached().await;

    let refresh_lands = async {
        end.reached().await;
        answer.open();
        while world.record().await.generation == Generation(0) {
            tokio::task::yield_now().await;
        }
        end.open();
    };
    let (logout, ()) = tokio::join!(world.browser.send(world.post("/auth/logout")), refresh_lands);
    world.settle().await;

    assert_eq!((logout.status.as_u16(), world.end_reasons().await), (200, vec![EndReason::Logout]));
    assert_eq!(world.authorization_server.live_refresh_tokens(), Vec::<String>::new());
}

#[tokio::test]
async fn whoever_waits_for_a_refresh_is_turned_away_by_a_logout() {
    let world = World::with_signed_in_browser().await;
    let gate = Gate::default();
    world.authorization_server.script().refresh_troubles.push_back(Trouble::Held(gate.clone()));
    let before = world.resource_server.received().len();
    world.clock.advance_seconds(OVER);

    let meanwhile = async {
        gate.reached().await;
        let logout = world.browser.send(world.post("/auth/logout")).await;
        gate.open();
        logout
    };
    let (call, logout) = tokio::join!(world.get("/api"), meanwhile);

    assert_eq!(logout.status, 200);
    assert_eq!((call.status.as_u16(), call.reason()), (401, "logout".into()));
    assert_eq!(world.resource_server.received().len(), before);
}

#[tokio::test]
async fn another_node_takes_over_from_one_that_died_after_the_token_was_spent() {
    let world = forgiving().await;
    let commit = world.store.hold(Operation::Commit);
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let node = world.add_node_on(&runtime).await;
    let elsewhere = Browser::new(world.clock.clone());
    elsewhere.connect_to(node.address());
    elsewhere.plant(&world.url("/"), cookie::SESSION, &world.ticket().unwrap());
    world.clock.advance_seconds(DUE);
    elsewhere.send(world.fetch("/api")).await;
    commit.reached().await;

    runtime.shutdown_background();
    commit.open();
    world.clock.advance_seconds(5);
    let served = world.get("/api").await;
    world.settle().await;

    assert_eq!((served.status.as_u16(), verdicts(&world)), (200, vec![Verdict::Accepted, Verdict::Forgiven]));
    let record = world.record().await;
    assert_eq!((record.status, record.generation), (Status::Active, Generation(1)));
    assert_eq!(world.authorization_server.live_refresh_tokens().len(), 1);
}

#[tokio::test]
async fn a_node_that_slept_through_its_lease_changes_nothing() {
    let world = forgiving().await;
    let node = world.add_node().await;
    let elsewhere = Browser::new(world.clock.clone());
    elsewhere.connect_to(node.address());
    elsewhere.plant(&world.url("/"), cookie::SESSION, &world.ticket().unwrap());
    let commit = world.store.hold_once(Operation::Commit);
    world.clock.advance_seconds(DUE);
    world.get("/api").await;
    commit.reached().await;
    world.clock.advance_seconds(5);
    elsewhere.send(world.fetch("/api")).await;
    node.bff.stop(std::time::Duration::from_secs(5)).await;
    let taken_over = world.record().await;

    commit.open();
    world.settle().await;
    let answer = world.get("/api").await;

    assert_eq!(taken_over.generation, Generation(1));
    assert_eq!(world.record().await, taken_over);
    assert_eq!((answer.status.as_u16(), verdicts(&world)), (200, vec![Verdict::Accepted, Verdict::Forgiven]));
}
