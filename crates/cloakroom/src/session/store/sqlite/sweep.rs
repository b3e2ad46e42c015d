//! Forgetting what is over.

use protocol::Timestamp;
use rusqlite::{Connection, params};

/// How many sessions that were used since are set down for a later look in one sweep: bounds the transaction.
const MOST_PUT_OFF: i64 = 4096;

/// Looks at sessions that were used since they were set down: back to the queue with their true limit.
const PUT_OFF: &str = "
    UPDATE session SET sweep_at = min(idle_expires_at, absolute_expires_at)
    WHERE rowid IN (
        SELECT rowid FROM session
        WHERE sweep_at <= ?1 AND status = 'active' AND min(idle_expires_at, absolute_expires_at) > ?1
        ORDER BY sweep_at LIMIT ?2)";

/// The limit is read from the row in the statement that removes it: a session that was just touched stays.
const SESSIONS: &str = "
    DELETE FROM session WHERE rowid IN (
        SELECT rowid FROM session
        WHERE sweep_at <= ?1 AND (status <> 'active' OR min(idle_expires_at, absolute_expires_at) <= ?1)
        ORDER BY sweep_at LIMIT ?2)";

const IDS: &str = "
    DELETE FROM once WHERE (id, purpose) IN (
        SELECT id, purpose FROM once WHERE forget_at <= ?1 ORDER BY forget_at LIMIT ?2)";

const COUNTERS: &str = "
    DELETE FROM counter WHERE (id, purpose) IN (
        SELECT id, purpose FROM counter WHERE forget_at <= ?1 ORDER BY forget_at LIMIT ?2)";

/// Removes at most `most` of what is over, all or none of them. Returns how many.
pub(super) fn sweep(connection: &Connection, most: usize, now: Timestamp) -> rusqlite::Result<usize> {
    connection.execute_batch("SAVEPOINT sweep")?;
    let swept = remove(connection, most, now.unix_millis());
    if swept.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK TO sweep")?;
    }
    if !connection.is_autocommit() {
        connection.execute_batch("RELEASE sweep")?;
    }
    swept
}

fn remove(connection: &Connection, most: usize, now: i64) -> rusqlite::Result<usize> {
    connection.prepare_cached(PUT_OFF)?.execute(params![now, MOST_PUT_OFF])?;
    let mut room = most;
    for sql in [SESSIONS, IDS, COUNTERS] {
        let limit = i64::try_from(room).unwrap_or(i64::MAX);
        room -= connection.prepare_cached(sql)?.execute(params![now, limit])?;
    }
    Ok(most - room)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::store::sqlite::schema::TABLES;

    /// A database with this many sessions that a sweep looks at when 5 is past, and that last until 100.
    fn with_used_sessions(count: i64) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(TABLES).unwrap();
        connection
            .execute(
                "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?1)
                 INSERT INTO session (key, bucket, schema, version, status, sweep_at, generation, fence, uncertain,
                     created_at, last_used_at, idle_expires_at, absolute_expires_at, user_index, key_id, wraps,
                     server_zone, ticket_zone)
                 SELECT CAST (n AS BLOB), 0, 1, 0, 'active', 5, 0, 0, 0, 0, 0, 100, 100, x'', 0, x'', x'', x''
                 FROM number",
                [count],
            )
            .unwrap();
        connection
    }

    fn count(connection: &Connection, sql: &str) -> i64 {
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_session_that_was_used_since_is_looked_at_once() {
        let connection = with_used_sessions(10);

        assert_eq!(sweep(&connection, 100, Timestamp::from_unix_millis(50)).unwrap(), 0);

        assert_eq!(count(&connection, "SELECT count(*) FROM session WHERE sweep_at = 100"), 10);
    }

    #[test]
    fn more_used_sessions_than_one_sweep_puts_off_all_stay() {
        let connection = with_used_sessions(MOST_PUT_OFF + 10);

        assert_eq!(sweep(&connection, 100, Timestamp::from_unix_millis(50)).unwrap(), 0);

        assert_eq!(count(&connection, "SELECT count(*) FROM session WHERE sweep_at = 5"), 10);
        assert_eq!(count(&connection, "SELECT count(*) FROM session"), MOST_PUT_OFF + 10);
    }

    #[test]
    fn a_sweep_that_fails_half_way_removes_nothing() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(TABLES).unwrap();
        connection
            .execute_batch(
                "INSERT INTO once VALUES (x'01', 'pending_login', 5);
                 INSERT INTO counter VALUES (x'01', 'automatic_logins', 1, 5);
                 CREATE TRIGGER keep BEFORE DELETE ON counter BEGIN SELECT RAISE(ABORT, 'kept'); END;
                 BEGIN",
            )
            .unwrap();

        let swept = sweep(&connection, 10, Timestamp::from_unix_millis(9));

        connection.execute_batch("COMMIT").unwrap();
        assert!(swept.is_err());
        assert_eq!(count(&connection, "SELECT count(*) FROM once"), 1);
    }
}
