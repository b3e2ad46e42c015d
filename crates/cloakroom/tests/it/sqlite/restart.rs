//! Ends of the process, crashes, and backups.

use std::{
    fs,
    future::Future,
    path::{Path, PathBuf},
    pin::pin,
    task::{Context, Waker},
    time::Duration,
};

use cloakroom::session::{
    record::{EndReason, Generation, Node, Record, Status},
    store::{
        Claim, SessionStore, StoreError, Write,
        sqlite::{OpenError, SqliteStore},
    },
};

use super::{BusyDisk, create, fresh, logout, record};
use crate::store_conformance::{SqliteHarness, key};

/// The database and its log, copied as a crash or a backup would find them.
const DATABASE: [&str; 2] = ["sessions.db", "sessions.db-wal"];

/// The same with the side file, which a backup has no business with.
const EVERYTHING: [&str; 3] = ["sessions.db", "sessions.db-wal", "sessions.db.incarnation"];

fn copy(files: &[&str], from: &Path, to: &Path) {
    for file in files {
        match fs::copy(from.join(file), to.join(file)) {
            Ok(_) => (),
            // The log is gone after an orderly end.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => drop(fs::remove_file(to.join(file))),
            Err(error) => panic!("{file}: {error}"),
        }
    }
}

fn side_file(harness: &SqliteHarness) -> PathBuf {
    harness.folder.path().join("sessions.db.incarnation")
}

/// A copy of the files as they are now, as after the loss of the process.
fn crashed(harness: &SqliteHarness) -> SqliteHarness {
    let copied = SqliteHarness { clock: harness.clock.clone(), ..SqliteHarness::default() };
    copy(&EVERYTHING, harness.folder.path(), copied.folder.path());
    copied
}

#[tokio::test]
async fn everything_survives_an_orderly_end() {
    let harness = SqliteHarness::default();
    let store = harness.open();
    create(&harness, &store, 1).await;
    let claim = Claim { node: Node(1), lease: Duration::from_secs(12), escrow: vec![1; 99] };
    let intent = store.claim(key(1), Generation(3), claim).await.unwrap();
    let before = record(&store, 1).await;
    store.close();

    let store = harness.open();

    assert!(intent.is_some());
    assert_eq!(record(&store, 1).await, before);
    assert_eq!(store.sessions_voided(), 0);
}

#[tokio::test]
async fn a_crash_loses_nothing_that_was_answered() {
    let harness = SqliteHarness::default();
    let store = harness.open();
    for number in 0..40 {
        create(&harness, &store, number).await;
    }
    assert_eq!(store.revoke(key(7), logout()).await.unwrap(), Write::Applied);

    let crashed = crashed(&harness);
    let again = crashed.open();

    assert_eq!(again.sessions_voided(), 0);
    for number in 0..40 {
        assert_eq!(record(&again, number).await, record(&store, number).await);
    }
}

#[tokio::test]
async fn an_opening_that_fails_between_side_file_and_database_is_not_taken_for_a_restore() {
    let harness = SqliteHarness::default();
    let store = harness.open();
    create(&harness, &store, 1).await;
    store.close();

    let busy = BusyDisk::hold(&harness);
    let error = harness.try_open().unwrap_err();
    drop(busy);

    assert!(matches!(error, OpenError::Locked { .. }), "{error:?}");
    assert_eq!(harness.open().sessions_voided(), 0);
}

#[tokio::test]
async fn a_database_from_before_the_last_opening_is_void() {
    let harness = SqliteHarness::default();
    let backup = SqliteHarness::default();
    let store = harness.open();
    create(&harness, &store, 1).await;
    create(&harness, &store, 2).await;
    assert_eq!(store.revoke(key(2), logout()).await.unwrap(), Write::Applied);
    let (sealed, revoked) = (record(&store, 1).await.unwrap(), record(&store, 2).await);
    copy(&DATABASE, harness.folder.path(), backup.folder.path());
    store.close();
    harness.open().close();

    copy(&DATABASE, backup.folder.path(), harness.folder.path());
    let store = harness.open();

    assert_eq!(store.sessions_voided(), 1);
    assert_eq!(record(&store, 2).await, revoked);
    let now = sealed.created_at;
    let expected = Record {
        version: 1,
        status: Status::Dead { reason: EndReason::StoreRestored, forget_at: now + Duration::from_secs(600) },
        wraps: vec![],
        server_zone: vec![],
        ticket_zone: vec![],
        ..sealed
    };
    assert_eq!(record(&store, 1).await, Some(expected));
    create(&harness, &store, 3).await;
    store.close();

    let store = harness.open();
    assert_eq!(store.sessions_voided(), 0);
    assert_eq!(record(&store, 3).await, Some(fresh(&harness, 3)));
    harness.clock.advance(Duration::from_secs(600));
    assert_eq!(store.sweep(10).await.unwrap(), 2, "both tombstones are over");
}

#[tokio::test]
async fn a_database_from_before_the_last_opening_is_void_after_a_crash_too() {
    let first = SqliteHarness::default();
    let store = first.open();
    create(&first, &store, 1).await;
    let second = crashed(&first);
    let _second_store = second.open();

    let third = crashed(&second);
    copy(&DATABASE, first.folder.path(), third.folder.path());

    assert_eq!(third.open().sessions_voided(), 1);
}

#[tokio::test]
async fn a_backup_of_the_running_store_is_void_after_an_orderly_end() {
    let harness = SqliteHarness::default();
    let backup = SqliteHarness::default();
    let store = harness.open();
    create(&harness, &store, 1).await;
    copy(&DATABASE, harness.folder.path(), backup.folder.path());
    store.close();

    copy(&DATABASE, backup.folder.path(), harness.folder.path());

    assert_eq!(harness.open().sessions_voided(), 1);
}

#[tokio::test]
async fn a_backup_of_the_running_store_is_void_after_a_crash_a_minute_of_writes_later() {
    let harness = SqliteHarness::default();
    let backup = SqliteHarness::default();
    let store = harness.open();
    create(&harness, &store, 1).await;
    copy(&DATABASE, harness.folder.path(), backup.folder.path());
    harness.clock.advance(Duration::from_secs(60));
    create(&harness, &store, 2).await;

    let crashed = crashed(&harness);
    copy(&DATABASE, backup.folder.path(), crashed.folder.path());

    assert_eq!(crashed.open().sessions_voided(), 1);
}

#[tokio::test]
async fn a_restore_whose_opening_fails_between_side_file_and_database_is_still_a_restore() {
    let harness = SqliteHarness::default();
    let backup = SqliteHarness::default();
    let store = harness.open();
    create(&harness, &store, 1).await;
    copy(&DATABASE, harness.folder.path(), backup.folder.path());
    store.close();
    copy(&DATABASE, backup.folder.path(), harness.folder.path());

    let busy = BusyDisk::hold(&harness);
    let error = harness.try_open().unwrap_err();
    drop(busy);

    assert!(matches!(error, OpenError::Locked { .. }), "{error:?}");
    assert_eq!(harness.open().sessions_voided(), 1);
}

#[tokio::test]
async fn sessions_without_a_side_file_are_void() {
    let harness = SqliteHarness::default();
    let store = harness.open();
    create(&harness, &store, 1).await;
    store.close();
    fs::remove_file(side_file(&harness)).unwrap();

    assert_eq!(harness.open().sessions_voided(), 1);
}

#[test]
fn an_empty_store_without_a_side_file_is_just_empty() {
    let harness = SqliteHarness::default();
    harness.open().close();
    fs::remove_file(side_file(&harness)).unwrap();

    assert_eq!(harness.open().sessions_voided(), 0);
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let harness = SqliteHarness::default();
    let store = harness.open();

    store.close();
    store.close();

    assert!(matches!(store.load(key(1)).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.revoke(key(1), logout()).await, Err(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn what_is_queued_is_written_before_the_store_is_gone() {
    let harness = SqliteHarness::default();
    let store: SqliteStore = harness.open();
    for number in 0..300 {
        // Asked and not waited for.
        let create = pin!(store.create(fresh(&harness, number)));
        assert!(create.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }

    drop(store);

    let store = harness.open();
    for number in 0..300 {
        assert!(record(&store, number).await.is_some(), "session {number} was written");
    }
}
