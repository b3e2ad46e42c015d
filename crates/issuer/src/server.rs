//! The login server as a whole: opened once, mounted as a router.

use std::{path::Path, sync::Arc};

use protocol::EndpointUrl;

use crate::{
    accounts::{AccountError, Accounts, login::PasswordLogin},
    back_channel::BackChannel,
    browser::FormKey,
    clients::{ClientError, Clients},
    clock::Clock,
    endpoints,
    endpoints::Paths,
    scope::Scopes,
    settings::Settings,
    signing,
    storage::{self, Storage, StorageError},
    tokens::Mint,
};

/// A login server with its database open.
pub struct LoginServer {
    pub(crate) clients: Clients,
    pub(crate) scopes: Scopes,
    pub(crate) clock: Clock,
    pub(crate) storage: Arc<Storage>,
    pub(crate) login: PasswordLogin,
    pub(crate) mint: Arc<Mint>,
    pub(crate) back_channel: Arc<BackChannel>,
    pub(crate) form_key: FormKey,
    pub(crate) paths: Paths,
    /// The origin of the pages, as browsers write it.
    pub(crate) origin: String,
    pub(crate) refresh_leeway: std::time::Duration,
    accounts: Accounts,
}

/// Why a login server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A client's registration cannot be used.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The database cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The issuer is not a URL under which endpoints can be reached.
    #[error("the issuer is not a URL that endpoints can lie below: {0}")]
    Issuer(#[from] protocol::InvalidUrl),
    /// Nothing can be sent to the clients that want to be told of logouts.
    #[error("logout tokens cannot be sent: {0}")]
    BackChannel(std::io::Error),
    /// Passwords cannot be hashed on this machine.
    #[error(transparent)]
    Passwords(#[from] AccountError),
}

impl LoginServer {
    /// Opens the login server on its database file, creating it with new keys at the first start.
    ///
    /// Takes up to a second then, and waits for the disk: call it before serving. One process at a time should serve
    /// from a file, because password guesses are counted in memory.
    pub fn open(settings: Settings, database: &Path, clock: Clock) -> Result<Arc<Self>, OpenError> {
        let clients = Clients::new(settings.clients)?;
        let destinations = clients.destinations()?;
        let scopes = Scopes::new(settings.resource_scopes);
        let origin = EndpointUrl::parse(settings.issuer.as_str())?.origin();
        let storage = Arc::new(Storage::open(database)?);
        let (key, form_key) = storage.run_here(clock.now(), |tx| -> Result<_, StorageError> {
            Ok((signing::ensure_signing_key(tx)?, signing::ensure_form_key(tx)?))
        })?;
        let mint = Arc::new(Mint {
            key,
            issuer: settings.issuer.as_str().to_owned(),
            audience: settings.resource_audience,
            access_token_life: settings.access_token_life,
        });
        let back_channel = BackChannel::open(destinations, Arc::clone(&mint), clock.clone());
        let back_channel = Arc::new(back_channel.map_err(OpenError::BackChannel)?);
        Ok(Arc::new(Self {
            clients,
            scopes,
            login: PasswordLogin::new(Arc::clone(&storage), clock.clone())?,
            mint,
            form_key,
            paths: Paths::below(&settings.issuer),
            origin,
            refresh_leeway: settings.refresh_leeway,
            accounts: Accounts::new(Arc::clone(&storage), clock.clone(), Arc::clone(&back_channel)),
            back_channel,
            clock,
            storage,
        }))
    }

    /// Every endpoint, at its path below the issuer. Serve it at the issuer's origin, at the root; a proxy in front of it
    /// has to pass `Host` on, because requests for other hosts are refused.
    pub fn router(self: &Arc<Self>) -> axum::Router {
        endpoints::router(Arc::clone(self))
    }

    /// The accounts, for whoever administers them.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Ends every browser session, code and refresh-token family; accounts and keys stay. No client is told.
    ///
    /// Waits for the disk on this thread. Access tokens that are out stay good until they expire.
    pub fn forget_sessions(&self) -> Result<(), StorageError> {
        self.storage.run_here(self.clock.now(), storage::forget_sessions)
    }
}
