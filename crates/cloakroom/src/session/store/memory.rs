//! Sessions in memory, for tests and demos: gone with the process, so no crash is survived and no second node joins.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use protocol::Timestamp;

use super::{Claim, Commit, CountPurpose, End, Once, OncePurpose, Retry, SessionStore, StoreFuture, Write, Zones};
use crate::{
    clock::Clock,
    session::record::{Fence, Generation, Intent, Record, SidIndex, Status, StoreKey, UserIndex},
};

/// Keeps sessions in memory. Finds a user's by looking at all of them: made for hundreds, not for millions.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    shelves: Mutex<Shelves>,
}

#[derive(Default)]
struct Shelves {
    records: HashMap<StoreKey, Record>,
    ids: HashMap<(OncePurpose, [u8; 32]), Timestamp>,
    counters: HashMap<(CountPurpose, [u8; 32]), Counter>,
}

struct Counter {
    count: u64,
    forget_at: Timestamp,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, shelves: Mutex::default() }
    }

    /// Does one operation under the lock: nothing else happens meanwhile.
    fn alone<T: Send + 'static>(&self, operation: impl FnOnce(&mut Shelves, Timestamp) -> T) -> StoreFuture<'_, T> {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = operation(&mut shelves, self.clock.now());
        Box::pin(std::future::ready(Ok(outcome)))
    }

    /// Changes an active record; nothing when there is none, or when `change` declines.
    fn change<T: Send + 'static>(
        &self,
        key: StoreKey,
        change: impl FnOnce(&mut Record, Timestamp) -> Option<T>,
    ) -> StoreFuture<'_, Option<T>> {
        self.alone(|shelves, now| {
            let record = shelves.records.get_mut(&key).filter(|record| record.status == Status::Active)?;
            let outcome = change(record, now)?;
            record.version += 1;
            Some(outcome)
        })
    }

    fn write(
        &self,
        key: StoreKey,
        change: impl FnOnce(&mut Record, Timestamp) -> Option<()> + Send + 'static,
    ) -> StoreFuture<'_, Write> {
        let change = self.change(key, change);
        Box::pin(async { Ok(change.await?.map_or(Write::Refused, |()| Write::Applied)) })
    }

    fn keys(&self, wanted: impl Fn(&Record) -> bool) -> StoreFuture<'_, Vec<StoreKey>> {
        self.alone(|shelves, _| {
            let active = shelves.records.values().filter(|record| record.status == Status::Active);
            let mut found: Vec<_> =
                active.filter(|record| wanted(record)).map(|record| (record.created_at, record.key)).collect();
            found.sort_unstable();
            found.into_iter().map(|(_, key)| key).collect()
        })
    }
}

impl SessionStore for MemoryStore {
    fn create(&self, record: Record) -> StoreFuture<'_, Write> {
        self.alone(|shelves, _| {
            if shelves.records.contains_key(&record.key) {
                return Write::Refused;
            }
            shelves.records.insert(record.key, record);
            Write::Applied
        })
    }

    fn load(&self, key: StoreKey) -> StoreFuture<'_, Option<Record>> {
        self.alone(|shelves, _| shelves.records.get(&key).cloned())
    }

    fn claim(&self, key: StoreKey, generation: Generation, claim: Claim) -> StoreFuture<'_, Option<Intent>> {
        self.change(key, move |record, now| {
            (record.generation == generation && record.intent.is_none()).then(|| begin(record, claim, 1, (now, now)))
        })
    }

    fn take_over(&self, key: StoreKey, generation: Generation, claim: Claim) -> StoreFuture<'_, Option<Intent>> {
        self.change(key, move |record, now| {
            let quiet = record.intent.as_ref().filter(|intent| intent.deadline < now)?;
            let (attempt, first_sent_at) = (quiet.attempt.saturating_add(1), quiet.first_sent_at);
            (record.generation == generation).then(|| begin(record, claim, attempt, (first_sent_at, now)))
        })
    }

    fn not_sent(&self, key: StoreKey, fence: Fence) -> StoreFuture<'_, Write> {
        self.write(key, move |record, now| {
            let intent = record.intent.as_mut().filter(|intent| intent.fence == fence)?;
            intent.attempt = intent.attempt.saturating_sub(1);
            intent.deadline = now;
            if intent.attempt == 0 {
                record.intent = None;
            }
            Some(())
        })
    }

    fn uncertain(&self, key: StoreKey, fence: Fence, retry: Retry) -> StoreFuture<'_, Write> {
        self.write(key, move |record, now| {
            let intent = record.intent.as_mut().filter(|intent| intent.fence == fence)?;
            if retry == Retry::AtOnce {
                intent.deadline = now;
            }
            record.uncertain = true;
            Some(())
        })
    }

    fn commit(&self, key: StoreKey, fence: Fence, generation: Generation, commit: Commit) -> StoreFuture<'_, Write> {
        self.write(key, move |record, _| {
            require_attempt(record, fence, generation)?;
            record.generation.0 += 1;
            record.intent = None;
            record.uncertain = false;
            record.access_token_life = commit.access_token_life;
            match commit.zones {
                Zones::Sealed { key_id, server_zone, ticket_zone } => {
                    record.key_id = key_id;
                    record.server_zone = server_zone;
                    record.ticket_zone = ticket_zone;
                    record.recovered = None;
                }
                Zones::Recovered(sealed) => record.recovered = Some(sealed),
            }
            Some(())
        })
    }

    fn dead(&self, key: StoreKey, fence: Fence, generation: Generation, end: End) -> StoreFuture<'_, Write> {
        self.write(key, move |record, now| {
            require_attempt(record, fence, generation)?;
            erase(record);
            record.status = Status::Dead { reason: end.reason, forget_at: now + end.keep };
            Some(())
        })
    }

    fn revoke(&self, key: StoreKey, end: End) -> StoreFuture<'_, Write> {
        self.write(key, move |record, now| {
            erase(record);
            record.status = Status::Revoked { reason: end.reason, forget_at: now + end.keep };
            Some(())
        })
    }

    fn touch(&self, key: StoreKey, idle_expires_at: Timestamp) -> StoreFuture<'_, Write> {
        self.write(key, move |record, now| {
            record.last_used_at = now;
            record.idle_expires_at = idle_expires_at;
            Some(())
        })
    }

    fn insert_once(&self, purpose: OncePurpose, id: [u8; 32], keep: Duration) -> StoreFuture<'_, Once> {
        self.alone(|shelves, now| {
            if shelves.ids.get(&(purpose, id)).is_some_and(|forget_at| now < *forget_at) {
                return Once::Repeated;
            }
            shelves.ids.insert((purpose, id), now + keep);
            Once::First
        })
    }

    fn is_remembered(&self, purpose: OncePurpose, id: [u8; 32]) -> StoreFuture<'_, bool> {
        self.alone(|shelves, now| shelves.ids.get(&(purpose, id)).is_some_and(|forget_at| now < *forget_at))
    }

    fn count(&self, purpose: CountPurpose, id: [u8; 32], window: Duration) -> StoreFuture<'_, u64> {
        self.alone(|shelves, now| {
            let fresh = Counter { count: 0, forget_at: now + window };
            let counter = shelves.counters.entry((purpose, id)).or_insert(fresh);
            if counter.forget_at <= now {
                *counter = Counter { count: 0, forget_at: now + window };
            }
            counter.count += 1;
            counter.count
        })
    }

    fn by_user(&self, user: UserIndex) -> StoreFuture<'_, Vec<StoreKey>> {
        self.keys(|record| record.user == user)
    }

    fn by_sid(&self, sid: SidIndex) -> StoreFuture<'_, Vec<StoreKey>> {
        self.keys(|record| record.sid == Some(sid))
    }

    fn sweep(&self, most: usize) -> StoreFuture<'_, usize> {
        self.alone(|shelves, now| {
            let mut room = most;
            // `extract_if` removes only what is taken from it.
            room -= shelves.records.extract_if(|_, record| is_over(record, now)).take(room).count();
            room -= shelves.ids.extract_if(|_, forget_at| *forget_at <= now).take(room).count();
            room -= shelves.counters.extract_if(|_, counter| counter.forget_at <= now).take(room).count();
            most - room
        })
    }
}

fn begin(record: &mut Record, claim: Claim, attempt: u8, (first_sent_at, now): (Timestamp, Timestamp)) -> Intent {
    record.fence.0 += 1;
    let intent = Intent {
        fence: record.fence,
        node: claim.node,
        attempt,
        first_sent_at,
        deadline: now + claim.lease,
        escrow: claim.escrow,
    };
    record.intent.insert(intent).clone()
}

fn require_attempt(record: &Record, fence: Fence, generation: Generation) -> Option<()> {
    let intent = record.intent.as_ref()?;
    (intent.fence == fence && record.generation == generation).then_some(())
}

fn erase(record: &mut Record) {
    record.intent = None;
    record.wraps = Vec::new();
    record.server_zone = Vec::new();
    record.ticket_zone = Vec::new();
    record.recovered = None;
}

fn is_over(record: &Record, now: Timestamp) -> bool {
    match record.status {
        Status::Active => record.idle_expires_at <= now || record.absolute_expires_at <= now,
        Status::Dead { forget_at, .. } | Status::Revoked { forget_at, .. } => forget_at <= now,
    }
}
