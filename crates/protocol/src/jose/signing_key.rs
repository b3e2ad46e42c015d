//! Signing tokens, for those who issue them and for clients that prove themselves with a key.

mod der;
mod jwk;

use std::fmt;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaEncoding, RsaKeyPair},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::Algorithm;

/// A private key that signs with one algorithm (RFC 8725 §3.1): RSA of at least 2048 bits, a NIST curve, or Ed25519.
pub struct SigningKey {
    id: String,
    algorithm: Algorithm,
    key_pair: KeyPair,
    public_jwk: Value,
}

enum KeyPair {
    Rsa(&'static dyn RsaEncoding, RsaKeyPair),
    Elliptic(&'static str, EcdsaKeyPair),
    Edwards(Ed25519KeyPair),
}

impl SigningKey {
    /// Takes a private RSA key in PKCS#8 form (RFC 5208, DER) under a key id, to sign with `RS256`, the one algorithm
    /// that every OpenID client knows (OpenID Connect Core §15.1).
    pub fn rs256_from_pkcs8(kid: String, pkcs8: &[u8]) -> Result<Self, SigningError> {
        Self::from_pkcs8(kid, Algorithm::Rs256, pkcs8)
    }

    /// Takes a private key in PKCS#8 form (RFC 5208, DER) under a key id, to sign with this algorithm. An RSA key of less
    /// than 2048 bits (RFC 7518 §3.3) is refused by the library.
    ///
    /// # Errors
    ///
    /// [`SigningError::UnusableKey`] when the key and the algorithm do not fit each other as well.
    pub fn from_pkcs8(kid: String, algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, SigningError> {
        let unusable = |_| SigningError::UnusableKey;
        let key_pair = if let Some(encoding) = algorithm.rsa_encoding() {
            KeyPair::Rsa(encoding, RsaKeyPair::from_pkcs8(pkcs8).map_err(unusable)?)
        } else if let Some((curve, signing)) = algorithm.elliptic_curve() {
            KeyPair::Elliptic(curve, EcdsaKeyPair::from_pkcs8(signing, pkcs8).map_err(unusable)?)
        } else if algorithm == Algorithm::EdDsa {
            KeyPair::Edwards(Ed25519KeyPair::from_pkcs8(pkcs8).map_err(unusable)?)
        } else {
            return Err(SigningError::UnusableKey);
        };
        Self::new(kid, algorithm, key_pair)
    }

    /// Takes a private key from text that begins with `-----BEGIN PRIVATE KEY-----` (RFC 7468 §10): PKCS#8, not
    /// encrypted.
    pub fn from_pem(kid: String, algorithm: Algorithm, pem: &str) -> Result<Self, SigningError> {
        let (_, after_begin) = pem.split_once("-----BEGIN PRIVATE KEY-----").ok_or(SigningError::UnusableKey)?;
        let (text, _) = after_begin.split_once("-----END PRIVATE KEY-----").ok_or(SigningError::UnusableKey)?;
        let digits: Zeroizing<Vec<u8>> = Zeroizing::new(text.bytes().filter(|it| !it.is_ascii_whitespace()).collect());
        let pkcs8 = Zeroizing::new(STANDARD.decode(&digits).map_err(|_| SigningError::UnusableKey)?);
        Self::from_pkcs8(kid, algorithm, &pkcs8)
    }

    /// Takes a private key from a JWK (RFC 7517 §3, RFC 7518 §6, RFC 8037 §2) with `kid` and `alg`. Without `alg`, a
    /// curve has its one algorithm; an RSA key must say which.
    pub fn from_jwk(text: &[u8]) -> Result<Self, SigningError> {
        let (kid, algorithm, key_pair) = jwk::parse(text).ok_or(SigningError::UnusableKey)?;
        Self::new(kid, algorithm, key_pair)
    }

    fn new(id: String, algorithm: Algorithm, key_pair: KeyPair) -> Result<Self, SigningError> {
        let mut public_jwk = key_pair.public_jwk().filter(|_| !id.is_empty()).ok_or(SigningError::UnusableKey)?;
        for (name, value) in [("use", "sig"), ("alg", algorithm.name()), ("kid", &id)] {
            public_jwk[name] = Value::from(value);
        }
        Ok(Self { id, algorithm, key_pair, public_jwk })
    }

    /// The key's name, as in the header of the tokens it signs.
    pub fn kid(&self) -> &str {
        &self.id
    }

    /// The algorithm that it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Signs a JSON object as a token of this type, for example `JWT` or `at+jwt`, in compact form (RFC 7515 §5.1).
    pub fn sign(&self, typ: &str, claims: &Value) -> Result<String, SigningError> {
        if !claims.is_object() {
            return Err(SigningError::NotAnObject);
        }
        let header = json!({ "alg": self.algorithm.name(), "kid": self.id, "typ": typ });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed_text = format!("{}.{}", encode(&header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.signature(signed_text.as_bytes())?);
        Ok(format!("{signed_text}.{signature}"))
    }

    /// The public half as a JWK (RFC 7518 §6.2.1 and §6.3.1, RFC 8037 §2), for the key set of whoever signs.
    pub fn public_jwk(&self) -> Value {
        self.public_jwk.clone()
    }

    #[expect(clippy::disallowed_methods, reason = "the library draws what it needs itself; the argument is not used")]
    pub(super) fn signature(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let failed = |_| SigningError::UnusableKey;
        match &self.key_pair {
            KeyPair::Rsa(encoding, key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*encoding, &SystemRandom::new(), message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            KeyPair::Elliptic(_, key) => Ok(key.sign(&SystemRandom::new(), message).map_err(failed)?.as_ref().to_vec()),
            KeyPair::Edwards(key) => Ok(key.sign(message).as_ref().to_vec()),
        }
    }
}

impl KeyPair {
    /// The members that make the public key.
    fn public_jwk(&self) -> Option<Value> {
        match self {
            Self::Rsa(_, key) => {
                let (modulus, exponent) = der::public_numbers(key.public_key().as_ref())?;
                Some(json!({ "kty": "RSA", "n": encode(modulus), "e": encode(exponent) }))
            }
            Self::Elliptic(curve, key) => {
                // An uncompressed point: one byte that says so, then two coordinates (SEC 1 §2.3.3).
                let coordinates = key.public_key().as_ref().get(1..)?;
                let (x, y) = coordinates.split_at(coordinates.len() / 2);
                Some(json!({ "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y) }))
            }
            Self::Edwards(key) => {
                Some(json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(key.public_key().as_ref()) }))
            }
        }
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
    /// Not a private key for this algorithm, an RSA key of less than 2048 bits, or its name is empty.
    #[error("not a usable signing key: it needs a name, its algorithm, and 2048 bits or more if it is RSA")]
    UnusableKey,
    /// Claims are a JSON object (RFC 7519 §3).
    #[error("claims must be a JSON object")]
    NotAnObject,
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests;
