//! Verifying a JWS in compact form whose payload is a JSON object (RFC 7515 §5.2, RFC 8725).
//!
//! In this order, so that nothing of a token is believed before its signature:
//!
//! 1. size, and three parts of base64url without padding (RFC 7515 §2);
//! 2. the header is a JSON object without repeated members (§4);
//! 3. it demands no extension: no `crit` (§4.1.11), no unencoded payload (RFC 7797 §7);
//! 4. its algorithm is one the caller allows (RFC 8725 §3.1);
//! 5. its type is the one the caller expects (RFC 8725 §3.11);
//! 6. a key of the issuer fits algorithm and key id; `jwk`, `jku`, `x5u` and `x5c` in the header are never looked at
//!    (RFC 8725 §3.10);
//! 7. the signature;
//! 8. the payload is a JSON object without repeated members (RFC 7519 §4).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::jwk::Key;
use crate::{Algorithm, JwkSet, json};

/// What a token's header has to say.
#[derive(Clone, Copy, Debug)]
pub struct JwsExpectation<'a> {
    /// The algorithms that this issuer may use.
    pub algorithms: &'a [Algorithm],
    /// The type of token.
    pub typ: ExpectedType<'a>,
}

/// The `typ` that a token must have, so that one kind of token is never taken for another (RFC 8725 §3.11 and §3.12).
///
/// Compared without regard to case, and `application/` counts as present where there is no slash (RFC 7515 §4.1.9).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExpectedType<'a> {
    /// It must be there.
    Exactly(&'a str),
    /// It may be missing.
    AbsentOr(&'a str),
}

/// Claims whose signature holds. Whether they are true for us is still to be verified.
#[derive(Clone, PartialEq, Debug)]
pub struct VerifiedJws {
    /// The algorithm they are signed with.
    pub algorithm: Algorithm,
    /// The payload.
    pub claims: Map<String, Value>,
}

/// Verifies the signature of a token against the keys of its issuer.
///
/// # Errors
///
/// [`JwsError::UnknownKey`] may pass when the keys are fetched again; the others are final.
pub fn verify_jws(token: &str, keys: &JwkSet, expected: &JwsExpectation<'_>) -> Result<VerifiedJws, JwsError> {
    let parts = Parts::split(token)?;
    let header = Header::parse(&parts.header)?;
    if !expected.algorithms.contains(&header.algorithm) {
        return Err(JwsError::AlgorithmNotAllowed);
    }
    expected.typ.require(header.typ.as_deref())?;
    let signed = |key: &Key| key.has_signed(header.algorithm, parts.signed_text.as_bytes(), &parts.signature);
    let candidates: Vec<_> = keys.candidates(header.algorithm, header.key_id.as_deref()).collect();
    match candidates.as_slice() {
        [] => return Err(JwsError::UnknownKey),
        // OpenID Connect Core §10.1: with several keys, the header has to say which.
        [_, _, ..] if header.key_id.is_none() => return Err(JwsError::AmbiguousKey),
        fitting if !fitting.iter().any(|key| signed(key)) => return Err(JwsError::BadSignature),
        _ => {}
    }
    let claims = json::parse_object(&parts.payload).map_err(|_| JwsError::Malformed("claims"))?;
    Ok(VerifiedJws { algorithm: header.algorithm, claims })
}

/// Why a token's signature does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JwsError {
    /// Not a compact JWS, or the named part of it is malformed.
    #[error("token has a malformed {0}")]
    Malformed(&'static str),
    /// The header demands an extension that we do not know (RFC 7515 §4.1.11).
    #[error("token demands an extension that is not supported")]
    UnknownExtension,
    /// The algorithm is `none`, unknown, or not expected from this issuer.
    #[error("token is signed with an algorithm that is not allowed")]
    AlgorithmNotAllowed,
    /// Another kind of token.
    #[error("token has another type than expected")]
    WrongType,
    /// No key of the issuer fits; it may have a new one.
    #[error("token is signed with an unknown key")]
    UnknownKey,
    /// The header does not say which of several keys is meant.
    #[error("token does not say which key it is signed with")]
    AmbiguousKey,
    /// The signature is not by the issuer.
    #[error("token has a bad signature")]
    BadSignature,
}

struct Parts<'a> {
    signed_text: &'a str,
    header: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn split(token: &'a str) -> Result<Self, JwsError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(JwsError::Malformed("size"));
        }
        // Three parts are a JWS; a JWE has five (RFC 7516 §9).
        let (signed_text, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed("form"))?;
        let (header, payload) = signed_text.split_once('.').ok_or(JwsError::Malformed("form"))?;
        Ok(Self {
            signed_text,
            header: decode(header, "header")?,
            payload: decode(payload, "payload")?,
            signature: decode(signature, "signature")?,
        })
    }
}

/// This alphabet takes neither padding nor line breaks nor other trailing bits than zeros, so every value has one
/// spelling (RFC 7515 §2, RFC 4648 §3.5).
fn decode(text: &str, part: &'static str) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| JwsError::Malformed(part))
}

struct Header {
    algorithm: Algorithm,
    key_id: Option<String>,
    typ: Option<String>,
}

impl Header {
    fn parse(text: &[u8]) -> Result<Self, JwsError> {
        let mut members = json::parse_object(text).map_err(|_| JwsError::Malformed("header"))?;
        let has_encoded_payload = members.get("b64").is_none_or(|value| value == true);
        if members.contains_key("crit") || !has_encoded_payload {
            return Err(JwsError::UnknownExtension);
        }
        let name = take_text(&mut members, "alg")?.ok_or(JwsError::Malformed("header"))?;
        let algorithm = Algorithm::from_name(&name).ok_or(JwsError::AlgorithmNotAllowed)?;
        Ok(Self { algorithm, key_id: take_text(&mut members, "kid")?, typ: take_text(&mut members, "typ")? })
    }
}

fn take_text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, JwsError> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JwsError::Malformed("header")),
    }
}

impl ExpectedType<'_> {
    fn require(self, actual: Option<&str>) -> Result<(), JwsError> {
        let is_expected = match (self, actual) {
            (Self::AbsentOr(_), None) => true,
            (Self::Exactly(_), None) => false,
            (Self::Exactly(expected) | Self::AbsentOr(expected), Some(actual)) => is_same_type(expected, actual),
        };
        if is_expected { Ok(()) } else { Err(JwsError::WrongType) }
    }
}

fn is_same_type(one: &str, other: &str) -> bool {
    let full = |name: &str| if name.contains('/') { name.to_owned() } else { format!("application/{name}") };
    full(one).eq_ignore_ascii_case(&full(other))
}

const MAX_TOKEN_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests;
