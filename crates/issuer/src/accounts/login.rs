//! A login with a password, from what was typed to the account.

use std::{sync::Arc, time::Duration};

use protocol::Secret;

use super::{
    AccountError, Username,
    guessing::{Guessing, TooEarly},
    password::{NotCompared, PasswordComparison, PasswordHash},
};
use crate::{
    clock::Clock,
    storage::{
        Storage, StorageError,
        account::{self, Credentials, Status},
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
    /// There were too many failures for this username lately.
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
    /// that it is [`unchanged`](account::unchanged).
    pub(crate) async fn require_account(
        &self,
        typed: &str,
        password: Secret<String>,
    ) -> Result<Credentials, LoginFailure> {
        let username = Username::parse(typed);
        if let Some(username) = &username {
            let admitted = self.guessing.charge(username, self.clock.now())?;
            tokio::time::sleep(admitted.after).await;
        }

        let found = self.find(username.clone()).await?.filter(|found| found.status == Status::Enabled);
        let hash = match &found {
            Some(found) => PasswordHash::stored(found.password_hash.clone()),
            None => self.nobody.clone(),
        };
        let compared = self.comparison.verify(hash, password).await;

        match (compared, found, username) {
            (Ok(()), Some(found), Some(username)) => {
                self.guessing.clear(&username);
                Ok(found)
            }
            (Err(NotCompared::Busy), _, _) => Err(LoginFailure::Busy),
            _ => Err(LoginFailure::Wrong),
        }
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
