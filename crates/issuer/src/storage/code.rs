//! Authorization codes as rows.

use protocol::Timestamp;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::family::{self, FamilyId};
use crate::opaque::Hash;

/// What a code stands for: who logged in, for which client, and what the client has to show to get it.
#[derive(Debug, Clone)]
pub(crate) struct CodeGrant {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    /// The S256 code challenge (RFC 7636 §4.2).
    pub(crate) challenge: String,
    pub(crate) nonce: Option<String>,
    pub(crate) scope: String,
    pub(crate) subject: String,
    pub(crate) sid: String,
    pub(crate) authenticated_at: Timestamp,
}

/// What a presented code turned out to be.
#[derive(Debug)]
pub(crate) enum Spent {
    /// Its first use; it cannot be used again, whatever becomes of this one.
    First(CodeGrant),
    /// A later use: what the first one brought has just been ended (RFC 6749 §4.1.2).
    Again,
    /// Never issued, expired, or its session has ended.
    Unknown,
}

/// Keeps a new code for its short life.
pub(crate) fn insert(tx: &Transaction<'_>, hash: Hash, grant: &CodeGrant, now: Timestamp) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO code (hash, client_id, redirect_uri, challenge, nonce, scope, subject, sid, authenticated_at,
         expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            hash,
            grant.client_id,
            grant.redirect_uri,
            grant.challenge,
            grant.nonce,
            grant.scope,
            grant.subject,
            grant.sid,
            grant.authenticated_at.unix_millis(),
            (now + LIFE).unix_millis(),
        ],
    )?;
    Ok(())
}

/// Uses up a code. A second use ends the family that the first one started.
pub(crate) fn spend(tx: &Transaction<'_>, hash: Hash, now: Timestamp) -> rusqlite::Result<Spent> {
    let Some(row) = find(tx, hash)? else { return Ok(Spent::Unknown) };
    if row.is_spent {
        if let Some(family) = row.family {
            family::end(tx, family)?;
        }
        return Ok(Spent::Again);
    }
    if row.expires_at <= now.unix_millis() {
        return Ok(Spent::Unknown);
    }
    tx.execute("UPDATE code SET spent_at = ?2 WHERE hash = ?1", params![hash, now.unix_millis()])?;
    Ok(Spent::First(row.grant))
}

/// Remembers which family a code started, so that a second use can end it.
pub(crate) fn tie(tx: &Transaction<'_>, hash: Hash, family: FamilyId) -> rusqlite::Result<()> {
    tx.execute("UPDATE code SET family = ?2 WHERE hash = ?1", params![hash, family])?;
    Ok(())
}

struct CodeRow {
    grant: CodeGrant,
    expires_at: i64,
    is_spent: bool,
    family: Option<FamilyId>,
}

fn find(tx: &Transaction<'_>, hash: Hash) -> rusqlite::Result<Option<CodeRow>> {
    tx.query_row(
        "SELECT client_id, redirect_uri, challenge, nonce, scope, subject, sid, authenticated_at, expires_at,
         spent_at IS NOT NULL, family FROM code WHERE hash = ?1",
        [hash],
        |row| Ok(CodeRow { grant: grant(row)?, expires_at: row.get(8)?, is_spent: row.get(9)?, family: row.get(10)? }),
    )
    .optional()
}

fn grant(row: &Row<'_>) -> rusqlite::Result<CodeGrant> {
    Ok(CodeGrant {
        client_id: row.get(0)?,
        redirect_uri: row.get(1)?,
        challenge: row.get(2)?,
        nonce: row.get(3)?,
        scope: row.get(4)?,
        subject: row.get(5)?,
        sid: row.get(6)?,
        authenticated_at: Timestamp::from_unix_millis(row.get(7)?),
    })
}

/// A client redeems a code at once; a longer life only helps a thief (RFC 6749 §4.1.2 allows ten minutes).
const LIFE: std::time::Duration = std::time::Duration::from_secs(60);
