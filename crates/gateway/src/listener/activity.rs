//! What goes on on one connection, and how long nothing may.
//!
//! In this order, at every tick:
//!
//! 1. A request is under way: the connection is busy, however long that takes.
//! 2. Part of a request's head has arrived, or no request at all since the connection began: 10 s for the rest. On
//!    HTTP/2 bytes also arrive for other reasons, so there only the first request is waited for like that.
//! 3. Otherwise it is idle: 75 s. That is longer than common proxies keep an idle connection, so that they close it
//!    first and never send a request into one that we are closing.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes};
use http::Version;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

/// How often patience is judged.
pub(super) const TICK: Duration = Duration::from_secs(1);
const HEAD_TICKS: u32 = 10;
const IDLE_TICKS: u32 = 75;

/// Shared by a connection's reader, its requests and its judge.
#[derive(Debug, Default)]
pub(super) struct Activity {
    under_way: AtomicUsize,
    requests: AtomicUsize,
    head_begun: AtomicBool,
    multiplexed: AtomicBool,
}

impl Activity {
    fn is_waiting_for_head(&self) -> bool {
        let has_begun = self.head_begun.load(Relaxed) && !self.multiplexed.load(Relaxed);
        has_begun || self.requests.load(Relaxed) == 0
    }

    /// Bytes have arrived.
    pub(super) fn bytes_arrived(&self) {
        self.head_begun.store(true, Relaxed);
    }

    /// A request's head is complete; the request is under way until the returned guard is dropped.
    pub(super) fn request_began(self: &Arc<Self>, version: Version) -> UnderWay {
        self.multiplexed.store(version == Version::HTTP_2, Relaxed);
        self.under_way.fetch_add(1, Relaxed);
        self.requests.fetch_add(1, Relaxed);
        UnderWay(Arc::clone(self))
    }
}

/// A request under way.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Activity>);

impl UnderWay {
    /// The same body; the request is under way until it has been sent or given up.
    pub(super) fn until_sent(self, body: Body) -> Body {
        Body::new(Sending { body, _under_way: self })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.head_begun.store(false, Relaxed);
        self.0.under_way.fetch_sub(1, Relaxed);
    }
}

/// How long nothing has happened on a connection.
#[derive(Debug, Default)]
pub(super) struct Patience {
    seen_requests: usize,
    head_ticks: u32,
    idle_ticks: u32,
}

/// What to do with a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Keep it.
    Keep,
    /// Close it when what is under way is done.
    CloseGracefully,
    /// Drop it: no request is under way, and its next one does not come.
    Drop,
}

impl Patience {
    /// Judges the connection; to be called once a tick.
    pub(super) fn judge(&mut self, activity: &Activity) -> Verdict {
        let requests = activity.requests.load(Relaxed);
        if activity.under_way.load(Relaxed) > 0 || requests != self.seen_requests {
            *self = Self { seen_requests: requests, ..Self::default() };
            return Verdict::Keep;
        }
        if activity.is_waiting_for_head() {
            self.head_ticks += 1;
        } else {
            self.head_ticks = 0;
            self.idle_ticks += 1;
        }
        match (self.head_ticks > HEAD_TICKS, self.idle_ticks > IDLE_TICKS) {
            (true, _) => Verdict::Drop,
            (false, true) => Verdict::CloseGracefully,
            (false, false) => Verdict::Keep,
        }
    }
}

/// A response's body that keeps its request under way.
struct Sending {
    body: Body,
    _under_way: UnderWay,
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks_until_not_kept(activity: &Activity, patience: &mut Patience) -> (u32, Verdict) {
        (1..10_000).map(|tick| (tick, patience.judge(activity))).find(|(_, verdict)| *verdict != Verdict::Keep).unwrap()
    }

    #[test]
    fn a_connection_that_says_nothing_is_dropped_after_ten_ticks() {
        let activity = Activity::default();

        assert_eq!(ticks_until_not_kept(&activity, &mut Patience::default()), (11, Verdict::Drop));
    }

    #[test]
    fn a_request_under_way_keeps_its_connection_until_its_body_is_sent() {
        let (activity, mut patience) = (Arc::new(Activity::default()), Patience::default());
        let body = activity.request_began(Version::HTTP_11).until_sent(Body::from("x"));

        assert!((0..1000).all(|_| patience.judge(&activity) == Verdict::Keep));

        drop(body);
        assert_eq!(ticks_until_not_kept(&activity, &mut patience), (76, Verdict::CloseGracefully));
    }

    #[test]
    fn the_next_requests_head_has_ten_ticks() {
        let (activity, mut patience) = (Arc::new(Activity::default()), Patience::default());
        drop(activity.request_began(Version::HTTP_11));
        patience.judge(&activity);
        assert!((0..50).all(|_| patience.judge(&activity) == Verdict::Keep));

        activity.bytes_arrived();

        assert_eq!(ticks_until_not_kept(&activity, &mut patience), (11, Verdict::Drop));
    }

    #[test]
    fn other_frames_of_http_2_are_no_head_of_a_request() {
        let (activity, mut patience) = (Arc::new(Activity::default()), Patience::default());
        drop(activity.request_began(Version::HTTP_2));
        patience.judge(&activity);

        activity.bytes_arrived();

        assert_eq!(ticks_until_not_kept(&activity, &mut patience), (76, Verdict::CloseGracefully));
    }

    #[test]
    fn a_request_between_two_ticks_counts_as_use() {
        let (activity, mut patience) = (Arc::new(Activity::default()), Patience::default());
        drop(activity.request_began(Version::HTTP_11));
        patience.judge(&activity);
        assert!((0..70).all(|_| patience.judge(&activity) == Verdict::Keep));

        drop(activity.request_began(Version::HTTP_11));

        assert_eq!(patience.judge(&activity), Verdict::Keep);
        assert_eq!(ticks_until_not_kept(&activity, &mut patience), (76, Verdict::CloseGracefully));
    }
}
