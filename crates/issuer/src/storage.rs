//! The one SQLite file: who may be where, and until when.
//!
//! Every operation is one `IMMEDIATE` transaction on one connection, so two redemptions of a code, or two uses of a
//! refresh token, happen one after the other. The files below hold the operations, each a function on a transaction.

use std::{
    fs, io,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use protocol::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::Semaphore;

use self::participant::Participant;

pub(crate) mod access_token;
pub(crate) mod account;
pub(crate) mod browser_session;
pub(crate) mod code;
pub(crate) mod device;
pub(crate) mod family;
pub(crate) mod key;
pub(crate) mod participant;

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The file cannot be created or its permissions cannot be set.
    #[error("the database file cannot be used: {0}")]
    File(#[from] io::Error),
    /// SQLite refused; trying again can help when the disk was full or busy.
    #[error("the database refused: {0}")]
    Database(#[from] rusqlite::Error),
    /// The file was written by a newer version of this program.
    #[error("the database has schema {found}, this program knows up to {known}: use the newer program")]
    NewerSchema {
        /// What the file says.
        found: i64,
        /// What this program knows.
        known: i64,
    },
    /// What was to be kept could not be made; nothing of it was kept.
    #[error("rolled back: {0}")]
    RolledBack(Box<dyn std::error::Error + Send + Sync>),
    /// The operation was dropped because the program is stopping.
    #[error("the program is stopping")]
    Stopping,
}

/// The open database.
pub(crate) struct Storage {
    connection: Mutex<Connection>,
    /// One waiter at a time gets a blocking thread; the others wait as futures, in order.
    turn: Arc<Semaphore>,
    next_sweep: AtomicI64,
}

impl Storage {
    /// Opens the database, creating it (readable by its owner only) where there is none.
    pub(crate) fn open(path: &Path) -> Result<Self, StorageError> {
        ensure_private_file(path)?;
        let mut connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        ensure_schema(&mut connection)?;
        Ok(Self {
            connection: Mutex::new(connection),
            turn: Arc::new(Semaphore::new(1)),
            next_sweep: AtomicI64::new(i64::MIN),
        })
    }

    /// Runs `operation` in a transaction on a thread where waiting for the disk harms nobody.
    ///
    /// The transaction completes even if the caller goes away.
    pub(crate) async fn run<T, E>(
        self: &Arc<Self>,
        now: Timestamp,
        operation: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, StorageError>
    where
        T: Send + 'static,
        E: Into<StorageError>,
    {
        self.run_then(now, operation, |answer| answer).await
    }

    /// The same, and then, when all of it is kept, `then`: also if the caller goes away.
    pub(crate) async fn run_then<T, U, E>(
        self: &Arc<Self>,
        now: Timestamp,
        operation: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
        then: impl FnOnce(T) -> U + Send + 'static,
    ) -> Result<U, StorageError>
    where
        U: Send + 'static,
        E: Into<StorageError>,
    {
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(|_| StorageError::Stopping)?;
        let storage = Arc::clone(self);
        let work = move || {
            let _turn = turn;
            storage.run_here(now, operation).map(then)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| StorageError::Stopping)?
    }

    /// Runs `operation` in a transaction on this thread: all of it happens, or nothing when it fails.
    pub(crate) fn run_here<T, E: Into<StorageError>>(
        &self,
        now: Timestamp,
        operation: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, StorageError> {
        // A panic inside a transaction rolled it back, so the connection behind a poisoned lock is sound.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if now.unix_millis() >= self.next_sweep.load(Ordering::Relaxed) {
            sweep(&transaction, now)?;
            self.next_sweep.store(now.unix_millis().saturating_add(SWEEP_INTERVAL_MILLIS), Ordering::Relaxed);
        }
        let answer = operation(&transaction).map_err(Into::into)?;
        transaction.commit()?;
        Ok(answer)
    }
}

/// Ends every browser session, code and family; accounts and keys stay.
pub(crate) fn forget_sessions(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction
        .execute_batch("DELETE FROM code; DELETE FROM family; DELETE FROM browser_session; DELETE FROM participant;")
}

/// Ends everything that names an account: its browser sessions, codes and families. Gives the clients to tell.
pub(crate) fn end_everything_of(transaction: &Transaction<'_>, subject: &str) -> rusqlite::Result<Vec<Participant>> {
    for table in ["code", "family", "browser_session"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE subject = ?1"), [subject])?;
    }
    participant::take_of_account(transaction, subject)
}

/// Removes what has expired, so that the file stays as large as what is alive.
fn sweep(transaction: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let now = now.unix_millis();
    transaction.execute("DELETE FROM code WHERE expires_at <= ?1 AND family IS NULL", [now])?;
    transaction.execute("DELETE FROM access_token WHERE expires_at <= ?1", [now])?;
    transaction.execute("DELETE FROM family WHERE expires_at <= ?1", [now])?;
    transaction.execute("DELETE FROM browser_session WHERE expires_at <= ?1", [now])?;
    transaction.execute("DELETE FROM participant WHERE expires_at <= ?1", [now])?;
    transaction.execute("DELETE FROM device WHERE expires_at <= ?1", [now])?;
    Ok(())
}

/// Creates the file before SQLite does, because SQLite would leave its permissions to the umask; its journals inherit
/// the permissions of the file.
fn ensure_private_file(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        let file = options.mode(0o600).open(path)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))
    }
    #[cfg(not(unix))]
    options.open(path).map(drop)
}

fn ensure_schema(connection: &mut Connection) -> Result<(), StorageError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let steps = (1..).zip(SCHEMA_STEPS);
    let known = steps.clone().map(|(version, _)| version).max().unwrap_or_default();
    if found > known {
        return Err(StorageError::NewerSchema { found, known });
    }
    for (version, step) in steps.filter(|(version, _)| *version > found) {
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", version)?;
    }
    Ok(transaction.commit()?)
}

/// From an empty file to the newest schema; each step leads to the version of its place in the list, from 1 on.
const SCHEMA_STEPS: [&str; 3] =
    [include_str!("storage/schema.sql"), include_str!("storage/schema_2.sql"), include_str!("storage/schema_3.sql")];
const SWEEP_INTERVAL_MILLIS: i64 = 60_000;
/// Only a command line that edits accounts beside the running server makes anyone wait.
const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use tokio::{sync::oneshot, time::timeout};

    use super::*;

    #[tokio::test]
    async fn what_follows_a_transaction_happens_though_the_caller_went_away() {
        let path = std::env::temp_dir().join(format!("cloakroom-issuer-storage-{}", std::process::id()));
        let storage = Arc::new(Storage::open(&path).unwrap());
        let ((go_on, wait), (follow, followed)) = (mpsc::channel(), oneshot::channel());
        let operation = move |_: &Transaction<'_>| -> rusqlite::Result<()> {
            wait.recv().unwrap();
            Ok(())
        };

        let running = storage.run_then(Timestamp::from_unix_millis(0), operation, move |()| follow.send(()).unwrap());
        let gone = timeout(Duration::from_millis(100), running).await;
        go_on.send(()).unwrap();

        assert!(gone.is_err());
        timeout(Duration::from_secs(10), followed).await.unwrap().unwrap();
        for suffix in ["", "-wal", "-shm"] {
            drop(fs::remove_file(format!("{}{suffix}", path.display())));
        }
    }

    #[test]
    fn a_file_of_the_first_version_is_brought_up_to_date_and_one_of_a_later_version_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA_STEPS[0]).unwrap();
        connection.execute_batch("INSERT INTO account VALUES ('s', 'ann', 'hash', NULL, NULL, NULL)").unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();

        ensure_schema(&mut connection).unwrap();
        ensure_schema(&mut connection).unwrap();

        let count =
            |table| connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0));
        assert_eq!((count("account"), count("device")), (Ok(1), Ok(0)));
        connection.pragma_update(None, "user_version", 4).unwrap();
        let refused = ensure_schema(&mut connection);
        assert!(matches!(refused, Err(StorageError::NewerSchema { found: 4, known: 3 })), "{refused:?}");
    }
}
