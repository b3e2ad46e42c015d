//! Puts a token handler together.

use std::{collections::HashMap, sync::Arc};

use thiserror::Error;

use super::{Bff, Tasks};
use crate::{
    authorization_server::{HttpClient, Server, http_client},
    clock::{Clock, SystemClock},
    keys::KeyRing,
    random::{self, Random, SystemRandom},
    refresh::flights::Flights,
    session::{
        cache::SessionCache,
        record::Node,
        store::{BoundedStore, SessionStore},
    },
    settings::{Settings, SettingsError},
    tls::TlsError,
    upstream::UpstreamClient,
};

/// A token handler in the making.
#[must_use = "call `build`"]
pub struct Builder {
    settings: Settings,
    keys: KeyRing,
    store: Arc<dyn SessionStore>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    http_client: Option<Arc<dyn HttpClient>>,
}

/// Why there is no token handler.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The settings contradict each other.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// TLS for outgoing connections could not be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] TlsError),
}

impl Builder {
    pub(super) fn new(settings: Settings, keys: KeyRing, store: Arc<dyn SessionStore>) -> Self {
        let (clock, random) = (Arc::new(SystemClock::start()), Arc::new(SystemRandom));
        Self { settings, keys, store, clock, random, http_client: None }
    }

    /// Another clock. Default: the operating system's.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Another source of randomness. Default: the operating system's.
    pub fn random(self, random: Arc<dyn Random>) -> Self {
        Self { random, ..self }
    }

    /// Another client for calls to authorization servers. Default: our own over hyper and rustls.
    pub fn http_client(self, client: Arc<dyn HttpClient>) -> Self {
        Self { http_client: Some(client), ..self }
    }

    /// The token handler.
    ///
    /// # Errors
    ///
    /// [`BuildError`]: nothing has been started.
    pub fn build(self) -> Result<Arc<Bff>, BuildError> {
        self.settings.verify()?;
        let client = self.http_client.map_or_else(http_client::direct, Ok)?;
        let servers: HashMap<String, Server> = self
            .settings
            .authorization_servers
            .iter()
            .map(|server| {
                let server = Server::new(server.clone(), Arc::clone(&client), Arc::clone(&self.clock));
                (server.settings().name.clone(), server)
            })
            .collect();
        Ok(Arc::new(Bff {
            node: Node(u64::from_be_bytes(random::bytes(&*self.random))),
            settings: self.settings,
            keys: self.keys,
            store: BoundedStore::new(self.store),
            clock: self.clock,
            random: self.random,
            servers,
            upstream: UpstreamClient::new()?,
            cache: SessionCache::new(),
            flights: Arc::new(Flights::default()),
            tasks: Tasks::default(),
        }))
    }
}
