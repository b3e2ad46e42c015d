//! What a sweep removes, and what it must not.

use std::time::Duration;

use cloakroom::session::{
    record::{EndReason, Record, UserIndex},
    store::{CountPurpose, End, Once, OncePurpose, Write},
};
use protocol::Timestamp;

use super::{
    harness::Harness,
    records::{LEASE, MOMENT, active, end, key},
};

const HOUR: Duration = Duration::from_secs(3600);
const PLENTY: usize = 10_000;

fn limited(number: u16, now: Timestamp, (idle, absolute): (Duration, Duration)) -> Record {
    Record { idle_expires_at: now + idle, absolute_expires_at: now + absolute, ..active(number, now) }
}

pub(super) async fn a_session_is_swept_at_its_idle_limit(harness: &impl Harness) {
    let store = harness.fresh().await;
    let now = harness.now().await;
    assert_eq!(store.create(limited(1, now, (LEASE, HOUR))).await.unwrap(), Write::Applied);
    assert_eq!(store.create(limited(2, now, (2 * HOUR, HOUR))).await.unwrap(), Write::Applied);

    assert_eq!(store.sweep(PLENTY).await.unwrap(), 0);
    harness.advance(LEASE).await;
    assert_eq!(store.sweep(PLENTY).await.unwrap(), 1);

    assert_eq!(store.load(key(1)).await.unwrap(), None);
    assert_eq!(store.by_user(UserIndex([1; 32])).await.unwrap(), [key(2)]);
}

pub(super) async fn a_session_is_swept_at_its_absolute_limit(harness: &impl Harness) {
    let store = harness.fresh().await;
    let now = harness.now().await;
    assert_eq!(store.create(limited(1, now, (HOUR, LEASE))).await.unwrap(), Write::Applied);
    assert_eq!(store.touch(key(1), now + 2 * HOUR).await.unwrap(), Write::Applied);

    assert_eq!(store.sweep(PLENTY).await.unwrap(), 0);
    harness.advance(LEASE).await;
    assert_eq!(store.sweep(PLENTY).await.unwrap(), 1);

    assert_eq!(store.load(key(1)).await.unwrap(), None);
}

pub(super) async fn a_session_that_was_just_touched_stays(harness: &impl Harness) {
    let store = harness.fresh().await;
    let now = harness.now().await;
    assert_eq!(store.create(limited(1, now, (LEASE, HOUR))).await.unwrap(), Write::Applied);
    harness.advance(LEASE).await;

    let idle_expires_at = harness.now().await + LEASE;
    assert_eq!(store.touch(key(1), idle_expires_at).await.unwrap(), Write::Applied);
    assert_eq!(store.sweep(PLENTY).await.unwrap(), 0);
    assert!(store.load(key(1)).await.unwrap().is_some());

    harness.advance(LEASE).await;
    assert_eq!(store.sweep(PLENTY).await.unwrap(), 1);
    assert_eq!(store.load(key(1)).await.unwrap(), None);
}

pub(super) async fn a_session_whose_idle_limit_came_closer_goes_earlier(harness: &impl Harness) {
    let store = harness.fresh().await;
    let now = harness.now().await;
    assert_eq!(store.create(limited(1, now, (HOUR, HOUR))).await.unwrap(), Write::Applied);

    assert_eq!(store.touch(key(1), now + LEASE).await.unwrap(), Write::Applied);
    harness.advance(LEASE).await;

    assert_eq!(store.sweep(PLENTY).await.unwrap(), 1);
}

pub(super) async fn a_tombstone_stays_as_long_as_it_was_to_stay(harness: &impl Harness) {
    let store = harness.fresh().await;
    let now = harness.now().await;
    let long = End { reason: EndReason::Logout, keep: HOUR };
    assert_eq!(store.create(limited(1, now, (HOUR, HOUR))).await.unwrap(), Write::Applied);
    assert_eq!(store.create(limited(2, now, (LEASE, LEASE))).await.unwrap(), Write::Applied);
    assert_eq!(store.revoke(key(1), end(EndReason::Logout)).await.unwrap(), Write::Applied);
    assert_eq!(store.revoke(key(2), long).await.unwrap(), Write::Applied);

    assert_eq!(store.sweep(PLENTY).await.unwrap(), 0);
    harness.advance(LEASE + MOMENT).await;
    assert_eq!(store.sweep(PLENTY).await.unwrap(), 1);

    assert_eq!(store.load(key(1)).await.unwrap(), None, "its time as a tombstone is over, not its old limits");
    assert!(store.load(key(2)).await.unwrap().is_some(), "its old limits are over, not its time as a tombstone");
}

pub(super) async fn ids_and_counters_are_swept_when_their_time_is_over(harness: &impl Harness) {
    let store = harness.fresh().await;
    for (id, keep) in [(1, LEASE), (2, HOUR)] {
        assert_eq!(store.insert_once(OncePurpose::EndedSid, [id; 32], keep).await.unwrap(), Once::First);
        assert_eq!(store.count(CountPurpose::AutomaticLogins, [id; 32], keep).await.unwrap(), 1);
    }

    assert_eq!(store.sweep(PLENTY).await.unwrap(), 0);
    harness.advance(LEASE).await;
    assert_eq!(store.sweep(PLENTY).await.unwrap(), 2);

    assert_eq!(store.insert_once(OncePurpose::EndedSid, [2; 32], HOUR).await.unwrap(), Once::Repeated);
    assert_eq!(store.count(CountPurpose::AutomaticLogins, [2; 32], HOUR).await.unwrap(), 2);
}

pub(super) async fn a_sweep_removes_no_more_than_it_may(harness: &impl Harness) {
    let store = harness.fresh().await;
    let now = harness.now().await;
    for number in 0..5 {
        assert_eq!(store.create(limited(number, now, (LEASE, HOUR))).await.unwrap(), Write::Applied);
        let id = [u8::try_from(number).unwrap(); 32];
        assert_eq!(store.insert_once(OncePurpose::EndedSid, id, LEASE).await.unwrap(), Once::First);
        assert_eq!(store.count(CountPurpose::AutomaticLogins, id, LEASE).await.unwrap(), 1);
    }
    harness.advance(LEASE).await;

    let mut swept = vec![];
    for most in [0, 1, 3, 7, 100, 100] {
        swept.push(store.sweep(most).await.unwrap());
    }

    assert_eq!(swept, [0, 1, 3, 7, 4, 0]);
}

pub(super) async fn a_swept_key_is_free_again(harness: &impl Harness) {
    let store = harness.fresh().await;
    let now = harness.now().await;
    assert_eq!(store.create(limited(1, now, (LEASE, LEASE))).await.unwrap(), Write::Applied);
    harness.advance(LEASE).await;
    assert_eq!(store.create(active(1, now)).await.unwrap(), Write::Refused);

    assert_eq!(store.sweep(PLENTY).await.unwrap(), 1);

    assert_eq!(store.create(active(1, now)).await.unwrap(), Write::Applied);
}
