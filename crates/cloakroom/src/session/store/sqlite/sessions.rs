//! What happens to a session, one statement each: its condition and its effect are one step.

use protocol::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::row::{self, RECORD};
use crate::session::{
    record::{Fence, Generation, Intent, Record, SidIndex, StoreKey, UserIndex},
    store::{Claim, Commit, End, Retry, Write, Zones},
};

/// What an ended session loses. Text, because statements that share it are assembled when this is compiled.
macro_rules! erased {
    () => {
        "version = version + 1, intent_fence = NULL, intent_node = NULL, intent_attempt = NULL, \
         intent_first_sent_at = NULL, intent_deadline = NULL, intent_escrow = NULL, \
         wraps = x'', server_zone = x'', ticket_zone = x'', recovered = NULL"
    };
}

/// See [`SessionStore::load`](crate::session::store::SessionStore::load).
pub(super) fn load(connection: &Connection, key: StoreKey) -> rusqlite::Result<Option<Record>> {
    connection.prepare_cached(RECORD)?.query_row([key.0], row::record).optional()
}

/// Begins the first attempt.
pub(super) fn claim(
    connection: &Connection,
    (key, generation): (StoreKey, Generation),
    claim: &Claim,
    now: Timestamp,
) -> rusqlite::Result<Option<Intent>> {
    const SQL: &str = "
        UPDATE session SET version = version + 1, fence = fence + 1, intent_fence = fence + 1, intent_attempt = 1,
            intent_node = ?3, intent_escrow = ?4, intent_deadline = ?5, intent_first_sent_at = ?6
        WHERE key = ?1 AND status = 'active' AND generation = ?2 AND intent_fence IS NULL
        RETURNING intent_fence, intent_attempt, intent_first_sent_at";
    attempt(connection, SQL, (key, generation), claim, now)
}

/// Begins another attempt after one that has gone quiet.
pub(super) fn take_over(
    connection: &Connection,
    (key, generation): (StoreKey, Generation),
    claim: &Claim,
    now: Timestamp,
) -> rusqlite::Result<Option<Intent>> {
    const SQL: &str = "
        UPDATE session SET version = version + 1, fence = fence + 1, intent_fence = fence + 1,
            intent_attempt = min(intent_attempt + 1, 255),
            intent_node = ?3, intent_escrow = ?4, intent_deadline = ?5
        WHERE key = ?1 AND status = 'active' AND generation = ?2 AND intent_deadline < ?6
        RETURNING intent_fence, intent_attempt, intent_first_sent_at";
    attempt(connection, SQL, (key, generation), claim, now)
}

fn attempt(
    connection: &Connection,
    sql: &str,
    (key, generation): (StoreKey, Generation),
    claim: &Claim,
    now: Timestamp,
) -> rusqlite::Result<Option<Intent>> {
    let deadline = now + claim.lease;
    let intent = |row: &Row<'_>| {
        Ok(Intent {
            fence: Fence(row.get::<_, i64>(0)?.cast_unsigned()),
            node: claim.node,
            attempt: row.get(1)?,
            first_sent_at: Timestamp::from_unix_millis(row.get(2)?),
            deadline,
            escrow: claim.escrow.clone(),
        })
    };
    connection
        .prepare_cached(sql)?
        .query_row(
            params![
                key.0,
                generation.0.cast_signed(),
                claim.node.0.cast_signed(),
                claim.escrow,
                deadline.unix_millis(),
                now.unix_millis()
            ],
            intent,
        )
        .optional()
}

/// Takes an attempt back; at most one of the two statements finds its condition.
pub(super) fn not_sent(
    connection: &Connection,
    key: StoreKey,
    fence: Fence,
    now: Timestamp,
) -> rusqlite::Result<Write> {
    const LAST: &str = "
        UPDATE session SET version = version + 1, intent_fence = NULL, intent_node = NULL, intent_attempt = NULL,
            intent_first_sent_at = NULL, intent_deadline = NULL, intent_escrow = NULL
        WHERE key = ?1 AND status = 'active' AND intent_fence = ?2 AND intent_attempt <= 1";
    const ONE_OF_SEVERAL: &str = "
        UPDATE session SET version = version + 1, intent_attempt = intent_attempt - 1, intent_deadline = ?3
        WHERE key = ?1 AND status = 'active' AND intent_fence = ?2 AND intent_attempt > 1";
    let fence = fence.0.cast_signed();
    let last = connection.prepare_cached(LAST)?.execute(params![key.0, fence])?;
    if last > 0 {
        return Ok(Write::Applied);
    }
    let changed = connection.prepare_cached(ONE_OF_SEVERAL)?.execute(params![key.0, fence, now.unix_millis()])?;
    Ok(written(changed))
}

/// Notes that an attempt may have arrived.
pub(super) fn uncertain(
    connection: &Connection,
    (key, fence): (StoreKey, Fence),
    retry: Retry,
    now: Timestamp,
) -> rusqlite::Result<Write> {
    const SQL: &str = "
        UPDATE session SET version = version + 1, uncertain = 1, intent_deadline = coalesce(?3, intent_deadline)
        WHERE key = ?1 AND status = 'active' AND intent_fence = ?2";
    let deadline = match retry {
        Retry::AtOnce => Some(now.unix_millis()),
        Retry::AfterLease => None,
    };
    let changed = connection.prepare_cached(SQL)?.execute(params![key.0, fence.0.cast_signed(), deadline])?;
    Ok(written(changed))
}

/// Stores the next token set. Recovered zones leave the sealed ones as they are.
pub(super) fn commit(
    connection: &Connection,
    key: StoreKey,
    (fence, generation): (Fence, Generation),
    commit: &Commit,
) -> rusqlite::Result<Write> {
    const SQL: &str = "
        UPDATE session SET version = version + 1, generation = generation + 1, uncertain = 0,
            intent_fence = NULL, intent_node = NULL, intent_attempt = NULL,
            intent_first_sent_at = NULL, intent_deadline = NULL, intent_escrow = NULL,
            access_token_received_at = ?4, access_token_expires_at = ?5, key_id = coalesce(?6, key_id),
            server_zone = coalesce(?7, server_zone), ticket_zone = coalesce(?8, ticket_zone), recovered = ?9
        WHERE key = ?1 AND status = 'active' AND intent_fence = ?2 AND generation = ?3";
    let (received_at, expires_at) = row::life(commit.access_token_life);
    let (key_id, server_zone, ticket_zone, recovered) = match &commit.zones {
        Zones::Sealed { key_id, server_zone, ticket_zone } => {
            (Some(*key_id), Some(server_zone), Some(ticket_zone), None)
        }
        Zones::Recovered(sealed) => (None, None, None, Some(sealed)),
    };
    let changed = connection.prepare_cached(SQL)?.execute(params![
        key.0,
        fence.0.cast_signed(),
        generation.0.cast_signed(),
        received_at,
        expires_at,
        key_id,
        server_zone,
        ticket_zone,
        recovered
    ])?;
    Ok(written(changed))
}

/// Ends a session on the authorization server's word.
pub(super) fn dead(
    connection: &Connection,
    key: StoreKey,
    (fence, generation): (Fence, Generation),
    end: End,
    now: Timestamp,
) -> rusqlite::Result<Write> {
    const SQL: &str = concat!(
        "UPDATE session SET status = 'dead', end_reason = ?4, forget_at = ?5, sweep_at = ?5, ",
        erased!(),
        " WHERE key = ?1 AND status = 'active' AND intent_fence = ?2 AND generation = ?3"
    );
    let changed = connection.prepare_cached(SQL)?.execute(params![
        key.0,
        fence.0.cast_signed(),
        generation.0.cast_signed(),
        end.reason.as_str(),
        (now + end.keep).unix_millis()
    ])?;
    Ok(written(changed))
}

/// Ends a session on our own word.
pub(super) fn revoke(connection: &Connection, key: StoreKey, end: End, now: Timestamp) -> rusqlite::Result<Write> {
    const SQL: &str = concat!(
        "UPDATE session SET status = 'revoked', end_reason = ?2, forget_at = ?3, sweep_at = ?3, ",
        erased!(),
        " WHERE key = ?1 AND status = 'active'"
    );
    let forget_at = (now + end.keep).unix_millis();
    let changed = connection.prepare_cached(SQL)?.execute(params![key.0, end.reason.as_str(), forget_at])?;
    Ok(written(changed))
}

/// Ends every active session. Returns how many.
pub(super) fn end_all(connection: &Connection, end: End, now: Timestamp) -> rusqlite::Result<u64> {
    const SQL: &str = concat!(
        "UPDATE session SET status = 'dead', end_reason = ?1, forget_at = ?2, sweep_at = ?2, ",
        erased!(),
        " WHERE status = 'active'"
    );
    let changed = connection.execute(SQL, params![end.reason.as_str(), (now + end.keep).unix_millis()])?;
    Ok(changed as u64)
}

/// Moves last use and the idle limit.
///
/// Later limits leave `sweep_at`, and with it the index, alone. Only an earlier one needs the second statement.
pub(super) fn touch(
    connection: &Connection,
    key: StoreKey,
    idle_expires_at: Timestamp,
    now: Timestamp,
) -> rusqlite::Result<Write> {
    const LATER: &str = "
        UPDATE session SET version = version + 1, last_used_at = ?2, idle_expires_at = ?3
        WHERE key = ?1 AND status = 'active' AND sweep_at <= ?3";
    const EARLIER: &str = "
        UPDATE session SET version = version + 1, last_used_at = ?2, idle_expires_at = ?3, sweep_at = ?3
        WHERE key = ?1 AND status = 'active'";
    let values = params![key.0, now.unix_millis(), idle_expires_at.unix_millis()];
    let later = connection.prepare_cached(LATER)?.execute(values)?;
    if later > 0 {
        return Ok(Write::Applied);
    }
    Ok(written(connection.prepare_cached(EARLIER)?.execute(values)?))
}

/// The user's active sessions, oldest first.
pub(super) fn by_user(connection: &Connection, user: UserIndex) -> rusqlite::Result<Vec<StoreKey>> {
    keys(
        connection,
        "SELECT key FROM session WHERE user_index = ?1 AND status = 'active' ORDER BY created_at, key",
        user.0,
    )
}

/// The active sessions with this `sid`, oldest first.
pub(super) fn by_sid(connection: &Connection, sid: SidIndex) -> rusqlite::Result<Vec<StoreKey>> {
    keys(
        connection,
        "SELECT key FROM session WHERE sid_index = ?1 AND status = 'active' ORDER BY created_at, key",
        sid.0,
    )
}

fn keys(connection: &Connection, sql: &str, index: [u8; 32]) -> rusqlite::Result<Vec<StoreKey>> {
    connection.prepare_cached(sql)?.query_map([index], |row| row.get(0).map(StoreKey))?.collect()
}

fn written(changed: usize) -> Write {
    match changed {
        0 => Write::Refused,
        _ => Write::Applied,
    }
}
