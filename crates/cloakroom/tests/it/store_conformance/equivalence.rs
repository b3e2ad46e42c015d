//! Thousands of random operations on two stores: every answer and every record must be the same.

use std::{sync::Arc, time::Duration};

use cloakroom::{
    clock::Clock,
    session::{
        record::{EndReason, Fence, Generation, Node, Record, SidIndex, Status, UserIndex},
        store::{
            Claim, Commit, CountPurpose, End, OncePurpose, Retry, SessionStore, StoreError, Zones, memory::MemoryStore,
        },
    },
};
use protocol::Timestamp;

use super::{
    harness::SqliteHarness,
    records::{active, key},
};

const OPERATIONS: usize = 2000;
const KEYS: u64 = 12;

#[tokio::test]
async fn two_stores_answer_thousands_of_random_operations_alike() {
    for seed in [0x5eed_0001, 0x5eed_0002, 0x5eed_0003] {
        // Printed when the test fails: the seed replays it.
        eprintln!("seed {seed:#x}");
        run(seed).await;
    }
}

async fn run(seed: u64) {
    let harness = SqliteHarness::default();
    let memory = MemoryStore::new(Arc::clone(&harness.clock) as Arc<dyn Clock>);
    let sqlite = harness.open();
    let mut dice = Dice(seed);

    for step in 0..OPERATIONS {
        let number = dice.below(KEYS);
        let operation = Operation::draw(&mut dice, number, harness.clock.now(), &memory).await;
        let (one, other) = (operation.run(&memory).await, operation.run(&sqlite).await);
        assert_eq!(one, other, "seed {seed:#x}, step {step}: {operation:?}");
        assert_eq!(
            seen(&memory, number).await,
            seen(&sqlite, number).await,
            "seed {seed:#x}, step {step}: {operation:?}"
        );
        if dice.below(3) == 0 {
            harness.clock.advance(Duration::from_millis(dice.below(700)));
        }
    }
}

#[derive(Debug)]
enum Operation {
    Create(Box<Record>),
    Claim(u64, Generation, Claim),
    TakeOver(u64, Generation, Claim),
    NotSent(u64, Fence),
    Uncertain(u64, Fence, Retry),
    Commit(u64, Fence, Generation, Commit),
    Dead(u64, Fence, Generation, End),
    Revoke(u64, End),
    Touch(u64, Timestamp),
    InsertOnce(OncePurpose, u8, Duration),
    Count(u8, Duration),
    Sweep,
}

impl Operation {
    /// Something to do to this record. Fence and generation are mostly the record's own, else one beside.
    async fn draw(dice: &mut Dice, number: u64, now: Timestamp, memory: &MemoryStore) -> Self {
        let record = memory.load(numbered(number)).await.unwrap();
        let (fence, generation) = record.map_or((0, 0), |record| (record.fence.0, record.generation.0));
        let (fence, generation) = (Fence(dice.near(fence)), Generation(dice.near(generation)));
        match dice.below(24) {
            0..3 => Self::Create(Box::new(dice.record(number, now))),
            3..7 => Self::Claim(number, generation, dice.claim()),
            7..10 => Self::TakeOver(number, generation, dice.claim()),
            10..12 => Self::NotSent(number, fence),
            12 => Self::Uncertain(number, fence, dice.one_of(&[Retry::AtOnce, Retry::AfterLease])),
            13..17 => Self::Commit(number, fence, generation, dice.commit(now)),
            17 => Self::Dead(number, fence, generation, dice.end()),
            18 => Self::Revoke(number, dice.end()),
            19 => Self::Touch(number, now + dice.span(9000)),
            20 => {
                let purposes = [OncePurpose::PendingLogin, OncePurpose::LogoutToken, OncePurpose::EndedSid];
                Self::InsertOnce(dice.one_of(&purposes), dice.byte(4), dice.span(3000))
            }
            21 => Self::Count(dice.byte(4), dice.span(3000)),
            _ => Self::Sweep,
        }
    }

    /// Does it and writes the answer down.
    async fn run(&self, store: &dyn SessionStore) -> String {
        match self {
            Self::Create(record) => answer(store.create(Record::clone(record)).await),
            Self::Claim(number, generation, claim) => {
                answer(store.claim(numbered(*number), *generation, claim.clone()).await)
            }
            Self::TakeOver(number, generation, claim) => {
                answer(store.take_over(numbered(*number), *generation, claim.clone()).await)
            }
            Self::NotSent(number, fence) => answer(store.not_sent(numbered(*number), *fence).await),
            Self::Uncertain(number, fence, retry) => answer(store.uncertain(numbered(*number), *fence, *retry).await),
            Self::Commit(number, fence, generation, commit) => {
                answer(store.commit(numbered(*number), *fence, *generation, commit.clone()).await)
            }
            Self::Dead(number, fence, generation, end) => {
                answer(store.dead(numbered(*number), *fence, *generation, *end).await)
            }
            Self::Revoke(number, end) => answer(store.revoke(numbered(*number), *end).await),
            Self::Touch(number, limit) => answer(store.touch(numbered(*number), *limit).await),
            Self::InsertOnce(purpose, id, keep) => answer(store.insert_once(*purpose, [*id; 32], *keep).await),
            Self::Count(id, window) => answer(store.count(CountPurpose::AutomaticLogins, [*id; 32], *window).await),
            Self::Sweep => answer(store.sweep(usize::MAX).await),
        }
    }
}

fn answer<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> String {
    format!("{:?}", outcome.expect("neither store fails"))
}

/// Everything about a record that a caller can see.
async fn seen(store: &dyn SessionStore, number: u64) -> String {
    let record = store.load(numbered(number)).await.unwrap();
    let user = store.by_user(user(number)).await.unwrap();
    let sid = store.by_sid(sid(number)).await.unwrap();
    format!("{record:?} {user:?} {sid:?}")
}

fn numbered(number: u64) -> cloakroom::session::record::StoreKey {
    key(u16::try_from(number).expect("there are few keys"))
}

fn user(number: u64) -> UserIndex {
    UserIndex([u8::from(number.is_multiple_of(2)); 32])
}

fn sid(number: u64) -> SidIndex {
    SidIndex([u8::from(number.is_multiple_of(3)); 32])
}

/// Marsaglia's xorshift, 64 bits: the same throws for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % end
    }

    fn byte(&mut self, end: u64) -> u8 {
        u8::try_from(self.below(end)).expect("it is below a byte's end")
    }

    fn bytes(&mut self) -> Vec<u8> {
        let byte = self.byte(256);
        vec![byte; usize::from(self.byte(256)) * 12]
    }

    fn span(&mut self, end_millis: u64) -> Duration {
        Duration::from_millis(self.below(end_millis))
    }

    fn near(&mut self, number: u64) -> u64 {
        match self.below(8) {
            0 => number + 1,
            1 => number.saturating_sub(1),
            _ => number,
        }
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte(choices.len() as u64))]
    }

    fn record(&mut self, number: u64, now: Timestamp) -> Record {
        let tombstone = Status::Revoked { reason: EndReason::Logout, forget_at: now + self.span(2000) };
        Record {
            status: if self.below(8) == 0 { tombstone } else { Status::Active },
            user: user(number),
            sid: (self.below(2) == 0).then(|| sid(number)),
            idle_expires_at: now + self.span(9000),
            absolute_expires_at: now + self.span(60_000),
            ticket_zone: self.bytes(),
            ..active(u16::try_from(number).expect("there are few keys"), now)
        }
    }

    fn claim(&mut self) -> Claim {
        Claim { node: Node(self.below(u64::MAX)), lease: self.span(800), escrow: self.bytes() }
    }

    fn commit(&mut self, now: Timestamp) -> Commit {
        let zones = match self.below(3) {
            0 => Zones::Recovered(self.bytes()),
            _ => Zones::Sealed { key_id: self.byte(256), server_zone: self.bytes(), ticket_zone: self.bytes() },
        };
        let life = cloakroom::session::record::AccessTokenLife { received_at: now, expires_at: now + self.span(9000) };
        Commit { access_token_life: (self.below(2) == 0).then_some(life), zones }
    }

    fn end(&mut self) -> End {
        End { reason: self.one_of(&EndReason::ALL), keep: self.span(2000) }
    }
}
