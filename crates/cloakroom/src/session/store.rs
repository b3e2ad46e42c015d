//! The store: where records live. A small trait with a written contract; every store passes one conformance suite.
//!
//! Each operation is atomic on its own: it happens wholly or not at all, and once it has answered, every later
//! operation sees it, a crash of the machine included (stores that cannot promise that say so). Conditions are checked
//! by the store, in the same step as the write. `now` is always the store's own time, never the caller's.
//! Dropping a future may or may not carry out its operation, but never half of it.

mod bounded;
pub mod memory;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod wraps;

use std::{pin::Pin, time::Duration};

use protocol::Timestamp;
use thiserror::Error;

pub(crate) use self::bounded::BoundedStore;
use super::record::{
    AccessTokenLife, EndReason, Fence, Generation, Intent, Node, Record, SidIndex, StoreKey, UserIndex,
};

/// What a store operation returns.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Keeps sessions.
///
/// Refresh never needs a lock: each write names the generation and fence it was made under, and a late one changes
/// nothing. A record that is not [`Active`](super::record::Status::Active) never becomes so again.
pub trait SessionStore: Send + Sync + 'static {
    /// Inserts a new record. [`Write::Refused`] when the key exists, tombstones included.
    fn create(&self, record: Record) -> StoreFuture<'_, Write>;

    /// The record, tombstones included, whatever its expiries say; nothing when there is none.
    fn load(&self, key: StoreKey) -> StoreFuture<'_, Option<Record>>;

    /// Begins the first refresh of a generation.
    ///
    /// Needs: active, this generation, no intent. Sets `fence + 1`, attempt 1, `first_sent_at = now`,
    /// `deadline = now + lease`, and returns the intent; nothing when the condition does not hold.
    fn claim(&self, key: StoreKey, generation: Generation, claim: Claim) -> StoreFuture<'_, Option<Intent>>;

    /// Takes over a refresh whose holder has gone quiet. Whether that is wise is the caller's decision.
    ///
    /// Needs: active, this generation, an intent with `deadline < now`. Sets `fence + 1`, attempt + 1, a new node,
    /// deadline and escrow; keeps `first_sent_at`.
    fn take_over(&self, key: StoreKey, generation: Generation, claim: Claim) -> StoreFuture<'_, Option<Intent>>;

    /// Takes back an attempt that certainly never reached the authorization server: attempt − 1; at 0 the intent goes,
    /// otherwise its deadline becomes `now`. Needs: active, an intent with this fence.
    fn not_sent(&self, key: StoreKey, fence: Fence) -> StoreFuture<'_, Write>;

    /// Notes that an attempt may have reached the authorization server and no usable answer came.
    /// Sets the `uncertain` flag; the deadline becomes `now` for [`Retry::AtOnce`]. Needs: active, an intent with this fence.
    fn uncertain(&self, key: StoreKey, fence: Fence, retry: Retry) -> StoreFuture<'_, Write>;

    /// Stores the next token set. Needs: active, this generation, an intent with this fence. Sets `generation + 1`, the
    /// new zones and life; clears intent (escrow with it), `uncertain` and, with [`Zones::Sealed`], `recovered`.
    fn commit(&self, key: StoreKey, fence: Fence, generation: Generation, commit: Commit) -> StoreFuture<'_, Write>;

    /// Ends the session on the authorization server's word. Needs: active, this generation, an intent with this fence.
    /// Erases every sealed zone, wrap and escrow; the tombstone stays for `keep`.
    fn dead(&self, key: StoreKey, fence: Fence, generation: Generation, end: End) -> StoreFuture<'_, Write>;

    /// Ends the session on our own word, whatever else is going on. Erases as [`dead`](Self::dead) does.
    /// [`Write::Refused`] when there is no record or it has ended already: the first reason stays.
    fn revoke(&self, key: StoreKey, end: End) -> StoreFuture<'_, Write>;

    /// Moves last use to `now` and the idle limit with it; never moves the generation. Needs: active.
    fn touch(&self, key: StoreKey, idle_expires_at: Timestamp) -> StoreFuture<'_, Write>;

    /// Remembers an id until `now + keep`. Exactly one of any number of concurrent calls is told [`Once::First`].
    fn insert_once(&self, purpose: OncePurpose, id: [u8; 32], keep: Duration) -> StoreFuture<'_, Once>;

    /// Whether an id has been inserted and is not forgotten yet. Asks without inserting.
    fn is_remembered(&self, purpose: OncePurpose, id: [u8; 32]) -> StoreFuture<'_, bool>;

    /// Adds one to a counter and returns it. The counter starts at 0 and is forgotten `window` after its first count.
    fn count(&self, purpose: CountPurpose, id: [u8; 32], window: Duration) -> StoreFuture<'_, u64>;

    /// The keys of a user's active sessions, oldest first.
    fn by_user(&self, user: UserIndex) -> StoreFuture<'_, Vec<StoreKey>>;

    /// The keys of the active sessions with this `sid`, oldest first.
    fn by_sid(&self, sid: SidIndex) -> StoreFuture<'_, Vec<StoreKey>>;

    /// Removes at most `most` of: records past their idle or absolute limit (the limit is checked again in the same
    /// step, so a session that was just touched stays), tombstones, remembered ids and counters whose time is over.
    /// Returns how many went.
    fn sweep(&self, most: usize) -> StoreFuture<'_, usize>;
}

/// Who begins an attempt, and for how long nobody else may.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Who.
    pub node: Node,
    /// How long.
    pub lease: Duration,
    /// Becomes [`Intent::escrow`].
    pub escrow: Vec<u8>,
}

/// The next token set.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The new access token's life.
    pub access_token_life: Option<AccessTokenLife>,
    /// The sealed tokens.
    pub zones: Zones,
}

/// Under which seal the new tokens are.
#[derive(Clone, Debug)]
pub enum Zones {
    /// Sealed by someone who held the ticket.
    Sealed {
        /// Becomes [`Record::key_id`].
        key_id: u8,
        /// Becomes [`Record::server_zone`].
        server_zone: Vec<u8>,
        /// Becomes [`Record::ticket_zone`].
        ticket_zone: Vec<u8>,
    },
    /// Fetched from the escrow while no ticket was at hand: becomes [`Record::recovered`], beside the zones as they are.
    Recovered(Vec<u8>),
}

/// How a session ends.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// Why.
    pub reason: EndReason,
    /// How long the tombstone stays.
    pub keep: Duration,
}

/// Whether a conditional write took place.
#[must_use = "a refused write changed nothing"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Write {
    /// It did, and will not be lost.
    Applied,
    /// Its condition did not hold; nothing changed.
    Refused,
}

/// When the attempt after an unanswered one may start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// The same node goes on immediately.
    AtOnce,
    /// After the lease that is running.
    AfterLease,
}

/// Whether an id was new.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Once {
    /// It was.
    First,
    /// It had been inserted before and is not forgotten yet.
    Repeated,
}

/// What a single-use id is for. Ids of different purposes never meet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OncePurpose {
    /// A pending login's `state`.
    PendingLogin,
    /// A logout token's `jti`.
    LogoutToken,
    /// A logout token that named a `sid` not known yet.
    EndedSid,
}

/// What a counter counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CountPurpose {
    /// Logins that started by themselves, per browser.
    AutomaticLogins,
}

/// Why the store could not do it. Whether it did is unknown after [`Unavailable`](Self::Unavailable) only.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// No answer in time, connection lost, locked: trying again can help.
    #[error("the session store is unavailable: {0}")]
    Unavailable(String),
    /// Disk or memory is full: someone has to make room.
    #[error("the session store is full: {0}")]
    Full(String),
    /// The store takes no writes.
    #[error("the session store is read-only: {0}")]
    ReadOnly(String),
    /// What it holds cannot be understood.
    #[error("the session store is damaged: {0}")]
    Corrupt(String),
}
