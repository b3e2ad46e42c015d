//! Issued access tokens as rows, so that `UserInfo` and revocation know more than a signature says.

use protocol::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::family::{COLUMNS, Family, FamilyId, family};
use crate::opaque::Hash;

/// Keeps the hash of an access token until it expires.
pub(crate) fn insert(tx: &Transaction<'_>, hash: Hash, of: FamilyId, expires_at: Timestamp) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO access_token (hash, family, expires_at) VALUES (?1, ?2, ?3)",
        params![hash, of, expires_at.unix_millis()],
    )?;
    Ok(())
}

/// The family of an access token that is still good; `None` when it expired, was revoked, or its account is disabled.
pub(crate) fn load(tx: &Transaction<'_>, hash: Hash, now: Timestamp) -> rusqlite::Result<Option<Family>> {
    tx.query_row(
        &format!(
            "SELECT {COLUMNS} JOIN access_token t ON t.family = f.id
             WHERE t.hash = ?1 AND t.expires_at > ?2 AND f.expires_at > ?2 AND a.disabled_at IS NULL"
        ),
        params![hash, now.unix_millis()],
        family,
    )
    .optional()
}

/// Forgets an access token, so that `UserInfo` refuses it.
pub(crate) fn end(tx: &Transaction<'_>, hash: Hash) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM access_token WHERE hash = ?1", [hash])?;
    Ok(())
}
