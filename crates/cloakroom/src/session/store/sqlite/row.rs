//! A record as a row. Unsigned 64-bit numbers are kept as the signed ones with the same bits.

use protocol::Timestamp;
use rusqlite::{
    Connection, Error, Row, params,
    types::{FromSql, Type},
};

use crate::session::{
    record::{
        AccessTokenLife, Bucket, EndReason, Fence, Generation, Intent, Node, Record, SidIndex, Status, StoreKey,
        UserIndex,
    },
    store::{StoreError, Write, wraps},
};

/// Selects a record by key, its columns in the order in which [`record`] takes them.
pub(super) const RECORD: &str = "
    SELECT key, bucket, schema, version, status, end_reason, forget_at, generation, fence,
        intent_fence, intent_node, intent_attempt, intent_first_sent_at, intent_deadline, intent_escrow,
        uncertain, created_at, last_used_at, idle_expires_at, absolute_expires_at,
        access_token_received_at, access_token_expires_at, user_index, sid_index,
        key_id, wraps, server_zone, ticket_zone, recovered
    FROM session WHERE key = ?1";

const INSERT: &str = "
    INSERT INTO session (key, bucket, schema, version, status, end_reason, forget_at, sweep_at, generation, fence,
        intent_fence, intent_node, intent_attempt, intent_first_sent_at, intent_deadline, intent_escrow,
        uncertain, created_at, last_used_at, idle_expires_at, absolute_expires_at,
        access_token_received_at, access_token_expires_at, user_index, sid_index,
        key_id, wraps, server_zone, ticket_zone, recovered)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
        ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30)
    ON CONFLICT (key) DO NOTHING";

/// Inserts a record unless its key exists.
pub(super) fn insert(connection: &Connection, record: &Record) -> rusqlite::Result<Write> {
    let (status, reason, forget_at) = status_columns(record.status);
    let sweep_at = forget_at.unwrap_or(record.idle_expires_at.min(record.absolute_expires_at).unix_millis());
    let intent = record.intent.as_ref();
    let (received_at, expires_at) = life(record.access_token_life);
    let changed = connection.prepare_cached(INSERT)?.execute(params![
        record.key.0,
        record.bucket.0,
        record.schema,
        record.version.cast_signed(),
        status,
        reason,
        forget_at,
        sweep_at,
        record.generation.0.cast_signed(),
        record.fence.0.cast_signed(),
        intent.map(|intent| intent.fence.0.cast_signed()),
        intent.map(|intent| intent.node.0.cast_signed()),
        intent.map(|intent| intent.attempt),
        intent.map(|intent| intent.first_sent_at.unix_millis()),
        intent.map(|intent| intent.deadline.unix_millis()),
        intent.map(|intent| &intent.escrow),
        record.uncertain,
        record.created_at.unix_millis(),
        record.last_used_at.unix_millis(),
        record.idle_expires_at.unix_millis(),
        record.absolute_expires_at.unix_millis(),
        received_at,
        expires_at,
        record.user.0,
        record.sid.map(|sid| sid.0),
        record.key_id,
        wraps::encode(&record.wraps),
        record.server_zone,
        record.ticket_zone,
        record.recovered,
    ])?;
    Ok(if changed == 0 { Write::Refused } else { Write::Applied })
}

/// The columns of an access token's life.
pub(super) fn life(life: Option<AccessTokenLife>) -> (Option<i64>, Option<i64>) {
    life.map(|life| (life.received_at.unix_millis(), life.expires_at.unix_millis())).unzip()
}

fn status_columns(status: Status) -> (&'static str, Option<&'static str>, Option<i64>) {
    match status {
        Status::Active => ("active", None, None),
        Status::Dead { reason, forget_at } => ("dead", Some(reason.as_str()), Some(forget_at.unix_millis())),
        Status::Revoked { reason, forget_at } => ("revoked", Some(reason.as_str()), Some(forget_at.unix_millis())),
    }
}

/// The record in a row that [`RECORD`] selected.
pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let mut cells = Cells { row, next: 0 };
    Ok(Record {
        key: StoreKey(cells.take()?),
        bucket: Bucket(cells.take()?),
        schema: cells.take()?,
        version: cells.unsigned()?,
        status: status(&mut cells)?,
        generation: Generation(cells.unsigned()?),
        fence: Fence(cells.unsigned()?),
        intent: intent(&mut cells)?,
        uncertain: cells.take()?,
        created_at: cells.timestamp()?,
        last_used_at: cells.timestamp()?,
        idle_expires_at: cells.timestamp()?,
        absolute_expires_at: cells.timestamp()?,
        access_token_life: access_token_life(&mut cells)?,
        user: UserIndex(cells.take()?),
        sid: cells.take::<Option<_>>()?.map(SidIndex),
        key_id: cells.take()?,
        wraps: wraps::decode(&cells.take::<Vec<u8>>()?).map_err(|error| cells.corrupt(error))?,
        server_zone: cells.take()?,
        ticket_zone: cells.take()?,
        recovered: cells.take()?,
    })
}

fn status(cells: &mut Cells<'_>) -> rusqlite::Result<Status> {
    let status: String = cells.take()?;
    let reason: Option<String> = cells.take()?;
    let forget_at = cells.take::<Option<_>>()?.map(Timestamp::from_unix_millis);
    let reason = reason.as_deref().map(EndReason::parse);
    match (status.as_str(), reason, forget_at) {
        ("active", None, None) => Ok(Status::Active),
        ("dead", Some(Some(reason)), Some(forget_at)) => Ok(Status::Dead { reason, forget_at }),
        ("revoked", Some(Some(reason)), Some(forget_at)) => Ok(Status::Revoked { reason, forget_at }),
        _ => Err(cells.corrupt(StoreError::Corrupt(format!("a session's status {status:?} cannot be understood")))),
    }
}

/// All of it or nothing: the columns are written together.
fn intent(cells: &mut Cells<'_>) -> rusqlite::Result<Option<Intent>> {
    let Some(fence) = cells.take::<Option<i64>>()? else {
        cells.next += 5;
        return Ok(None);
    };
    Ok(Some(Intent {
        fence: Fence(fence.cast_unsigned()),
        node: Node(cells.unsigned()?),
        attempt: cells.take()?,
        first_sent_at: cells.timestamp()?,
        deadline: cells.timestamp()?,
        escrow: cells.take()?,
    }))
}

fn access_token_life(cells: &mut Cells<'_>) -> rusqlite::Result<Option<AccessTokenLife>> {
    let (received_at, expires_at): (Option<i64>, Option<i64>) = (cells.take()?, cells.take()?);
    Ok(received_at.zip(expires_at).map(|(received_at, expires_at)| AccessTokenLife {
        received_at: Timestamp::from_unix_millis(received_at),
        expires_at: Timestamp::from_unix_millis(expires_at),
    }))
}

/// A row's columns, one after the other.
struct Cells<'r> {
    row: &'r Row<'r>,
    next: usize,
}

impl Cells<'_> {
    fn take<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        let cell = self.row.get(self.next)?;
        self.next += 1;
        Ok(cell)
    }

    fn unsigned(&mut self) -> rusqlite::Result<u64> {
        self.take().map(i64::cast_unsigned)
    }

    fn timestamp(&mut self) -> rusqlite::Result<Timestamp> {
        self.take().map(Timestamp::from_unix_millis)
    }

    /// An error about the cell that was taken last.
    fn corrupt(&self, error: StoreError) -> Error {
        Error::FromSqlConversionFailure(self.next.saturating_sub(1), Type::Blob, Box::new(error))
    }
}
