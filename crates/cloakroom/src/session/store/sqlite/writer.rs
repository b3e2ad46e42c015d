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
    file::StoreFile,
    incarnation::Incarnation,
    queue::{Haste, Job, Message},
    transaction::Transactions,
};
use crate::clock::{Clock, SystemClock};

/// How many operations one transaction carries at most: bounds the wait of the first by the work of the last.
const MOST_TOGETHER: usize = 256;

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

/// What one turn took from the queue.
struct Batch {
    jobs: Vec<Box<dyn Job>>,
    after: After,
}

#[derive(PartialEq, Eq)]
enum After {
    GoOn,
    Stop,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(self) -> std::io::Result<JoinHandle<()>> {
        thread::Builder::new().name("session writer".to_owned()).spawn(move || self.run())
    }

    fn run(mut self) {
        loop {
            let batch = self.gather();
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

    /// Waits for the first operation, then takes all that are there.
    fn gather(&self) -> Batch {
        let mut batch = Batch { jobs: Vec::new(), after: After::GoOn };
        if batch.take(self.queue.recv().unwrap_or(Message::Stop)) == Haste::RideAlong {
            self.wait_for_company(&mut batch);
        }
        while batch.has_room() {
            let Ok(message) = self.queue.try_recv() else { break };
            batch.take(message);
        }
        batch
    }

    fn wait_for_company(&self, batch: &mut Batch) {
        // Real time, even where tests move the store's by hand: a waiting thread knows no other.
        let waited = SystemClock::start();
        while let Some(left) = RIDE.checked_sub(waited.monotonic())
            && batch.has_room()
        {
            let Ok(message) = self.queue.recv_timeout(left) else { return };
            if batch.take(message) == Haste::Now {
                return;
            }
        }
    }
}

impl Batch {
    fn take(&mut self, message: Message) -> Haste {
        match message {
            Message::Run(haste, job) => {
                self.jobs.push(job);
                haste
            }
            Message::Stop => {
                self.after = After::Stop;
                Haste::Now
            }
        }
    }

    fn has_room(&self) -> bool {
        self.after == After::GoOn && self.jobs.len() < MOST_TOGETHER
    }
}
