//! What a session holds; starting, loading and ending one.

pub(crate) mod cache;
pub(crate) mod fields;
pub(crate) mod opened;
pub mod record;
mod start;
pub mod store;
pub(crate) mod zones;

use std::{sync::Arc, time::Duration};

use protocol::Timestamp;
use tracing::{debug, error, warn};

use self::{
    cache::{Fill, Found},
    opened::NotOpened,
    record::{EndReason, Record, Status, StoreKey},
    store::{End, StoreError, Write},
};
pub use self::{opened::Opened, zones::Identity};
pub(crate) use self::{
    start::{NewSession, note_of_end, public_id, start},
    zones::Secrets,
};
use crate::{
    bff::Bff,
    cookie::{Presented, Ticket},
    csrf::TokenOwed,
    rejection::Rejection,
    settings::Frontend,
};

/// How long a browser can learn why its session ended.
pub(crate) const TOMBSTONE: Duration = Duration::from_secs(10 * 60);

/// Who sent the request, as far as the store knows.
#[derive(Debug)]
pub enum Visitor {
    /// Nobody, as far as this route cares.
    Nobody,
    /// A user with a session.
    Session(ActiveSession),
}

/// Proof that a session exists, belongs to this frontend, and is within its limits.
///
/// ```compile_fail
/// let forged = cloakroom::session::ActiveSession { opened: todo!() };
/// ```
#[derive(Clone, Debug)]
pub struct ActiveSession {
    opened: Arc<Opened>,
    ticket: Arc<Ticket>,
}

/// Whether a request keeps the session from idling out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Use {
    /// It does.
    Counts,
    /// It only looks.
    Peeks,
}

/// Whose word counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Freshness {
    /// This node's, if it is young enough.
    Cached,
    /// The store's.
    FromStore,
}

/// The session behind what the request presents.
///
/// # Errors
///
/// - [`Rejection::NoSession`], [`Rejection::SessionEnded`]: sign in.
/// - [`Rejection::CrossSite`]: the session-bound token that was owed is wrong.
/// - [`Rejection::TryAgain`]: the store does not answer, or this node cannot read the record. The session is kept.
pub(crate) async fn load(bff: &Arc<Bff>, presented: Presented<'_>) -> Result<Visitor, Rejection> {
    match presented {
        Presented::Nobody => Ok(Visitor::Nobody),
        Presented::Ticket { ticket, frontend, owes } => {
            let session = find(bff, frontend, ticket, Freshness::Cached).await?;
            session.settle(bff, owes.as_ref())?;
            session.note_use(bff, frontend);
            Ok(Visitor::Session(session))
        }
    }
}

/// The session of a ticket on this frontend.
pub(crate) async fn find(
    bff: &Bff,
    frontend: &Frontend,
    ticket: Ticket,
    freshness: Freshness,
) -> Result<ActiveSession, Rejection> {
    let (key, hash, now) = (ticket.store_key(), ticket.hash(), bff.clock().monotonic());
    let found = match freshness {
        Freshness::Cached => bff.cache().find(key, &hash, now),
        Freshness::FromStore => bff.cache().announce(key, now),
    };
    let opened = match found {
        Found::Fresh(opened) => opened,
        // Not "ended", which would delete the cookie: its end is not confirmed, and the cookie is needed to try again.
        Found::Denied => return Err(Rejection::NoSession),
        Found::Missing(fill) => {
            let announced = Announced { bff, fill };
            let opened = Arc::new(open_stored(bff, &ticket).await?);
            bff.cache().finish(&announced.fill, hash, &opened);
            std::mem::forget(announced);
            opened
        }
    };
    require_current(bff, frontend, &opened)?;
    Ok(ActiveSession { opened, ticket: Arc::new(ticket) })
}

/// The same for a session that is to be ended: also one that this node refuses because its end was not confirmed.
pub(crate) async fn find_to_end(bff: &Bff, frontend: &Frontend, ticket: Ticket) -> Result<ActiveSession, Rejection> {
    if !bff.cache().is_denied(ticket.store_key(), bff.clock().monotonic()) {
        return find(bff, frontend, ticket, Freshness::Cached).await;
    }
    let opened = Arc::new(open_stored(bff, &ticket).await?);
    require_current(bff, frontend, &opened)?;
    Ok(ActiveSession { opened, ticket: Arc::new(ticket) })
}

/// Gives an announced fill up when it is dropped unfinished, be it by an error or by a caller that goes away.
struct Announced<'a> {
    bff: &'a Bff,
    fill: Fill,
}

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        self.bff.cache().give_up(&self.fill);
    }
}

async fn open_stored(bff: &Bff, ticket: &Ticket) -> Result<Opened, Rejection> {
    let record = bff.store().load(ticket.store_key()).await.map_err(|error| unavailable(&error))?;
    let record = require_active(record)?;
    let key = record.key;
    Opened::open(record, ticket, bff.keys()).map_err(|trouble| match trouble {
        NotOpened::OtherTicket => {
            debug!(?key, "a ticket with the right selector opens nothing");
            Rejection::NoSession
        }
        NotOpened::NotReadableHere(_) | NotOpened::Damaged => {
            error!(?key, %trouble, "a session cannot be opened; it is kept");
            Rejection::TryAgain(trouble.to_string())
        }
    })
}

/// The record, if it is there and has not ended.
pub(crate) fn require_active(record: Option<Record>) -> Result<Record, Rejection> {
    let record = record.ok_or(Rejection::NoSession)?;
    match record.status {
        Status::Active => Ok(record),
        Status::Dead { reason, .. } | Status::Revoked { reason, .. } => Err(Rejection::SessionEnded(reason)),
    }
}

fn require_current(bff: &Bff, frontend: &Frontend, opened: &Opened) -> Result<(), Rejection> {
    let now = bff.clock().now();
    if opened.identity().frontend != frontend.name {
        return Err(Rejection::NoSession);
    }
    if opened.record().absolute_expires_at <= now {
        return Err(Rejection::SessionEnded(EndReason::Absolute));
    }
    if opened.idle_expires_at() <= now {
        return Err(Rejection::SessionEnded(EndReason::Idle));
    }
    Ok(())
}

impl ActiveSession {
    /// Who it belongs to.
    pub fn identity(&self) -> &Identity {
        self.opened.identity()
    }

    pub(crate) fn opened(&self) -> &Arc<Opened> {
        &self.opened
    }

    pub(crate) fn ticket(&self) -> &Arc<Ticket> {
        &self.ticket
    }

    pub(crate) fn key(&self) -> StoreKey {
        self.opened.record().key
    }

    /// The same session after a refresh.
    pub(crate) fn renewed(&self, opened: Arc<Opened>) -> Self {
        Self { opened, ticket: Arc::clone(&self.ticket) }
    }

    /// The session as the store has it now: another node may have refreshed it. As it was, while the store is away.
    pub(crate) async fn newest(&self, bff: &Bff) -> Arc<Opened> {
        open_stored(bff, &self.ticket).await.map_or_else(|_| Arc::clone(&self.opened), Arc::new)
    }

    /// Judges the session-bound token that a request still owes.
    pub(crate) fn settle(&self, bff: &Bff, owes: Option<&TokenOwed>) -> Result<(), Rejection> {
        owes.map_or(Ok(()), |owed| owed.settle(bff.keys(), &self.identity().session_id))
    }

    /// Keeps the session from idling out. The store is told at most once a minute, and no answer waits for it.
    pub(crate) fn note_use(&self, bff: &Arc<Bff>, frontend: &Frontend) {
        let now = bff.clock().now();
        let lifetimes = frontend.lifetimes;
        if self.opened.last_used_at().duration_until(now) < lifetimes.touch_every() {
            return;
        }
        let idle_expires_at = (now + lifetimes.idle).min(self.opened.record().absolute_expires_at);
        if self.opened.note_use(now, idle_expires_at) {
            let (task_bff, key) = (Arc::clone(bff), self.key());
            bff.spawn(async move { touch(&task_bff, key, idle_expires_at).await });
        }
    }

    /// Whole seconds until the session ends: if nobody uses it, and in any case.
    pub(crate) fn seconds_left(&self, now: Timestamp) -> (u64, u64) {
        let idle = now.duration_until(self.opened.idle_expires_at()).as_secs();
        (idle, now.duration_until(self.opened.record().absolute_expires_at).as_secs())
    }
}

async fn touch(bff: &Bff, key: StoreKey, idle_expires_at: Timestamp) {
    match bff.store().touch(key, idle_expires_at).await {
        Ok(Write::Applied) => {}
        Ok(Write::Refused) => bff.cache().invalidate(key),
        Err(error) => warn!(?key, %error, "the last use of a session was not written down"),
    }
}

/// Refuses a session on this node from now on, whatever the store says.
pub(crate) fn refuse_here(bff: &Bff, key: StoreKey) {
    bff.cache().deny(key, bff.clock().monotonic());
}

/// Ends a session: for this node at once, for all others when the store has confirmed.
///
/// # Errors
///
/// [`Rejection::TryAgain`] when the store did not confirm. This node refuses the session from now on all the same, and
/// goes on asking the store for ten minutes.
pub(crate) async fn end(bff: &Arc<Bff>, key: StoreKey, reason: EndReason) -> Result<(), Rejection> {
    refuse_here(bff, key);
    let end = End { reason, keep: TOMBSTONE };
    revoke(bff, key, end).await.map_err(|error| {
        let task_bff = Arc::clone(bff);
        bff.spawn(async move { insist(&task_bff, key, end).await });
        unavailable(&error)
    })
}

async fn revoke(bff: &Bff, key: StoreKey, end: End) -> Result<(), StoreError> {
    match bff.store().revoke(key, end).await? {
        Write::Applied | Write::Refused => bff.cache().lift(key),
    }
    bff.cache().invalidate(key);
    Ok(())
}

async fn insist(bff: &Bff, key: StoreKey, end: End) {
    for seconds in [1, 2, 4, 8, 15, 30, 60, 120, 180, 180] {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        if revoke(bff, key, end).await.is_ok() {
            return;
        }
    }
    error!(
        ?key,
        reason = end.reason.as_str(),
        "a session could not be ended: the store has not answered for ten minutes"
    );
}

/// Store trouble never logs anyone out.
pub(crate) fn unavailable(error: &StoreError) -> Rejection {
    error!(%error, "the session store did not do what it should");
    Rejection::TryAgain(error.to_string())
}
