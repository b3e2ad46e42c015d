//! Clients that got tokens in a session, as rows: who is to be told when it ends.
//!
//! They outlive the family and even the browser session: a client whose refresh token has ended may still have a session
//! of its own.

use protocol::Timestamp;
use rusqlite::{Row, Transaction, params};

use super::code::CodeGrant;

/// A client that got tokens for a person in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Participant {
    pub(crate) sid: String,
    pub(crate) client_id: String,
    pub(crate) subject: String,
}

impl Participant {
    /// The client that redeems a code.
    pub(super) fn of(grant: &CodeGrant) -> Self {
        Self { sid: grant.sid.clone(), client_id: grant.client_id.clone(), subject: grant.subject.clone() }
    }
}

/// Remembers a client until nothing it got can be alive.
pub(crate) fn remember(tx: &Transaction<'_>, participant: &Participant, until: Timestamp) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO participant (sid, client_id, subject, expires_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (sid, client_id) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)",
        params![participant.sid, participant.client_id, participant.subject, until.unix_millis()],
    )?;
    Ok(())
}

/// Takes out the clients of a session. Each is taken once, so nobody is told twice of one end.
pub(crate) fn take_of_session(tx: &Transaction<'_>, sid: &str) -> rusqlite::Result<Vec<Participant>> {
    take(tx, "DELETE FROM participant WHERE sid = ?1 RETURNING sid, client_id, subject", sid)
}

/// Takes out the clients of all sessions of an account.
pub(crate) fn take_of_account(tx: &Transaction<'_>, subject: &str) -> rusqlite::Result<Vec<Participant>> {
    take(tx, "DELETE FROM participant WHERE subject = ?1 RETURNING sid, client_id, subject", subject)
}

fn take(tx: &Transaction<'_>, delete: &str, key: &str) -> rusqlite::Result<Vec<Participant>> {
    tx.prepare(delete)?.query_map([key], participant)?.collect()
}

fn participant(row: &Row<'_>) -> rusqlite::Result<Participant> {
    Ok(Participant { sid: row.get(0)?, client_id: row.get(1)?, subject: row.get(2)? })
}
