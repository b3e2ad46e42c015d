//! The key ring: every key of this installation, and what each is for.
//!
//! One *index root*, for keyed hashes that must stay the same for ever (indexes, public ids, CSRF tokens), and one or
//! more *server keys*, of which the newest seals and all open. From a server key, one key is derived for each purpose
//! and each record (HKDF-Expand, RFC 5869 §2.3), so that purposes never share a key.

mod file;

use aws_lc_rs::{constant_time, hkdf, hmac};
use protocol::Secret;

pub use self::file::KeyRingError;
use crate::{
    random::{self, Random},
    seal::{self, Forged, SealKey},
};

/// Every key of this installation.
#[derive(Debug)]
pub struct KeyRing {
    index: IndexKeys,
    /// Never empty; the last one seals.
    keys: Vec<ServerKey>,
}

/// What a derived key is for. The label goes into the derivation: changing one makes everything sealed under it unreadable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// The 8-byte MAC of a ticket.
    TicketMac,
    /// The server-sealed zone of a record.
    ServerZone,
    /// The outer layer around a wrapped data key.
    Wrap,
    /// A refresh token in flight.
    Escrow,
    /// A pending login in `state`.
    State,
    /// Code verifier and nonce of a pending login.
    LoginSecrets,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::TicketMac => b"cloakroom/1/ticket-mac",
            Self::ServerZone => b"cloakroom/1/server-zone",
            Self::Wrap => b"cloakroom/1/wrap",
            Self::Escrow => b"cloakroom/1/escrow",
            Self::State => b"cloakroom/1/state",
            Self::LoginSecrets => b"cloakroom/1/login-secrets",
        }
    }
}

/// What something is sealed for. It opens for nothing else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding<'a> {
    /// Chooses the key.
    pub(crate) purpose: Purpose,
    /// Chooses the key too: one record, one login.
    pub(crate) subject: &'a [u8],
    /// Goes along as associated data.
    pub(crate) context: &'a [u8],
}

/// What a keyed hash under the index root is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum IndexPurpose {
    /// Finds a user's sessions; its first 14 bits are the bucket.
    User,
    /// Finds the sessions of a `sid`.
    Sid,
    /// The id of a session that lists, logs and the browser see.
    PublicId,
    /// The session-bound CSRF token.
    Csrf,
    /// Names a browser in a counter.
    Browser,
    /// A note that sessions of a `sid` or a user ended at some time.
    EndedAt,
    /// Names a logout token's `jti`.
    LogoutToken,
    /// Tells whether a store was sealed with this key ring.
    Fingerprint,
}

impl IndexPurpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::User => b"cloakroom/1/index/user",
            Self::Sid => b"cloakroom/1/index/sid",
            Self::PublicId => b"cloakroom/1/index/public-id",
            Self::Csrf => b"cloakroom/1/index/csrf",
            Self::Browser => b"cloakroom/1/index/browser",
            Self::EndedAt => b"cloakroom/1/index/ended-at",
            Self::LogoutToken => b"cloakroom/1/index/logout-token",
            Self::Fingerprint => b"cloakroom/1/index/fingerprint",
        }
    }
}

impl KeyRing {
    /// A new ring with one key, not written anywhere: sessions end with the process.
    pub fn generate(random: &dyn Random) -> Self {
        Self { index: IndexKeys::new(random::bytes(random)), keys: vec![ServerKey::new(1, random::bytes(random))] }
    }

    /// A keyed hash that tells this ring from any other, for a store to remember.
    pub fn fingerprint(&self) -> [u8; 32] {
        self.index.hash(IndexPurpose::Fingerprint, &[])
    }

    /// A keyed hash of `parts`. Lengths go in, so that parts cannot be shifted against each other.
    pub(crate) fn index(&self, purpose: IndexPurpose, parts: &[&[u8]]) -> [u8; 32] {
        self.index.hash(purpose, parts)
    }

    /// The id of the key that seals.
    pub(crate) fn primary(&self) -> u8 {
        self.sealing().id
    }

    /// Seals under the newest key. Returns the key's id with it.
    pub(crate) fn seal(&self, binding: &Binding<'_>, plaintext: &[u8], random: &dyn Random) -> (u8, Vec<u8>) {
        let key = self.sealing();
        let derived = key.derive(binding.purpose, binding.subject);
        (key.id, seal::seal(&derived, binding.context, plaintext, random))
    }

    /// Opens what [`seal`](Self::seal) sealed. An unknown key is an error of its own: it is our trouble, not a forgery.
    pub(crate) fn open(&self, key_id: u8, binding: &Binding<'_>, sealed: &[u8]) -> Result<Secret<Vec<u8>>, OpenError> {
        let key = self.key(key_id).ok_or(OpenError::UnknownKey(key_id))?;
        let derived = key.derive(binding.purpose, binding.subject);
        seal::open(&derived, binding.context, sealed).map_err(OpenError::from)
    }

    /// 32 secret bytes that only this ring can make again from `subject`.
    pub(crate) fn derive(&self, key_id: u8, purpose: Purpose, subject: &[u8]) -> Option<SealKey> {
        self.key(key_id).map(|key| key.derive(purpose, subject))
    }

    /// The first 8 bytes of a MAC over a ticket.
    pub(crate) fn ticket_mac(&self, key_id: u8, ticket: &[u8]) -> Option<[u8; 8]> {
        let key = self.key(key_id)?;
        let tag = hmac::sign(&key.ticket_mac, ticket);
        tag.as_ref().first_chunk().copied()
    }

    fn sealing(&self) -> &ServerKey {
        self.keys.last().expect("a key ring is never empty: both constructors see to it")
    }

    fn key(&self, id: u8) -> Option<&ServerKey> {
        self.keys.iter().find(|key| key.id == id)
    }
}

/// Whether two MACs are equal, in constant time.
pub(crate) fn is_same_mac(left: &[u8], right: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(left, right).is_ok()
}

/// Why something sealed by the key ring stays closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The ring does not hold this key (yet): nobody is at fault, and nothing may be thrown away.
    #[error("the key ring holds no key {0}")]
    UnknownKey(u8),
    /// The seal does not fit.
    #[error("the seal does not fit")]
    Forged,
}

impl From<Forged> for OpenError {
    fn from(_: Forged) -> Self {
        Self::Forged
    }
}

#[derive(Debug)]
struct IndexKeys {
    root: Secret<[u8; 32]>,
}

impl IndexKeys {
    fn new(root: [u8; 32]) -> Self {
        Self { root: Secret::new(root) }
    }

    fn hash(&self, purpose: IndexPurpose, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.root.expose()));
        mac.update(purpose.label());
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(mac.sign().as_ref());
        hash
    }
}

struct ServerKey {
    id: u8,
    root: Secret<[u8; 32]>,
    prk: hkdf::Prk,
    ticket_mac: hmac::Key,
}

impl ServerKey {
    fn new(id: u8, root: [u8; 32]) -> Self {
        let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &root);
        let mac = expand(&prk, &[Purpose::TicketMac.label()]);
        Self { id, root: Secret::new(root), prk, ticket_mac: hmac::Key::new(hmac::HMAC_SHA256, mac.expose()) }
    }

    fn derive(&self, purpose: Purpose, subject: &[u8]) -> SealKey {
        expand(&self.prk, &[purpose.label(), subject])
    }
}

impl std::fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServerKey({})", self.id)
    }
}

/// A key from a ticket's secret, for the inner layer around a data key.
pub(crate) fn ticket_key(secret: &[u8; 32], store_key: &[u8; 32]) -> SealKey {
    let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, secret);
    expand(&prk, &[b"cloakroom/1/ticket-wrap", store_key])
}

fn expand(prk: &hkdf::Prk, label: &[&[u8]]) -> SealKey {
    let mut key = [0; 32];
    prk.expand(label, hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .expect("HKDF-SHA-256 gives 32 bytes for a label shorter than any limit");
    SealKey::new(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn nothing_opens_for_another_purpose_subject_or_context() {
        let ring = KeyRing::generate(&SystemRandom);
        let binding = Binding { purpose: Purpose::Escrow, subject: b"record", context: b"context" };
        let (id, sealed) = ring.seal(&binding, b"token", &SystemRandom);

        let others = [
            Binding { purpose: Purpose::Wrap, ..binding },
            Binding { subject: b"other", ..binding },
            Binding { context: b"other", ..binding },
        ];

        assert_eq!(ring.open(id, &binding, &sealed).unwrap().expose(), b"token");
        for other in others {
            assert_eq!(ring.open(id, &other, &sealed).err(), Some(OpenError::Forged), "{other:?}");
        }
    }

    #[test]
    fn an_unknown_key_is_not_called_a_forgery() {
        let ring = KeyRing::generate(&SystemRandom);

        let opened = ring.open(9, &Binding { purpose: Purpose::Wrap, subject: b"", context: b"" }, b"");

        assert_eq!(opened.err(), Some(OpenError::UnknownKey(9)));
    }

    #[test]
    fn parts_of_an_index_cannot_be_shifted_against_each_other() {
        let ring = KeyRing::generate(&SystemRandom);

        assert_ne!(ring.index(IndexPurpose::User, &[b"ab", b"c"]), ring.index(IndexPurpose::User, &[b"a", b"bc"]));
        assert_ne!(ring.index(IndexPurpose::User, &[b"a"]), ring.index(IndexPurpose::Sid, &[b"a"]));
    }

    #[test]
    fn no_secret_is_printed() {
        let ring = KeyRing { index: IndexKeys::new([0xab; 32]), keys: vec![ServerKey::new(1, [0xab; 32])] };

        let printed = format!("{ring:?}");

        assert!(!printed.contains("171") && !printed.contains("abab"), "{printed}");
    }
}
