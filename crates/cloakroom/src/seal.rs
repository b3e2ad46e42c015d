//! Authenticated encryption: AES-256-GCM with a random nonce in front. Keys are derived for one record or one login
//! each, so that no key ever seals enough messages for nonces to meet.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest,
};
use protocol::Secret;
use thiserror::Error;

use crate::random::{self, Random};

/// A key for one purpose.
pub(crate) type SealKey = Secret<[u8; 32]>;

/// The bytes cannot have been sealed with this key for this purpose.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("the seal does not fit")]
pub(crate) struct Forged;

/// `nonce ‖ ciphertext ‖ tag`, bound to `context`.
pub(crate) fn seal(key: &SealKey, context: &[u8], plaintext: &[u8], random: &dyn Random) -> Vec<u8> {
    let nonce: [u8; NONCE_LEN] = random::bytes(random);
    let mut sealed = Vec::with_capacity(NONCE_LEN + plaintext.len() + AES_256_GCM.tag_len());
    sealed.extend_from_slice(&nonce);
    let mut body = plaintext.to_vec();
    cipher(key)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut body)
        .expect("AES-256-GCM seals anything shorter than 64 GiB");
    sealed.append(&mut body);
    sealed
}

/// What was sealed, if key and context are the same.
pub(crate) fn open(key: &SealKey, context: &[u8], sealed: &[u8]) -> Result<Secret<Vec<u8>>, Forged> {
    let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(Forged)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Forged)?;
    let mut body = body.to_vec();
    let length = cipher(key).open_in_place(nonce, Aad::from(context), &mut body).map_err(|_| Forged)?.len();
    body.truncate(length);
    Ok(Secret::new(body))
}

/// SHA-256 of the parts, one after the other.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

fn cipher(key: &SealKey) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.expose()).expect("an AES-256 key is 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn a_seal_opens_only_with_its_key_and_context() {
        let key = SealKey::new([7; 32]);
        let sealed = seal(&key, b"record 1", b"token", &SystemRandom);

        assert_eq!(open(&key, b"record 1", &sealed).unwrap().expose(), b"token");
        assert_eq!(open(&key, b"record 2", &sealed).err(), Some(Forged));
        assert_eq!(open(&SealKey::new([8; 32]), b"record 1", &sealed).err(), Some(Forged));
    }

    #[test]
    fn no_changed_or_shortened_seal_opens() {
        let key = SealKey::new([7; 32]);
        let sealed = seal(&key, b"c", b"token", &SystemRandom);

        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert_eq!(open(&key, b"c", &changed).err(), Some(Forged));
            assert_eq!(open(&key, b"c", &sealed[..position]).err(), Some(Forged));
        }
    }
}
