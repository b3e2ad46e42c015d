//! The token handler: everything that a request needs, and the front door.

mod builder;
mod tasks;

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use http::{Request, Response};
use protocol::Timestamp;

pub use self::builder::{BuildError, Builder};
use self::tasks::Tasks;
use crate::{
    authorization_server::Server,
    clock::Clock,
    front_door,
    keys::KeyRing,
    random::Random,
    refresh::flights::Flights,
    session::{
        cache::SessionCache,
        record::Node,
        store::{BoundedStore, SessionStore},
    },
    settings::{Frontend, Settings},
    upstream::UpstreamClient,
};

/// The token handler of one installation. Cheap to share; made by [`Bff::builder`].
pub struct Bff {
    settings: Settings,
    keys: KeyRing,
    store: BoundedStore,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    servers: HashMap<String, Server>,
    upstream: UpstreamClient,
    cache: SessionCache,
    flights: Arc<Flights>,
    node: Node,
    tasks: Tasks,
}

impl Bff {
    /// Begins with what cannot be left out; the rest has defaults.
    pub fn builder(settings: Settings, keys: KeyRing, store: Arc<dyn SessionStore>) -> Builder {
        Builder::new(settings, keys, store)
    }

    /// Answers one request. Never fails: whatever goes wrong is an answer of the wire contract.
    pub async fn answer(self: &Arc<Self>, request: Request<Body>) -> Response<Body> {
        front_door::answer(self, request).await
    }

    /// The same as a router that answers every path, to be nested into nothing and served as it is.
    pub fn router(self: &Arc<Self>) -> Router {
        let bff = Arc::clone(self);
        Router::new().fallback(move |request: Request<Body>| {
            let bff = Arc::clone(&bff);
            async move { bff.answer(request).await }
        })
    }

    /// Removes what has expired from the store, a little at a time, for ever. Run it on a task of its own.
    pub async fn sweep_forever(self: Arc<Self>) {
        loop {
            let busy = match self.store.sweep(500).await {
                Ok(removed) => removed == 500,
                Err(error) => {
                    tracing::warn!(%error, "expired sessions were not swept");
                    false
                }
            };
            tokio::time::sleep(if busy { Duration::from_millis(200) } else { Duration::from_secs(10) }).await;
        }
    }

    /// Waits until the work that no request waits for (refreshes, revocations) is done, at most so long.
    pub async fn stop(&self, limit: Duration) {
        self.tasks.drain(limit).await;
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn keys(&self) -> &KeyRing {
        &self.keys
    }

    pub(crate) fn store(&self) -> &dyn SessionStore {
        &self.store
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn random(&self) -> &dyn Random {
        &*self.random
    }

    pub(crate) fn cache(&self) -> &SessionCache {
        &self.cache
    }

    pub(crate) fn flights(&self) -> &Arc<Flights> {
        &self.flights
    }

    pub(crate) fn node(&self) -> Node {
        self.node
    }

    pub(crate) fn upstream(&self) -> &UpstreamClient {
        &self.upstream
    }

    /// The authorization server with this configured name.
    pub(crate) fn server(&self, name: &str) -> Option<&Server> {
        self.servers.get(name)
    }

    /// The same, if people of this frontend may use it.
    pub(crate) fn server_of(&self, frontend: &Frontend, name: &str) -> Option<&Server> {
        frontend.authorization_servers.iter().any(|allowed| allowed == name).then(|| self.server(name))?
    }

    /// Carries something through although the request that wants it may go away; nothing when the task broke off.
    pub(crate) async fn carry_through<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (done, outcome) = tokio::sync::oneshot::channel();
        self.spawn(async move {
            // Nobody may be waiting any more; the task is done all the same.
            drop(done.send(task.await));
        });
        outcome.await.ok()
    }

    /// Runs a task that no request waits for, and that a graceful stop lets finish.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }
}

impl std::fmt::Debug for Bff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bff").field("settings", &self.settings).finish_non_exhaustive()
    }
}
