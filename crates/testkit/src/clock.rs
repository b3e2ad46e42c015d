//! A clock that stands still until it is moved.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use cloakroom::clock::Clock;
use protocol::Timestamp;

const START: i64 = 1_800_000_000_000;

/// Moved by hand, wall clock and monotonic clock together.
#[derive(Debug)]
pub struct HandClock {
    millis: AtomicI64,
}

impl Default for HandClock {
    fn default() -> Self {
        Self { millis: AtomicI64::new(START) }
    }
}

impl HandClock {
    /// Moves time on.
    pub fn advance(&self, span: Duration) {
        let millis = i64::try_from(span.as_millis()).expect("tests move time by less than an age");
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }

    /// Moves time on by so many seconds.
    pub fn advance_seconds(&self, seconds: u64) {
        self.advance(Duration::from_secs(seconds));
    }

    /// Moves time on by so many minutes.
    pub fn advance_minutes(&self, minutes: u64) {
        self.advance_seconds(minutes * 60);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.millis.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Timestamp::from_unix_millis(START).duration_until(self.now())
    }
}
