//! What only the store in a file promises: it outlives the process, knows itself from its backups, and says what is
//! wrong with its disk.

mod disk;
mod opening;
mod restart;

use cloakroom::session::{
    record::{EndReason, Record},
    store::{End, SessionStore, Write},
};

use rusqlite::Connection;

use crate::store_conformance::{SqliteHarness, active, key};

/// Keeps the writer waiting until it is dropped, so that operations gather.
struct BusyDisk(Connection);

impl BusyDisk {
    fn hold(harness: &SqliteHarness) -> Self {
        let connection = Connection::open(harness.path()).expect("the file opens");
        connection.execute_batch("BEGIN IMMEDIATE").expect("nobody writes yet");
        Self(connection)
    }
}

impl Drop for BusyDisk {
    fn drop(&mut self) {
        self.0.execute_batch("COMMIT").expect("nothing was written");
    }
}

/// Creates a session and waits until it is on the disk.
async fn create(harness: &SqliteHarness, store: &dyn SessionStore, number: u16) {
    let created = store.create(fresh(harness, number)).await.expect("the store takes a session");
    assert_eq!(created, Write::Applied);
}

fn fresh(harness: &SqliteHarness, number: u16) -> Record {
    active(number, cloakroom::clock::Clock::now(&*harness.clock))
}

async fn record(store: &dyn SessionStore, number: u16) -> Option<Record> {
    store.load(key(number)).await.expect("the store answers")
}

fn logout() -> End {
    End { reason: EndReason::Logout, keep: std::time::Duration::from_secs(600) }
}
