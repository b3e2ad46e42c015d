//! What goes on on one connection: shared by its stream, its requests and its judge.

use std::sync::{
    Arc,
    atomic::{
        AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize,
        Ordering::{AcqRel, Relaxed},
    },
};

use http::Version;
use tokio::sync::Notify;

/// Counts and flags of one connection. Nothing here decides; [`Patience`](super::patience::Patience) does.
#[derive(Debug, Default)]
pub(super) struct Activity {
    requests: AtomicUsize,
    under_way: AtomicUsize,
    waiting_for_client: AtomicUsize,
    bytes_moved: AtomicU64,
    is_write_blocked: AtomicBool,
    is_head_begun: AtomicBool,
    is_multiplexed: AtomicBool,
    quiet_ticks: AtomicU32,
    departure: Notify,
}

/// An activity at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Snapshot {
    /// What has to happen for things to go on.
    pub(super) waits_for: WaitsFor,
    /// Requests since the connection began.
    pub(super) requests: usize,
    /// In both directions, since the connection began.
    pub(super) bytes_moved: u64,
    /// HTTP/2: bytes also move without a request.
    pub(super) is_multiplexed: bool,
}

/// What has to happen for things to go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum WaitsFor {
    /// The client: it has not sent a whole body, or does not take our answer. Where several requests are under way, all
    /// of them wait for that.
    Client,
    /// Ourselves, or an upstream.
    Us,
    /// The rest of a request's head, or the first request.
    Head,
    /// Another request.
    NextRequest,
}

impl Activity {
    pub(super) fn snapshot(&self) -> Snapshot {
        let requests = self.requests.load(Relaxed);
        let is_multiplexed = self.is_multiplexed.load(Relaxed);
        let under_way = self.under_way.load(Relaxed);
        let all_wait = under_way > 0 && self.waiting_for_client.load(Relaxed) >= under_way;
        let is_head_begun = self.is_head_begun.load(Relaxed) && !is_multiplexed;
        let waits_for = match under_way {
            _ if all_wait || self.is_write_blocked.load(Relaxed) => WaitsFor::Client,
            1.. => WaitsFor::Us,
            0 if requests == 0 || is_head_begun => WaitsFor::Head,
            0 => WaitsFor::NextRequest,
        };
        Snapshot { waits_for, requests, bytes_moved: self.bytes_moved.load(Relaxed), is_multiplexed }
    }

    /// So many bytes have arrived.
    pub(super) fn bytes_arrived(&self, bytes: usize) {
        self.is_head_begun.store(true, Relaxed);
        self.bytes_moved.fetch_add(bytes as u64, Relaxed);
    }

    /// The client's side took so many bytes.
    pub(super) fn bytes_left(&self, bytes: usize) {
        self.is_write_blocked.store(false, Relaxed);
        self.bytes_moved.fetch_add(bytes as u64, Relaxed);
    }

    /// The client's side takes nothing at the moment.
    pub(super) fn write_is_blocked(&self) {
        self.is_write_blocked.store(true, Relaxed);
    }

    /// A request's head is complete; the request is under way until the last clone of what is returned is dropped.
    pub(super) fn request_began(self: &Arc<Self>, version: Version) -> Arc<Exchange> {
        self.is_multiplexed.store(version == Version::HTTP_2, Relaxed);
        self.under_way.fetch_add(1, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        Arc::new(Exchange { activity: Arc::clone(self), waits: AtomicU8::new(0) })
    }

    /// Notes for how many ticks nobody has used the connection.
    pub(super) fn set_quiet_ticks(&self, ticks: u32) {
        self.quiet_ticks.store(ticks, Relaxed);
    }

    /// For how many ticks nobody has used the connection; 0 while a request is under way.
    pub(super) fn quiet_ticks(&self) -> u32 {
        if self.under_way.load(Relaxed) > 0 { 0 } else { self.quiet_ticks.load(Relaxed) }
    }

    /// Asks the connection to end and make room for another.
    pub(super) fn ask_to_leave(&self) {
        self.departure.notify_one();
    }

    /// Returns once the connection is asked to end.
    pub(super) async fn asked_to_leave(&self) {
        self.departure.notified().await;
    }
}

/// A request under way with its answer.
#[derive(Debug)]
pub(super) struct Exchange {
    activity: Arc<Activity>,
    waits: AtomicU8,
}

/// What only the client can do.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Part {
    /// Send more of the request's body.
    Sending = 1,
    /// Take more of the answer.
    Taking = 2,
}

impl Exchange {
    /// From now on the client has to do its part.
    pub(super) fn wait_for(&self, part: Part) {
        if self.waits.fetch_or(part as u8, AcqRel) == 0 {
            self.activity.waiting_for_client.fetch_add(1, AcqRel);
        }
    }

    /// The client has done its part, or need not do it any more.
    pub(super) fn stop_waiting_for(&self, part: Part) {
        if self.waits.fetch_and(!(part as u8), AcqRel) == part as u8 {
            self.activity.waiting_for_client.fetch_sub(1, AcqRel);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.activity.is_head_begun.store(false, Relaxed);
        self.activity.under_way.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_waits_for_its_client_until_both_parts_are_done() {
        let activity = Arc::new(Activity::default());
        let exchange = activity.request_began(Version::HTTP_11);
        let waits_for = || activity.snapshot().waits_for;
        assert_eq!(waits_for(), WaitsFor::Us);

        exchange.wait_for(Part::Sending);
        exchange.wait_for(Part::Taking);
        exchange.wait_for(Part::Taking);
        exchange.stop_waiting_for(Part::Sending);
        assert_eq!(waits_for(), WaitsFor::Client);

        exchange.stop_waiting_for(Part::Taking);
        exchange.stop_waiting_for(Part::Taking);
        assert_eq!(waits_for(), WaitsFor::Us);
    }

    #[test]
    fn one_request_that_waits_for_an_upstream_excuses_the_others_of_its_connection() {
        let activity = Arc::new(Activity::default());
        let (stalled, slow) = (activity.request_began(Version::HTTP_2), activity.request_began(Version::HTTP_2));
        stalled.wait_for(Part::Taking);
        assert_eq!(activity.snapshot().waits_for, WaitsFor::Us);

        drop(slow);

        assert_eq!(activity.snapshot().waits_for, WaitsFor::Client);
    }
}
