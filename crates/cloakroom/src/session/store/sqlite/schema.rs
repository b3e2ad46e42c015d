//! The database: how its connections behave, whose it is, what tables it has.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags};

use super::open_error::OpenError;

/// Marks the file as ours in SQLite's header: "clrm".
const APPLICATION_ID: i64 = 0x636c_726d;

/// The layout of the tables below.
const LAYOUT: i64 = 1;

/// How long a connection waits for a program that looks into the file (a backup, a shell).
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// Rewriting a row never moves an index entry, except where the session starts and ends: a used session costs one row.
/// `sweep_at` is a promise to look: no later than the row's true limit, moved on only when a sweep finds it too early.
pub(super) const TABLES: &str = "
    CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) STRICT;

    CREATE TABLE session (
        key BLOB NOT NULL UNIQUE,
        bucket INTEGER NOT NULL,
        schema INTEGER NOT NULL,
        version INTEGER NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('active', 'dead', 'revoked')),
        end_reason TEXT,
        forget_at INTEGER,
        sweep_at INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        fence INTEGER NOT NULL,
        intent_fence INTEGER,
        intent_node INTEGER,
        intent_attempt INTEGER,
        intent_first_sent_at INTEGER,
        intent_deadline INTEGER,
        uncertain INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        last_used_at INTEGER NOT NULL,
        idle_expires_at INTEGER NOT NULL,
        absolute_expires_at INTEGER NOT NULL,
        access_token_received_at INTEGER,
        access_token_expires_at INTEGER,
        user_index BLOB NOT NULL,
        sid_index BLOB,
        key_id INTEGER NOT NULL,
        wraps BLOB NOT NULL,
        server_zone BLOB NOT NULL,
        ticket_zone BLOB NOT NULL,
        intent_escrow BLOB,
        recovered BLOB
    ) STRICT;
    CREATE INDEX session_by_user ON session (user_index) WHERE status = 'active';
    CREATE INDEX session_by_sid ON session (sid_index) WHERE status = 'active' AND sid_index IS NOT NULL;
    CREATE INDEX session_by_sweep ON session (sweep_at);

    CREATE TABLE once (
        id BLOB NOT NULL,
        purpose TEXT NOT NULL,
        forget_at INTEGER NOT NULL,
        PRIMARY KEY (id, purpose)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX once_by_end ON once (forget_at);

    CREATE TABLE counter (
        id BLOB NOT NULL,
        purpose TEXT NOT NULL,
        count INTEGER NOT NULL,
        forget_at INTEGER NOT NULL,
        PRIMARY KEY (id, purpose)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX counter_by_end ON counter (forget_at);
";

/// The connection that writes, to a file that is ours and sound.
pub(super) fn writing_connection(path: &Path) -> Result<Connection, OpenError> {
    let from_sqlite = |error: rusqlite::Error| OpenError::from_sqlite(path, &error);

    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(from_sqlite)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(from_sqlite)?;
    if connection.is_readonly("main").map_err(from_sqlite)? {
        return Err(OpenError::ReadOnly {
            file: path.to_owned(),
            found: "the system opens it for reading only".into(),
        });
    }
    if is_new(&connection).map_err(from_sqlite)? {
        durable(&connection).map_err(from_sqlite)?;
        create(&connection).map_err(from_sqlite)?;
    } else {
        require_ours(&connection, path)?;
        require_sound(&connection, path)?;
        durable(&connection).map_err(from_sqlite)?;
    }
    Ok(connection)
}

/// A connection that reads what [`writing_connection`] has prepared.
pub(super) fn reading_connection(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// Lets the file grow to this many bytes. Returns the limit in effect: whole pages, and not below what is used already.
pub(super) fn limit_size(connection: &Connection, bytes: u64) -> rusqlite::Result<u64> {
    let page_bytes = pragma(connection, "page_size")?.cast_unsigned();
    let sql = format!("PRAGMA max_page_count = {}", (bytes / page_bytes).clamp(1, u64::from(u32::MAX - 1)));
    let pages: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
    Ok(pages.cast_unsigned() * page_bytes)
}

/// A crash while the file was created leaves it without tables.
fn is_new(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0 && pragma(connection, "application_id")? == 0)
}

fn require_ours(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let from_sqlite = |error: rusqlite::Error| OpenError::from_sqlite(path, &error);
    let file = || path.to_owned();

    let application = pragma(connection, "application_id").map_err(from_sqlite)?;
    let layout = pragma(connection, "user_version").map_err(from_sqlite)?;
    if application != APPLICATION_ID {
        let found = format!(
            "it is another program's SQLite file (application id {application:#x}, layout version {layout}; \
             ours are {APPLICATION_ID:#x} and {LAYOUT})"
        );
        return Err(OpenError::Foreign { file: file(), found });
    }
    if layout > LAYOUT {
        return Err(OpenError::Newer { file: file(), found: layout, known: LAYOUT });
    }
    Ok(())
}

fn require_sound(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| OpenError::from_sqlite(path, &error))?;
    match verdict.as_str() {
        "ok" => Ok(()),
        _ => Err(OpenError::Corrupt { file: path.to_owned(), found: verdict }),
    }
}

/// A commit is on the disk when it returns; what a session leaves behind is overwritten, not merely let go.
fn durable(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;",
    )?;
    connection.query_row("PRAGMA secure_delete = ON", [], |_| Ok(()))?;
    connection.query_row("PRAGMA journal_size_limit = 16777216", [], |_| Ok(()))
}

fn create(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", LAYOUT)?;
    transaction.commit()
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}
