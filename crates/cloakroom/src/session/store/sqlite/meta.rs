//! A few facts about the store itself, by name.

use rusqlite::{Connection, OptionalExtension, params};

/// The current incarnation's id.
pub(super) const INCARNATION: &str = "incarnation";

/// The fingerprint of the key ring that seals the sessions.
pub(super) const KEY_RING: &str = "key_ring";

/// The value, or nothing when it was never set.
pub(super) fn value(connection: &Connection, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?.query_row([key], |row| row.get(0)).optional()
}

/// Sets or replaces the value.
pub(super) fn set_value(connection: &Connection, key: &str, value: &[u8]) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
        )?
        .execute(params![key, value])
        .map(drop)
}
