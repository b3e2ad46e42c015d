//! Opened sessions in this process, so that most requests ask no store.
//!
//! Keyed by the record, and within it by the hash of the whole ticket: a hit proves every byte of the ticket. Bounded in
//! number and age; the age alone bounds how long an end decided elsewhere can go unnoticed. An entry's data key is wiped
//! when the last request that holds it is done.
//!
//! A fill is announced before the store is asked. Whatever ends or changes the session meanwhile withdraws the
//! announcement, so that an older answer cannot bring back what was just ended.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{opened::Opened, record::StoreKey};

/// How long an entry may be used without asking the store again.
pub(crate) const LONGEST_AGE: Duration = Duration::from_secs(5);
/// How long this node refuses a session whose end the store has not confirmed.
const DENIED_FOR: Duration = Duration::from_secs(600);
const SHARDS: usize = 16;
const MOST_PER_SHARD: usize = 4096;
const MOST_TICKETS: usize = 4;

/// Opened sessions of this process.
#[derive(Debug)]
pub(crate) struct SessionCache {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Debug, Default)]
struct Shard {
    slots: HashMap<StoreKey, Slot>,
    /// In order of arrival; an entry may be out of date.
    arrivals: VecDeque<(StoreKey, Duration)>,
    denied: HashMap<StoreKey, Duration>,
}

#[derive(Debug, Default)]
struct Slot {
    /// Grows with every invalidation: a fill that began under another number is dropped.
    round: u64,
    fills: usize,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    ticket: [u8; 32],
    loaded_at: Duration,
    opened: Arc<Opened>,
}

/// What the cache knows.
#[derive(Debug)]
pub(crate) enum Found {
    /// The session, as it was at most [`LONGEST_AGE`] ago.
    Fresh(Arc<Opened>),
    /// Nothing: ask the store, and hand the answer in with this.
    Missing(Fill),
    /// This node ended it, though the store may not know yet.
    Denied,
}

/// An announced fill.
#[must_use = "an announced fill has to be finished or given up"]
#[derive(Debug)]
pub(crate) struct Fill {
    key: StoreKey,
    round: u64,
    /// Before the store was asked: the entry's age counts from here.
    asked_at: Duration,
}

impl SessionCache {
    pub(crate) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::new(Shard::default())) }
    }

    /// The session of a ticket, or the announcement of a fill.
    pub(crate) fn find(&self, key: StoreKey, ticket: &[u8; 32], now: Duration) -> Found {
        let mut shard = self.shard(key);
        if shard.denied.get(&key).is_some_and(|until| *until > now) {
            return Found::Denied;
        }
        let slot = shard.slots.entry(key).or_default();
        let fresh = |entry: &&Entry| entry.ticket == *ticket && now.saturating_sub(entry.loaded_at) <= LONGEST_AGE;
        if let Some(entry) = slot.entries.iter().find(fresh) {
            return Found::Fresh(Arc::clone(&entry.opened));
        }
        slot.fills += 1;
        Found::Missing(Fill { key, round: slot.round, asked_at: now })
    }

    /// Announces a fill whatever the cache holds: somebody wants the store's own word.
    pub(crate) fn announce(&self, key: StoreKey, now: Duration) -> Found {
        let mut shard = self.shard(key);
        if shard.denied.get(&key).is_some_and(|until| *until > now) {
            return Found::Denied;
        }
        let slot = shard.slots.entry(key).or_default();
        slot.fills += 1;
        Found::Missing(Fill { key, round: slot.round, asked_at: now })
    }

    /// Keeps what the store answered, unless the session changed since the fill was announced.
    pub(crate) fn finish(&self, fill: &Fill, ticket: [u8; 32], opened: &Arc<Opened>) {
        let mut shard = self.shard(fill.key);
        let entry = Entry { ticket, loaded_at: fill.asked_at, opened: Arc::clone(opened) };
        shard.end_fill(fill, Some(entry));
    }

    /// The store had nothing to keep.
    pub(crate) fn give_up(&self, fill: &Fill) {
        self.shard(fill.key).end_fill(fill, None);
    }

    /// Drops the session and every fill under way.
    pub(crate) fn invalidate(&self, key: StoreKey) {
        let mut shard = self.shard(key);
        if let Some(slot) = shard.slots.get_mut(&key) {
            slot.round += 1;
            slot.entries.clear();
        }
        shard.remove_if_idle(key);
    }

    /// Refuses the session on this node, whatever the store says, for ten minutes.
    pub(crate) fn deny(&self, key: StoreKey, now: Duration) {
        self.invalidate(key);
        let mut shard = self.shard(key);
        shard.denied.retain(|_, until| *until > now);
        shard.denied.insert(key, now + DENIED_FOR);
    }

    /// Whether [`deny`](Self::deny) holds.
    pub(crate) fn is_denied(&self, key: StoreKey, now: Duration) -> bool {
        self.shard(key).denied.get(&key).is_some_and(|until| *until > now)
    }

    /// Lifts [`deny`](Self::deny): the store has confirmed.
    pub(crate) fn lift(&self, key: StoreKey) {
        self.shard(key).denied.remove(&key);
    }

    fn shard(&self, key: StoreKey) -> MutexGuard<'_, Shard> {
        let shard = &self.shards[usize::from(key.0[0]) % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn end_fill(&mut self, fill: &Fill, entry: Option<Entry>) {
        let Some(slot) = self.slots.get_mut(&fill.key) else { return };
        slot.fills = slot.fills.saturating_sub(1);
        if let Some(entry) = entry
            && slot.round == fill.round
        {
            let loaded_at = entry.loaded_at;
            slot.entries.retain(|other| other.ticket != entry.ticket);
            slot.entries.truncate(MOST_TICKETS - 1);
            slot.entries.insert(0, entry);
            self.arrivals.push_back((fill.key, loaded_at));
            self.make_room(loaded_at);
        }
        self.remove_if_idle(fill.key);
    }

    /// Forgets what is too old, and the oldest where there is too much.
    fn make_room(&mut self, now: Duration) {
        while let Some(&(key, loaded_at)) = self.arrivals.front() {
            let old = now.saturating_sub(loaded_at) > LONGEST_AGE;
            if !old && self.arrivals.len() <= MOST_PER_SHARD {
                break;
            }
            self.arrivals.pop_front();
            if let Some(slot) = self.slots.get_mut(&key) {
                slot.entries.retain(|entry| entry.loaded_at > loaded_at);
            }
            self.remove_if_idle(key);
        }
    }

    fn remove_if_idle(&mut self, key: StoreKey) {
        if self.slots.get(&key).is_some_and(|slot| slot.entries.is_empty() && slot.fills == 0) {
            self.slots.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::opened::tests::opened;

    const KEY: StoreKey = StoreKey([1; 32]);
    const TICKET: [u8; 32] = [2; 32];
    const START: Duration = Duration::from_secs(100);

    fn announced(cache: &SessionCache, now: Duration) -> Fill {
        match cache.find(KEY, &TICKET, now) {
            Found::Missing(fill) => fill,
            other => panic!("{other:?}"),
        }
    }

    fn is_fresh(cache: &SessionCache, ticket: &[u8; 32], now: Duration) -> bool {
        matches!(cache.find(KEY, ticket, now), Found::Fresh(_))
    }

    #[test]
    fn an_entry_serves_its_own_ticket_until_it_is_five_seconds_old() {
        let cache = SessionCache::new();
        let fill = announced(&cache, START);
        cache.finish(&fill, TICKET, &opened(KEY));

        assert!(is_fresh(&cache, &TICKET, START + LONGEST_AGE));
        assert!(!is_fresh(&cache, &[3; 32], START));
        assert!(!is_fresh(&cache, &TICKET, START + LONGEST_AGE + Duration::from_millis(1)));
    }

    #[test]
    fn an_answer_from_before_the_end_does_not_bring_the_session_back() {
        let cache = SessionCache::new();
        let fill = announced(&cache, START);

        cache.invalidate(KEY);
        cache.finish(&fill, TICKET, &opened(KEY));

        assert!(!is_fresh(&cache, &TICKET, START));
    }

    #[test]
    fn ending_a_session_drops_it_for_every_ticket() {
        let cache = SessionCache::new();
        for ticket in [[2; 32], [3; 32]] {
            let Found::Missing(fill) = cache.find(KEY, &ticket, START) else { panic!() };
            cache.finish(&fill, ticket, &opened(KEY));
        }

        cache.invalidate(KEY);

        assert!(!is_fresh(&cache, &[2; 32], START) && !is_fresh(&cache, &[3; 32], START));
    }

    #[test]
    fn a_denied_session_stays_denied_until_the_store_confirms() {
        let cache = SessionCache::new();
        cache.deny(KEY, START);

        assert!(matches!(cache.find(KEY, &TICKET, START), Found::Denied));
        assert!(matches!(cache.announce(KEY, START), Found::Denied));

        cache.lift(KEY);

        assert!(matches!(cache.find(KEY, &TICKET, START), Found::Missing(_)));
    }

    #[test]
    fn the_cache_stays_within_its_bound_and_forgets_what_is_old() {
        let cache = SessionCache::new();
        for number in 0..(SHARDS * MOST_PER_SHARD * 2) as u64 {
            let mut key = [0; 32];
            key[0] = u8::try_from(number % 16).unwrap();
            key[8..16].copy_from_slice(&number.to_be_bytes());
            let Found::Missing(fill) = cache.find(StoreKey(key), &TICKET, START) else { panic!() };
            cache.finish(&fill, TICKET, &opened(StoreKey(key)));
        }
        let held =
            |cache: &SessionCache| cache.shards.iter().map(|shard| shard.lock().unwrap().slots.len()).sum::<usize>();

        assert!(held(&cache) <= SHARDS * MOST_PER_SHARD, "{}", held(&cache));

        let fill = announced(&cache, START + Duration::from_secs(60));
        cache.finish(&fill, TICKET, &opened(KEY));

        assert!(held(&cache) <= (SHARDS - 1) * MOST_PER_SHARD + 1, "{}", held(&cache));
    }
}
