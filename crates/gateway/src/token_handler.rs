//! The token handler with what it keeps on disk: opened before anything is served, and closed after the last answer, the
//! same way for `serve` and for the demo.

use std::{path::Path, sync::Arc, time::Duration};

use cloakroom::{
    bff::Bff,
    clock::{Clock, SystemClock},
    keys::KeyRing,
    random::SystemRandom,
    session::store::sqlite::SqliteStore,
    settings::Settings,
};

use crate::{failure::Failure, stop::Stop};

/// The token handler on top of its store.
pub(crate) struct TokenHandler {
    bff: Arc<Bff>,
    store: Arc<SqliteStore>,
}

impl TokenHandler {
    /// Opens key ring and session store, creating what is not there, and puts the token handler on top.
    ///
    /// Blocks: reads the whole store once and waits for the disk. Fails when the store belongs to another key ring.
    pub(crate) fn open(settings: Settings, key_ring: &Path, store: &Path) -> Result<Self, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let key_ring = KeyRing::load_or_create(key_ring, &SystemRandom).map_err(Failure::trouble)?;
        let store = Arc::new(SqliteStore::open(store, Arc::clone(&clock)).map_err(Failure::trouble)?);
        store.bind_key_ring(key_ring.fingerprint()).map_err(Failure::trouble)?;
        if store.sessions_voided() > 0 {
            let sessions = store.sessions_voided();
            tracing::warn!(sessions, "the session store came back from a copy: its sessions have ended");
        }
        let bff = Bff::builder(settings, key_ring, Arc::<SqliteStore>::clone(&store)).clock(clock).build();
        Ok(Self { bff: bff.map_err(Failure::trouble)?, store })
    }

    /// What answers requests.
    pub(crate) fn bff(&self) -> Arc<Bff> {
        Arc::clone(&self.bff)
    }

    /// How many sessions ended at the opening because the store came back from a copy.
    pub(crate) fn sessions_voided(&self) -> u64 {
        self.store.sessions_voided()
    }

    /// Lets work that no request waits for finish, refreshes above all, for at most ten seconds or until an immediate end
    /// is demanded; then closes the store, whoever else still holds it, so that the next process can have it.
    pub(crate) async fn stop(self, mut stop: Stop) {
        tokio::select! {
            () = self.bff.stop(STOP_LIMIT) => {}
            () = stop.demanded() => {}
        }
        let store = self.store;
        if let Err(error) = tokio::task::spawn_blocking(move || store.close()).await {
            tracing::error!(%error, "the session store was not closed");
        }
    }
}

const STOP_LIMIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIGURATION: &str = r#"
        listen.address = "127.0.0.1:8080"
        store.path = "sessions.db"
        keys.path = "keys.json"
        frontends = [{ name = "app", origin = "http://localhost:8080" }]
        [[authorization_servers]]
        name = "main"
        issuer = "https://login.example.com"
        client_id = "app"
        client_authentication = "none"
    "#;

    #[tokio::test]
    async fn after_a_stop_the_next_process_can_have_the_store() {
        let folder = std::env::temp_dir().join(format!("cloakroom-token-handler-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (keys, store) = (folder.join("keys.json"), folder.join("sessions.db"));
        let settings = || crate::config::parse(Path::new("c.toml"), CONFIGURATION).unwrap().settings;
        let first = TokenHandler::open(settings(), &keys, &store).unwrap();
        let still_held = first.bff();
        assert!(TokenHandler::open(settings(), &keys, &store).is_err(), "in use");

        first.stop(Stop::never()).await;

        assert!(TokenHandler::open(settings(), &keys, &store).is_ok());
        drop(still_held);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
