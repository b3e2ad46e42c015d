//! How long sessions last.

use std::time::Duration;

/// The limits of a session. Whichever comes first ends it, on the server: browsers restore "session" cookies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lifetimes {
    /// A session that nobody used for so long ends. Default 30 minutes. Longer: an unattended computer stays signed in.
    pub idle: Duration,
    /// A session ends after so long in any case. Default 12 hours.
    pub absolute: Duration,
}

impl Lifetimes {
    /// How often use is written down: at most once a minute, and often enough that the idle limit is exact to a tenth.
    pub(crate) fn touch_every(self) -> Duration {
        (self.idle / 10).min(Duration::from_secs(60))
    }
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self { idle: Duration::from_secs(30 * 60), absolute: Duration::from_secs(12 * 60 * 60) }
    }
}
