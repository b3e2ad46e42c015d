//! Passwords: hashed with Argon2id, compared at a bounded cost.

use std::sync::Arc;

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use protocol::Secret;
use tokio::sync::Semaphore;

use super::AccountError;
use crate::opaque;

/// A stored password: Argon2id with its salt and parameters, in PHC string format.
#[derive(Clone)]
pub(crate) struct PasswordHash(String);

/// The password is not the one that was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mismatch;

impl PasswordHash {
    /// Hashes a password that somebody chose; 8 to 1024 bytes.
    pub(crate) fn of_new(password: &Secret<String>) -> Result<Self, AccountError> {
        if !(SHORTEST..=LONGEST).contains(&password.expose().len()) {
            return Err(AccountError::Password);
        }
        Self::of(password.expose())
    }

    /// A hash as the database has it.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// The hash of a password that nobody has.
    pub(crate) fn of_nobody() -> Result<Self, AccountError> {
        Self::of(&opaque::secret())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares a presented password, which takes tens of milliseconds and 19 MiB of memory.
    ///
    /// A longer password than anybody can have costs the same as any other wrong one.
    pub(crate) fn verify(&self, presented: &Secret<String>) -> Result<(), Mismatch> {
        let bytes = presented.expose().as_bytes();
        let compared = bytes.get(..LONGEST.min(bytes.len())).unwrap_or_default();
        let outcome = Argon2::default().verify_password(compared, self.0.as_str());
        match outcome {
            Ok(()) if bytes.len() <= LONGEST => Ok(()),
            _ => Err(Mismatch),
        }
    }

    fn of(password: &str) -> Result<Self, AccountError> {
        let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|_| AccountError::Hashing)?;
        Ok(Self(hash.to_string()))
    }
}

/// Compares passwords for the endpoints: two at a time, and no more waiting than are answered within seconds.
pub(crate) struct PasswordComparison {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

/// Why a presented password was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotCompared {
    /// It is wrong.
    Mismatch,
    /// Too many are waiting: try again.
    Busy,
}

impl PasswordComparison {
    pub(crate) fn new() -> Self {
        Self { running: Arc::new(Semaphore::new(RUNNING)), admitted: Arc::new(Semaphore::new(RUNNING + WAITING)) }
    }

    /// Compares on a thread of its own. The cost stays bounded when callers go away meanwhile.
    pub(crate) async fn verify(&self, hash: PasswordHash, presented: Secret<String>) -> Result<(), NotCompared> {
        let admission = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| NotCompared::Busy)?;
        let turn = Arc::clone(&self.running).acquire_owned().await.map_err(|_| NotCompared::Busy)?;
        let work = move || {
            let _held = (admission, turn);
            hash.verify(&presented)
        };
        let outcome = tokio::task::spawn_blocking(work).await.map_err(|_| NotCompared::Busy)?;
        outcome.map_err(|Mismatch| NotCompared::Mismatch)
    }
}

const SHORTEST: usize = 8;
/// Hashing reads the whole password, so its length is a cost.
const LONGEST: usize = 1024;
/// Each takes 19 MiB and a core.
const RUNNING: usize = 2;
const WAITING: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_password_is_stored_with_argon2id_and_a_salt_of_its_own() {
        let password = secret("correct horse");

        let (one, other) = (PasswordHash::of_new(&password).unwrap(), PasswordHash::of_new(&password).unwrap());

        assert!(one.as_str().starts_with("$argon2id$v=19$"));
        assert_ne!(one.as_str(), other.as_str());
        assert_eq!(one.verify(&password), Ok(()));
        assert_eq!(one.verify(&secret("correct horsf")), Err(Mismatch));
    }

    #[test]
    fn a_longer_password_does_not_pass_for_its_first_kilobyte() {
        let longest = "a".repeat(LONGEST);
        let hash = PasswordHash::of_new(&secret(&longest)).unwrap();

        assert_eq!(hash.verify(&secret(&longest)), Ok(()));
        assert_eq!(hash.verify(&secret(&format!("{longest}b"))), Err(Mismatch));
    }

    #[test]
    fn short_and_endless_passwords_are_not_accepted() {
        for wrong in ["", "1234567", &"a".repeat(LONGEST + 1)] {
            assert!(matches!(PasswordHash::of_new(&secret(wrong)), Err(AccountError::Password)));
        }
    }
}
