//! A request's body on its way to an upstream: limited in length, and watched, so that an upload may take its time.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::body::Body;
use http_body_util::{BodyExt as _, Limited};

use crate::bff::Bff;

/// When the last piece of a body was taken.
pub(super) struct Sending<'a> {
    bff: &'a Bff,
    last: Arc<Mutex<Duration>>,
}

impl<'a> Sending<'a> {
    /// The body, no longer than this, and what tells how it goes.
    pub(super) fn watch(body: Body, limit: usize, bff: &'a Arc<Bff>) -> (Body, Self) {
        let last = Arc::new(Mutex::new(bff.clock().monotonic()));
        let (note, clock_bff) = (Arc::clone(&last), Arc::clone(bff));
        let body = Limited::new(body, limit).map_frame(move |frame| {
            *note.lock().unwrap_or_else(PoisonError::into_inner) = clock_bff.clock().monotonic();
            frame
        });
        (Body::new(body), Self { bff, last })
    }

    /// Waits until nothing has been taken for so long.
    pub(super) async fn silence(&self, limit: Duration) {
        loop {
            let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let left = (last + limit).saturating_sub(self.bff.clock().monotonic());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }
}
