//! Carries out what [`decide`] decides: one flight, from claim to landing. Persist first, judge later.

use std::{sync::Arc, time::Duration};

use protocol::{Timestamp, TokenResponse};
use serde_json::{Map, Value};
use tracing::{debug, error, info, warn};

use super::{
    decision::{Answer, Decision, Event, Next, Operation, decide},
    flights::Landing,
    profile,
};
use crate::{
    authorization_server::{Renewal, Server},
    bff::Bff,
    session::{
        ActiveSession, Opened, Secrets, TOMBSTONE,
        cache::Found,
        record::{AccessTokenLife, EndReason, Fence, Generation, Record, Status},
        store::{Claim, Commit, End, StoreError, Write, Zones},
        zones,
    },
};

/// Claims are looked up again at most so often.
const CLAIMS_RENEWED_AFTER: Duration = Duration::from_secs(5 * 60);
const USER_INFO_LIMIT: Duration = Duration::from_secs(2);
/// More steps than any sequence of answers needs.
const MOST_STEPS: usize = 64;

/// One flight of one session.
pub(super) struct Attempt<'a> {
    bff: &'a Arc<Bff>,
    session: &'a ActiveSession,
    /// The session as it was read last; its data key opens every generation.
    opened: Arc<Opened>,
    record: Record,
    /// The answer that waits to be stored, and when it came.
    tokens: Option<(TokenResponse, Timestamp)>,
    /// What that answer says of the user.
    renewal: Option<Renewal>,
    /// UserInfo, looked up beforehand where refreshes bring no ID token.
    user_info: Option<Map<String, Value>>,
}

enum Step {
    Decide(Event),
    Land(Landing),
}

impl<'a> Attempt<'a> {
    pub(super) fn new(bff: &'a Arc<Bff>, session: &'a ActiveSession) -> Self {
        let opened = Arc::clone(session.opened());
        Self { bff, session, record: opened.record().clone(), opened, tokens: None, renewal: None, user_info: None }
    }

    pub(super) async fn run(mut self) -> Landing {
        let Some(server) = self.bff.server(&self.session.identity().server) else { return Landing::Hold };
        if server.prepare().await.is_err() {
            return Landing::Hold;
        }
        let mut event = Event::Needed;
        for step in 0..MOST_STEPS {
            let decision = decide(&self.record, event, &server.settings().profile, self.bff.now());
            let done = self.step(server, decision, step).await.unwrap_or_else(|error| {
                warn!(key = ?self.record.key, %error, "a refresh was broken off: the store did not do what it should");
                Step::Land(Landing::Hold)
            });
            match done {
                Step::Decide(next) => event = next,
                Step::Land(landing) => return landing,
            }
        }
        error!(key = ?self.record.key, "a refresh did not come to an end");
        Landing::Hold
    }

    async fn step(&mut self, server: &Server, decision: Decision, step: usize) -> Result<Step, StoreError> {
        if let Some(operation) = decision.operation
            && !self.carry_out(server, operation).await?
        {
            return self.reread(server).await;
        }
        match decision.next {
            Next::Present => Ok(Step::Decide(self.present(server).await)),
            Next::Reread => self.reread(server).await,
            Next::Wait => {
                tokio::time::sleep(Duration::from_millis(50 << step.min(3))).await;
                self.reread(server).await
            }
            Next::Serve => self.land_current(server).await,
            Next::Hold => Ok(Step::Land(Landing::Hold)),
            Next::Ended(reason) => Ok(Step::Land(self.land_ended(server, reason).await)),
        }
    }

    /// Whether the store took the operation.
    async fn carry_out(&mut self, server: &Server, operation: Operation) -> Result<bool, StoreError> {
        let (store, key) = (self.bff.store(), self.record.key);
        debug!(?key, ?operation, "refresh");
        let write = match operation {
            Operation::Claim(generation, lease) => {
                self.user_info = self.look_up_claims(server).await;
                self.record.intent = store.claim(key, generation, self.claim(lease)?).await?;
                return Ok(self.record.intent.is_some());
            }
            Operation::TakeOver(generation, lease) => {
                self.record.intent = store.take_over(key, generation, self.claim(lease)?).await?;
                return Ok(self.record.intent.is_some());
            }
            Operation::NotSent(fence) => store.not_sent(key, fence).await?,
            Operation::Uncertain(fence, retry) => store.uncertain(key, fence, retry).await?,
            Operation::Commit(fence, generation) => self.commit(server, fence, generation).await?,
            Operation::Dead(fence, generation, reason) => {
                self.bff.cache().invalidate(key);
                store.dead(key, fence, generation, End { reason, keep: TOMBSTONE }).await?
            }
        };
        Ok(write == Write::Applied)
    }

    /// UserInfo with the access token that is still good, where the last refresh brought no ID token. Beforehand, because
    /// between the answer of a refresh and its commit nothing may be waited for.
    async fn look_up_claims(&self, server: &Server) -> Option<Map<String, Value>> {
        let life = self.record.access_token_life?;
        let secrets = self.secrets().ok()?;
        let came_without = self.record.generation > Generation(0) && secrets.claims_at < life.received_at;
        let is_stale = secrets.claims_at.duration_until(self.bff.now()) >= CLAIMS_RENEWED_AFTER;
        if !came_without || !is_stale || !profile::is_good(life, self.bff.now()) {
            return None;
        }
        let look_up = server.user_info(&secrets.access_token, &self.opened.identity().subject);
        tokio::time::timeout(USER_INFO_LIMIT, look_up).await.ok()?
    }

    fn claim(&self, lease: Duration) -> Result<Claim, StoreError> {
        let secrets = self.secrets()?;
        let place = crate::session::opened::place(&self.record);
        let escrow = secrets
            .refresh_token
            .as_ref()
            .map_or_else(Vec::new, |token| zones::seal_escrow(token, place, self.bff.keys(), self.bff.random()));
        Ok(Claim { node: self.bff.node(), lease, escrow })
    }

    /// Presents the refresh token under the intent that was just written. Nothing is presented without one.
    async fn present(&mut self, server: &Server) -> Event {
        let Some(intent) = &self.record.intent else { return Event::Needed };
        let fence = intent.fence;
        let Ok(Secrets { refresh_token: Some(token), .. }) = self.secrets() else {
            return Event::Answered(fence, Answer::NotTaken);
        };
        let (answer, tokens) = server.refresh(&token).await;
        info!(key = ?self.record.key, generation = self.record.generation.0, attempt = intent.attempt, ?answer, "refresh");
        if answer == Answer::NotTaken {
            let flight = (self.record.key, self.record.generation);
            self.bff.flights().rest(flight, self.bff.clock().monotonic());
        }
        self.renewal = tokens.as_ref().map(|tokens| server.renewal(tokens, &self.opened.identity().subject));
        self.tokens = tokens.map(|tokens| (tokens, self.bff.now()));
        Event::Answered(fence, self.require_same_user(answer))
    }

    /// A new ID token must name the same user (OpenID Connect Core §12.2). Tokens of another one are never served: the
    /// session ends, and they are revoked.
    fn require_same_user(&self, answer: Answer) -> Answer {
        if matches!(self.renewal, Some(Renewal::AnotherUser)) {
            error!(key = ?self.record.key, "a refresh brought another user's tokens");
            return Answer::InvalidGrant;
        }
        answer
    }

    /// Stores the answer. While the store is away the answer is kept here and tried again for as long as the lease runs:
    /// it is the only copy of the session's next refresh token.
    async fn commit(&mut self, server: &Server, fence: Fence, generation: Generation) -> Result<Write, StoreError> {
        let Some((tokens, received_at)) = &self.tokens else { return Ok(Write::Refused) };
        let life = tokens
            .expires_in
            .map(|life| AccessTokenLife { received_at: *received_at, expires_at: *received_at + life });
        let (secrets, identity) = self.next_secrets(tokens)?;
        let (key_id, server_zone, ticket_zone) =
            self.opened.seal_next(&secrets, &identity, self.bff.keys(), self.bff.random());
        let commit = Commit { access_token_life: life, zones: Zones::Sealed { key_id, server_zone, ticket_zone } };
        let give_up_at = self.bff.clock().monotonic() + server.settings().profile.lease() * 5;
        let mut pause = Duration::from_millis(50);
        loop {
            match self.bff.store().commit(self.record.key, fence, generation, commit.clone()).await {
                Err(error) if self.bff.clock().monotonic() < give_up_at => {
                    warn!(key = ?self.record.key, %error, "new tokens wait for the store");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
                done => return done,
            }
        }
    }

    /// The next token set: what the answer leaves out stays as it was (RFC 6749 §6; OpenID Connect Core §12.2).
    fn next_secrets(&self, tokens: &TokenResponse) -> Result<(Secrets, zones::Identity), StoreError> {
        let old = self.secrets()?;
        let mut identity = self.opened.identity().clone();
        let (mut claims, mut claims_at) = (old.claims, old.claims_at);
        if let Some(Renewal::Claims(token)) = &self.renewal {
            claims = crate::claims::renew(&claims, &token.claims);
            claims_at = self.bff.now();
            identity.acr = token.acr.clone().or(identity.acr);
            identity.authenticated_at = token.authenticated_at.or(identity.authenticated_at);
        } else if let Some(user_info) = &self.user_info {
            claims = crate::claims::renew(&claims, user_info);
            claims_at = self.bff.now();
        }
        let secrets = Secrets {
            access_token: tokens.access_token.clone(),
            refresh_token: tokens.refresh_token.clone().or(old.refresh_token),
            scope: tokens.scope.clone().or(old.scope),
            claims,
            claims_at,
        };
        Ok((secrets, identity))
    }

    fn secrets(&self) -> Result<Secrets, StoreError> {
        self.opened.secrets().map_err(|_| StoreError::Corrupt("the tokens of a session cannot be opened".to_owned()))
    }

    async fn reread(&mut self, server: &Server) -> Result<Step, StoreError> {
        let Some(record) = self.bff.store().load(self.record.key).await? else {
            return Ok(Step::Land(Landing::Hold));
        };
        let moved_on = record.generation != self.record.generation;
        let is_active = record.status == Status::Active;
        self.record = record;
        if moved_on && is_active { self.land_current(server).await } else { Ok(Step::Decide(Event::Needed)) }
    }

    /// Lands with what the store holds now, and puts it into the cache first.
    async fn land_current(&mut self, server: &Server) -> Result<Step, StoreError> {
        let (key, cache) = (self.record.key, self.bff.cache());
        cache.invalidate(key);
        let Found::Missing(fill) = cache.announce(key, self.bff.clock().monotonic()) else {
            return Ok(Step::Land(self.land_ended(server, EndReason::Logout).await));
        };
        let loaded = self.bff.store().load(key).await;
        let reopened = match loaded {
            Ok(Some(record)) => match record.status {
                Status::Active => self.opened.reopened(record, self.bff.keys()).ok(),
                Status::Dead { reason, .. } | Status::Revoked { reason, .. } => {
                    cache.give_up(&fill);
                    return Ok(Step::Land(self.land_ended(server, reason).await));
                }
            },
            Ok(None) => None,
            Err(error) => {
                cache.give_up(&fill);
                return Err(error);
            }
        };
        let Some(opened) = reopened.map(Arc::new) else {
            cache.give_up(&fill);
            return Ok(Step::Land(Landing::Hold));
        };
        cache.finish(&fill, self.session.ticket().hash(), &opened);
        Ok(Step::Land(Landing::Session(opened)))
    }

    /// The loser of a race with logout revokes what it was given: nothing may outlive the session.
    async fn land_ended(&mut self, server: &Server, reason: EndReason) -> Landing {
        self.bff.cache().invalidate(self.record.key);
        if let Some((tokens, _)) = self.tokens.take()
            && let Some(token) = &tokens.refresh_token
        {
            server.revoke(token).await;
        }
        info!(key = ?self.record.key, reason = reason.as_str(), "session ended");
        Landing::Ended(reason)
    }
}
