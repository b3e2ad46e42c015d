//! The token handler with what it keeps on disk: opened the same way for `serve` and for the demo.

use std::{path::Path, sync::Arc};

use cloakroom::{
    bff::Bff,
    clock::{Clock, SystemClock},
    keys::KeyRing,
    random::SystemRandom,
    session::store::sqlite::SqliteStore,
    settings::Settings,
};

use crate::failure::Failure;

/// Opens key ring and session store, creating what is not there, and puts the token handler on top.
///
/// Blocks: reads the whole store once and waits for the disk.
pub(crate) fn open(settings: Settings, key_ring: &Path, store: &Path) -> Result<Arc<Bff>, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let key_ring = KeyRing::load_or_create(key_ring, &SystemRandom).map_err(Failure::trouble)?;
    let store = SqliteStore::open(store, Arc::clone(&clock)).map_err(Failure::trouble)?;
    store.bind_key_ring(key_ring.fingerprint()).map_err(Failure::trouble)?;
    if store.sessions_voided() > 0 {
        let sessions = store.sessions_voided();
        tracing::warn!(sessions, "the session store came back from a copy: its sessions have ended");
    }
    Bff::builder(settings, key_ring, Arc::new(store)).clock(clock).build().map_err(Failure::trouble)
}
