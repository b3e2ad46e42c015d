//! Tasks that outlive the request that began them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

/// The tasks under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Tasks(Arc<State>);

#[derive(Debug, Default)]
struct State {
    running: AtomicUsize,
    idle: Notify,
}

struct Running(Arc<State>);

impl Tasks {
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns: it counts, so that a stop can wait")]
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.running.fetch_add(1, Ordering::SeqCst);
        let running = Running(Arc::clone(&self.0));
        tokio::spawn(async move {
            let _running = running;
            task.await;
        });
    }

    /// Waits until none is running, at most so long.
    pub(super) async fn drain(&self, limit: Duration) {
        let all_done = async {
            loop {
                let idle = self.0.idle.notified();
                if self.0.running.load(Ordering::SeqCst) == 0 {
                    return;
                }
                idle.await;
            }
        };
        if tokio::time::timeout(limit, all_done).await.is_err() {
            tracing::warn!(running = self.0.running.load(Ordering::SeqCst), "stopped before all work was done");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}
