//! A gate that holds whoever comes until the test opens it.

use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

/// Closed when it is made.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    arrivals: Semaphore,
    open: watch::Sender<bool>,
}

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Inner { arrivals: Semaphore::new(0), open: watch::Sender::new(false) }))
    }
}

impl Gate {
    /// Waits at the gate until it is open.
    pub async fn pass(&self) {
        self.knock();
        let mut open = self.0.open.subscribe();
        open.wait_for(|open| *open).await.expect("the gate outlives those who wait at it");
    }

    /// Comes to the gate and does not wait.
    pub fn knock(&self) {
        self.0.arrivals.add_permits(1);
    }

    /// Waits until somebody has come to the gate; once for each that comes.
    pub async fn reached(&self) {
        self.0.arrivals.acquire().await.expect("arrivals are never closed").forget();
    }

    /// Lets everybody pass, now and later.
    pub fn open(&self) {
        self.0.open.send_replace(true);
    }
}
