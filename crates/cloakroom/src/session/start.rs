//! Starting a session: a new ticket, a new data key, three zones.

use std::sync::Arc;

use http::HeaderMap;
use protocol::{IdToken, Timestamp, TokenResponse};
use tracing::info;

use super::{
    Secrets,
    opened::place,
    record::{
        AccessTokenLife, Bucket, EndReason, Fence, Generation, Record, SCHEMA, SidIndex, Status, UserIndex, Wrap,
        WrapState,
    },
    store::{OncePurpose, Write},
    unavailable,
    zones::{self, DataKey, Identity},
};
use crate::{
    bff::Bff,
    cookie::Ticket,
    keys::IndexPurpose,
    navigation,
    random::{self, Random},
    rejection::Rejection,
    settings::{AuthorizationServer, Frontend},
};

/// What a completed login brings.
pub(crate) struct NewSession<'a> {
    pub(crate) frontend: &'a Frontend,
    pub(crate) server: &'a AuthorizationServer,
    pub(crate) id_token: IdToken,
    pub(crate) tokens: TokenResponse,
    /// The user's claims, as JSON.
    pub(crate) claims: String,
    /// When the login began.
    pub(crate) began_at: Timestamp,
    /// Of the request that completed the login.
    pub(crate) headers: &'a HeaderMap,
}

/// Stores a new session and returns the ticket that opens it. A login never goes on with an earlier session's ticket.
pub(crate) async fn start(bff: &Arc<Bff>, new: NewSession<'_>) -> Result<Ticket, Rejection> {
    let now = bff.now();
    let identity = identity(&new, bff.random(), now);
    let names = [identity.issuer.as_bytes(), identity.subject.as_str().as_bytes()];
    let user = UserIndex(bff.keys().index(IndexPurpose::User, &names));
    let bucket = Bucket(u16::from_be_bytes([user.0[0], user.0[1]]) >> 2);
    let ticket = Ticket::mint(bucket, bff.keys(), bff.random());
    let record = seal_all(bff, &new, &identity, &ticket, clear_zone(&new, &ticket, (user, bucket), now));
    let session = public_id(bff, &identity.session_id);
    let (stored, began_at) = (record.clone(), new.began_at);
    match bff.store().create(record).await.map_err(|error| unavailable(&error))? {
        Write::Applied => {
            require_not_ended(bff, &stored, began_at).await?;
            info!(session, frontend = new.frontend.name, server = new.server.name, "session started");
            Ok(ticket)
        }
        Write::Refused => Err(Rejection::TryAgain("a new ticket met an old one".to_owned())),
    }
}

/// The authorization server may have ended this very session, or all of the user's, while the login was being completed:
/// its logout token then found nothing, and left a note. Asked after the session is stored, so that one of the two always
/// sees the other. A login that began after the logout is not met by it.
async fn require_not_ended(bff: &Arc<Bff>, new: &Record, began_at: Timestamp) -> Result<(), Rejection> {
    let indexes = [new.sid.map(|SidIndex(sid)| sid), Some(new.user.0)];
    for index in indexes.into_iter().flatten() {
        for slot in slot(began_at)..=slot(bff.now()) {
            let note = note(bff, &index, slot);
            let ended = bff.store().is_remembered(OncePurpose::EndedSid, note).await;
            if ended.map_err(|error| unavailable(&error))? {
                super::end(bff, new.key, EndReason::BackChannelLogout).await?;
                return Err(Rejection::SessionEnded(EndReason::BackChannelLogout));
            }
        }
    }
    Ok(())
}

/// The note that sessions with this index (of a `sid` or a user) ended now.
pub(crate) fn note_of_end(bff: &Bff, index: &[u8; 32]) -> [u8; 32] {
    note(bff, index, slot(bff.now()))
}

fn note(bff: &Bff, index: &[u8; 32], slot: i64) -> [u8; 32] {
    bff.keys().index(IndexPurpose::EndedAt, &[index, &slot.to_be_bytes()])
}

/// Time in steps of 15 seconds: the longest login, an hour, takes 240.
fn slot(at: Timestamp) -> i64 {
    at.unix_seconds().div_euclid(15)
}

/// The id of a session that lists, logs and the browser see: 22 characters. It opens nothing.
pub(crate) fn public_id(bff: &Bff, session_id: &[u8; 16]) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(&bff.keys().index(IndexPurpose::PublicId, &[session_id])[..16])
}

fn identity(new: &NewSession<'_>, random: &dyn Random, now: Timestamp) -> Identity {
    let user_agent = navigation::text(new.headers, "user-agent").unwrap_or_default();
    Identity {
        session_id: uuid_v7(now, random),
        frontend: new.frontend.name.clone(),
        server: new.server.name.clone(),
        issuer: new.server.issuer.as_str().to_owned(),
        subject: new.id_token.subject.clone(),
        sid: new.id_token.sid.clone(),
        authenticated_at: new.id_token.authenticated_at,
        acr: new.id_token.acr.clone(),
        user_agent: user_agent.chars().take(256).collect(),
    }
}

/// What the store may know; the sealed zones are still empty.
fn clear_zone(new: &NewSession<'_>, ticket: &Ticket, (user, bucket): (UserIndex, Bucket), now: Timestamp) -> Record {
    let lifetimes = new.frontend.lifetimes;
    let absolute_expires_at = now + lifetimes.absolute;
    let life = new.tokens.expires_in.map(|life| AccessTokenLife { received_at: now, expires_at: now + life });
    Record {
        key: ticket.store_key(),
        bucket,
        schema: SCHEMA,
        version: 0,
        status: Status::Active,
        generation: Generation(0),
        fence: Fence(0),
        intent: None,
        uncertain: false,
        created_at: now,
        last_used_at: now,
        idle_expires_at: (now + lifetimes.idle).min(absolute_expires_at),
        absolute_expires_at,
        access_token_life: life,
        user,
        sid: None,
        key_id: 0,
        wraps: Vec::new(),
        server_zone: Vec::new(),
        ticket_zone: Vec::new(),
        recovered: None,
    }
}

fn seal_all(bff: &Bff, new: &NewSession<'_>, identity: &Identity, ticket: &Ticket, record: Record) -> Record {
    let (keys, random, place) = (bff.keys(), bff.random(), place(&record));
    let sid = identity.sid.as_ref();
    let sid = sid.map(|sid| keys.index(IndexPurpose::Sid, &[identity.issuer.as_bytes(), sid.as_bytes()]));
    let data_key = DataKey::new(random::bytes(random));
    let (wrap_key_id, sealed) = zones::wrap(&data_key, ticket.secret(), place, keys, random);
    let state = WrapState::Current;
    let wrap = Wrap { id: ticket.wrap_id(), state, minted_at: record.created_at, key_id: wrap_key_id, sealed };
    let (key_id, server_zone) = identity.seal(place, keys, random);
    Record {
        sid: sid.map(SidIndex),
        key_id,
        wraps: vec![wrap],
        server_zone,
        ticket_zone: secrets(new, record.created_at).seal(place, &data_key, random),
        ..record
    }
}

fn secrets(new: &NewSession<'_>, now: Timestamp) -> Secrets {
    Secrets {
        access_token: new.tokens.access_token.clone(),
        refresh_token: new.tokens.refresh_token.clone(),
        scope: new.tokens.scope.clone(),
        claims: new.claims.clone(),
        claims_at: now,
    }
}

/// A `UUIDv7` (RFC 9562 §5.7).
fn uuid_v7(now: Timestamp, random: &dyn Random) -> [u8; 16] {
    let mut id: [u8; 16] = random::bytes(random);
    id[..6].copy_from_slice(&now.unix_millis().to_be_bytes()[2..]);
    id[6] = (id[6] & 0x0f) | 0x70;
    id[8] = (id[8] & 0x3f) | 0x80;
    id
}
