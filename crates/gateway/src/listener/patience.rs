//! How long a connection may hold its place.
//!
//! In this order, at every tick:
//!
//! 1. Only the client can bring things on: it has not sent the rest of a body, or does not take our answer. It has to
//!    move 1 KiB/s, counted over a minute: silence ends the connection after 60 s, a trickle little later.
//! 2. A request is under way otherwise: we wait for ourselves or an upstream, however long that takes.
//! 3. Part of a request's head has arrived, or no request at all since the connection began: 10 s for the rest. On
//!    HTTP/2 bytes also arrive for other reasons, so there only the first request is waited for like that.
//! 4. Otherwise it is idle: 75 s. That is longer than common proxies keep an idle connection, so that they close it
//!    first and never send a request into one that we are closing. On HTTP/2 the end of an answer may still be on its
//!    way to a slow client then: a tick that moves 1 KiB counts as use.

use std::time::Duration;

use super::activity::{Activity, Snapshot, WaitsFor};

/// How often patience is judged.
pub(super) const TICK: Duration = Duration::from_secs(1);

/// How long nothing has happened on a connection, and how much its client has done.
#[derive(Debug)]
pub(super) struct Patience {
    seen_requests: usize,
    seen_bytes: u64,
    credit_bytes: u64,
    head_ticks: u32,
    idle_ticks: u32,
    departure: Departure,
}

/// What to do with a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Keep it.
    Keep,
    /// Close it when what is under way is done.
    CloseGracefully,
    /// Drop it: nobody but its client can bring things on, and it does not.
    Drop,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Departure {
    Open,
    Announced,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self {
            seen_requests: 0,
            seen_bytes: 0,
            credit_bytes: MOST_CREDIT_BYTES,
            head_ticks: 0,
            idle_ticks: 0,
            departure: Departure::Open,
        }
    }

    /// The client has been told that the connection ends: from now on it is not waited for when nothing is under way.
    pub(super) fn departure_announced(&mut self) {
        self.departure = Departure::Announced;
    }

    /// Judges the connection; to be called once a tick.
    pub(super) fn judge(&mut self, activity: &Activity) -> Verdict {
        let now = activity.snapshot();
        let moved = now.bytes_moved - self.seen_bytes;
        self.seen_bytes = now.bytes_moved;
        self.count_credit(&now, moved);
        self.count_quiet(&now, moved);
        activity.set_quiet_ticks(self.quiet_ticks());

        if self.credit_bytes == 0 || self.head_ticks > HEAD_TICKS {
            return Verdict::Drop;
        }
        match self.departure {
            Departure::Announced if self.quiet_ticks() >= FAREWELL_TICKS => Verdict::Drop,
            Departure::Open if self.idle_ticks > IDLE_TICKS => Verdict::CloseGracefully,
            Departure::Announced | Departure::Open => Verdict::Keep,
        }
    }

    fn count_credit(&mut self, now: &Snapshot, moved: u64) {
        self.credit_bytes = match now.waits_for {
            WaitsFor::Client => (self.credit_bytes + moved).min(MOST_CREDIT_BYTES).saturating_sub(BYTES_PER_TICK),
            WaitsFor::Us | WaitsFor::Head | WaitsFor::NextRequest => MOST_CREDIT_BYTES,
        };
    }

    fn count_quiet(&mut self, now: &Snapshot, moved: u64) {
        let is_new = now.requests != self.seen_requests;
        self.seen_requests = now.requests;
        let still_moves = now.is_multiplexed && moved >= BYTES_PER_TICK;
        (self.head_ticks, self.idle_ticks) = match now.waits_for {
            _ if is_new || still_moves => (0, 0),
            WaitsFor::Client | WaitsFor::Us => (0, 0),
            WaitsFor::Head => (self.head_ticks + 1, self.idle_ticks),
            WaitsFor::NextRequest => (0, self.idle_ticks + 1),
        };
    }

    fn quiet_ticks(&self) -> u32 {
        self.head_ticks + self.idle_ticks
    }
}

const HEAD_TICKS: u32 = 10;
const IDLE_TICKS: u32 = 75;
/// For the last bytes of an HTTP/2 connection after its GOAWAY.
const FAREWELL_TICKS: u32 = 3;
/// What a client has to move at least while we wait for it.
const BYTES_PER_TICK: u64 = 1024;
/// A minute's worth.
const MOST_CREDIT_BYTES: u64 = 60 * BYTES_PER_TICK;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::Version;

    use super::{super::activity::Part, *};

    fn world() -> (Arc<Activity>, Patience) {
        (Arc::default(), Patience::new())
    }

    fn ticks_until_not_kept(activity: &Activity, patience: &mut Patience) -> (u32, Verdict) {
        (1..10_000).map(|tick| (tick, patience.judge(activity))).find(|(_, verdict)| *verdict != Verdict::Keep).unwrap()
    }

    #[test]
    fn a_connection_that_says_nothing_is_dropped_after_ten_ticks() {
        let (activity, mut patience) = world();

        assert_eq!(ticks_until_not_kept(&activity, &mut patience), (11, Verdict::Drop));
    }

    #[test]
    fn a_request_that_waits_for_an_upstream_keeps_its_connection() {
        let (activity, mut patience) = world();
        let exchange = activity.request_began(Version::HTTP_11);

        assert!((0..1000).all(|_| patience.judge(&activity) == Verdict::Keep));

        drop(exchange);
        assert_eq!(ticks_until_not_kept(&activity, &mut patience), (76, Verdict::CloseGracefully));
    }

    #[test]
    fn a_client_that_leaves_us_waiting_is_dropped_after_a_minute() {
        for part in [Part::Sending, Part::Taking] {
            let (activity, mut patience) = world();
            let exchange = activity.request_began(Version::HTTP_11);

            exchange.wait_for(part);

            assert_eq!(ticks_until_not_kept(&activity, &mut patience), (60, Verdict::Drop), "{part:?}");
        }
    }

    #[test]
    fn an_answer_that_nobody_takes_is_waited_for_when_its_request_is_done_already() {
        let (activity, mut patience) = world();
        drop(activity.request_began(Version::HTTP_11));

        activity.write_is_blocked();

        assert_eq!(ticks_until_not_kept(&activity, &mut patience), (60, Verdict::Drop));
    }

    #[test]
    fn a_trickle_does_not_hold_a_connection_and_a_slow_client_keeps_its_own() {
        let outcome = |bytes_per_tick: usize| {
            let (activity, mut patience) = world();
            let exchange = activity.request_began(Version::HTTP_11);
            exchange.wait_for(Part::Sending);
            (0..10_000).all(|_| {
                activity.bytes_arrived(bytes_per_tick);
                patience.judge(&activity) == Verdict::Keep
            })
        };

        assert!(!outcome(1) && !outcome(1000));
        assert!(outcome(1024));
    }

    #[test]
    fn the_next_requests_head_has_ten_ticks() {
        let (activity, mut patience) = world();
        drop(activity.request_began(Version::HTTP_11));
        patience.judge(&activity);
        assert!((0..50).all(|_| patience.judge(&activity) == Verdict::Keep));

        activity.bytes_arrived(1);

        assert_eq!(ticks_until_not_kept(&activity, &mut patience), (11, Verdict::Drop));
    }

    #[test]
    fn other_frames_of_http_2_are_no_head_of_a_request() {
        let (activity, mut patience) = world();
        drop(activity.request_began(Version::HTTP_2));
        patience.judge(&activity);

        activity.bytes_arrived(17);

        assert_eq!(ticks_until_not_kept(&activity, &mut patience), (76, Verdict::CloseGracefully));
    }

    #[test]
    fn the_rest_of_an_answer_on_http_2_reaches_a_slow_client() {
        let (activity, mut patience) = world();
        drop(activity.request_began(Version::HTTP_2));
        patience.departure_announced();

        for _ in 0..100 {
            activity.bytes_left(2048);
            assert_eq!(patience.judge(&activity), Verdict::Keep);
        }

        assert_eq!(ticks_until_not_kept(&activity, &mut patience), (3, Verdict::Drop));
    }

    #[test]
    fn a_request_between_two_ticks_counts_as_use() {
        let (activity, mut patience) = world();
        drop(activity.request_began(Version::HTTP_11));
        patience.judge(&activity);
        assert!((0..70).all(|_| patience.judge(&activity) == Verdict::Keep));

        drop(activity.request_began(Version::HTTP_11));

        assert_eq!(patience.judge(&activity), Verdict::Keep);
        assert_eq!(ticks_until_not_kept(&activity, &mut patience), (76, Verdict::CloseGracefully));
    }
}
