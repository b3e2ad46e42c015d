//! The writing thread: everything that waits is taken together, written, and answered after the commit.
//!
//! One commit costs one wait for the disk, however many operations it carries; while it runs, the next batch gathers.

use std::{
    sync::{Arc, atomic::AtomicU64, mpsc::Receiver},
    thread::{self, JoinHandle},
    time::Duration,
};

use rusqlite::Connection;

use super::{
    batch::{After, Batch},
    file::StoreFile,
    incarnation::Incarnation,
    queue::Message,
    transaction::Transactions,
};
use crate::clock::Clock;

/// How long operations that may ride along wait for one that cannot.
const RIDE: Duration = Duration::from_millis(5);

/// Everything the thread owns. Dropped in this order: the lock on the file goes last.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) queue: Receiver<Message>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) commits: Arc<AtomicU64>,
    pub(super) incarnation: Incarnation,
    pub(super) file: StoreFile,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(self) -> std::io::Result<JoinHandle<()>> {
        thread::Builder::new().name("session writer".to_owned()).spawn(move || self.run())
    }

    fn run(mut self) {
        loop {
            let batch = Batch::gather(&self.queue, RIDE);
            self.incarnation.renew_if_due(&self.connection, self.clock.monotonic());
            self.transactions().write(batch.jobs);
            if batch.after == After::Stop {
                break;
            }
        }
        self.incarnation.renew(&self.connection, self.clock.monotonic());
        drop(self.connection);
        drop(self.file);
    }

    fn transactions(&self) -> Transactions<'_> {
        Transactions { connection: &self.connection, clock: &*self.clock, commits: &self.commits }
    }
}
