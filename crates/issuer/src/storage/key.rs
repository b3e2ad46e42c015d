//! The keys that the login server made for itself at its first start.

use rusqlite::{OptionalExtension as _, Transaction, params};
use zeroize::Zeroizing;

/// A stored key with its id.
pub(crate) struct StoredKey {
    pub(crate) id: String,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

/// The key for `purpose`; `None` before the first start.
pub(crate) fn load(transaction: &Transaction<'_>, purpose: &str) -> rusqlite::Result<Option<StoredKey>> {
    transaction
        .query_row("SELECT id, bytes FROM key WHERE purpose = ?1", [purpose], |row| {
            Ok(StoredKey { id: row.get(0)?, bytes: Zeroizing::new(row.get(1)?) })
        })
        .optional()
}

/// Keeps a new key.
pub(crate) fn insert(transaction: &Transaction<'_>, purpose: &str, key: &StoredKey) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT INTO key (purpose, id, bytes) VALUES (?1, ?2, ?3)",
        params![purpose, key.id, key.bytes.as_slice()],
    )?;
    Ok(())
}
