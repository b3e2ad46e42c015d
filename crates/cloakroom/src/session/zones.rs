//! The sealed zones of a record: what is inside, and how they are sealed and opened.
//!
//! Server-sealed: key ring → [`Identity`]. Ticket-sealed: data key → [`Secrets`]. The data key is wrapped under the
//! ticket's secret and that again under the key ring, so that neither alone opens it.

use protocol::{Secret, Subject, Timestamp};

use super::{
    fields::{Reader, Writer},
    record::{Generation, SCHEMA, StoreKey},
};
use crate::{
    keys::{self, Binding, KeyRing, OpenError, Purpose},
    random::Random,
    seal::{self, Forged, SealKey},
};

/// Who the session belongs to. Opens with the key ring alone, so that operators and logout tokens can find sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The session's internal id, a `UUIDv7`.
    pub session_id: [u8; 16],
    /// Configured name of the frontend the session was started for; it is good for no other.
    pub frontend: String,
    /// Configured name of the authorization server.
    pub server: String,
    /// Its issuer identifier.
    pub issuer: String,
    /// The user, as that issuer names them.
    pub subject: Subject,
    /// The authorization server's own session id, for logout.
    pub sid: Option<String>,
    /// When the user last proved who they are, if the authorization server said so.
    pub authenticated_at: Option<Timestamp>,
    /// How, if it said so.
    pub acr: Option<String>,
    /// The browser's `User-Agent`, at most 256 bytes.
    pub user_agent: String,
}

/// What only the ticket opens.
#[derive(Debug)]
pub(crate) struct Secrets {
    /// Goes to resource servers.
    pub access_token: Secret<String>,
    /// Gets the next token set. Absent where the authorization server issues none.
    pub refresh_token: Option<Secret<String>>,
    /// The scope granted.
    pub scope: Option<String>,
    /// The claims about the user, as a JSON object.
    pub claims: String,
    /// When the claims were read.
    pub claims_at: Timestamp,
}

/// Seals the tokens of one session. Made at login, unwrapped by each ticket.
pub(crate) type DataKey = SealKey;

const ZONE_SERVER: u8 = 1;
const ZONE_TICKET: u8 = 2;
const ZONE_WRAP: u8 = 3;
const ZONE_ESCROW: u8 = 4;

impl Identity {
    /// Sealed by the key ring, with the key's id.
    pub(crate) fn seal(&self, place: Place, keys: &KeyRing, random: &dyn Random) -> (u8, Vec<u8>) {
        let fields = Writer::default()
            .bytes(1, &self.session_id)
            .text(2, &self.frontend)
            .text(3, &self.server)
            .text(4, &self.issuer)
            .text(5, self.subject.as_str())
            .optional(self.sid.as_deref(), |fields, sid| fields.text(6, sid))
            .optional(self.authenticated_at, |fields, at| fields.time(7, at))
            .optional(self.acr.as_deref(), |fields, acr| fields.text(8, acr))
            .text(9, &self.user_agent)
            .finish();
        keys.seal(&place.binding(Purpose::ServerZone, &place.context(ZONE_SERVER)), &fields, random)
    }

    /// The identity in a record's server-sealed zone.
    pub(crate) fn open(key_id: u8, sealed: &[u8], place: Place, keys: &KeyRing) -> Result<Self, OpenError> {
        let bytes = keys.open(key_id, &place.binding(Purpose::ServerZone, &place.context(ZONE_SERVER)), sealed)?;
        Self::parse(bytes.expose()).ok_or(OpenError::Forged)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let fields = Reader::parse(bytes)?;
        Some(Self {
            session_id: fields.bytes(1)?.try_into().ok()?,
            frontend: fields.owned(2)?,
            server: fields.owned(3)?,
            issuer: fields.owned(4)?,
            subject: Subject::parse(fields.text(5)?).ok()?,
            sid: fields.owned(6),
            authenticated_at: fields.time(7),
            acr: fields.owned(8),
            user_agent: fields.owned(9)?,
        })
    }
}

impl Secrets {
    /// Sealed by the data key, for one generation.
    pub(crate) fn seal(&self, place: Place, key: &DataKey, random: &dyn Random) -> Vec<u8> {
        let fields = Writer::default()
            .text(1, self.access_token.expose())
            .optional(self.refresh_token.as_ref(), |fields, token| fields.text(2, token.expose()))
            .optional(self.scope.as_deref(), |fields, scope| fields.text(3, scope))
            .text(4, &self.claims)
            .time(5, self.claims_at)
            .finish();
        seal::seal(key, &place.context(ZONE_TICKET), &fields, random)
    }

    /// The tokens in a record's ticket-sealed zone.
    pub(crate) fn open(sealed: &[u8], place: Place, key: &DataKey) -> Result<Self, Forged> {
        let bytes = seal::open(key, &place.context(ZONE_TICKET), sealed)?;
        Self::parse(bytes.expose()).ok_or(Forged)
    }

    /// The access token alone: what the hot path needs.
    pub(crate) fn open_access_token(sealed: &[u8], place: Place, key: &DataKey) -> Result<Secret<String>, Forged> {
        let bytes = seal::open(key, &place.context(ZONE_TICKET), sealed)?;
        Reader::parse(bytes.expose()).and_then(|fields| fields.secret(1)).ok_or(Forged)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let fields = Reader::parse(bytes)?;
        Some(Self {
            access_token: fields.secret(1)?,
            refresh_token: fields.secret(2),
            scope: fields.owned(3),
            claims: fields.owned(4)?,
            claims_at: fields.time(5)?,
        })
    }
}

/// Which record and generation a zone belongs to; bound into its seal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) key: StoreKey,
    pub(crate) generation: Generation,
}

impl Place {
    /// `schema (1) ‖ zone (1) ‖ generation (8) ‖ record (32)`
    fn context(self, zone: u8) -> [u8; 42] {
        let mut context = [0; 42];
        context[0] = SCHEMA;
        context[1] = zone;
        context[2..10].copy_from_slice(&self.generation.0.to_be_bytes());
        context[10..].copy_from_slice(&self.key.0);
        context
    }

    fn binding<'a>(&'a self, purpose: Purpose, context: &'a [u8]) -> Binding<'a> {
        Binding { purpose, subject: &self.key.0, context }
    }

    /// A wrap outlives generations.
    fn wrap_context(self) -> [u8; 42] {
        Self { generation: Generation(0), ..self }.context(ZONE_WRAP)
    }
}

/// The data key under the ticket's secret, and that under the key ring; with the outer key's id.
pub(crate) fn wrap(
    data_key: &DataKey,
    ticket_secret: &[u8; 32],
    place: Place,
    keys: &KeyRing,
    random: &dyn Random,
) -> (u8, Vec<u8>) {
    let inner_key = keys::ticket_key(ticket_secret, &place.key.0);
    let inner = seal::seal(&inner_key, &place.wrap_context(), data_key.expose(), random);
    keys.seal(&place.binding(Purpose::Wrap, &place.wrap_context()), &inner, random)
}

/// The data key from its wrap.
pub(crate) fn unwrap(
    key_id: u8,
    wrapped: &[u8],
    ticket_secret: &[u8; 32],
    place: Place,
    keys: &KeyRing,
) -> Result<DataKey, OpenError> {
    let inner = keys.open(key_id, &place.binding(Purpose::Wrap, &place.wrap_context()), wrapped)?;
    let inner_key = keys::ticket_key(ticket_secret, &place.key.0);
    let key = seal::open(&inner_key, &place.wrap_context(), inner.expose())?;
    Ok(DataKey::new(<[u8; 32]>::try_from(key.expose().as_slice()).map_err(|_| OpenError::Forged)?))
}

/// A refresh token for [`Intent::escrow`](super::record::Intent::escrow): `key id (1) ‖ sealed`.
pub(crate) fn seal_escrow(token: &Secret<String>, place: Place, keys: &KeyRing, random: &dyn Random) -> Vec<u8> {
    let context = place.context(ZONE_ESCROW);
    let (key_id, sealed) = keys.seal(&place.binding(Purpose::Escrow, &context), token.expose().as_bytes(), random);
    let mut escrow = Vec::with_capacity(1 + sealed.len());
    escrow.push(key_id);
    escrow.extend_from_slice(&sealed);
    escrow
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    fn place(generation: u64) -> Place {
        Place { key: StoreKey([3; 32]), generation: Generation(generation) }
    }

    fn secrets() -> Secrets {
        Secrets {
            access_token: Secret::new("access".to_owned()),
            refresh_token: Some(Secret::new("refresh".to_owned())),
            scope: None,
            claims: "{}".to_owned(),
            claims_at: Timestamp::from_unix_seconds(1),
        }
    }

    #[test]
    fn tokens_open_only_for_their_record_and_generation() {
        let key = DataKey::new([1; 32]);
        let sealed = secrets().seal(place(4), &key, &SystemRandom);

        let elsewhere = Place { key: StoreKey([9; 32]), ..place(4) };

        assert_eq!(Secrets::open(&sealed, place(4), &key).unwrap().access_token.expose(), "access");
        assert!(Secrets::open(&sealed, place(5), &key).is_err());
        assert!(Secrets::open(&sealed, elsewhere, &key).is_err());
    }

    #[test]
    fn neither_the_key_ring_nor_the_ticket_alone_unwraps_the_data_key() {
        let (ring, other_ring) = (KeyRing::generate(&SystemRandom), KeyRing::generate(&SystemRandom));
        let data_key = DataKey::new([1; 32]);
        let (key_id, wrapped) = wrap(&data_key, &[2; 32], place(0), &ring, &SystemRandom);

        let with = |secret: [u8; 32], keys: &KeyRing| unwrap(key_id, &wrapped, &secret, place(7), keys);

        assert_eq!(with([2; 32], &ring).unwrap().expose(), data_key.expose());
        assert_eq!(with([3; 32], &ring).err(), Some(OpenError::Forged));
        assert_eq!(with([2; 32], &other_ring).err(), Some(OpenError::Forged));
    }
}
