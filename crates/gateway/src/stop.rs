//! When to stop: the first signal asks for a graceful end, the second for an immediate one.

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use crate::{failure::Failure, tasks};

/// Tells everyone who holds it when to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<Stage>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Stage {
    Running,
    Stopping,
    Now,
}

/// Listens for Ctrl-C (SIGINT) and SIGTERM from now on.
pub(crate) fn on_signals() -> Result<Stop, Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::trouble(format!("cannot listen for signals: {error}")));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let (stage, receiver) = watch::channel(Stage::Running);
    tasks::spawn(async move {
        for next in [Stage::Stopping, Stage::Now] {
            either(&mut interrupt, &mut terminate).await;
            stage.send_replace(next);
        }
        stage.closed().await;
    });
    Ok(Stop(receiver))
}

impl Stop {
    /// Returns once the program should end: nothing new is begun, what is under way is finished.
    pub(crate) async fn requested(&mut self) {
        self.reached(Stage::Stopping).await;
    }

    /// Returns once the program should end without waiting for anything.
    pub(crate) async fn demanded(&mut self) {
        self.reached(Stage::Now).await;
    }

    /// A stop that nobody ever requests: for what lives as long as the process.
    pub(crate) fn never() -> Self {
        Self(watch::channel(Stage::Running).1)
    }

    async fn reached(&mut self, stage: Stage) {
        // An error means that nobody can ask any more.
        if self.0.wait_for(|now| *now >= stage).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(test)]
impl Stop {
    /// A stop that is requested by calling the closure, and demanded by calling it again.
    pub(crate) fn by_hand() -> (impl Fn(), Self) {
        let (stage, receiver) = watch::channel(Stage::Running);
        let next = move || {
            stage.send_modify(|stage| *stage = if *stage == Stage::Running { Stage::Stopping } else { Stage::Now });
        };
        (next, Self(receiver))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_request_to_stop_is_no_demand_to_stop_at_once() {
        let (request, mut stop) = Stop::by_hand();

        request();

        stop.requested().await;
        assert!(tokio::time::timeout(Duration::from_millis(10), stop.demanded()).await.is_err());
        request();
        stop.demanded().await;
    }
}
