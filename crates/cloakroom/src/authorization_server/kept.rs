//! Something fetched from an authorization server and kept for a while.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::ServerError;
use crate::clock::Clock;

/// After a failure nobody asks again for so long: a dead server must not be asked once per login.
const FAILURE_KEPT_FOR: Duration = Duration::from_secs(1);

/// One value, fetched by one caller at a time.
#[derive(Debug)]
pub(super) struct Kept<T> {
    latest: Mutex<Latest<T>>,
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Latest<T> {
    value: Option<(Arc<T>, Duration)>,
    failure: Option<(ServerError, Duration)>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { latest: Mutex::new(Latest { value: None, failure: None }), fetching: tokio::sync::Mutex::default() }
    }
}

impl<T> Kept<T> {
    /// The value, at most so old where that is to be had at once: while somebody else is asking, the old one will do.
    pub(super) async fn find_or_old(
        &self,
        clock: &dyn Clock,
        at_most: Duration,
        fetch: impl AsyncFnOnce() -> Result<T, ServerError>,
    ) -> Result<Arc<T>, ServerError> {
        // Bound, so that the guard is gone before `find` locks.
        let is_being_fetched = self.fetching.try_lock().is_err();
        match (is_being_fetched, self.at_hand()) {
            (true, Some(value)) => Ok(value),
            _ => self.find(clock, at_most, fetch).await,
        }
    }

    /// The value, at most so old. An older one is better than none: it is used when the server does not answer.
    pub(super) async fn find(
        &self,
        clock: &dyn Clock,
        at_most: Duration,
        fetch: impl AsyncFnOnce() -> Result<T, ServerError>,
    ) -> Result<Arc<T>, ServerError> {
        if let Some(known) = self.known(clock.monotonic(), at_most) {
            return known;
        }
        let _one_at_a_time = self.fetching.lock().await;
        if let Some(known) = self.known(clock.monotonic(), at_most) {
            return known;
        }
        let fetched = fetch().await;
        let now = clock.monotonic();
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match fetched {
            Ok(value) => {
                let value = Arc::new(value);
                *latest = Latest { value: Some((Arc::clone(&value), now)), failure: None };
                Ok(value)
            }
            Err(error) => {
                latest.failure = Some((error.clone(), now));
                latest.value.as_ref().map(|(value, _)| Arc::clone(value)).ok_or(error)
            }
        }
    }

    /// The value, at most so old, or nothing: an older one would not do.
    pub(super) async fn find_recent(
        &self,
        clock: &dyn Clock,
        at_most: Duration,
        fetch: impl AsyncFnOnce() -> Result<T, ServerError>,
    ) -> Result<Arc<T>, ServerError> {
        let value = self.find(clock, at_most, fetch).await?;
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.failure.as_ref().map_or(Ok(value), |(error, _)| Err(error.clone()))
    }

    /// What was fetched last, however old.
    pub(super) fn at_hand(&self) -> Option<Arc<T>> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.value.as_ref().map(|(value, _)| Arc::clone(value))
    }

    fn known(&self, now: Duration, at_most: Duration) -> Option<Result<Arc<T>, ServerError>> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let value = latest.value.as_ref().map(|(value, at)| (Arc::clone(value), now.saturating_sub(*at)));
        if let Some((value, age)) = &value
            && *age <= at_most
        {
            return Some(Ok(Arc::clone(value)));
        }
        let (error, at) = latest.failure.as_ref()?;
        let failed_just_now = now.saturating_sub(*at) < FAILURE_KEPT_FOR;
        failed_just_now.then(|| value.map(|(value, _)| value).ok_or_else(|| error.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::clock::SystemClock;

    #[tokio::test]
    async fn of_many_callers_at_once_one_asks_a_dead_server() {
        let (kept, clock, asked) = (Kept::<u8>::default(), SystemClock::start(), AtomicU32::new(0));
        let find = || {
            kept.find(&clock, Duration::from_secs(60), async || {
                asked.fetch_add(1, Ordering::Relaxed);
                Err(ServerError::Away("down".to_owned()))
            })
        };

        let (a, b, c) = tokio::join!(find(), find(), find());

        assert!(a.is_err() && b.is_err() && c.is_err());
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn an_old_value_is_used_while_the_server_does_not_answer() {
        let (kept, clock) = (Kept::default(), SystemClock::start());
        kept.find(&clock, Duration::ZERO, async || Ok(7)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;

        let value = kept.find(&clock, Duration::ZERO, async || Err(ServerError::Away("down".to_owned()))).await;

        assert_eq!(*value.unwrap(), 7);
    }

    #[tokio::test]
    async fn nobody_waits_behind_a_server_that_hangs_while_an_old_value_is_there() {
        let (kept, clock) = (Kept::default(), SystemClock::start());
        kept.find(&clock, Duration::ZERO, async || Ok(7)).await.unwrap();
        let _hanging = kept.fetching.lock().await;
        let is_old = |kept: &Kept<i32>| {
            let mut latest = kept.latest.lock().unwrap();
            latest.value.as_mut().unwrap().1 = Duration::ZERO;
        };
        is_old(&kept);
        tokio::time::sleep(Duration::from_millis(2)).await;

        let limit = Duration::from_millis(1);
        let found = tokio::time::timeout(Duration::from_secs(5), kept.find_or_old(&clock, limit, async || Ok(8))).await;

        assert_eq!(*found.unwrap().unwrap(), 7);
    }
}
