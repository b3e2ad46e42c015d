//! How an authorization server treats a refresh token that is presented twice, and the times that follow from it.

use std::time::Duration;

use protocol::Timestamp;

use crate::session::record::{AccessTokenLife, Generation, StoreKey};

/// What an authorization server does when a spent refresh token is presented again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Profile {
    leeway: Duration,
    /// Time limit for one answer.
    request_limit: Duration,
}

/// A process that stands still for longer than this (a suspended machine) may present a token late; nothing prevents it.
const TOLERATED_PAUSE: Duration = Duration::from_secs(4);
/// Connecting takes at most this long.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// Distance kept from the end of a leeway.
const LEEWAY_MARGIN: Duration = Duration::from_secs(3);
/// An access token is not sent upstream in its last seconds: travel and clock skew.
const TRAVEL: Duration = Duration::from_secs(7);
/// Without leeway, the one last attempt waits until the access token is this close to its end: nothing is left to lose.
pub(crate) const LAST_CHANCE: Duration = Duration::from_secs(15);
/// A token set is given up only this long after its access token has ended: a late answer may still be stored.
pub(crate) const GIVE_UP_AFTER: Duration = Duration::from_secs(30);
/// A token is presented at most so often.
pub(crate) const MOST_ATTEMPTS: u8 = 3;

impl Profile {
    /// A second presentation ends the grant (RFC 9700 §4.14.2). The safe assumption about a server that is not known.
    pub const fn strict() -> Self {
        Self { leeway: Duration::ZERO, request_limit: Duration::from_secs(8) }
    }

    /// A spent token may be presented again for this long, and the last answer counts. At least 30 s let another
    /// process take over; below 6 s it is as good as none.
    pub const fn leeway(leeway: Duration) -> Self {
        Self { leeway, request_limit: Duration::from_secs(8) }
    }

    /// With another time limit for one answer. Default 8 s.
    #[must_use]
    pub const fn with_request_limit(self, request_limit: Duration) -> Self {
        Self { request_limit, ..self }
    }

    pub(crate) const fn request_limit(&self) -> Duration {
        self.request_limit
    }

    pub(crate) const fn is_strict(&self) -> bool {
        self.leeway.is_zero()
    }

    /// For how long nobody else may make an attempt.
    pub(crate) fn lease(&self) -> Duration {
        self.request_limit + TOLERATED_PAUSE
    }

    /// Whether a token first presented then can safely be presented now. The first presentation is dated before it was
    /// sent, so this errs on the safe side.
    pub(crate) fn is_leeway_open(&self, first_sent_at: Timestamp, now: Timestamp) -> bool {
        first_sent_at.duration_until(now) + CONNECT_LIMIT + LEEWAY_MARGIN < self.leeway
    }

    /// When to begin a refresh: early enough that nobody has to wait, and spread over sessions, the same on every node.
    pub(crate) fn refresh_at(&self, life: AccessTokenLife, key: StoreKey, generation: Generation) -> Timestamp {
        let whole = life.whole();
        let early = (whole / 4).max(2 * self.lease() + Duration::from_secs(30)).min(whole / 2);
        life.expires_at - early - jitter(whole / 10, key, generation)
    }
}

/// Whether an access token can still be sent upstream.
pub(crate) fn is_good(life: AccessTokenLife, now: Timestamp) -> bool {
    now < life.expires_at - TRAVEL.min(life.whole() / 4)
}

/// From nothing to `most`, from the session's key and generation.
fn jitter(most: Duration, key: StoreKey, generation: Generation) -> Duration {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&key.0[..4]);
    let fraction =
        u32::from_be_bytes(bytes).wrapping_add(0x9e37_79b9_u32.wrapping_mul(generation.0.to_le_bytes()[0].into()));
    most.mul_f64(f64::from(fraction) / f64::from(u32::MAX))
}
