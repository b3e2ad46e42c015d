//! Keys and forged tokens for tests.

use std::sync::OnceLock;

use aws_lc_rs::{encoding::AsDer, rsa::KeySize, signature::RsaKeyPair};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::{JwkSet, SigningKey};

/// The public key of RFC 7515 §A.2.1.
pub(crate) const RFC_7515_A2_KEY: &str = r#"{
    "kty": "RSA",
    "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    "e": "AQAB"
}"#;

/// The public key of RFC 7515 §A.3.1.
pub(crate) const RFC_7515_A3_KEY: &str = r#"{
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
}"#;

/// A private RSA key, the same throughout a test run.
pub(crate) fn rsa_pkcs8() -> &'static [u8] {
    static PKCS8: OnceLock<Vec<u8>> = OnceLock::new();
    PKCS8.get_or_init(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap().as_ref().to_vec())
}

/// The same key, named `test`, ready to sign.
pub(crate) fn rsa_key() -> SigningKey {
    SigningKey::rs256_from_pkcs8("test".to_owned(), rsa_pkcs8()).unwrap()
}

/// The key set with the public half of that key.
pub(crate) fn rsa_keys() -> JwkSet {
    JwkSet::from_public_jwks(&[rsa_key().public_jwk()])
}

/// A token with any header and payload, rightly signed with the key.
pub(crate) fn forge(header: &str, payload: &str) -> String {
    let key = rsa_key();
    forge_with(header, payload, |message| key.signature(message).unwrap())
}

/// A token with any header and payload, signed in any way.
pub(crate) fn forge_with(header: &str, payload: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed_text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = sign(signed_text.as_bytes());
    format!("{signed_text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// An object with one member changed; `null` removes it.
pub(crate) fn changed(mut object: Value, name: &str, value: Value) -> Value {
    let members = object.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
    object
}
