//! Signed tokens: algorithms (RFC 7518), keys (RFC 7517), signatures (RFC 7515), as RFC 8725 says they are to be used.

mod algorithm;
mod jwk;
mod jws;
mod signing_key;
mod thumbprint;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod wycheproof;

pub use self::{
    algorithm::Algorithm,
    jwk::{JwkSet, JwkSetError},
    jws::{ExpectedType, JwsError, JwsExpectation, VerifiedJws, verify_jws},
    signing_key::{SigningError, SigningKey},
    thumbprint::jwk_thumbprint,
};
