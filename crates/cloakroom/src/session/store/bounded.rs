//! A store that answers in time: whatever hangs (a disk, a network) is an error after five seconds, not a request that
//! never ends.

use std::{sync::Arc, time::Duration};

use protocol::Timestamp;

use super::{Claim, Commit, CountPurpose, End, Once, OncePurpose, Retry, SessionStore, StoreError, StoreFuture, Write};
use crate::session::record::{Fence, Generation, Intent, Record, SidIndex, StoreKey, UserIndex};

const LIMIT: Duration = Duration::from_secs(5);

/// Another store with a time limit for each operation. Whether one that was given up took place is unknown.
pub(crate) struct BoundedStore(Arc<dyn SessionStore>);

impl BoundedStore {
    pub(crate) fn new(store: Arc<dyn SessionStore>) -> Self {
        Self(store)
    }
}

fn bounded<T: Send + 'static>(operation: StoreFuture<'_, T>) -> StoreFuture<'_, T> {
    Box::pin(async move {
        let late = |_| StoreError::Unavailable(format!("no answer within {LIMIT:?}"));
        tokio::time::timeout(LIMIT, operation).await.map_err(late)?
    })
}

impl SessionStore for BoundedStore {
    fn create(&self, record: Record) -> StoreFuture<'_, Write> {
        bounded(self.0.create(record))
    }

    fn load(&self, key: StoreKey) -> StoreFuture<'_, Option<Record>> {
        bounded(self.0.load(key))
    }

    fn claim(&self, key: StoreKey, generation: Generation, claim: Claim) -> StoreFuture<'_, Option<Intent>> {
        bounded(self.0.claim(key, generation, claim))
    }

    fn take_over(&self, key: StoreKey, generation: Generation, claim: Claim) -> StoreFuture<'_, Option<Intent>> {
        bounded(self.0.take_over(key, generation, claim))
    }

    fn not_sent(&self, key: StoreKey, fence: Fence) -> StoreFuture<'_, Write> {
        bounded(self.0.not_sent(key, fence))
    }

    fn uncertain(&self, key: StoreKey, fence: Fence, retry: Retry) -> StoreFuture<'_, Write> {
        bounded(self.0.uncertain(key, fence, retry))
    }

    fn commit(&self, key: StoreKey, fence: Fence, generation: Generation, commit: Commit) -> StoreFuture<'_, Write> {
        bounded(self.0.commit(key, fence, generation, commit))
    }

    fn dead(&self, key: StoreKey, fence: Fence, generation: Generation, end: End) -> StoreFuture<'_, Write> {
        bounded(self.0.dead(key, fence, generation, end))
    }

    fn revoke(&self, key: StoreKey, end: End) -> StoreFuture<'_, Write> {
        bounded(self.0.revoke(key, end))
    }

    fn touch(&self, key: StoreKey, idle_expires_at: Timestamp) -> StoreFuture<'_, Write> {
        bounded(self.0.touch(key, idle_expires_at))
    }

    fn insert_once(&self, purpose: OncePurpose, id: [u8; 32], keep: Duration) -> StoreFuture<'_, Once> {
        bounded(self.0.insert_once(purpose, id, keep))
    }

    fn is_remembered(&self, purpose: OncePurpose, id: [u8; 32]) -> StoreFuture<'_, bool> {
        bounded(self.0.is_remembered(purpose, id))
    }

    fn count(&self, purpose: CountPurpose, id: [u8; 32], window: Duration) -> StoreFuture<'_, u64> {
        bounded(self.0.count(purpose, id, window))
    }

    fn by_user(&self, user: UserIndex) -> StoreFuture<'_, Vec<StoreKey>> {
        bounded(self.0.by_user(user))
    }

    fn by_sid(&self, sid: SidIndex) -> StoreFuture<'_, Vec<StoreKey>> {
        bounded(self.0.by_sid(sid))
    }

    fn sweep(&self, most: usize) -> StoreFuture<'_, usize> {
        bounded(self.0.sweep(most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::SystemClock, session::store::memory::MemoryStore};

    #[tokio::test(start_paused = true)]
    async fn an_operation_that_hangs_is_an_error_in_the_end() {
        let hanging: StoreFuture<'_, u64> = Box::pin(std::future::pending());

        assert!(matches!(bounded(hanging).await, Err(StoreError::Unavailable(_))));
    }

    #[tokio::test]
    async fn answers_pass_through() {
        let store = BoundedStore::new(Arc::new(MemoryStore::new(Arc::new(SystemClock::start()))));

        assert_eq!(store.count(CountPurpose::AutomaticLogins, [1; 32], LIMIT).await.unwrap(), 1);
        assert!(store.load(StoreKey([1; 32])).await.unwrap().is_none());
    }
}
