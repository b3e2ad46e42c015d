//! What stands in the way of opening a file is said so that the reader knows what to do.

use std::{fs, path::Path, sync::Arc};

use cloakroom::session::store::sqlite::{OpenError, SqliteStore};
use rusqlite::Connection;

use super::create;
use crate::store_conformance::SqliteHarness;

fn refusal(harness: &SqliteHarness) -> (OpenError, String) {
    let error = harness.try_open().expect_err("this file cannot be a store");
    let text = error.to_string();
    (error, text)
}

#[test]
fn a_missing_folder_is_named() {
    let harness = SqliteHarness::default();
    let path = harness.folder.path().join("nowhere").join("sessions.db");

    let error = SqliteStore::open(&path, Arc::clone(&harness.clock) as _).unwrap_err();

    assert!(matches!(error, OpenError::FolderMissing { .. }), "{error:?}");
    assert!(error.to_string().contains("nowhere does not exist. Create it"), "{error}");
}

#[test]
fn a_folder_is_not_a_file() {
    let harness = SqliteHarness::default();
    fs::create_dir(harness.path()).unwrap();

    let (error, text) = refusal(&harness);

    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
    assert!(text.contains("it is a folder"), "{text}");
}

#[test]
fn a_store_in_use_is_not_opened_twice() {
    let harness = SqliteHarness::default();
    let store = harness.open();

    let (error, text) = refusal(&harness);

    assert!(matches!(error, OpenError::Locked { .. }), "{error:?}");
    assert!(text.contains("sessions.db is in use: another gateway"), "{text}");
    store.close();
    harness.open();
}

#[cfg(unix)]
#[test]
fn a_store_in_use_is_recognised_under_another_name() {
    let harness = SqliteHarness::default();
    let _store = harness.open();
    let link = harness.folder.path().join("link.db");
    std::os::unix::fs::symlink(harness.path(), &link).unwrap();

    let error = SqliteStore::open(&link, Arc::clone(&harness.clock) as _).unwrap_err();

    assert!(matches!(error, OpenError::Locked { .. }), "{error:?}");
}

#[test]
fn a_file_that_another_program_writes_to_is_not_opened() {
    let harness = SqliteHarness::default();
    harness.open().close();
    let other = Connection::open(harness.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();

    let (error, text) = refusal(&harness);

    assert!(matches!(error, OpenError::Locked { .. }), "{error:?}");
    assert!(text.contains("another program has it open for writing"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_file_that_takes_no_writes_is_named_with_the_way_out() {
    use std::os::unix::fs::PermissionsExt;
    let harness = SqliteHarness::default();
    harness.open().close();
    fs::set_permissions(harness.path(), fs::Permissions::from_mode(0o400)).unwrap();
    if fs::OpenOptions::new().write(true).open(harness.path()).is_ok() {
        // The superuser writes everywhere; how the system's refusal is reported has a test beside `OpenError`.
        return;
    }

    let (error, text) = refusal(&harness);

    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error:?}");
    assert!(text.contains("Make the file and its folder writable"), "{text}");
}

#[test]
fn a_file_of_another_kind_is_left_untouched() {
    let harness = SqliteHarness::default();
    let letter = "Dear operator, this is a letter and no database. ".repeat(200);
    fs::write(harness.path(), &letter).unwrap();

    let (error, text) = refusal(&harness);

    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
    assert!(text.contains("it is no SQLite file"), "{text}");
    assert_eq!(fs::read_to_string(harness.path()).unwrap(), letter);
}

#[test]
fn another_programs_database_is_left_untouched() {
    let harness = SqliteHarness::default();
    let other = Connection::open(harness.path()).unwrap();
    other
        .execute_batch("CREATE TABLE song (name TEXT); PRAGMA application_id = 4711; PRAGMA user_version = 12")
        .unwrap();
    drop(other);
    let before = fs::read(harness.path()).unwrap();

    let (error, text) = refusal(&harness);

    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
    assert!(text.contains("application id 0x1267, layout version 12; ours are 0x636c726d and 1"), "{text}");
    assert_eq!(fs::read(harness.path()).unwrap(), before);
}

#[test]
fn a_newer_layout_is_named_with_both_versions() {
    let harness = SqliteHarness::default();
    harness.open().close();
    Connection::open(harness.path()).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();

    let (error, text) = refusal(&harness);

    assert!(matches!(error, OpenError::Newer { found: 99, known: 1, .. }), "{error:?}");
    assert!(text.contains("has layout version 99, this program reads up to 1"), "{text}");
}

#[tokio::test]
async fn a_damaged_file_is_refused() {
    let harness = SqliteHarness::default();
    let store = harness.open();
    for number in 0..50 {
        create(&harness, &store, number).await;
    }
    store.close();
    let mut bytes = fs::read(harness.path()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0xaa);
    fs::write(harness.path(), bytes).unwrap();

    let (error, text) = refusal(&harness);

    assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
    assert!(text.contains("is damaged") && text.contains("Move it away"), "{text}");
}

#[test]
fn a_file_whose_creation_was_interrupted_is_created_again() {
    let harness = SqliteHarness::default();
    let interrupted = Connection::open(harness.path()).unwrap();
    interrupted.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    drop(interrupted);
    assert_ne!(fs::metadata(harness.path()).unwrap().len(), 0);

    harness.open();
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_any_of_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let harness = SqliteHarness::default();
    fs::write(harness.path(), "").unwrap();
    fs::set_permissions(harness.path(), fs::Permissions::from_mode(0o644)).unwrap();
    let store = harness.open();
    create(&harness, &store, 1).await;

    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut files: Vec<_> = fs::read_dir(harness.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.extension().unwrap().to_string_lossy().into_owned(), mode(&path)))
        .collect();
    files.sort();

    let private = ["db", "db-shm", "db-wal", "incarnation", "lock"].map(|name| (name.to_owned(), 0o600));
    assert_eq!(files, private);
}

#[test]
fn a_store_belongs_to_the_key_ring_that_sealed_its_sessions() {
    let harness = SqliteHarness::default();
    let store = harness.open();
    store.bind_key_ring([1; 32]).unwrap();
    store.bind_key_ring([1; 32]).unwrap();
    store.close();
    let store = harness.open();

    let error = store.bind_key_ring([2; 32]).unwrap_err();

    assert!(matches!(error, OpenError::OtherKeyRing { .. }), "{error:?}");
    assert!(error.to_string().contains("sealed with another key ring file"), "{error}");
    store.bind_key_ring([1; 32]).unwrap();
}

#[test]
fn facts_about_the_store_are_kept() {
    let harness = SqliteHarness::default();
    let store = harness.open();
    store.set_meta("colour", b"blue").unwrap();
    store.set_meta("colour", b"red").unwrap();
    store.close();

    let store = harness.open();

    assert_eq!(store.meta("colour").unwrap(), Some(b"red".to_vec()));
    assert_eq!(store.meta("size").unwrap(), None);
}
