//! Proof Key for Code Exchange (RFC 7636): only who started the login can redeem its code. `S256` only
//! (RFC 9700 §2.1.1).

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::Secret;

/// The secret that stays with us from the authorization request to the token request (RFC 7636 §4.1).
#[derive(Clone, Debug)]
pub struct CodeVerifier(Secret<String>);

impl CodeVerifier {
    /// Makes a verifier of 32 random bytes, as RFC 7636 §4.1 recommends.
    pub fn from_bytes(random: &[u8; 32]) -> Self {
        Self(Secret::new(URL_SAFE_NO_PAD.encode(random)))
    }

    /// Reads a verifier that a client sent: 43 to 128 unreserved characters (RFC 7636 §4.1). None for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let is_valid = (43..=128).contains(&text.len()) && text.bytes().all(is_unreserved);
        is_valid.then(|| Self(Secret::new(text.to_owned())))
    }

    /// The verifier's text, for the token request.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The `S256` challenge for the authorization request (RFC 7636 §4.2).
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.expose().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_appendix_b_holds() {
        let random = [
            116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105, 214, 191,
            240, 91, 88, 5, 88, 83, 132, 141, 121,
        ];

        let verifier = CodeVerifier::from_bytes(&random);

        assert_eq!(verifier.expose(), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(verifier.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_verifier_has_43_to_128_unreserved_characters() {
        assert_eq!(CodeVerifier::parse(&"a".repeat(43)).unwrap().expose(), "a".repeat(43));
        assert!(CodeVerifier::parse(&"~".repeat(128)).is_some());

        for wrong in ["a".repeat(42), "a".repeat(129), "a".repeat(43) + "=", "a".repeat(43) + " ", "é".repeat(43)] {
            assert!(CodeVerifier::parse(&wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn debug_output_hides_the_verifier() {
        assert_eq!(format!("{:?}", CodeVerifier::from_bytes(&[7; 32])), "CodeVerifier(Secret(..))");
    }
}
