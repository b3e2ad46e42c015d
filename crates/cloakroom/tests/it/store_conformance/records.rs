//! Creating, loading, finding and touching.

use std::{sync::Arc, time::Duration};

use cloakroom::session::{
    record::{
        AccessTokenLife, Bucket, EndReason, Fence, Generation, Intent, Node, Record, SCHEMA, SidIndex, Status,
        StoreKey, UserIndex, Wrap, WrapState,
    },
    store::{Claim, Commit, End, Retry, SessionStore, Write, Zones},
};
use protocol::Timestamp;
use tokio::task::JoinSet;

use super::harness::Harness;

/// A lease that a harness can wait for.
pub(super) const LEASE: Duration = Duration::from_millis(400);

/// The shortest span that is longer than none.
pub(super) const MOMENT: Duration = Duration::from_millis(50);

/// The key that this number names.
pub(crate) fn key(number: u16) -> StoreKey {
    let mut bytes = [7; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    StoreKey(bytes)
}

/// An active session with every optional part, no refresh under way, an hour from its limits.
pub(crate) fn active(number: u16, now: Timestamp) -> Record {
    let hour = Duration::from_secs(3600);
    Record {
        key: key(number),
        bucket: Bucket(16_383),
        schema: SCHEMA,
        version: 0,
        status: Status::Active,
        generation: Generation(3),
        fence: Fence(5),
        intent: None,
        uncertain: false,
        created_at: now,
        last_used_at: now,
        idle_expires_at: now + hour,
        absolute_expires_at: now + 2 * hour,
        access_token_life: Some(AccessTokenLife { received_at: now, expires_at: now + hour }),
        user: UserIndex([1; 32]),
        sid: Some(SidIndex([2; 32])),
        key_id: 9,
        wraps: wraps(now),
        server_zone: b"server zone".repeat(20),
        ticket_zone: b"ticket zone".repeat(100),
        recovered: None,
    }
}

fn wraps(now: Timestamp) -> Vec<Wrap> {
    let wrap = |id, state| Wrap { id: [id; 16], state, minted_at: now, key_id: id, sealed: b"wrapped key".repeat(8) };
    vec![
        wrap(1, WrapState::Current),
        wrap(2, WrapState::Superseded { until: now + Duration::from_secs(60) }),
        wrap(3, WrapState::Successor),
    ]
}

/// A claim by this node.
pub(super) fn claim(node: u64) -> Claim {
    Claim { node: Node(node), lease: LEASE, escrow: b"sealed refresh token".to_vec() }
}

/// The next token set, sealed.
pub(super) fn sealed(number: u8) -> Commit {
    Commit {
        access_token_life: None,
        zones: Zones::Sealed { key_id: number, server_zone: vec![number; 30], ticket_zone: vec![number; 900] },
    }
}

/// An end with a tombstone that a harness can wait for.
pub(super) fn end(reason: EndReason) -> End {
    End { reason, keep: LEASE }
}

/// The record, which must be there.
#[track_caller]
pub(super) fn loaded(record: Option<Record>) -> Record {
    record.expect("there is a record")
}

pub(super) async fn a_created_record_is_loaded_as_it_was(harness: &impl Harness) {
    let store = harness.fresh().await;
    let now = harness.now().await;
    let plain = Record { sid: None, access_token_life: None, wraps: vec![], ..active(1, now) };
    let full = Record {
        version: u64::MAX / 2,
        uncertain: true,
        generation: Generation(u64::MAX / 2),
        fence: Fence(u64::MAX / 2),
        intent: Some(Intent {
            fence: Fence(u64::MAX / 2),
            node: Node(u64::MAX),
            attempt: u8::MAX,
            first_sent_at: now,
            deadline: now + LEASE,
            escrow: vec![],
        }),
        recovered: Some(vec![0; 5000]),
        ..active(2, now)
    };

    assert_eq!(store.create(plain.clone()).await.unwrap(), Write::Applied);
    assert_eq!(store.create(full.clone()).await.unwrap(), Write::Applied);

    assert_eq!(store.load(key(1)).await.unwrap(), Some(plain));
    assert_eq!(store.load(key(2)).await.unwrap(), Some(full));
}

pub(super) async fn a_key_that_exists_is_refused_and_keeps_its_record(harness: &impl Harness) {
    let store = harness.fresh().await;
    let first = active(1, harness.now().await);
    let second = Record { key_id: 77, ..first.clone() };
    assert_eq!(store.create(first.clone()).await.unwrap(), Write::Applied);

    assert_eq!(store.create(second).await.unwrap(), Write::Refused);

    assert_eq!(store.load(key(1)).await.unwrap(), Some(first));
}

pub(super) async fn a_key_that_ended_is_refused_too(harness: &impl Harness) {
    let store = harness.fresh().await;
    let record = active(1, harness.now().await);
    assert_eq!(store.create(record.clone()).await.unwrap(), Write::Applied);
    assert_eq!(store.revoke(key(1), end(EndReason::Logout)).await.unwrap(), Write::Applied);

    assert_eq!(store.create(record).await.unwrap(), Write::Refused);

    assert_ne!(loaded(store.load(key(1)).await.unwrap()).status, Status::Active);
}

pub(super) async fn an_unknown_key_has_no_record_and_takes_no_write(harness: &impl Harness) {
    let store = harness.fresh().await;
    let (fence, generation) = (Fence(1), Generation(0));

    assert_eq!(store.claim(key(1), generation, claim(1)).await.unwrap(), None);
    assert_eq!(store.take_over(key(1), generation, claim(1)).await.unwrap(), None);
    assert_eq!(store.not_sent(key(1), fence).await.unwrap(), Write::Refused);
    assert_eq!(store.uncertain(key(1), fence, Retry::AtOnce).await.unwrap(), Write::Refused);
    assert_eq!(store.commit(key(1), fence, generation, sealed(1)).await.unwrap(), Write::Refused);
    assert_eq!(store.dead(key(1), fence, generation, end(EndReason::IdpRevoked)).await.unwrap(), Write::Refused);
    assert_eq!(store.revoke(key(1), end(EndReason::Logout)).await.unwrap(), Write::Refused);
    assert_eq!(store.touch(key(1), harness.now().await).await.unwrap(), Write::Refused);

    assert_eq!(store.load(key(1)).await.unwrap(), None);
}

pub(super) async fn a_record_is_loaded_whatever_its_expiries_say(harness: &impl Harness) {
    let store = harness.fresh().await;
    let now = harness.now().await;
    let over = Record { idle_expires_at: now, absolute_expires_at: now - LEASE, ..active(1, now) };
    assert_eq!(store.create(over.clone()).await.unwrap(), Write::Applied);

    harness.advance(MOMENT).await;

    assert_eq!(store.load(key(1)).await.unwrap(), Some(over));
}

pub(super) async fn each_write_raises_the_version_by_one(harness: &impl Harness) {
    let store = harness.fresh().await;
    let now = harness.now().await;
    let generation = active(1, now).generation;
    assert_eq!(store.create(active(1, now)).await.unwrap(), Write::Applied);
    let mut versions = Vec::new();

    let first = store.claim(key(1), generation, claim(1)).await.unwrap().unwrap();
    versions.push(version(&*store).await);
    assert_eq!(store.uncertain(key(1), first.fence, Retry::AtOnce).await.unwrap(), Write::Applied);
    versions.push(version(&*store).await);
    harness.advance(MOMENT).await;
    let second = store.take_over(key(1), generation, claim(2)).await.unwrap().unwrap();
    versions.push(version(&*store).await);
    assert_eq!(store.not_sent(key(1), second.fence).await.unwrap(), Write::Applied);
    versions.push(version(&*store).await);
    assert_eq!(store.commit(key(1), second.fence, generation, sealed(1)).await.unwrap(), Write::Applied);
    versions.push(version(&*store).await);
    assert_eq!(store.touch(key(1), now + LEASE).await.unwrap(), Write::Applied);
    versions.push(version(&*store).await);
    assert_eq!(store.touch(key(1), now + 2 * LEASE).await.unwrap(), Write::Applied);
    versions.push(version(&*store).await);
    assert_eq!(store.revoke(key(1), end(EndReason::Logout)).await.unwrap(), Write::Applied);
    versions.push(version(&*store).await);

    assert_eq!(versions, [1, 2, 3, 4, 5, 6, 7, 8]);
}

async fn version(store: &dyn SessionStore) -> u64 {
    loaded(store.load(key(1)).await.unwrap()).version
}

pub(super) async fn a_users_sessions_are_found_oldest_first_while_they_are_active(harness: &impl Harness) {
    let store = harness.fresh().await;
    for record in five_sessions(harness.now().await) {
        assert_eq!(store.create(record).await.unwrap(), Write::Applied);
    }

    assert_eq!(store.by_user(UserIndex([1; 32])).await.unwrap(), [key(3), key(1), key(2), key(4)]);
    assert_eq!(store.by_user(UserIndex([8; 32])).await.unwrap(), [key(5)]);
    assert_eq!(store.by_user(UserIndex([9; 32])).await.unwrap(), []);

    assert_eq!(store.revoke(key(1), end(EndReason::Logout)).await.unwrap(), Write::Applied);
    let dying = store.claim(key(2), Generation(3), claim(1)).await.unwrap().unwrap();
    let death = store.dead(key(2), dying.fence, Generation(3), end(EndReason::IdpRevoked));
    assert_eq!(death.await.unwrap(), Write::Applied);

    assert_eq!(store.by_user(UserIndex([1; 32])).await.unwrap(), [key(3), key(4)]);
}

pub(super) async fn the_sessions_of_a_sid_are_found_oldest_first_while_they_are_active(harness: &impl Harness) {
    let store = harness.fresh().await;
    for record in five_sessions(harness.now().await) {
        assert_eq!(store.create(record).await.unwrap(), Write::Applied);
    }

    assert_eq!(store.by_sid(SidIndex([2; 32])).await.unwrap(), [key(3), key(1), key(5)]);
    assert_eq!(store.by_sid(SidIndex([4; 32])).await.unwrap(), [key(2)]);

    assert_eq!(store.revoke(key(1), end(EndReason::Logout)).await.unwrap(), Write::Applied);

    assert_eq!(store.by_sid(SidIndex([2; 32])).await.unwrap(), [key(3), key(5)]);
}

/// Four of one user, one of another; three with one `sid`, one with another, one without.
fn five_sessions(now: Timestamp) -> [Record; 5] {
    let at = |number, seconds| Record { created_at: now + Duration::from_secs(seconds), ..active(number, now) };
    [
        at(1, 20),
        Record { sid: Some(SidIndex([4; 32])), ..at(2, 30) },
        at(3, 10),
        Record { sid: None, ..at(4, 40) },
        Record { user: UserIndex([8; 32]), ..at(5, 50) },
    ]
}

pub(super) async fn a_touch_moves_last_use_and_the_idle_limit_only(harness: &impl Harness) {
    let store = harness.fresh().await;
    let before = active(1, harness.now().await);
    let (earlier, later) = (before.idle_expires_at - LEASE, before.idle_expires_at + LEASE);
    assert_eq!(store.create(before.clone()).await.unwrap(), Write::Applied);
    harness.advance(MOMENT).await;

    for (version, idle_expires_at) in [(1, later), (2, earlier)] {
        let now = harness.now().await;
        assert_eq!(store.touch(key(1), idle_expires_at).await.unwrap(), Write::Applied);
        let after = loaded(store.load(key(1)).await.unwrap());

        harness.assert_time(after.last_used_at, now);
        let expected = Record { last_used_at: after.last_used_at, idle_expires_at, version, ..before.clone() };
        assert_eq!(after, expected);
    }
}

pub(super) async fn sixty_four_writers_of_different_records_all_get_through(harness: &impl Harness) {
    let store = harness.fresh().await;
    let now = harness.now().await;
    let mut writers = JoinSet::new();

    for number in 0..64 {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            assert_eq!(store.create(active(number, now)).await.unwrap(), Write::Applied);
            assert!(store.claim(key(number), Generation(3), claim(1)).await.unwrap().is_some());
            // What was answered is seen by whoever asks next.
            assert!(loaded(store.load(key(number)).await.unwrap()).intent.is_some());
        });
    }
    writers.join_all().await;

    assert_eq!(store.by_user(UserIndex([1; 32])).await.unwrap().len(), 64);
}
