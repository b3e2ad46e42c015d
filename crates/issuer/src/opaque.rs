//! Opaque values: what we hand out to be presented again, and the hash that we keep of it.
//!
//! Session and device cookies, codes, access-token and refresh-token lookups all work alike: whoever holds the database holds
//! hashes of values with 256 random bits, which cannot be presented.

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rusqlite::{
    ToSql,
    types::{ToSqlOutput, ValueRef},
};

use crate::random;

/// SHA-256 of a presented value: the only form in which the database knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Hash([u8; 32]);

impl Hash {
    pub(crate) fn of(value: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, value.as_bytes()).as_ref());
        Self(hash)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl ToSql for Hash {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
    }
}

/// A new value of 256 random bits, in base64url.
pub(crate) fn secret() -> String {
    URL_SAFE_NO_PAD.encode(random::bytes::<32>())
}

/// A new identifier of 128 random bits, in base64url.
pub(crate) fn identifier() -> String {
    URL_SAFE_NO_PAD.encode(random::bytes::<16>())
}
