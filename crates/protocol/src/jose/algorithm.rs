//! Signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2).

use aws_lc_rs::{
    digest::{self, Digest},
    hmac,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
        ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING, ED25519,
        EcdsaSigningAlgorithm, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
        RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
        RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaParameters,
        VerificationAlgorithm,
    },
};

/// A signature algorithm that is understood here. There is no `none`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Algorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rs256,
    /// RSA PKCS#1 v1.5 with SHA-384.
    Rs384,
    /// RSA PKCS#1 v1.5 with SHA-512.
    Rs512,
    /// RSA PSS with SHA-256.
    Ps256,
    /// RSA PSS with SHA-384.
    Ps384,
    /// RSA PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519, called `EdDSA` (RFC 8037) or `Ed25519` (RFC 9864).
    EdDsa,
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl Algorithm {
    /// The algorithm of this name, compared exactly (RFC 7515 §4.1.1); absent for `none` and everything unknown.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "RS384" => Some(Self::Rs384),
            "RS512" => Some(Self::Rs512),
            "PS256" => Some(Self::Ps256),
            "PS384" => Some(Self::Ps384),
            "PS512" => Some(Self::Ps512),
            "ES256" => Some(Self::Es256),
            "ES384" => Some(Self::Es384),
            "ES512" => Some(Self::Es512),
            "EdDSA" | "Ed25519" => Some(Self::EdDsa),
            "HS256" => Some(Self::Hs256),
            "HS384" => Some(Self::Hs384),
            "HS512" => Some(Self::Hs512),
            _ => None,
        }
    }

    /// The registered name; for Ed25519 the older and more widely known `EdDSA`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// The hash that `at_hash` is made with: the one of the signature (OpenID Connect Core §3.1.3.6). Ed25519 uses
    /// SHA-512 inside (RFC 8032 §5.1).
    pub(crate) fn hash(self, text: &[u8]) -> Digest {
        let algorithm = match self {
            Self::Rs256 | Self::Ps256 | Self::Es256 | Self::Hs256 => &digest::SHA256,
            Self::Rs384 | Self::Ps384 | Self::Es384 | Self::Hs384 => &digest::SHA384,
            Self::Rs512 | Self::Ps512 | Self::Es512 | Self::EdDsa | Self::Hs512 => &digest::SHA512,
        };
        digest::digest(algorithm, text)
    }

    /// How to verify with an RSA key; absent when the algorithm is not RSA. Keys have at least 2048 bits (RFC 7518 §3.3).
    pub(super) fn rsa_parameters(self) -> Option<&'static RsaParameters> {
        match self {
            Self::Rs256 => Some(&RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Some(&RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Some(&RSA_PKCS1_2048_8192_SHA512),
            Self::Ps256 => Some(&RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => Some(&RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => Some(&RSA_PSS_2048_8192_SHA512),
            _ => None,
        }
    }

    /// How to sign with an RSA key; absent when the algorithm is not RSA.
    pub(super) fn rsa_encoding(self) -> Option<&'static dyn RsaEncoding> {
        match self {
            Self::Rs256 => Some(&RSA_PKCS1_SHA256),
            Self::Rs384 => Some(&RSA_PKCS1_SHA384),
            Self::Rs512 => Some(&RSA_PKCS1_SHA512),
            Self::Ps256 => Some(&RSA_PSS_SHA256),
            Self::Ps384 => Some(&RSA_PSS_SHA384),
            Self::Ps512 => Some(&RSA_PSS_SHA512),
            _ => None,
        }
    }

    /// The curve's name and how to sign with a key on it; absent when the algorithm is not ECDSA.
    pub(super) fn elliptic_curve(self) -> Option<(&'static str, &'static EcdsaSigningAlgorithm)> {
        match self {
            Self::Es256 => Some(("P-256", &ECDSA_P256_SHA256_FIXED_SIGNING)),
            Self::Es384 => Some(("P-384", &ECDSA_P384_SHA384_FIXED_SIGNING)),
            Self::Es512 => Some(("P-521", &ECDSA_P521_SHA512_FIXED_SIGNING)),
            _ => None,
        }
    }

    /// How to verify with a key on this curve; absent when the curve is unknown. A curve has one algorithm
    /// (RFC 7518 §3.4), signatures are two numbers of fixed length.
    pub(super) fn for_curve(curve: &str) -> Option<(Self, &'static dyn VerificationAlgorithm)> {
        match curve {
            "P-256" => Some((Self::Es256, &ECDSA_P256_SHA256_FIXED)),
            "P-384" => Some((Self::Es384, &ECDSA_P384_SHA384_FIXED)),
            "P-521" => Some((Self::Es512, &ECDSA_P521_SHA512_FIXED)),
            "Ed25519" => Some((Self::EdDsa, &ED25519)),
            _ => None,
        }
    }

    /// The HMAC of this algorithm; absent when it is not one.
    pub(super) fn hmac(self) -> Option<hmac::Algorithm> {
        match self {
            Self::Hs256 => Some(hmac::HMAC_SHA256),
            Self::Hs384 => Some(hmac::HMAC_SHA384),
            Self::Hs512 => Some(hmac::HMAC_SHA512),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_exactly() {
        for name in ["none", "None", "NONE", "nOnE", "", "rs256", "RS256 ", "ES256K", "RS1", "EDDSA", "ed25519"] {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn every_algorithm_is_found_by_its_name() {
        for name in [
            "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384",
            "HS512",
        ] {
            assert_eq!(Algorithm::from_name(name).unwrap().name(), name);
        }
        assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDsa));
    }
}
