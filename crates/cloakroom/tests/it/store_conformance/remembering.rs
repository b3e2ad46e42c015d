//! Single-use ids and counters.

use std::{sync::Arc, time::Duration};

use cloakroom::session::store::{CountPurpose, Once, OncePurpose};
use tokio::task::JoinSet;

use super::harness::Harness;

const KEEP: Duration = Duration::from_millis(600);
const HALF: Duration = Duration::from_millis(300);
const LOGINS: CountPurpose = CountPurpose::AutomaticLogins;

pub(super) async fn an_id_is_first_once_until_it_is_forgotten(harness: &impl Harness) {
    let store = harness.fresh().await;
    let insert = |id| store.insert_once(OncePurpose::PendingLogin, [id; 32], KEEP);

    assert_eq!(insert(1).await.unwrap(), Once::First);
    assert_eq!(insert(1).await.unwrap(), Once::Repeated);
    assert_eq!(insert(2).await.unwrap(), Once::First);
    harness.advance(HALF).await;
    assert_eq!(insert(1).await.unwrap(), Once::Repeated);
    harness.advance(HALF).await;
    assert_eq!(insert(1).await.unwrap(), Once::First);
    assert_eq!(insert(1).await.unwrap(), Once::Repeated);
}

pub(super) async fn an_id_is_remembered_until_it_is_forgotten_and_asking_inserts_nothing(harness: &impl Harness) {
    let store = harness.fresh().await;
    let is_remembered = |purpose| store.is_remembered(purpose, [1; 32]);

    assert!(!is_remembered(OncePurpose::EndedSid).await.unwrap());
    assert_eq!(store.insert_once(OncePurpose::EndedSid, [1; 32], KEEP).await.unwrap(), Once::First);
    assert!(is_remembered(OncePurpose::EndedSid).await.unwrap());
    assert!(!is_remembered(OncePurpose::LogoutToken).await.unwrap());
    harness.advance(KEEP).await;
    assert!(!is_remembered(OncePurpose::EndedSid).await.unwrap());
}

pub(super) async fn a_repeated_id_is_not_remembered_longer(harness: &impl Harness) {
    let store = harness.fresh().await;
    let insert = || store.insert_once(OncePurpose::LogoutToken, [1; 32], KEEP);
    assert_eq!(insert().await.unwrap(), Once::First);
    harness.advance(HALF).await;

    assert_eq!(insert().await.unwrap(), Once::Repeated);
    harness.advance(HALF).await;

    assert_eq!(insert().await.unwrap(), Once::First);
}

pub(super) async fn ids_of_different_purposes_never_meet(harness: &impl Harness) {
    let store = harness.fresh().await;

    for purpose in [OncePurpose::PendingLogin, OncePurpose::LogoutToken, OncePurpose::EndedSid] {
        assert_eq!(store.insert_once(purpose, [1; 32], KEEP).await.unwrap(), Once::First);
    }
}

pub(super) async fn exactly_one_of_many_insertions_is_first(harness: &impl Harness) {
    let store = harness.fresh().await;
    let mut insertions = JoinSet::new();

    for _ in 0..64 {
        let store = Arc::clone(&store);
        insertions.spawn(async move { store.insert_once(OncePurpose::PendingLogin, [1; 32], KEEP).await.unwrap() });
    }
    let first = insertions.join_all().await.into_iter().filter(|once| *once == Once::First).count();

    assert_eq!(first, 1);
}

pub(super) async fn a_counter_counts_up(harness: &impl Harness) {
    let store = harness.fresh().await;
    let count = |id| store.count(LOGINS, [id; 32], KEEP);

    assert_eq!([count(1).await.unwrap(), count(1).await.unwrap(), count(1).await.unwrap()], [1, 2, 3]);
    assert_eq!([count(2).await.unwrap(), count(1).await.unwrap()], [1, 4]);
}

pub(super) async fn a_window_begins_with_its_first_count(harness: &impl Harness) {
    let store = harness.fresh().await;
    let count = || store.count(LOGINS, [1; 32], KEEP);

    assert_eq!(count().await.unwrap(), 1);
    harness.advance(HALF).await;
    assert_eq!(count().await.unwrap(), 2);
    harness.advance(HALF).await;
    assert_eq!(count().await.unwrap(), 1, "the second count did not prolong the window");
    harness.advance(HALF).await;
    assert_eq!(count().await.unwrap(), 2, "the new window is a whole one");
}

pub(super) async fn concurrent_counts_are_all_counted(harness: &impl Harness) {
    let store = harness.fresh().await;
    let mut counts = JoinSet::new();

    for _ in 0..64 {
        let store = Arc::clone(&store);
        counts.spawn(async move { store.count(LOGINS, [1; 32], Duration::from_secs(60)).await.unwrap() });
    }
    let mut counts = counts.join_all().await;
    counts.sort_unstable();

    assert_eq!(counts, (1..=64).collect::<Vec<_>>());
}
