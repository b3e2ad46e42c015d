//! What to do about a session's tokens: `(record, event, profile, now) → (operation, next)`. Pure, so that the program and
//! the model that is searched for counterexamples run the same code.
//!
//! 1. A session that has ended stays ended.
//! 2. While the access token is good nobody waits, and nothing is given up.
//! 3. No presentation without an intent in the store; the store refuses a second one.
//! 4. An intent whose deadline has passed is taken over only while the leeway is surely open; without leeway, once, when
//!    the access token is about to end anyway.
//! 5. Only `invalid_grant` ends a session, and, when nothing can bring the tokens back, the end of the access token.
//! 6. Whatever might have reached the authorization server counts as an attempt; what certainly did not, does not.

use std::time::Duration;

use protocol::Timestamp;

use super::profile::{self, GIVE_UP_AFTER, LAST_CHANCE, MOST_ATTEMPTS, Profile};
use crate::session::{
    record::{AccessTokenLife, EndReason, Fence, Generation, Intent, Record, Status},
    store::Retry,
};

/// What has happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// Somebody wants to use the access token, or the record was read again.
    Needed,
    /// The attempt under this fence is over.
    Answered(Fence, Answer),
}

/// How an attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// With a usable token set.
    Tokens,
    /// The request certainly did not arrive, or was certainly not acted upon (429, `invalid_client`).
    NotTaken,
    /// Nobody knows: time-out, reset, 5xx, an answer that cannot be used.
    Unknown,
    /// The refresh token is not accepted (any more).
    InvalidGrant,
}

/// A conditional write to the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// [`SessionStore::claim`](crate::session::store::SessionStore::claim)
    Claim(Generation, Duration),
    /// [`SessionStore::take_over`](crate::session::store::SessionStore::take_over)
    TakeOver(Generation, Duration),
    /// [`SessionStore::not_sent`](crate::session::store::SessionStore::not_sent)
    NotSent(Fence),
    /// [`SessionStore::uncertain`](crate::session::store::SessionStore::uncertain)
    Uncertain(Fence, Retry),
    /// [`SessionStore::commit`](crate::session::store::SessionStore::commit)
    Commit(Fence, Generation),
    /// [`SessionStore::dead`](crate::session::store::SessionStore::dead)
    Dead(Fence, Generation, EndReason),
}

/// What follows once the operation is done. If the store refuses it, read the record again and ask for [`Event::Needed`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// Use the access token. No refresh is needed.
    Serve,
    /// Use the access token if it is good; otherwise answer "try again". Somebody else, or nobody, can do more now.
    Hold,
    /// Wait for the holder of the intent, then read the record again.
    Wait,
    /// Present the refresh token under the fence that the operation gave.
    Present,
    /// Read the record again and decide anew.
    Reread,
    /// The session has ended.
    Ended(EndReason),
}

/// An operation, or none, and what follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decision {
    /// What to write first.
    pub operation: Option<Operation>,
    /// What to do then.
    pub next: Next,
}

/// What to do about this session's tokens.
pub fn decide(record: &Record, event: Event, profile: &Profile, now: Timestamp) -> Decision {
    if let Status::Dead { reason, .. } | Status::Revoked { reason, .. } = record.status {
        return only(Next::Ended(reason));
    }
    match event {
        Event::Needed => needed(record, profile, now),
        Event::Answered(fence, answer) => answered(record, fence, answer, profile, now),
    }
}

fn needed(record: &Record, profile: &Profile, now: Timestamp) -> Decision {
    // Without a life there is nothing to be early for: the token is used until a resource server objects.
    let Some(life) = record.access_token_life else { return only(Next::Serve) };
    if now < profile.refresh_at(life, record.key, record.generation) {
        return only(Next::Serve);
    }
    match &record.intent {
        None => with(Operation::Claim(record.generation, profile.lease()), Next::Present),
        Some(intent) if now <= intent.deadline => {
            only(if profile::is_good(life, now) { Next::Serve } else { Next::Wait })
        }
        Some(intent) => abandoned(record, life, intent, profile, now),
    }
}

/// The holder of the intent has gone quiet.
fn abandoned(record: &Record, life: AccessTokenLife, intent: &Intent, profile: &Profile, now: Timestamp) -> Decision {
    if may_present_again(life, intent, profile, now) {
        return with(Operation::TakeOver(record.generation, profile.lease()), Next::Present);
    }
    if now >= life.expires_at + GIVE_UP_AFTER {
        let reason = EndReason::RotationLost;
        return with(Operation::Dead(intent.fence, record.generation, reason), Next::Ended(reason));
    }
    only(Next::Hold)
}

fn may_present_again(life: AccessTokenLife, intent: &Intent, profile: &Profile, now: Timestamp) -> bool {
    if profile.is_strict() {
        let nothing_to_lose = now + LAST_CHANCE >= life.expires_at && now < life.expires_at + GIVE_UP_AFTER;
        return intent.attempt < 2 && nothing_to_lose;
    }
    intent.attempt < MOST_ATTEMPTS && profile.is_leeway_open(intent.first_sent_at, now)
}

fn answered(record: &Record, fence: Fence, answer: Answer, profile: &Profile, now: Timestamp) -> Decision {
    let Some(intent) = record.intent.as_ref().filter(|intent| intent.fence == fence) else {
        return only(Next::Reread);
    };
    match answer {
        Answer::Tokens => with(Operation::Commit(fence, record.generation), Next::Serve),
        Answer::NotTaken => with(Operation::NotSent(fence), Next::Hold),
        Answer::Unknown => {
            let again = !profile.is_strict()
                && intent.attempt < MOST_ATTEMPTS
                && profile.is_leeway_open(intent.first_sent_at, now);
            if again {
                with(Operation::Uncertain(fence, Retry::AtOnce), Next::Reread)
            } else {
                with(Operation::Uncertain(fence, Retry::AfterLease), Next::Hold)
            }
        }
        Answer::InvalidGrant => {
            let reason = refusal(record, intent);
            with(Operation::Dead(fence, record.generation, reason), Next::Ended(reason))
        }
    }
}

/// A refused token with a clean history was ended by the authorization server; otherwise an attempt of ours spent it.
fn refusal(record: &Record, intent: &Intent) -> EndReason {
    if intent.attempt == 1 && !record.uncertain { EndReason::IdpRevoked } else { EndReason::RotationLost }
}

fn only(next: Next) -> Decision {
    Decision { operation: None, next }
}

fn with(operation: Operation, next: Next) -> Decision {
    Decision { operation: Some(operation), next }
}

#[cfg(test)]
mod tests;
