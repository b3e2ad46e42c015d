//! The record: what the store keeps of one session.
//!
//! Three zones. *Clear*: what the store itself must compare or expire. *Server-sealed*: opened with the key ring.
//! *Ticket-sealed*: opened with the data key, which only the browser's ticket and the key ring together unwrap.
//! A stolen store opens nothing.

use std::{fmt, time::Duration};

use protocol::Timestamp;

/// The version of the record's layout that this program writes. Bound into every seal.
pub const SCHEMA: u8 = 1;

/// Names a record in the store: the SHA-256 of the ticket's selector, so that a stolen store holds no selector.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoreKey(pub [u8; 32]);

/// All sessions of one user share a bucket (14 bits), so that a sharded store can change them atomically.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Bucket(pub u16);

/// A keyed hash of issuer and subject: finds a user's sessions without naming the user.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct UserIndex(pub [u8; 32]);

/// A keyed hash of issuer and `sid`: finds the sessions that a logout token means. Not unique.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SidIndex(pub [u8; 32]);

/// Counts the token sets of a session: 0 at login, one more with each refresh.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Generation(pub u64);

/// Counts the attempts to refresh a session; a write under an older fence changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Fence(pub u64);

/// Names the process that made an attempt; random at each start.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Node(pub u64);

/// One session as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Names the record.
    pub key: StoreKey,
    /// Where a sharded store puts it.
    pub bucket: Bucket,
    /// Layout of the sealed zones ([`SCHEMA`]). A program that does not know it leaves the record alone.
    pub schema: u8,
    /// Grows by one with every write.
    pub version: u64,
    /// Whether the session may be used.
    pub status: Status,
    /// The token set that `ticket_zone` holds.
    pub generation: Generation,
    /// The highest fence ever given out.
    pub fence: Fence,
    /// A refresh that was begun and not yet decided. Written before the authorization server is called.
    pub intent: Option<Intent>,
    /// Whether an attempt of this generation may have reached the authorization server without an answer reaching us.
    pub uncertain: bool,
    /// When the session was started.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Timestamp,
    /// When it ends if nobody uses it.
    pub idle_expires_at: Timestamp,
    /// When it ends in any case.
    pub absolute_expires_at: Timestamp,
    /// The access token's life. Absent where the authorization server did not tell.
    pub access_token_life: Option<AccessTokenLife>,
    /// Finds the user's sessions.
    pub user: UserIndex,
    /// Finds the session from a logout token. Absent without `sid`.
    pub sid: Option<SidIndex>,
    /// The key that seals `server_zone`.
    pub key_id: u8,
    /// The data key, wrapped once for each ticket that opens this session. At most [`Record::MOST_WRAPS`].
    pub wraps: Vec<Wrap>,
    /// Sealed by the key ring: who, where, since when.
    pub server_zone: Vec<u8>,
    /// Sealed by the data key: token set and claims. Erased when the session ends.
    pub ticket_zone: Vec<u8>,
    /// A token set that was fetched while nobody held a ticket, sealed by the key ring until the next request re-seals it.
    pub recovered: Option<Vec<u8>>,
}

impl Record {
    /// The current wrap, its parent within its last minute, and three unconfirmed successors.
    pub const MOST_WRAPS: usize = 5;
}

/// Whether a session may be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// It may.
    Active,
    /// The authorization server ended it, or its tokens are lost. Kept until `forget_at`, so that the browser learns why.
    Dead {
        /// Why.
        reason: EndReason,
        /// When the tombstone may be swept.
        forget_at: Timestamp,
    },
    /// We ended it: logout, replacement, an administrator. No operation makes it active again.
    Revoked {
        /// Why.
        reason: EndReason,
        /// When the tombstone may be swept.
        forget_at: Timestamp,
    },
}

/// Why a session ended. The names in snake case are part of the wire contract.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EndReason {
    /// The user signed out here.
    Logout,
    /// The user signed out elsewhere, and the authorization server told us.
    BackChannelLogout,
    /// The user, or a limit, ended it from another session.
    EndedElsewhere,
    /// A new login in the same browser took its place.
    Replaced,
    /// An operator ended it.
    Administrator,
    /// Nobody used it for the idle limit.
    Idle,
    /// It reached its absolute limit.
    Absolute,
    /// The authorization server refused a refresh token with a clean history.
    IdpRevoked,
    /// A refresh token was spent and its successor never reached us.
    RotationLost,
    /// The store came back from a backup; what it holds was spent since.
    StoreRestored,
    /// A ticket was presented that a newer one had replaced.
    TicketSuperseded,
}

impl EndReason {
    /// Every reason, in the order of declaration.
    pub const ALL: [Self; 11] = [
        Self::Logout,
        Self::BackChannelLogout,
        Self::EndedElsewhere,
        Self::Replaced,
        Self::Administrator,
        Self::Idle,
        Self::Absolute,
        Self::IdpRevoked,
        Self::RotationLost,
        Self::StoreRestored,
        Self::TicketSuperseded,
    ];

    /// The name on the wire and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::BackChannelLogout => "back_channel_logout",
            Self::EndedElsewhere => "ended_elsewhere",
            Self::Replaced => "replaced",
            Self::Administrator => "administrator",
            Self::Idle => "idle",
            Self::Absolute => "absolute",
            Self::IdpRevoked => "idp_revoked",
            Self::RotationLost => "rotation_lost",
            Self::StoreRestored => "store_restored",
            Self::TicketSuperseded => "ticket_superseded",
        }
    }

    /// The reason with this name, or nothing.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// A refresh in flight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// What a later write of this attempt must present.
    pub fence: Fence,
    /// Who makes it.
    pub node: Node,
    /// 1 for the first presentation of this generation's refresh token.
    pub attempt: u8,
    /// Store time of the first attempt: no later than the start of the authorization server's leeway.
    pub first_sent_at: Timestamp,
    /// Store time after which another may take over.
    pub deadline: Timestamp,
    /// The refresh token sealed by the key ring, so that someone without the ticket can take over. Empty where that is off.
    pub escrow: Vec<u8>,
}

/// From when until when an access token is good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccessTokenLife {
    /// When we received it.
    pub received_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl AccessTokenLife {
    /// How long it was good for when we received it.
    pub fn whole(self) -> Duration {
        self.received_at.duration_until(self.expires_at)
    }
}

/// The data key, wrapped under one ticket's secret and then under the key ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrap {
    /// A hash of the ticket's secret: tells which wrap a ticket opens.
    pub id: [u8; 16],
    /// Where this ticket stands in the rotation.
    pub state: WrapState,
    /// When the ticket was minted.
    pub minted_at: Timestamp,
    /// The key of the outer layer.
    pub key_id: u8,
    /// The doubly wrapped data key.
    pub sealed: Vec<u8>,
}

/// Where a ticket stands in the rotation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WrapState {
    /// The ticket the browser is known to hold.
    Current,
    /// Sent to the browser and not seen back yet.
    Successor,
    /// A successor was seen. Good until then; presented later, it ends the session.
    Superseded {
        /// Until when a late request with it is still served.
        until: Timestamp,
    },
}

impl fmt::Debug for StoreKey {
    /// The first four bytes: enough to follow one session through a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, third, fourth, ..] = self.0;
        write!(f, "StoreKey({first:02x}{second:02x}{third:02x}{fourth:02x}…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_found_by_its_name() {
        for reason in EndReason::ALL {
            assert_eq!(EndReason::parse(reason.as_str()), Some(reason));
        }
        assert_eq!(EndReason::parse("boredom"), None);
    }
}
