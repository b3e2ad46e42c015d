//! Refresh-token families as rows: everything that comes from one code, ended together.
//!
//! A family counts generations; each use of its newest refresh token begins the next one. A presented refresh token is
//! judged in this order:
//!
//! 1. Its family is unknown, has ended or has expired → refused.
//! 2. It comes from another client, or its account is disabled → the family ends.
//! 3. It belongs to the newest generation → a new generation begins.
//! 4. It belongs to the one before, and the newest is younger than the leeway → one more token of the newest
//!    generation. When that generation began does not change, so replays cannot stretch the leeway.
//! 5. Anything else is a second use → the family ends (RFC 9700 §4.14.2), and with it what the thief has.

use std::time::Duration;

use protocol::Timestamp;
use rusqlite::{OptionalExtension as _, Row, ToSql, Transaction, params, types};

use super::{
    account::{self, Account},
    code::CodeGrant,
    participant::{self, Participant},
};
use crate::opaque::{self, Hash};

/// Names a family inside the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FamilyId(i64);

/// A family that lives, with what its tokens say.
#[derive(Debug, Clone)]
pub(crate) struct Family {
    pub(crate) id: FamilyId,
    pub(crate) client_id: String,
    pub(crate) account: Account,
    pub(crate) sid: String,
    pub(crate) scope: String,
    pub(crate) authenticated_at: Timestamp,
    generation: i64,
    rotated_at: Timestamp,
    ends_at: Timestamp,
}

/// A family with the refresh token that has just been made for it.
#[derive(Debug)]
pub(crate) struct Continued {
    pub(crate) family: Family,
    pub(crate) refresh_token: String,
}

/// What became of a presented refresh token.
#[derive(Debug)]
pub(crate) enum Rotation {
    /// It was good, and has a successor.
    Renewed(Box<Continued>),
    /// It was used before, or by somebody else: its family has just ended.
    Ended,
    /// No living family knows it.
    Unknown,
}

/// Starts the family of a redeemed code and gives its first refresh token.
///
/// A login ends the families of earlier logins in the same browser session at the same client: it replaces them. `None`
/// when the account has been disabled since.
pub(crate) fn start(tx: &Transaction<'_>, grant: &CodeGrant, now: Timestamp) -> rusqlite::Result<Option<Continued>> {
    let Some(account) = account::enabled(tx, &grant.subject)? else { return Ok(None) };
    end_replaced(tx, grant)?;
    let selector = opaque::identifier();
    let ends_at = now + LIFE;
    tx.execute(
        "INSERT INTO family (selector_hash, client_id, subject, sid, scope, authenticated_at, generation, rotated_at,
         expires_at, ends_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?9)",
        params![
            Hash::of(&selector),
            grant.client_id,
            grant.subject,
            grant.sid,
            grant.scope,
            grant.authenticated_at.unix_millis(),
            now.unix_millis(),
            (now + IDLE_LIFE).unix_millis(),
            ends_at.unix_millis(),
        ],
    )?;
    let family = Family {
        id: FamilyId(tx.last_insert_rowid()),
        client_id: grant.client_id.clone(),
        account,
        sid: grant.sid.clone(),
        scope: grant.scope.clone(),
        authenticated_at: grant.authenticated_at,
        generation: 0,
        rotated_at: now,
        ends_at,
    };
    participant::remember(tx, &Participant::of(grant), ends_at)?;
    let refresh_token = issue(tx, &family, &selector)?;
    Ok(Some(Continued { family, refresh_token }))
}

/// Judges a presented refresh token by the list above.
pub(crate) fn rotate(
    tx: &Transaction<'_>,
    presented: &str,
    client_id: &str,
    leeway: Duration,
    now: Timestamp,
) -> rusqlite::Result<Rotation> {
    let Some((selector, _)) = presented.split_once('.') else { return Ok(Rotation::Unknown) };
    let Some(mut family) = find(tx, selector, now)? else { return Ok(Rotation::Unknown) };
    let is_usable = family.client_id == client_id && account::enabled(tx, &family.account.subject)?.is_some();

    match generation_of(tx, presented, family.id)? {
        Some(generation) if is_usable && generation == family.generation => {
            begin_generation(tx, &mut family, now)?;
        }
        Some(generation)
            if is_usable
                && generation == family.generation - 1
                && now < family.rotated_at + leeway
                && siblings(tx, &family)? < MOST_SIBLINGS => {}
        Some(_) | None => {
            end(tx, family.id)?;
            return Ok(Rotation::Ended);
        }
    }
    let refresh_token = issue(tx, &family, selector)?;
    Ok(Rotation::Renewed(Box::new(Continued { family, refresh_token })))
}

/// The family that a refresh token, old or new, belongs to.
pub(crate) fn named_by(tx: &Transaction<'_>, refresh_token: &str, now: Timestamp) -> rusqlite::Result<Option<Family>> {
    match refresh_token.split_once('.') {
        Some((selector, _)) => find(tx, selector, now),
        None => Ok(None),
    }
}

/// Ends a family and all its tokens.
pub(crate) fn end(tx: &Transaction<'_>, family: FamilyId) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM family WHERE id = ?1", [family])?;
    Ok(())
}

fn find(tx: &Transaction<'_>, selector: &str, now: Timestamp) -> rusqlite::Result<Option<Family>> {
    tx.query_row(
        &format!("SELECT {COLUMNS} WHERE f.selector_hash = ?1 AND f.expires_at > ?2"),
        params![Hash::of(selector), now.unix_millis()],
        family,
    )
    .optional()
}

/// Reads a row of [`COLUMNS`].
pub(super) fn family(row: &Row<'_>) -> rusqlite::Result<Family> {
    Ok(Family {
        id: row.get(0)?,
        client_id: row.get(1)?,
        sid: row.get(2)?,
        scope: row.get(3)?,
        authenticated_at: Timestamp::from_unix_millis(row.get(4)?),
        generation: row.get(5)?,
        rotated_at: Timestamp::from_unix_millis(row.get(6)?),
        ends_at: Timestamp::from_unix_millis(row.get(7)?),
        account: Account { subject: row.get(8)?, username: row.get(9)?, name: row.get(10)?, email: row.get(11)? },
    })
}

fn generation_of(tx: &Transaction<'_>, token: &str, family: FamilyId) -> rusqlite::Result<Option<i64>> {
    tx.query_row(
        "SELECT generation FROM refresh_token WHERE hash = ?1 AND family = ?2",
        params![Hash::of(token), family],
        |row| row.get(0),
    )
    .optional()
}

fn begin_generation(tx: &Transaction<'_>, family: &mut Family, now: Timestamp) -> rusqlite::Result<()> {
    family.generation += 1;
    let expires_at = (now + IDLE_LIFE).min(family.ends_at);
    tx.execute(
        "UPDATE family SET generation = ?2, rotated_at = ?3, expires_at = ?4 WHERE id = ?1",
        params![family.id, family.generation, now.unix_millis(), expires_at.unix_millis()],
    )?;
    // Older hashes are not needed: a token of this family that is not found is a second use.
    tx.execute(
        "DELETE FROM refresh_token WHERE family = ?1 AND generation < ?2",
        params![family.id, family.generation - 1],
    )?;
    Ok(())
}

fn issue(tx: &Transaction<'_>, family: &Family, selector: &str) -> rusqlite::Result<String> {
    let token = format!("{selector}.{}", opaque::secret());
    tx.execute(
        "INSERT INTO refresh_token (hash, family, generation) VALUES (?1, ?2, ?3)",
        params![Hash::of(&token), family.id, family.generation],
    )?;
    Ok(token)
}

fn siblings(tx: &Transaction<'_>, family: &Family) -> rusqlite::Result<i64> {
    tx.query_row(
        "SELECT count(*) FROM refresh_token WHERE family = ?1 AND generation = ?2",
        params![family.id, family.generation],
        |row| row.get(0),
    )
}

/// Ends what a new login replaces, and the oldest families where a page that starts a login at every load piles them up.
fn end_replaced(tx: &Transaction<'_>, grant: &CodeGrant) -> rusqlite::Result<()> {
    tx.execute(
        "DELETE FROM family WHERE sid = ?1 AND client_id = ?2 AND (authenticated_at < ?3 OR id IN
         (SELECT id FROM family WHERE sid = ?1 AND client_id = ?2 ORDER BY id DESC LIMIT -1 OFFSET ?4))",
        params![grant.sid, grant.client_id, grant.authenticated_at.unix_millis(), MOST_FAMILIES - 1],
    )?;
    Ok(())
}

impl ToSql for FamilyId {
    fn to_sql(&self) -> rusqlite::Result<types::ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl types::FromSql for FamilyId {
    fn column_result(value: types::ValueRef<'_>) -> types::FromSqlResult<Self> {
        i64::column_result(value).map(Self)
    }
}

/// What [`family`] reads, in its order.
pub(super) const COLUMNS: &str = "f.id, f.client_id, f.sid, f.scope, f.authenticated_at, f.generation, f.rotated_at, \
     f.ends_at, a.subject, a.username, a.name, a.email FROM family f JOIN account a ON a.subject = f.subject";

/// The longest that refreshing can go on after a login.
const LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// An unused family ends after this time (RFC 9700 §4.14.2).
const IDLE_LIFE: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// Tokens of one generation: what a burst of parallel refreshes can need, and no store for a client gone wild.
const MOST_SIBLINGS: i64 = 64;
/// Families of one client in one browser session.
const MOST_FAMILIES: i64 = 32;
