//! A store that fails, or stands still, when it is told to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use cloakroom::session::{
    record::{Fence, Generation, Intent, Record, SidIndex, StoreKey, UserIndex},
    store::{Claim, Commit, CountPurpose, End, Once, OncePurpose, Retry, SessionStore, StoreError, StoreFuture, Write},
};
use protocol::Timestamp;
use testkit::Gate;

/// Hands every operation on to another store, unless it is to fail.
pub(crate) struct FlakyStore {
    inner: Arc<dyn SessionStore>,
    faults: Mutex<Faults>,
}

#[derive(Default)]
struct Faults {
    is_down: bool,
    failures: HashMap<Operation, usize>,
    gates: HashMap<Operation, Gate>,
    gates_once: HashMap<Operation, Gate>,
    calls: HashMap<Operation, usize>,
    seen: Vec<Record>,
}

/// An operation of the store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Operation {
    Create,
    Load,
    Claim,
    TakeOver,
    NotSent,
    Uncertain,
    Commit,
    Dead,
    Revoke,
    Touch,
    InsertOnce,
    IsRemembered,
    Count,
    ByUser,
    BySid,
    Sweep,
}

impl FlakyStore {
    pub(crate) fn new(inner: Arc<dyn SessionStore>) -> Self {
        Self { inner, faults: Mutex::default() }
    }

    /// Every operation fails from now on.
    pub(crate) fn go_down(&self) {
        self.faults().is_down = true;
    }

    /// Every operation works again.
    pub(crate) fn come_back(&self) {
        let mut faults = self.faults();
        faults.is_down = false;
        faults.failures.clear();
    }

    /// The next calls of this operation fail, and do nothing.
    pub(crate) fn fail(&self, operation: Operation, times: usize) {
        self.faults().failures.insert(operation, times);
    }

    /// Holds the calls of this operation, before they do anything, until the gate is open.
    pub(crate) fn hold(&self, operation: Operation) -> Gate {
        let gate = Gate::default();
        self.faults().gates.insert(operation, gate.clone());
        gate
    }

    /// Holds the next call of this operation alone.
    pub(crate) fn hold_once(&self, operation: Operation) -> Gate {
        let gate = Gate::default();
        self.faults().gates_once.insert(operation, gate.clone());
        gate
    }

    /// How often an operation was called.
    pub(crate) fn calls(&self, operation: Operation) -> usize {
        self.faults().calls.get(&operation).copied().unwrap_or_default()
    }

    /// The records that were created here, as they are now, tombstones included.
    pub(crate) async fn records(&self) -> Vec<Record> {
        let created: Vec<StoreKey> = self.faults().seen.iter().map(|record| record.key).collect();
        let mut records = Vec::new();
        for key in created {
            records.extend(self.inner.load(key).await.expect("the store behind never fails"));
        }
        records
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, operation: Operation) -> (Option<Gate>, bool) {
        let mut faults = self.faults();
        *faults.calls.entry(operation).or_default() += 1;
        let failures = faults.failures.entry(operation).or_default();
        let fails = *failures > 0;
        *failures = failures.saturating_sub(1);
        let gate = faults.gates_once.remove(&operation).or_else(|| faults.gates.get(&operation).cloned());
        (gate, fails || faults.is_down)
    }

    fn around<'a, T>(
        &'a self,
        operation: Operation,
        act: impl FnOnce(&'a dyn SessionStore) -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            let (gate, fails) = self.begin(operation);
            if let Some(gate) = gate {
                gate.pass().await;
            }
            if fails {
                return Err(StoreError::Unavailable(format!("{operation:?} is to fail")));
            }
            act(&*self.inner).await
        })
    }
}

impl SessionStore for FlakyStore {
    fn create(&self, record: Record) -> StoreFuture<'_, Write> {
        self.faults().seen.push(record.clone());
        self.around(Operation::Create, |inner| inner.create(record))
    }

    fn load(&self, key: StoreKey) -> StoreFuture<'_, Option<Record>> {
        self.around(Operation::Load, move |inner| inner.load(key))
    }

    fn claim(&self, key: StoreKey, generation: Generation, claim: Claim) -> StoreFuture<'_, Option<Intent>> {
        self.around(Operation::Claim, move |inner| inner.claim(key, generation, claim))
    }

    fn take_over(&self, key: StoreKey, generation: Generation, claim: Claim) -> StoreFuture<'_, Option<Intent>> {
        self.around(Operation::TakeOver, move |inner| inner.take_over(key, generation, claim))
    }

    fn not_sent(&self, key: StoreKey, fence: Fence) -> StoreFuture<'_, Write> {
        self.around(Operation::NotSent, move |inner| inner.not_sent(key, fence))
    }

    fn uncertain(&self, key: StoreKey, fence: Fence, retry: Retry) -> StoreFuture<'_, Write> {
        self.around(Operation::Uncertain, move |inner| inner.uncertain(key, fence, retry))
    }

    fn commit(&self, key: StoreKey, fence: Fence, generation: Generation, commit: Commit) -> StoreFuture<'_, Write> {
        self.around(Operation::Commit, move |inner| inner.commit(key, fence, generation, commit))
    }

    fn dead(&self, key: StoreKey, fence: Fence, generation: Generation, end: End) -> StoreFuture<'_, Write> {
        self.around(Operation::Dead, move |inner| inner.dead(key, fence, generation, end))
    }

    fn revoke(&self, key: StoreKey, end: End) -> StoreFuture<'_, Write> {
        self.around(Operation::Revoke, move |inner| inner.revoke(key, end))
    }

    fn touch(&self, key: StoreKey, idle_expires_at: Timestamp) -> StoreFuture<'_, Write> {
        self.around(Operation::Touch, move |inner| inner.touch(key, idle_expires_at))
    }

    fn insert_once(&self, purpose: OncePurpose, id: [u8; 32], keep: Duration) -> StoreFuture<'_, Once> {
        self.around(Operation::InsertOnce, move |inner| inner.insert_once(purpose, id, keep))
    }

    fn is_remembered(&self, purpose: OncePurpose, id: [u8; 32]) -> StoreFuture<'_, bool> {
        self.around(Operation::IsRemembered, move |inner| inner.is_remembered(purpose, id))
    }

    fn count(&self, purpose: CountPurpose, id: [u8; 32], window: Duration) -> StoreFuture<'_, u64> {
        self.around(Operation::Count, move |inner| inner.count(purpose, id, window))
    }

    fn by_user(&self, user: UserIndex) -> StoreFuture<'_, Vec<StoreKey>> {
        self.around(Operation::ByUser, move |inner| inner.by_user(user))
    }

    fn by_sid(&self, sid: SidIndex) -> StoreFuture<'_, Vec<StoreKey>> {
        self.around(Operation::BySid, move |inner| inner.by_sid(sid))
    }

    fn sweep(&self, most: usize) -> StoreFuture<'_, usize> {
        self.around(Operation::Sweep, move |inner| inner.sweep(most))
    }
}
