//! What a store has to bring to be tested.

#[cfg(feature = "sqlite")]
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};
use std::{sync::Arc, time::Duration};

#[cfg(feature = "sqlite")]
use cloakroom::session::store::sqlite::SqliteStore;
use cloakroom::{
    clock::Clock,
    session::store::{SessionStore, memory::MemoryStore},
};
use protocol::Timestamp;

use super::clock::HandClock;

/// Makes stores and moves their time. Sentences move it by seconds at most, so that a harness may really wait.
pub(crate) trait Harness {
    /// By how much the store's times may differ from [`now`](Self::now) before and after.
    const SLACK: Duration;

    /// An empty store.
    async fn fresh(&self) -> Arc<dyn SessionStore>;

    /// Lets the store's time pass.
    async fn advance(&self, span: Duration);

    /// The store's time.
    async fn now(&self) -> Timestamp;

    /// Fails unless a time that the store wrote is this one.
    #[track_caller]
    fn assert_time(&self, written: Timestamp, expected: Timestamp) {
        let apart = written.duration_until(expected).max(expected.duration_until(written));
        assert!(apart <= Self::SLACK, "{written:?} is {apart:?} from {expected:?}");
    }
}

/// The store in memory.
#[derive(Default)]
pub(crate) struct MemoryHarness {
    clock: Arc<HandClock>,
}

impl Harness for MemoryHarness {
    const SLACK: Duration = Duration::ZERO;

    async fn fresh(&self) -> Arc<dyn SessionStore> {
        Arc::new(MemoryStore::new(Arc::clone(&self.clock) as Arc<dyn Clock>))
    }

    async fn advance(&self, span: Duration) {
        self.clock.advance(span);
    }

    async fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// The store in a file, in a folder that goes with it.
#[cfg(feature = "sqlite")]
#[derive(Default)]
pub(crate) struct SqliteHarness {
    pub(crate) clock: Arc<HandClock>,
    pub(crate) folder: TemporaryFolder,
}

#[cfg(feature = "sqlite")]
impl SqliteHarness {
    /// Where the store is.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("sessions.db")
    }

    /// Opens it, or says why not.
    pub(crate) fn try_open(&self) -> Result<SqliteStore, cloakroom::session::store::sqlite::OpenError> {
        SqliteStore::open(&self.path(), Arc::clone(&self.clock) as Arc<dyn Clock>)
    }

    /// Opens it.
    #[track_caller]
    pub(crate) fn open(&self) -> SqliteStore {
        self.try_open().expect("the store opens")
    }
}

#[cfg(feature = "sqlite")]
impl Harness for SqliteHarness {
    const SLACK: Duration = Duration::ZERO;

    async fn fresh(&self) -> Arc<dyn SessionStore> {
        Arc::new(self.open())
    }

    async fn advance(&self, span: Duration) {
        self.clock.advance(span);
    }

    async fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// A folder that is removed with its content.
#[cfg(feature = "sqlite")]
pub(crate) struct TemporaryFolder(PathBuf);

#[cfg(feature = "sqlite")]
impl TemporaryFolder {
    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

#[cfg(feature = "sqlite")]
impl Default for TemporaryFolder {
    fn default() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("cloakroom-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        // Left over from a process with the same number.
        drop(std::fs::remove_dir_all(&path));
        std::fs::create_dir(&path).expect("the temporary folder takes another one");
        Self(path)
    }
}

#[cfg(feature = "sqlite")]
impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
