//! A login with a password, from what was typed to the account.

use std::{sync::Arc, time::Duration};

use protocol::Secret;

use super::{
    AccountError, Username,
    guessing::{Guesser, Guessing, TooEarly},
    password::{NotCompared, PasswordComparison, PasswordHash},
};
use crate::{
    clock::Clock,
    opaque::Hash,
    storage::{
        Storage, StorageError,
        account::{self, Credentials, Status},
        device,
    },
};

/// Decides about logins. Its answer and its work are the same for a wrong password, an unknown username and a disabled
/// account.
pub(crate) struct PasswordLogin {
    storage: Arc<Storage>,
    clock: Clock,
    guessing: Guessing,
    comparison: PasswordComparison,
    /// What is compared where there is no account.
    nobody: PasswordHash,
}

/// Why nobody was logged in.
#[derive(Debug)]
pub(crate) enum LoginFailure {
    /// Username or password is wrong, or the account is disabled: which of them is not said.
    Wrong,
    /// There were too many failures for this username lately, of strangers or of this browser.
    TooEarly { retry_after: Duration },
    /// Too many logins at this moment.
    Busy,
    /// The database refused.
    Storage(StorageError),
}

impl PasswordLogin {
    pub(crate) fn new(storage: Arc<Storage>, clock: Clock) -> Result<Self, AccountError> {
        Ok(Self {
            storage,
            clock,
            guessing: Guessing::default(),
            comparison: PasswordComparison::new(),
            nobody: PasswordHash::of_nobody()?,
        })
    }

    /// The account that `typed` and `password` belong to. Whoever goes on with it makes sure, in the same transaction,
    /// that it is [`unchanged`](account::unchanged). `device` is the hash of the browser's device cookie.
    pub(crate) async fn require_account(
        &self,
        typed: &str,
        password: Secret<String>,
        device: Option<Hash>,
    ) -> Result<Credentials, LoginFailure> {
        let username = Username::parse(typed);
        let guesser = self.guesser(username.clone(), device).await?;
        if let Some(guesser) = &guesser {
            let admitted = self.guessing.charge(guesser, self.clock.now())?;
            tokio::time::sleep(admitted.after).await;
        }

        let found = self.find(username).await?.filter(|found| found.status == Status::Enabled);
        let hash = match &found {
            Some(found) => PasswordHash::stored(found.password_hash.clone()),
            None => self.nobody.clone(),
        };
        let compared = self.comparison.verify(hash, password).await;

        match (compared, found, guesser) {
            (Ok(()), Some(found), Some(guesser)) => {
                self.guessing.clear(&guesser);
                Ok(found)
            }
            (Err(NotCompared::Busy), _, _) => Err(LoginFailure::Busy),
            _ => Err(LoginFailure::Wrong),
        }
    }

    async fn guesser(&self, username: Option<Username>, device: Option<Hash>) -> Result<Option<Guesser>, LoginFailure> {
        let (Some(username), Some(cookie)) = (username.clone(), device) else {
            return Ok(username.map(Guesser::Stranger));
        };
        let (now, asked) = (self.clock.now(), username.clone());
        let is_known = move |tx: &rusqlite::Transaction<'_>| device::is_known(tx, asked.as_str(), cookie, now);
        let is_known = self.storage.run(now, is_known).await.map_err(LoginFailure::Storage)?;
        Ok(Some(if is_known { Guesser::Device(username, cookie) } else { Guesser::Stranger(username) }))
    }

    async fn find(&self, username: Option<Username>) -> Result<Option<Credentials>, LoginFailure> {
        let Some(username) = username else { return Ok(None) };
        let find = move |tx: &rusqlite::Transaction<'_>| account::credentials(tx, username.as_str());
        self.storage.run(self.clock.now(), find).await.map_err(LoginFailure::Storage)
    }
}

impl From<TooEarly> for LoginFailure {
    fn from(refused: TooEarly) -> Self {
        Self::TooEarly { retry_after: refused.retry_after }
    }
}
