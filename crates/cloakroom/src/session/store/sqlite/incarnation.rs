//! The incarnation: tells a store that went on from one that came back from a backup.
//!
//! A refresh token in a backup was probably spent since, and to present it again looks like theft. So the database
//! holds a random id, and a side file names the ids it may hold. Both are renewed at every opening, at the orderly end,
//! and before the first write after [`TERM`]; a database that was put back holds an id that the side file no longer
//! names. What cannot be told apart: a backup at most a term old put back after a crash, and one put back together with
//! the side file, which is why that file says that it does not belong into backups.
//!
//! The order of a renewal makes a crash harmless: the side file accepts the old and the new id, then the database takes
//! the new one, then the side file drops the old one. A restored database is ended in the same transaction that
//! gives it its new id, and the side file never accepts the id it came with, so that a crash cannot let it through.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::Duration,
};

use protocol::Timestamp;
use rusqlite::Connection;
use tracing::warn;

use super::{
    file::{self, StoreFile},
    meta,
    open_error::OpenError,
    sessions,
};
use crate::{
    random::{self, SystemRandom},
    session::{record::EndReason, store::End},
};

/// How long an id serves while there are writes.
const TERM: Duration = Duration::from_secs(60);

/// How long the tombstones of sessions from a backup tell the browsers why.
const KEPT: Duration = Duration::from_secs(600);

const EXPLANATION: &str = "\
# Tells Cloakroom whether the database beside this file went on or came back from a backup.
# Leave it out of backups, and leave it where it is when you put one back.
";

type Id = [u8; 16];

/// The side file, and when its id was last renewed.
pub(super) struct Incarnation {
    side_file: PathBuf,
    renewed: Duration,
}

impl Incarnation {
    /// Begins a new incarnation and ends all sessions when the database came from a backup. Returns how many.
    pub(super) fn begin(
        connection: &Connection,
        store: &StoreFile,
        (now, monotonic): (Timestamp, Duration),
    ) -> Result<(Self, u64), OpenError> {
        let side_file = store.beside(".incarnation");
        let from_io = |error: io::Error| OpenError::from_io(&side_file, &error);
        let from_sqlite = |error: rusqlite::Error| OpenError::from_sqlite(store.path(), &error);

        let found = current(connection).map_err(from_sqlite)?;
        let accepted = read(&side_file).map_err(from_io)?;
        let went_on = found.filter(|id| accepted.contains(id));
        let fresh = fresh();

        write(&side_file, &[went_on.as_slice(), &[fresh]].concat()).map_err(from_io)?;
        let voided = match went_on {
            Some(_) => set(connection, fresh).map(|()| 0),
            None => void(connection, fresh, now),
        };
        let voided = voided.map_err(from_sqlite)?;
        if voided > 0 {
            warn!(
                sessions = voided,
                file = %store.path().display(),
                "the session store came back from a backup: its refresh tokens may have been spent since, so all its \
                 sessions were ended"
            );
        }
        write(&side_file, &[fresh]).map_err(from_io)?;
        Ok((Self { side_file, renewed: monotonic }, voided))
    }

    /// Renews the id when its term is over.
    pub(super) fn renew_if_due(&mut self, connection: &Connection, monotonic: Duration) {
        if self.renewed + TERM <= monotonic {
            self.renew(connection, monotonic);
        }
    }

    /// Renews the id. When that fails the old one goes on serving: only backups are recognised less sharply.
    pub(super) fn renew(&mut self, connection: &Connection, monotonic: Duration) {
        self.renewed = monotonic;
        if let Err(trouble) = renew(connection, &self.side_file) {
            warn!(file = %self.side_file.display(), trouble, "cannot renew the mark that tells a backup apart");
        }
    }
}

fn renew(connection: &Connection, side_file: &Path) -> Result<(), String> {
    let fresh = fresh();
    let found = current(connection).map_err(|error| error.to_string())?;
    write(side_file, &[found.as_slice(), &[fresh]].concat()).map_err(|error| error.to_string())?;
    set(connection, fresh).map_err(|error| error.to_string())?;
    write(side_file, &[fresh]).map_err(|error| error.to_string())
}

fn fresh() -> Id {
    random::bytes(&SystemRandom)
}

fn current(connection: &Connection) -> rusqlite::Result<Option<Id>> {
    Ok(meta::value(connection, meta::INCARNATION)?.and_then(|id| id.try_into().ok()))
}

fn set(connection: &Connection, id: Id) -> rusqlite::Result<()> {
    meta::set_value(connection, meta::INCARNATION, &id)
}

fn void(connection: &Connection, id: Id, now: Timestamp) -> rusqlite::Result<u64> {
    let transaction = connection.unchecked_transaction()?;
    let ended = sessions::end_all(&transaction, End { reason: EndReason::StoreRestored, keep: KEPT }, now)?;
    set(&transaction, id)?;
    transaction.commit()?;
    Ok(ended)
}

/// The ids that the side file accepts: none when there is no side file, or when it is not ours.
fn read(side_file: &Path) -> io::Result<Vec<Id>> {
    let lines = match fs::read(side_file) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    Ok(lines.lines().filter_map(parse).collect())
}

fn parse(line: &str) -> Option<Id> {
    (line.len() == 32).then_some(())?;
    u128::from_str_radix(line, 16).ok().map(u128::to_be_bytes)
}

fn write(side_file: &Path, ids: &[Id]) -> io::Result<()> {
    let lines: Vec<_> = ids.iter().map(|id| format!("{:032x}\n", u128::from_be_bytes(*id))).collect();
    file::replace(side_file, &(EXPLANATION.to_owned() + &lines.concat()))
}
