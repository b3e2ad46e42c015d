//! Sessions in one file on this machine: the store for everyone with one gateway.
//!
//! SQLite with its write-ahead log, waiting for the disk at every commit. One thread writes and commits everything that
//! waits as one transaction; two threads read. Callers wait for channels, never for the disk, so the runtime is never
//! blocked. Beside the file lie SQLite's own `-wal` and `-shm`, `.lock` (one process at a time) and `.incarnation`
//! (tells a restored backup apart; keep it out of backups).

mod batch;
mod fault;
mod file;
mod incarnation;
mod meta;
mod open_error;
mod queue;
mod readers;
mod remembered;
mod row;
mod schema;
mod sessions;
mod sweep;
mod transaction;
mod writer;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use protocol::Timestamp;

pub use self::open_error::OpenError;
use self::{
    file::StoreFile,
    incarnation::Incarnation,
    queue::{Haste, Queue},
    writer::Writer,
};
use super::{Claim, Commit, CountPurpose, End, Once, OncePurpose, Retry, SessionStore, StoreError, StoreFuture, Write};
use crate::{
    clock::Clock,
    session::record::{Fence, Generation, Intent, Record, SidIndex, StoreKey, UserIndex},
};

/// How many threads read.
const READERS: usize = 2;

/// Keeps sessions in a file.
///
/// Dropping it waits until what is queued is on the disk, as [`close`](Self::close) does.
pub struct SqliteStore {
    path: PathBuf,
    writing: Queue,
    reading: Queue,
    threads: Mutex<Vec<JoinHandle<()>>>,
    commits: Arc<AtomicU64>,
    voided: u64,
}

impl SqliteStore {
    /// Opens the file, or creates it, readable by this user only.
    ///
    /// Blocks: reads the whole file once to see whether it is sound. A file that came back from a backup goes on empty,
    /// see [`sessions_voided`](Self::sessions_voided).
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let file = StoreFile::hold(path)?;
        let connection = schema::writing_connection(file.path())?;
        let (incarnation, voided) = Incarnation::begin(&connection, &file, (clock.now(), clock.monotonic()))?;
        let path = file.path().to_owned();
        let reading_connections = (0..READERS)
            .map(|_| schema::reading_connection(&path))
            .collect::<Result<_, _>>()
            .map_err(|error| OpenError::from_sqlite(&path, &error))?;

        let commits = Arc::default();
        let (writing, write_queue) = Queue::new();
        let (reading, read_queue) = Queue::new();
        let from_io = |error: std::io::Error| OpenError::from_io(&path, &error);
        let mut threads = readers::start(reading_connections, read_queue, &clock).map_err(from_io)?;
        let writer = Writer { connection, queue: write_queue, clock, commits: Arc::clone(&commits), incarnation, file };
        threads.push(writer.start().map_err(from_io)?);
        Ok(Self { path, writing, reading, threads: Mutex::new(threads), commits, voided })
    }

    /// How many sessions were ended at the opening because the file had come back from a backup.
    ///
    /// Their refresh tokens may have been spent since the backup was made; to present them again looks like theft.
    pub fn sessions_voided(&self) -> u64 {
        self.voided
    }

    /// How many transactions were committed since the opening: far fewer than operations when there is much to do.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Binds the file to the key ring that seals its sessions: the first call stores the fingerprint, later ones compare.
    ///
    /// Blocks for one write; meant for the start.
    ///
    /// # Errors
    ///
    /// [`OpenError::OtherKeyRing`] when the file is bound to another one.
    pub fn bind_key_ring(&self, fingerprint: [u8; 32]) -> Result<(), OpenError> {
        let bound = self.writing.ask_blocking(move |connection, _| {
            if let Some(bound) = meta::value(connection, meta::KEY_RING)? {
                return Ok(bound);
            }
            meta::set_value(connection, meta::KEY_RING, &fingerprint)?;
            Ok(fingerprint.to_vec())
        });
        match bound {
            Ok(bound) if bound == fingerprint => Ok(()),
            Ok(_) => Err(OpenError::OtherKeyRing { file: self.path.clone() }),
            Err(error) => Err(OpenError::Failed { file: self.path.clone(), found: error.to_string() }),
        }
    }

    /// The value of a fact about the store itself, or nothing when it was never set. Blocks for one read.
    pub fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let key = key.to_owned();
        self.reading.ask_blocking(move |connection, _| meta::value(connection, &key))
    }

    /// Sets a fact about the store itself. Blocks for one write.
    pub fn set_meta(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let (key, value) = (key.to_owned(), value.to_vec());
        self.writing.ask_blocking(move |connection, _| meta::set_value(connection, &key, &value))
    }

    /// Lets the file grow to this many bytes and no further: writes that need more answer [`StoreError::Full`].
    ///
    /// A file that is larger already stays as it is. Returns the limit in effect, whole pages. Blocks for one write.
    pub fn limit_size(&self, bytes: u64) -> Result<u64, StoreError> {
        self.writing.ask_blocking(move |connection, _| schema::limit_size(connection, bytes))
    }

    /// Finishes what is queued, folds the log into the file, lets the next process have it. Operations after it answer
    /// [`StoreError::Unavailable`]. Blocks until it is done.
    pub fn close(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        if threads.is_empty() {
            return;
        }
        for _ in 0..READERS {
            self.reading.stop();
        }
        self.writing.stop();
        for thread in threads {
            // A thread that panicked has ended too.
            drop(thread.join());
        }
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SessionStore for SqliteStore {
    fn create(&self, record: Record) -> StoreFuture<'_, Write> {
        Box::pin(self.writing.ask(Haste::Now, move |connection, _| row::insert(connection, &record)))
    }

    fn load(&self, key: StoreKey) -> StoreFuture<'_, Option<Record>> {
        Box::pin(self.reading.ask(Haste::Now, move |connection, _| sessions::load(connection, key)))
    }

    fn claim(&self, key: StoreKey, generation: Generation, claim: Claim) -> StoreFuture<'_, Option<Intent>> {
        Box::pin(
            self.writing
                .ask(Haste::Now, move |connection, now| sessions::claim(connection, (key, generation), &claim, now)),
        )
    }

    fn take_over(&self, key: StoreKey, generation: Generation, claim: Claim) -> StoreFuture<'_, Option<Intent>> {
        Box::pin(
            self.writing.ask(Haste::Now, move |connection, now| {
                sessions::take_over(connection, (key, generation), &claim, now)
            }),
        )
    }

    fn not_sent(&self, key: StoreKey, fence: Fence) -> StoreFuture<'_, Write> {
        Box::pin(self.writing.ask(Haste::Now, move |connection, now| sessions::not_sent(connection, key, fence, now)))
    }

    fn uncertain(&self, key: StoreKey, fence: Fence, retry: Retry) -> StoreFuture<'_, Write> {
        Box::pin(
            self.writing
                .ask(Haste::Now, move |connection, now| sessions::uncertain(connection, (key, fence), retry, now)),
        )
    }

    fn commit(&self, key: StoreKey, fence: Fence, generation: Generation, commit: Commit) -> StoreFuture<'_, Write> {
        Box::pin(
            self.writing
                .ask(Haste::Now, move |connection, _| sessions::commit(connection, key, (fence, generation), &commit)),
        )
    }

    fn dead(&self, key: StoreKey, fence: Fence, generation: Generation, end: End) -> StoreFuture<'_, Write> {
        Box::pin(
            self.writing
                .ask(Haste::Now, move |connection, now| sessions::dead(connection, key, (fence, generation), end, now)),
        )
    }

    fn revoke(&self, key: StoreKey, end: End) -> StoreFuture<'_, Write> {
        Box::pin(self.writing.ask(Haste::Now, move |connection, now| sessions::revoke(connection, key, end, now)))
    }

    fn touch(&self, key: StoreKey, idle_expires_at: Timestamp) -> StoreFuture<'_, Write> {
        Box::pin(
            self.writing
                .ask(Haste::RideAlong, move |connection, now| sessions::touch(connection, key, idle_expires_at, now)),
        )
    }

    fn insert_once(&self, purpose: OncePurpose, id: [u8; 32], keep: Duration) -> StoreFuture<'_, Once> {
        Box::pin(
            self.writing
                .ask(Haste::Now, move |connection, now| remembered::insert_once(connection, (purpose, id), keep, now)),
        )
    }

    fn is_remembered(&self, purpose: OncePurpose, id: [u8; 32]) -> StoreFuture<'_, bool> {
        Box::pin(
            self.reading
                .ask(Haste::Now, move |connection, now| remembered::is_remembered(connection, (purpose, id), now)),
        )
    }

    fn count(&self, purpose: CountPurpose, id: [u8; 32], window: Duration) -> StoreFuture<'_, u64> {
        Box::pin(
            self.writing
                .ask(Haste::Now, move |connection, now| remembered::count(connection, (purpose, id), window, now)),
        )
    }

    fn by_user(&self, user: UserIndex) -> StoreFuture<'_, Vec<StoreKey>> {
        Box::pin(self.reading.ask(Haste::Now, move |connection, _| sessions::by_user(connection, user)))
    }

    fn by_sid(&self, sid: SidIndex) -> StoreFuture<'_, Vec<StoreKey>> {
        Box::pin(self.reading.ask(Haste::Now, move |connection, _| sessions::by_sid(connection, sid)))
    }

    fn sweep(&self, most: usize) -> StoreFuture<'_, usize> {
        Box::pin(self.writing.ask(Haste::Now, move |connection, now| sweep::sweep(connection, most, now)))
    }
}
