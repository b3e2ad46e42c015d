//! What time it is. A seam: tests move time by hand.

use std::time::Duration;

use protocol::Timestamp;

/// Tells the time. Programs use [`SystemClock`]; tests move one by hand.
pub trait Clock: Send + Sync + 'static {
    /// Wall-clock time, for everything that is compared with a time in a token or a record.
    fn now(&self) -> Timestamp;

    /// Time since an arbitrary start that never jumps, for ages measured within this process.
    fn monotonic(&self) -> Duration;
}

/// The operating system's clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: std::time::Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else has to use")]
    pub fn start() -> Self {
        Self { started: std::time::Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else has to use")]
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}
