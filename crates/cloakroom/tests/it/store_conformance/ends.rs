//! Ends, tombstones, and what must be gone.

use std::{sync::Arc, time::Duration};

use cloakroom::session::{
    record::{EndReason, Fence, Generation, Record, Status},
    store::{Commit, Retry, SessionStore, Write, Zones},
};
use tokio::task::JoinSet;

use super::{
    harness::Harness,
    records::{LEASE, MOMENT, active, claim, end, key, loaded, sealed},
};

/// A session that holds everything an end has to erase: zones, wraps, recovered tokens, an escrow.
async fn with_everything(harness: &impl Harness) -> (Arc<dyn SessionStore>, Fence, Generation) {
    let store = harness.fresh().await;
    let recovered = Commit { access_token_life: None, zones: Zones::Recovered(vec![5; 700]) };
    assert_eq!(store.create(active(1, harness.now().await)).await.unwrap(), Write::Applied);
    let first = store.claim(key(1), Generation(3), claim(1)).await.unwrap().unwrap();
    assert_eq!(store.commit(key(1), first.fence, Generation(3), recovered).await.unwrap(), Write::Applied);
    let second = store.claim(key(1), Generation(4), claim(1)).await.unwrap().unwrap();
    (store, second.fence, Generation(4))
}

async fn record(store: &Arc<dyn SessionStore>) -> Record {
    loaded(store.load(key(1)).await.unwrap())
}

/// What an ended session leaves: who it was, nothing that was sealed.
fn tombstone(before: &Record, status: Status) -> Record {
    Record {
        version: before.version + 1,
        status,
        intent: None,
        wraps: vec![],
        server_zone: vec![],
        ticket_zone: vec![],
        recovered: None,
        ..before.clone()
    }
}

pub(super) async fn a_death_erases_and_leaves_a_tombstone(harness: &impl Harness) {
    let (store, fence, generation) = with_everything(harness).await;
    let before = record(&store).await;
    let now = harness.now().await;

    let death = store.dead(key(1), fence, generation, end(EndReason::RotationLost));
    assert_eq!(death.await.unwrap(), Write::Applied);

    let after = record(&store).await;
    let Status::Dead { reason: EndReason::RotationLost, forget_at } = after.status else {
        panic!("{:?}", after.status)
    };
    harness.assert_time(forget_at, now + LEASE);
    assert_eq!(after, tombstone(&before, after.status));
}

pub(super) async fn a_death_under_another_fence_or_generation_changes_nothing(harness: &impl Harness) {
    let (store, fence, generation) = with_everything(harness).await;
    let before = record(&store).await;
    let dead = |fence, generation| store.dead(key(1), fence, generation, end(EndReason::IdpRevoked));

    assert_eq!(dead(Fence(fence.0 - 1), generation).await.unwrap(), Write::Refused);
    assert_eq!(dead(fence, Generation(generation.0 - 1)).await.unwrap(), Write::Refused);
    assert_eq!(record(&store).await, before);

    assert_eq!(store.commit(key(1), fence, generation, sealed(1)).await.unwrap(), Write::Applied);
    let committed = record(&store).await;
    assert_eq!(dead(fence, generation).await.unwrap(), Write::Refused);
    assert_eq!(dead(fence, Generation(generation.0 + 1)).await.unwrap(), Write::Refused);
    assert_eq!(record(&store).await, committed);
}

pub(super) async fn a_revocation_erases_and_leaves_a_tombstone(harness: &impl Harness) {
    let (store, ..) = with_everything(harness).await;
    let before = record(&store).await;
    let now = harness.now().await;

    assert_eq!(store.revoke(key(1), end(EndReason::Administrator)).await.unwrap(), Write::Applied);

    let after = record(&store).await;
    let Status::Revoked { reason: EndReason::Administrator, forget_at } = after.status else {
        panic!("{:?}", after.status)
    };
    harness.assert_time(forget_at, now + LEASE);
    assert_eq!(after, tombstone(&before, after.status));
}

pub(super) async fn a_revocation_beats_the_commit_that_comes_after_it(harness: &impl Harness) {
    let (store, fence, generation) = with_everything(harness).await;
    assert_eq!(store.revoke(key(1), end(EndReason::Logout)).await.unwrap(), Write::Applied);
    let revoked = record(&store).await;

    assert_eq!(store.commit(key(1), fence, generation, sealed(1)).await.unwrap(), Write::Refused);
    assert_eq!(store.dead(key(1), fence, generation, end(EndReason::IdpRevoked)).await.unwrap(), Write::Refused);

    assert_eq!(record(&store).await, revoked);
}

pub(super) async fn the_first_reason_stays(harness: &impl Harness) {
    let (store, fence, generation) = with_everything(harness).await;
    assert_eq!(store.create(active(2, harness.now().await)).await.unwrap(), Write::Applied);
    assert_eq!(store.dead(key(1), fence, generation, end(EndReason::RotationLost)).await.unwrap(), Write::Applied);
    assert_eq!(store.revoke(key(2), end(EndReason::Replaced)).await.unwrap(), Write::Applied);
    let ended = (record(&store).await, store.load(key(2)).await.unwrap());
    harness.advance(MOMENT).await;

    assert_eq!(store.revoke(key(1), end(EndReason::Logout)).await.unwrap(), Write::Refused);
    assert_eq!(store.revoke(key(2), end(EndReason::Logout)).await.unwrap(), Write::Refused);

    assert_eq!((record(&store).await, store.load(key(2)).await.unwrap()), ended);
}

pub(super) async fn every_reason_is_kept(harness: &impl Harness) {
    let store = harness.fresh().await;
    let now = harness.now().await;

    for (number, reason) in (0..).zip(EndReason::ALL) {
        assert_eq!(store.create(active(number, now)).await.unwrap(), Write::Applied);
        assert_eq!(store.revoke(key(number), end(reason)).await.unwrap(), Write::Applied);

        let status = loaded(store.load(key(number)).await.unwrap()).status;
        assert!(matches!(status, Status::Revoked { reason: kept, .. } if kept == reason), "{status:?}");
    }
}

pub(super) async fn no_operation_makes_an_ended_session_active(harness: &impl Harness) {
    let (store, fence, generation) = with_everything(harness).await;
    assert_eq!(store.dead(key(1), fence, generation, end(EndReason::IdpRevoked)).await.unwrap(), Write::Applied);
    let dead = record(&store).await;
    harness.advance(LEASE + MOMENT).await;
    let now = harness.now().await;

    for generation in (0..8).map(Generation) {
        assert_eq!(store.claim(key(1), generation, claim(1)).await.unwrap(), None);
        assert_eq!(store.take_over(key(1), generation, claim(1)).await.unwrap(), None);
        for fence in (4..10).map(Fence) {
            assert_eq!(store.commit(key(1), fence, generation, sealed(1)).await.unwrap(), Write::Refused);
            assert_eq!(store.dead(key(1), fence, generation, end(EndReason::Idle)).await.unwrap(), Write::Refused);
        }
    }
    for fence in (4..10).map(Fence) {
        assert_eq!(store.not_sent(key(1), fence).await.unwrap(), Write::Refused);
        assert_eq!(store.uncertain(key(1), fence, Retry::AtOnce).await.unwrap(), Write::Refused);
    }
    assert_eq!(store.touch(key(1), now + Duration::from_secs(60)).await.unwrap(), Write::Refused);
    assert_eq!(store.create(active(1, now)).await.unwrap(), Write::Refused);

    assert_eq!(record(&store).await, dead);
}

pub(super) async fn a_revocation_racing_a_commit_always_wins(harness: &impl Harness) {
    let store = harness.fresh().await;
    let now = harness.now().await;
    let mut races = JoinSet::new();

    for number in 0..32 {
        assert_eq!(store.create(active(number, now)).await.unwrap(), Write::Applied);
        let intent = store.claim(key(number), Generation(3), claim(1)).await.unwrap().unwrap();
        let (commits, revokes) = (Arc::clone(&store), Arc::clone(&store));
        races.spawn(async move { commits.commit(key(number), intent.fence, Generation(3), sealed(1)).await.unwrap() });
        races.spawn(async move { revokes.revoke(key(number), end(EndReason::Logout)).await.unwrap() });
    }
    races.join_all().await;

    for number in 0..32 {
        let record = loaded(store.load(key(number)).await.unwrap());
        assert!(matches!(record.status, Status::Revoked { .. }), "{:?}", record.status);
        assert_eq!((record.ticket_zone, record.wraps), (vec![], vec![]));
    }
}
