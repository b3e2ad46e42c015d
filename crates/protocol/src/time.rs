//! Points in time, to the millisecond. Nobody here knows what time it is: `now` is always an argument.

use std::{
    ops::{Add, Sub},
    time::Duration,
};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Arithmetic saturates, so a hostile `exp` can neither wrap around nor panic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The point in time this many milliseconds after (or before) the epoch.
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch; negative before it.
    pub const fn unix_millis(self) -> i64 {
        self.0
    }

    /// The point in time this many seconds after (or before) the epoch; saturates at the ends of the range.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long it takes from here until `later`; zero when that is already past.
    pub fn duration_until(self, later: Self) -> Duration {
        let millis = later.0.saturating_sub(self.0);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(saturating_millis(span)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(saturating_millis(span)))
    }
}

fn saturating_millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_round_down_also_before_the_epoch() {
        assert_eq!(Timestamp::from_unix_millis(1_999).unix_seconds(), 1);
        assert_eq!(Timestamp::from_unix_millis(-1).unix_seconds(), -1);
    }

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        let end = Timestamp::from_unix_seconds(i64::MAX);

        assert_eq!(end + Duration::MAX, end);
        assert_eq!(Timestamp::from_unix_seconds(i64::MIN) - Duration::MAX, Timestamp::from_unix_millis(i64::MIN));
    }

    #[test]
    fn the_span_to_an_earlier_point_is_zero() {
        let (early, late) = (Timestamp::from_unix_seconds(10), Timestamp::from_unix_seconds(12));

        assert_eq!(early.duration_until(late), Duration::from_secs(2));
        assert_eq!(late.duration_until(early), Duration::ZERO);
    }
}
