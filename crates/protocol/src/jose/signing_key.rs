//! Signing tokens, for those who issue them.

use std::fmt;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// A private RSA key that signs with `RS256`, the one algorithm that every OpenID client knows (OpenID Connect Core
/// §15.1).
pub struct SigningKey {
    id: String,
    key_pair: RsaKeyPair,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl SigningKey {
    /// Takes a private key in PKCS#8 form (RFC 5208, DER) under a key id. At least 2048 bits (RFC 7518 §3.3).
    pub fn rs256_from_pkcs8(kid: String, pkcs8: &[u8]) -> Result<Self, SigningError> {
        let key_pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| SigningError::UnusableKey)?;
        let (modulus, exponent) = public_numbers(key_pair.public_key().as_ref()).ok_or(SigningError::UnusableKey)?;
        if modulus.len() < MIN_MODULUS_BYTES || kid.is_empty() {
            return Err(SigningError::UnusableKey);
        }
        Ok(Self { id: kid, modulus: modulus.to_vec(), exponent: exponent.to_vec(), key_pair })
    }

    /// The key's name, as in the header of the tokens it signs.
    pub fn kid(&self) -> &str {
        &self.id
    }

    /// Signs a JSON object as a token of this type, for example `JWT` or `at+jwt`, in compact form (RFC 7515 §5.1).
    pub fn sign(&self, typ: &str, claims: &Value) -> Result<String, SigningError> {
        if !claims.is_object() {
            return Err(SigningError::NotAnObject);
        }
        let header = json!({ "alg": "RS256", "kid": self.id, "typ": typ });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed_text = format!("{}.{}", encode(&header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.signature(signed_text.as_bytes())?);
        Ok(format!("{signed_text}.{signature}"))
    }

    /// The public half as a JWK (RFC 7518 §6.3.1), for the key set of the issuer.
    pub fn public_jwk(&self) -> Value {
        json!({
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.id,
            "n": URL_SAFE_NO_PAD.encode(&self.modulus),
            "e": URL_SAFE_NO_PAD.encode(&self.exponent),
        })
    }

    #[expect(clippy::disallowed_methods, reason = "an RS256 signature has no random part; the argument is not used")]
    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let mut signature = vec![0; self.key_pair.public_modulus_len()];
        self.key_pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| SigningError::UnusableKey)?;
        Ok(signature)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("kid", &self.id).finish_non_exhaustive()
    }
}

/// Why there is no signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SigningError {
    /// Not a private RSA key of at least 2048 bits in PKCS#8 form, or its name is empty.
    #[error("not a usable RSA signing key (PKCS#8, at least 2048 bits) with a name")]
    UnusableKey,
    /// Claims are a JSON object (RFC 7519 §3).
    #[error("claims must be a JSON object")]
    NotAnObject,
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 §A.1.1): a DER sequence of two integers.
fn public_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, _) = der_value(der, 0x30)?;
    let (modulus, rest) = der_value(sequence, 0x02)?;
    let (exponent, _) = der_value(rest, 0x02)?;
    // An integer whose first bit is set gets a zero in front, which is not part of the number.
    let unsigned = |number| <[u8]>::strip_prefix(number, &[0]).unwrap_or(number);
    Some((unsigned(modulus), unsigned(exponent)))
}

/// The content of the first value, if it has this tag, and what follows it (X.690 §8.1).
fn der_value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    let (&short_length, rest) = rest.split_first()?;
    if first != tag {
        return None;
    }
    let length_bytes = usize::from(short_length.checked_sub(0x80).unwrap_or(0));
    let (long_length, rest) = rest.split_at_checked(length_bytes)?;
    let length = if short_length < 0x80 {
        usize::from(short_length)
    } else {
        long_length.iter().try_fold(0_usize, |length, &byte| length.checked_mul(256)?.checked_add(usize::from(byte)))?
    };
    rest.split_at_checked(length)
}

const MIN_MODULUS_BYTES: usize = 256;
