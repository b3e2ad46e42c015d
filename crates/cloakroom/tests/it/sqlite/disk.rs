//! Commits, room, and what is left on the disk.

use std::{fs, sync::Arc, time::Duration};

use cloakroom::{
    clock::Clock,
    session::{
        record::{Generation, Node, Status},
        store::{Claim, Commit, SessionStore, StoreError, Write, Zones, sqlite::SqliteStore},
    },
};
use rusqlite::Connection;
use tokio::task::{JoinSet, yield_now};

use super::{BusyDisk, create, fresh, logout, record};
use crate::store_conformance::{SqliteHarness, key};

#[tokio::test]
async fn operations_that_wait_together_are_committed_together() {
    let harness = SqliteHarness::default();
    let store = Arc::new(harness.open());
    let before = store.commits();
    let mut writers = JoinSet::new();

    let busy = BusyDisk::hold(&harness);
    for number in 0..200 {
        let (store, record) = (Arc::clone(&store), fresh(&harness, number));
        writers.spawn(async move { store.create(record).await.unwrap() });
    }
    yield_now().await;
    drop(busy);
    let answers = writers.join_all().await;

    assert_eq!(answers, vec![Write::Applied; 200]);
    let commits = store.commits() - before;
    assert!(commits <= 3, "{commits} commits for 200 operations");
}

#[tokio::test]
async fn touches_wait_for_company() {
    let harness = SqliteHarness::default();
    let store = Arc::new(harness.open());
    create(&harness, &*store, 1).await;
    let before = store.commits();
    let limit = harness.clock.now() + Duration::from_secs(7200);
    let mut touches = JoinSet::new();

    for _ in 0..100 {
        let store = Arc::clone(&store);
        touches.spawn(async move { store.touch(key(1), limit).await.unwrap() });
    }
    let answers = touches.join_all().await;

    assert_eq!(answers, vec![Write::Applied; 100]);
    assert_eq!(record(&*store, 1).await.unwrap().version, 100);
    let commits = store.commits() - before;
    assert!(commits <= 10, "{commits} commits for 100 touches");
}

/// Fills a store to its limit. Returns how many sessions it took.
async fn fill(harness: &SqliteHarness, store: &SqliteStore) -> u16 {
    store.limit_size(300_000).expect("a limit can be set");
    for number in 0..1000 {
        match store.create(fresh(harness, number)).await {
            Ok(Write::Applied) => (),
            Err(StoreError::Full(_)) => return number,
            other => panic!("session {number}: {other:?}"),
        }
    }
    panic!("a thousand sessions do not fit into 300 kB");
}

#[tokio::test]
async fn a_full_store_says_so_and_loses_nothing() {
    let harness = SqliteHarness::default();
    let store = harness.open();

    let taken = fill(&harness, &store).await;

    assert!(taken > 20, "only {taken} sessions fit");
    for number in 0..taken {
        assert_eq!(record(&store, number).await, Some(fresh(&harness, number)));
    }
    assert_eq!(record(&store, taken).await, None);
    assert_eq!(store.revoke(key(0), logout()).await.unwrap(), Write::Applied, "ending a session needs no room");
    store.limit_size(600_000).unwrap();
    create(&harness, &store, taken).await;
}

#[tokio::test]
async fn an_operation_without_room_takes_no_other_down() {
    let harness = SqliteHarness::default();
    let store = Arc::new(harness.open());
    let taken = fill(&harness, &store).await;
    let mut operations = JoinSet::new();

    let busy = BusyDisk::hold(&harness);
    for number in 0..20 {
        let (creates, revokes) = (Arc::clone(&store), Arc::clone(&store));
        // Two pages of tokens, more than an ended session leaves.
        let mut large = fresh(&harness, taken + number);
        large.ticket_zone = vec![1; 20_000];
        operations.spawn(async move { matches!(creates.create(large).await, Err(StoreError::Full(_))) });
        operations.spawn(async move {
            revokes.revoke(key(number), logout()).await.is_ok_and(|write| write == Write::Applied)
        });
    }
    yield_now().await;
    drop(busy);
    let as_expected = operations.join_all().await;

    assert_eq!(as_expected, vec![true; 40]);
    for number in 0..20 {
        assert!(matches!(record(&*store, number).await.unwrap().status, Status::Revoked { .. }));
        assert_eq!(record(&*store, taken + number).await, None);
    }
}

#[tokio::test]
async fn a_program_that_holds_the_file_makes_the_store_unavailable_for_writes_only() {
    let harness = SqliteHarness::default();
    let store = harness.open();
    create(&harness, &store, 1).await;

    let busy = BusyDisk::hold(&harness);
    let refused = store.revoke(key(1), logout()).await;
    let read = record(&store, 1).await;
    drop(busy);

    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert_eq!(read, Some(fresh(&harness, 1)));
    assert_eq!(store.revoke(key(1), logout()).await.unwrap(), Write::Applied);
}

/// How often the closed store's file holds these bytes.
fn left_in_file(harness: &SqliteHarness, bytes: &[u8]) -> usize {
    let file = fs::read(harness.path()).expect("the file is there");
    assert!(!harness.folder.path().join("sessions.db-wal").exists(), "the log was folded into the file");
    file.windows(bytes.len()).filter(|window| *window == bytes).count()
}

fn claim() -> Claim {
    Claim { node: Node(1), lease: Duration::from_secs(12), escrow: b"escrowed token".repeat(30) }
}

#[tokio::test]
async fn an_ended_session_leaves_no_sealed_byte_in_the_file() {
    let harness = SqliteHarness::default();
    let store = harness.open();
    for number in 0..40 {
        let mut record = fresh(&harness, number);
        record.ticket_zone = b"ticket zone".repeat(100 * usize::from(number));
        record.recovered = Some(b"recovered token".repeat(20));
        assert_eq!(store.create(record).await.unwrap(), Write::Applied);
        let intent = store.claim(key(number), Generation(3), claim()).await.unwrap().unwrap();
        let end = match number % 2 {
            0 => store.revoke(key(number), logout()).await,
            _ => store.dead(key(number), intent.fence, Generation(3), logout()).await,
        };
        assert_eq!(end.unwrap(), Write::Applied);
    }

    store.close();

    for sealed in ["ticket zone", "server zone", "wrapped key", "recovered token", "escrowed token"] {
        assert_eq!(left_in_file(&harness, sealed.as_bytes()), 0, "{sealed}");
    }
}

#[tokio::test]
async fn a_decided_attempt_leaves_no_escrow_in_the_file() {
    let harness = SqliteHarness::default();
    let store = harness.open();
    for number in 0..3 {
        create(&harness, &store, number).await;
    }
    let committed = store.claim(key(0), Generation(3), claim()).await.unwrap().unwrap();
    let taken_back = store.claim(key(1), Generation(3), claim()).await.unwrap().unwrap();

    let zones = Zones::Sealed { key_id: 1, server_zone: vec![1; 200], ticket_zone: vec![1; 1100] };
    let commit = Commit { access_token_life: None, zones };
    assert_eq!(store.commit(key(0), committed.fence, Generation(3), commit).await.unwrap(), Write::Applied);
    assert_eq!(store.not_sent(key(1), taken_back.fence).await.unwrap(), Write::Applied);
    store.close();

    assert_eq!(left_in_file(&harness, b"escrowed token"), 0);
    assert_ne!(left_in_file(&harness, b"ticket zone"), 0, "the sessions themselves are still there");
}

#[tokio::test]
async fn a_row_that_cannot_be_understood_is_damage_and_not_a_session() {
    let harness = SqliteHarness::default();
    let store = harness.open();
    let damages = ["wraps = x'01ff'", "status = 'dead'", "key_id = 256", "user_index = x'00'", "intent_fence = 1"];
    for (number, damage) in (0..).zip(damages) {
        create(&harness, &store, number).await;
        let sql = format!("UPDATE session SET {damage} WHERE key = ?1");
        Connection::open(harness.path()).unwrap().execute(&sql, [key(number).0]).unwrap();

        let answer = store.load(key(number)).await;

        assert!(matches!(answer, Err(StoreError::Corrupt(_))), "{damage}: {answer:?}");
    }
}
