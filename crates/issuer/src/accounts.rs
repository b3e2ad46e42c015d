//! People who can log in.

use std::sync::Arc;

use protocol::{Secret, Subject};

use crate::{
    back_channel::BackChannel,
    clock::Clock,
    opaque,
    storage::{
        self, Storage, StorageError,
        account::{self, Account, Inserted},
        participant::Participant,
    },
};

pub(crate) mod guessing;
pub(crate) mod login;
pub(crate) mod password;

use self::password::PasswordHash;

/// What tokens and `UserInfo` say about a person; a missing field is left out there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The full name as it is shown (`name`).
    pub name: Option<String>,
    /// The e-mail address (`email`). Nothing here proves that it is theirs, so `email_verified` is never claimed.
    pub email: Option<String>,
}

/// Why an account was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// Empty, longer than 128 bytes, or with control characters.
    #[error("a username has 1 to 128 bytes and no control characters")]
    Username,
    /// Shorter than 8 or longer than 1024 bytes.
    #[error("a password has 8 to 1024 bytes")]
    Password,
    /// A name or address longer than 256 bytes, or with control characters.
    #[error("a name or e-mail address has at most 256 bytes and no control characters")]
    Profile,
    /// Another account has this username.
    #[error("the username is taken")]
    UsernameTaken,
    /// No account has this username.
    #[error("there is no such account")]
    Unknown,
    /// The password could not be hashed: too little memory.
    #[error("the password could not be hashed")]
    Hashing,
    /// The database refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The accounts of one login server.
///
/// The functions here hash passwords and wait for the disk on the calling thread, tens of milliseconds; from async code
/// call them through `tokio::task::spawn_blocking`.
pub struct Accounts {
    storage: Arc<Storage>,
    clock: Clock,
    back_channel: Arc<BackChannel>,
}

impl Accounts {
    pub(crate) fn new(storage: Arc<Storage>, clock: Clock, back_channel: Arc<BackChannel>) -> Self {
        Self { storage, clock, back_channel }
    }

    /// Adds an account and returns its subject, which never changes and is never given to another.
    pub fn add(&self, username: &str, password: &Secret<String>, profile: Profile) -> Result<Subject, AccountError> {
        let account = new_account(username, profile)?;
        let hash = PasswordHash::of_new(password)?;
        let subject = subject(&account)?;
        match self.storage.run_here(self.clock.now(), |tx| account::insert(tx, &account, hash.as_str()))? {
            Inserted::Added => Ok(subject),
            Inserted::UsernameTaken => Err(AccountError::UsernameTaken),
        }
    }

    /// Makes sure that there is an enabled account with this username, password and profile, and returns its subject.
    ///
    /// Where the account exists with this password already, its sessions go on; a different password ends them all.
    pub fn ensure(&self, username: &str, password: &Secret<String>, profile: Profile) -> Result<Subject, AccountError> {
        let wanted = new_account(username, profile)?;
        let now = self.clock.now();
        let Some(found) = self.storage.run_here(now, |tx| account::credentials(tx, &wanted.username))? else {
            return self.add(username, password, Profile { name: wanted.name, email: wanted.email });
        };
        let wanted = Account { subject: found.account.subject, ..wanted };
        let is_same = found.status == account::Status::Enabled
            && PasswordHash::stored(found.password_hash).verify(password).is_ok();
        let new_hash = if is_same { None } else { Some(PasswordHash::of_new(password)?) };
        let ended = self.storage.run_here(now, |tx| -> rusqlite::Result<_> {
            account::set_profile(tx, &wanted)?;
            let Some(hash) = &new_hash else { return Ok(Vec::new()) };
            account::set_password(tx, &wanted.subject, hash.as_str())?;
            storage::end_everything_of(tx, &wanted.subject)
        })?;
        self.back_channel.tell(ended);
        subject(&wanted)
    }

    /// Sets the password of an account and ends all its sessions and tokens.
    pub fn set_password(&self, username: &str, password: &Secret<String>) -> Result<(), AccountError> {
        let hash = PasswordHash::of_new(password)?;
        self.change(username, |tx, subject| {
            account::set_password(tx, subject, hash.as_str())?;
            storage::end_everything_of(tx, subject)
        })
    }

    /// Forbids an account to log in and ends all its sessions and tokens. Setting a password enables it again.
    pub fn disable(&self, username: &str) -> Result<(), AccountError> {
        let now = self.clock.now();
        self.change(username, |tx, subject| {
            account::disable(tx, subject, now)?;
            storage::end_everything_of(tx, subject)
        })
    }

    fn change(
        &self,
        username: &str,
        change: impl FnOnce(&rusqlite::Transaction<'_>, &str) -> rusqlite::Result<Vec<Participant>>,
    ) -> Result<(), AccountError> {
        let username = Username::parse(username).ok_or(AccountError::Username)?;
        let found = self.storage.run_here(self.clock.now(), |tx| -> rusqlite::Result<_> {
            match account::credentials(tx, username.as_str())? {
                Some(found) => change(tx, &found.account.subject).map(Some),
                None => Ok(None),
            }
        })?;
        self.back_channel.tell(found.ok_or(AccountError::Unknown)?);
        Ok(())
    }
}

/// What people type to say who they are: trimmed, ASCII letters in lower case, so that `Ann ` and `ann` are one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Username(String);

impl Username {
    /// `None` when it is empty, longer than 128 bytes, or has control characters.
    pub(crate) fn parse(typed: &str) -> Option<Self> {
        let username = typed.trim().to_ascii_lowercase();
        let is_valid = (1..=LONGEST_USERNAME).contains(&username.len()) && !username.contains(char::is_control);
        is_valid.then_some(Self(username))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn new_account(username: &str, profile: Profile) -> Result<Account, AccountError> {
    let is_bad = |text: &String| text.len() > LONGEST_PROFILE_FIELD || text.contains(char::is_control);
    if profile.name.as_ref().is_some_and(is_bad) || profile.email.as_ref().is_some_and(is_bad) {
        return Err(AccountError::Profile);
    }
    let username = Username::parse(username).ok_or(AccountError::Username)?;
    Ok(Account { subject: opaque::identifier(), username: username.0, name: profile.name, email: profile.email })
}

fn subject(account: &Account) -> Result<Subject, AccountError> {
    // Subjects are made by `opaque::identifier`; a row that holds something else was not written by this program.
    Subject::parse(&account.subject).map_err(|_| AccountError::Unknown)
}

const LONGEST_USERNAME: usize = 128;
const LONGEST_PROFILE_FIELD: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_that_look_alike_in_ascii_are_one() {
        assert_eq!(Username::parse("  Ann@Example.com\t"), Username::parse("ann@example.com"));
    }

    #[test]
    fn a_username_is_neither_empty_nor_long_nor_has_control_characters() {
        for wrong in ["", "   ", "a\0b", "a\nb", &"a".repeat(129)] {
            assert_eq!(Username::parse(wrong), None, "{wrong:?}");
        }
        assert!(Username::parse(&"a".repeat(128)).is_some());
    }
}
