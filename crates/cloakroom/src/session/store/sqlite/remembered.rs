//! Single-use ids and counters.

use std::time::Duration;

use protocol::Timestamp;
use rusqlite::{Connection, params};

use crate::session::store::{CountPurpose, Once, OncePurpose};

/// Remembers an id; one that is over counts as forgotten, swept or not.
pub(super) fn insert_once(
    connection: &Connection,
    (purpose, id): (OncePurpose, [u8; 32]),
    keep: Duration,
    now: Timestamp,
) -> rusqlite::Result<Once> {
    const SQL: &str = "
        INSERT INTO once (id, purpose, forget_at) VALUES (?1, ?2, ?3)
        ON CONFLICT DO UPDATE SET forget_at = excluded.forget_at WHERE forget_at <= ?4";
    let values = params![id, name(purpose), (now + keep).unix_millis(), now.unix_millis()];
    Ok(match connection.prepare_cached(SQL)?.execute(values)? {
        0 => Once::Repeated,
        _ => Once::First,
    })
}

/// Whether an id is remembered.
pub(super) fn is_remembered(
    connection: &Connection,
    (purpose, id): (OncePurpose, [u8; 32]),
    now: Timestamp,
) -> rusqlite::Result<bool> {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM once WHERE id = ?1 AND purpose = ?2 AND forget_at > ?3)";
    let values = params![id, name(purpose), now.unix_millis()];
    connection.prepare_cached(SQL)?.query_row(values, |row| row.get(0))
}

fn name(purpose: OncePurpose) -> &'static str {
    match purpose {
        OncePurpose::PendingLogin => "pending_login",
        OncePurpose::LogoutToken => "logout_token",
        OncePurpose::EndedSid => "ended_sid",
    }
}

/// Counts; a counter whose window is over starts again.
pub(super) fn count(
    connection: &Connection,
    (purpose, id): (CountPurpose, [u8; 32]),
    window: Duration,
    now: Timestamp,
) -> rusqlite::Result<u64> {
    const SQL: &str = "
        INSERT INTO counter (id, purpose, count, forget_at) VALUES (?1, ?2, 1, ?3)
        ON CONFLICT DO UPDATE SET
            count = CASE WHEN forget_at <= ?4 THEN 1 ELSE count + 1 END,
            forget_at = CASE WHEN forget_at <= ?4 THEN excluded.forget_at ELSE forget_at END
        RETURNING count";
    let purpose = match purpose {
        CountPurpose::AutomaticLogins => "automatic_logins",
    };
    let values = params![id, purpose, (now + window).unix_millis(), now.unix_millis()];
    connection.prepare_cached(SQL)?.query_row(values, |row| row.get(0)).map(i64::cast_unsigned)
}
