//! Browser sessions as rows: who is logged in at the login server itself.

use protocol::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{
    account::Account,
    participant::{self, Participant},
};
use crate::opaque::{self, Hash};

/// A browser that is logged in, while its account may be used.
#[derive(Debug, Clone)]
pub(crate) struct BrowserSession {
    pub(crate) sid: String,
    pub(crate) account: Account,
    pub(crate) authenticated_at: Timestamp,
}

/// The session that a cookie names; `None` when it has ended or its account is disabled.
pub(crate) fn load(tx: &Transaction<'_>, cookie: Hash, now: Timestamp) -> rusqlite::Result<Option<BrowserSession>> {
    tx.query_row(
        "SELECT s.sid, s.authenticated_at, a.subject, a.username, a.name, a.email
         FROM browser_session s JOIN account a ON a.subject = s.subject
         WHERE s.cookie_hash = ?1 AND s.expires_at > ?2 AND a.disabled_at IS NULL",
        params![cookie, now.unix_millis()],
        |row| {
            Ok(BrowserSession {
                sid: row.get(0)?,
                authenticated_at: Timestamp::from_unix_millis(row.get(1)?),
                account: Account { subject: row.get(2)?, username: row.get(3)?, name: row.get(4)?, email: row.get(5)? },
            })
        },
    )
    .optional()
}

/// Starts the session of a browser whose user has just logged in, and ends the one that `replaced` names.
///
/// The same user keeps the `sid`, so that clients which asked for a fresh login keep what they have; the cookie is new
/// in every case. Another user's session ends with all that came from it; its clients are to be told.
pub(crate) fn start(
    tx: &Transaction<'_>,
    account: Account,
    new_cookie: Hash,
    replaced: Option<BrowserSession>,
    now: Timestamp,
) -> rusqlite::Result<(BrowserSession, Vec<Participant>)> {
    let (sid, ended) = match replaced {
        Some(replaced) if replaced.account.subject == account.subject => {
            tx.execute("DELETE FROM browser_session WHERE sid = ?1", [&replaced.sid])?;
            (replaced.sid, Vec::new())
        }
        Some(replaced) => {
            let ended = end(tx, &replaced.sid)?;
            (opaque::identifier(), ended)
        }
        None => (opaque::identifier(), Vec::new()),
    };
    tx.execute(
        "INSERT INTO browser_session (sid, cookie_hash, subject, authenticated_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![sid, new_cookie, account.subject, now.unix_millis(), (now + LIFE).unix_millis()],
    )?;
    Ok((BrowserSession { sid, account, authenticated_at: now }, ended))
}

/// Ends a session with the codes and families that came from it. Gives the clients to tell.
pub(crate) fn end(tx: &Transaction<'_>, sid: &str) -> rusqlite::Result<Vec<Participant>> {
    for table in ["code", "family", "browser_session"] {
        tx.execute(&format!("DELETE FROM {table} WHERE sid = ?1"), [sid])?;
    }
    participant::take_of_session(tx, sid)
}

/// How long one login is good, whatever the browser does with its cookie.
const LIFE: std::time::Duration = std::time::Duration::from_secs(12 * 60 * 60);
