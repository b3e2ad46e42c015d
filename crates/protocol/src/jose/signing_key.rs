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
    pub(super) fn signature(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
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
    let length_bytes = usize::from(short_length.saturating_sub(0x80));
    let (long_length, rest) = rest.split_at_checked(length_bytes)?;
    let length = if short_length < 0x80 {
        usize::from(short_length)
    } else {
        long_length.iter().try_fold(0_usize, |length, &byte| length.checked_mul(256)?.checked_add(usize::from(byte)))?
    };
    rest.split_at_checked(length)
}

const MIN_MODULUS_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Algorithm, ExpectedType, JwkSet, JwsExpectation,
        jose::testing::{rsa_key, rsa_pkcs8},
        verify_jws,
    };

    #[test]
    fn what_is_signed_verifies_with_the_public_half() {
        let key = rsa_key();

        let token = key.sign("at+jwt", &json!({ "sub": "ann" })).unwrap();

        let keys = JwkSet::from_public_jwks(&[key.public_jwk()]);
        let expected = JwsExpectation { algorithms: &[Algorithm::Rs256], typ: ExpectedType::Exactly("at+jwt") };
        assert_eq!(verify_jws(&token, &keys, &expected).unwrap().claims["sub"], "ann");
    }

    #[test]
    fn the_public_half_has_no_secret_members() {
        let jwk = rsa_key().public_jwk();

        let names: Vec<_> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names.len(), 6);
        assert!(["alg", "e", "kid", "kty", "n", "use"].iter().all(|name| names.contains(name)));
        assert_eq!(jwk["e"], "AQAB");
    }

    #[test]
    fn only_objects_are_signed() {
        assert_eq!(rsa_key().sign("JWT", &json!(["ann"])), Err(SigningError::NotAnObject));
    }

    #[test]
    fn what_is_not_a_private_key_with_a_name_is_refused() {
        for bytes in [[].as_slice(), &[0x30], b"-----BEGIN PRIVATE KEY-----"] {
            assert_eq!(SigningKey::rs256_from_pkcs8("k".to_owned(), bytes).unwrap_err(), SigningError::UnusableKey);
        }
        assert!(SigningKey::rs256_from_pkcs8(String::new(), rsa_pkcs8()).is_err());
    }

    #[test]
    fn debug_output_shows_only_the_name() {
        assert_eq!(format!("{:?}", rsa_key()), "SigningKey { kid: \"test\", .. }");
    }

    #[test]
    fn a_truncated_der_value_is_no_value() {
        assert_eq!(der_value(&[0x02, 0x01, 0x07, 0x09], 0x02), Some(([7].as_slice(), [9].as_slice())));
        assert_eq!(der_value(&[0x02, 0x81, 0x01, 0x07], 0x02), Some(([7].as_slice(), [].as_slice())));

        for truncated in [[].as_slice(), &[2], &[2, 1], &[2, 0x82, 1], &[2, 0xff, 1], &[2, 0x82, 1, 0, 7], &[3, 0]] {
            assert_eq!(der_value(truncated, 0x02), None, "{truncated:?}");
        }
    }
}
