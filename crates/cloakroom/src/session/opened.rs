//! A record that a ticket has opened.

use std::sync::atomic::{AtomicI64, Ordering};

use protocol::{Secret, Timestamp};
use thiserror::Error;

use super::{
    record::{Record, SCHEMA},
    zones::{self, DataKey, Identity, Place, Secrets},
};
use crate::{
    cookie::Ticket,
    keys::{KeyRing, OpenError},
    random::Random,
    seal::Forged,
};

/// A session as one ticket opens it. Its tokens stay sealed until the moment they are used.
#[derive(Debug)]
pub struct Opened {
    record: Record,
    identity: Identity,
    data_key: DataKey,
    last_used_at: AtomicI64,
    idle_expires_at: AtomicI64,
}

/// Why a ticket does not open a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub(crate) enum NotOpened {
    /// The ticket is none of this record's.
    #[error("the ticket opens nothing in this record")]
    OtherTicket,
    /// A newer program wrote the record, or a key has not reached this node: not the browser's fault.
    #[error("this program cannot read the record: {0}")]
    NotReadableHere(OpenError),
    /// The record's bytes are not what we sealed.
    #[error("the record is damaged")]
    Damaged,
}

impl Opened {
    /// Opens an active record.
    pub(crate) fn open(record: Record, ticket: &Ticket, keys: &KeyRing) -> Result<Self, NotOpened> {
        if record.schema != SCHEMA {
            return Err(NotOpened::NotReadableHere(OpenError::UnknownKey(record.key_id)));
        }
        let place = place(&record);
        let id = ticket.wrap_id();
        let wrap = record.wraps.iter().find(|wrap| wrap.id == id).ok_or(NotOpened::OtherTicket)?;
        let data_key =
            zones::unwrap(wrap.key_id, &wrap.sealed, ticket.secret(), place, keys).map_err(NotOpened::from)?;
        let identity = Identity::open(record.key_id, &record.server_zone, place, keys).map_err(NotOpened::from)?;
        Ok(Self::new(record, identity, data_key))
    }

    pub(crate) fn new(record: Record, identity: Identity, data_key: DataKey) -> Self {
        let last_used_at = AtomicI64::new(record.last_used_at.unix_millis());
        let idle_expires_at = AtomicI64::new(record.idle_expires_at.unix_millis());
        Self { record, identity, data_key, last_used_at, idle_expires_at }
    }

    /// The same session with its next record, for the same ticket.
    pub(crate) fn reopened(&self, record: Record, keys: &KeyRing) -> Result<Self, NotOpened> {
        let identity = Identity::open(record.key_id, &record.server_zone, place(&record), keys)?;
        Ok(Self::new(record, identity, self.data_key.clone()))
    }

    /// The record as it was read.
    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// Who the session belongs to.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What the ticket-sealed zone holds.
    pub(crate) fn secrets(&self) -> Result<Secrets, Forged> {
        Secrets::open(&self.record.ticket_zone, place(&self.record), &self.data_key)
    }

    /// The access token alone.
    pub(crate) fn access_token(&self) -> Result<Secret<String>, Forged> {
        Secrets::open_access_token(&self.record.ticket_zone, place(&self.record), &self.data_key)
    }

    /// The zones of the next generation, sealed: server zone's key id, server zone, ticket zone.
    pub(crate) fn seal_next(
        &self,
        secrets: &Secrets,
        identity: &Identity,
        keys: &KeyRing,
        random: &dyn Random,
    ) -> (u8, Vec<u8>, Vec<u8>) {
        let place = next_place(&self.record);
        let (key_id, server_zone) = identity.seal(place, keys, random);
        (key_id, server_zone, secrets.seal(place, &self.data_key, random))
    }

    /// When the session ends if nobody uses it from now on.
    pub(crate) fn idle_expires_at(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.idle_expires_at.load(Ordering::Relaxed))
    }

    /// When it was last used.
    pub(crate) fn last_used_at(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.last_used_at.load(Ordering::Relaxed))
    }

    /// Notes a use. True for one caller only, who has to tell the store.
    pub(crate) fn note_use(&self, now: Timestamp, idle_expires_at: Timestamp) -> bool {
        let last = self.last_used_at.load(Ordering::Relaxed);
        let mine = last < now.unix_millis()
            && self
                .last_used_at
                .compare_exchange(last, now.unix_millis(), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if mine {
            self.idle_expires_at.store(idle_expires_at.unix_millis(), Ordering::Relaxed);
        }
        mine
    }
}

impl From<OpenError> for NotOpened {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::UnknownKey(_) => Self::NotReadableHere(error),
            OpenError::Forged => Self::Damaged,
        }
    }
}

/// The place that a record's zones are sealed for.
pub(crate) fn place(record: &Record) -> Place {
    Place { key: record.key, generation: record.generation }
}

fn next_place(record: &Record) -> Place {
    Place { key: record.key, generation: super::record::Generation(record.generation.0 + 1) }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use protocol::Subject;

    use super::*;
    use crate::session::record::{Bucket, Fence, Generation, Status, StoreKey, UserIndex};

    /// A session to put into caches; its zones are empty.
    pub(crate) fn opened(key: StoreKey) -> Arc<Opened> {
        let time = Timestamp::from_unix_seconds(1_000);
        let record = Record {
            key,
            bucket: Bucket(0),
            schema: SCHEMA,
            version: 0,
            status: Status::Active,
            generation: Generation(0),
            fence: Fence(0),
            intent: None,
            uncertain: false,
            created_at: time,
            last_used_at: time,
            idle_expires_at: time,
            absolute_expires_at: time,
            access_token_life: None,
            user: UserIndex([0; 32]),
            sid: None,
            key_id: 1,
            wraps: Vec::new(),
            server_zone: Vec::new(),
            ticket_zone: Vec::new(),
            recovered: None,
        };
        let identity = Identity {
            session_id: [0; 16],
            frontend: "app".to_owned(),
            server: "login".to_owned(),
            issuer: "https://login.example.com".to_owned(),
            subject: Subject::parse("alice").unwrap(),
            sid: None,
            authenticated_at: None,
            acr: None,
            user_agent: String::new(),
        };
        Arc::new(Opened::new(record, identity, DataKey::new([0; 32])))
    }

    #[test]
    fn of_many_uses_at_once_one_tells_the_store() {
        let session = opened(StoreKey([1; 32]));
        let (now, later) = (Timestamp::from_unix_seconds(2_000), Timestamp::from_unix_seconds(3_000));

        let tellers = (0..10).filter(|_| session.note_use(now, later)).count();

        assert_eq!(tellers, 1);
        assert_eq!(session.idle_expires_at(), later);
    }
}
