//! The keys that the login server makes for itself at its first start.

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use protocol::SigningKey;
use rusqlite::Transaction;
use zeroize::Zeroizing;

use crate::{
    browser::FormKey,
    opaque, random,
    storage::{
        StorageError,
        key::{self, StoredKey},
    },
};

/// The key that signs tokens.
pub(crate) fn ensure_signing_key(tx: &Transaction<'_>) -> Result<SigningKey, StorageError> {
    let stored = ensure_key(tx, "signing", || {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(rolled_back)?;
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(rolled_back)?;
        Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
    })?;
    SigningKey::rs256_from_pkcs8(stored.id, &stored.bytes).map_err(rolled_back)
}

/// The key that ties forms to cookies.
pub(crate) fn ensure_form_key(tx: &Transaction<'_>) -> Result<FormKey, StorageError> {
    let stored = ensure_key(tx, "forms", || Ok(Zeroizing::new(random::bytes::<32>().to_vec())))?;
    Ok(FormKey::new(&stored.bytes))
}

/// Wraps what went wrong inside a transaction, which is rolled back for it.
pub(crate) fn rolled_back(error: impl std::error::Error + Send + Sync + 'static) -> StorageError {
    StorageError::RolledBack(Box::new(error))
}

fn ensure_key(
    tx: &Transaction<'_>,
    purpose: &str,
    generate: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, StorageError>,
) -> Result<StoredKey, StorageError> {
    if let Some(stored) = key::load(tx, purpose)? {
        return Ok(stored);
    }
    let new = StoredKey { id: opaque::identifier(), bytes: generate()? };
    key::insert(tx, purpose, &new)?;
    Ok(new)
}
