//! Public keys of an issuer (RFC 7517, RFC 7518 §6, RFC 8037 §2).
//!
//! A key is used only if it is for signatures, public, well formed, on its curve, and strong enough; others are
//! skipped (RFC 7517 §5). A key is bound to its algorithm: by its `alg`, else by its type (RFC 8725 §3.1).

use aws_lc_rs::{
    hmac,
    signature::{ParsedPublicKey, RsaPublicKeyComponents},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::{Algorithm, json};

/// The keys that verify an issuer's signatures. May be empty: then nothing verifies.
#[derive(Clone, Debug, Default)]
pub struct JwkSet(Vec<Key>);

impl JwkSet {
    /// Reads a JWK set, skipping keys that cannot be used: unknown types and curves, weak or malformed ones, secret
    /// ones, and those meant for encryption. The same key id may occur more than once.
    pub fn parse(text: &[u8]) -> Result<Self, JwkSetError> {
        if text.len() > MAX_BYTES {
            return Err(JwkSetError::TooLarge);
        }
        let set = json::parse_object(text).map_err(|_| JwkSetError::NotAKeySet)?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or(JwkSetError::NotAKeySet)?;
        if keys.len() > MAX_KEYS {
            return Err(JwkSetError::TooLarge);
        }
        Ok(Self::from_public_jwks(keys))
    }

    /// Takes single public keys, by the same rules.
    pub fn from_public_jwks(keys: &[Value]) -> Self {
        Self(keys.iter().filter_map(|key| Key::from_public_jwk(key.as_object()?)).collect())
    }

    /// The key that a client shares with its authorization server, for HMAC signatures (OpenID Connect Core §10.1).
    /// It never mixes with public keys. `None` when the algorithm is no HMAC or the secret is shorter than its output
    /// (RFC 7518 §3.2).
    pub fn from_shared_secret(algorithm: Algorithm, secret: &[u8]) -> Option<Self> {
        let hmac = algorithm.hmac()?;
        if secret.len() < hmac.digest_algorithm().output_len() {
            return None;
        }
        let material = Material::Shared(algorithm, Box::new(hmac::Key::new(hmac, secret)));
        Some(Self(vec![Key { id: None, algorithm: Some(algorithm), material }]))
    }

    /// A shared secret as JWK (RFC 7518 §6.4) whose `alg` binds it to one HMAC algorithm; by the same rules. Keep such a
    /// key apart from those that an issuer publishes.
    pub fn from_symmetric_jwk(key: &Value) -> Option<Self> {
        let members = key.as_object().filter(|members| is_for_verifying(members))?;
        if members.get("kty")? != "oct" {
            return None;
        }
        let algorithm = Algorithm::from_name(members.get("alg")?.as_str()?)?;
        Self::from_shared_secret(algorithm, &Zeroizing::new(bytes(members, "k")?))
    }

    /// Whether no key can be used.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many keys can be used.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The keys that fit this algorithm and, if one is given, this key id. A shared secret has no id and fits any.
    pub(super) fn candidates<'a>(
        &'a self,
        algorithm: Algorithm,
        key_id: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Key> {
        let has_id = move |key: &&Key| {
            key_id.is_none() || key.id.as_deref() == key_id || matches!(key.material, Material::Shared(..))
        };
        self.0.iter().filter(move |key| key.fits(algorithm)).filter(has_id)
    }
}

/// Why a document is not a JWK set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JwkSetError {
    /// More than 256 KiB or more than 100 keys.
    #[error("key set is too large")]
    TooLarge,
    /// Not a JSON object with an array `keys`, or one that repeats a member.
    #[error("not a JSON Web Key Set")]
    NotAKeySet,
}

/// One key and what it may be used for.
#[derive(Clone, Debug)]
pub(super) struct Key {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Clone, Debug)]
enum Material {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    Curve(Algorithm, ParsedPublicKey),
    Shared(Algorithm, Box<hmac::Key>),
}

impl Key {
    fn from_public_jwk(members: &Map<String, Value>) -> Option<Self> {
        if !is_public(members) || !is_for_verifying(members) {
            return None;
        }
        let algorithm = match members.get("alg") {
            None => None,
            Some(name) => Some(Algorithm::from_name(name.as_str()?)?),
        };
        let id = match members.get("kid") {
            None => None,
            Some(id) => Some(id.as_str()?.to_owned()),
        };
        let material = Material::from_public_jwk(members)?;
        let key = Self { id, algorithm, material };
        let is_consistent = algorithm.is_none_or(|algorithm| key.material.fits(algorithm));
        is_consistent.then_some(key)
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|own| own == algorithm) && self.material.fits(algorithm)
    }

    /// Whether this key made the signature with this algorithm.
    pub(super) fn has_signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Rsa { modulus, exponent } => algorithm.rsa_parameters().is_some_and(|parameters| {
                RsaPublicKeyComponents { n: modulus, e: exponent }.verify(parameters, message, signature).is_ok()
            }),
            Material::Curve(own, key) => *own == algorithm && key.verify_sig(message, signature).is_ok(),
            Material::Shared(own, key) => *own == algorithm && hmac::verify(key, message, signature).is_ok(),
        }
    }
}

impl Material {
    fn from_public_jwk(members: &Map<String, Value>) -> Option<Self> {
        match members.get("kty")?.as_str()? {
            "RSA" => rsa_key(members),
            "EC" => elliptic_key(members),
            "OKP" => edwards_key(members),
            _ => None,
        }
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Rsa { .. } => algorithm.rsa_parameters().is_some(),
            Self::Curve(own, _) | Self::Shared(own, _) => *own == algorithm,
        }
    }
}

/// RFC 7518 §6.3.1; 2048 to 8192 bits, no leading zeros.
fn rsa_key(members: &Map<String, Value>) -> Option<Material> {
    let (modulus, exponent) = (bytes(members, "n")?, bytes(members, "e")?);
    let has_good_size = (256..=1024).contains(&modulus.len()) && (1..=8).contains(&exponent.len());
    let is_minimal = modulus.first() != Some(&0) && exponent.first() != Some(&0);
    (has_good_size && is_minimal).then_some(Material::Rsa { modulus, exponent })
}

/// RFC 7518 §6.2.1; both coordinates in full length, the point on the curve (RFC 8725 §3.4).
fn elliptic_key(members: &Map<String, Value>) -> Option<Material> {
    let curve = members.get("crv")?.as_str()?;
    let coordinate_bytes = match curve {
        "P-256" => 32,
        "P-384" => 48,
        "P-521" => 66,
        _ => return None,
    };
    let (x, y) = (bytes(members, "x")?, bytes(members, "y")?);
    if x.len() != coordinate_bytes || y.len() != coordinate_bytes {
        return None;
    }
    let (algorithm, verification) = Algorithm::for_curve(curve)?;
    let uncompressed_point = [&[4], x.as_slice(), y.as_slice()].concat();
    Some(Material::Curve(algorithm, ParsedPublicKey::new(verification, uncompressed_point).ok()?))
}

/// RFC 8037 §2; Ed25519 only.
fn edwards_key(members: &Map<String, Value>) -> Option<Material> {
    if members.get("crv")?.as_str()? != "Ed25519" {
        return None;
    }
    let (algorithm, verification) = Algorithm::for_curve("Ed25519")?;
    let key = bytes(members, "x").filter(|key| key.len() == 32)?;
    Some(Material::Curve(algorithm, ParsedPublicKey::new(verification, key).ok()?))
}

fn bytes(members: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(members.get(name)?.as_str()?).ok()
}

/// A key whose secret part was published proves nothing any more; `oct` keys have nothing but a secret part.
fn is_public(members: &Map<String, Value>) -> bool {
    let secret_members = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    !secret_members.iter().any(|&name| members.contains_key(name))
}

/// RFC 7517 §4.2 and §4.3: a stated purpose that is not verifying excludes the key.
fn is_for_verifying(members: &Map<String, Value>) -> bool {
    let may_sign = members.get("use").is_none_or(|purpose| purpose == "sig");
    let may_verify = members
        .get("key_ops")
        .is_none_or(|operations| operations.as_array().is_some_and(|all| all.iter().any(|it| it == "verify")));
    may_sign && may_verify
}

const MAX_BYTES: usize = 256 * 1024;
const MAX_KEYS: usize = 100;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jose::testing::{RFC_7515_A2_KEY, RFC_7515_A3_KEY, changed};

    fn key(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    fn with(text: &str, name: &str, value: Value) -> Value {
        let mut key = key(text);
        key[name] = value;
        key
    }

    fn is_usable(key: Value) -> bool {
        !JwkSet::from_public_jwks(&[key]).is_empty()
    }

    #[test]
    fn usable_keys_are_kept_and_others_skipped() {
        let set = json!({ "keys": [
            key(RFC_7515_A2_KEY),
            { "kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow" },
            { "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA" },
            "not a key",
            {},
            key(RFC_7515_A3_KEY),
            key(RFC_7515_A3_KEY),
        ] });

        let keys = JwkSet::parse(set.to_string().as_bytes()).unwrap();

        assert_eq!(keys.len(), 3);
    }

    #[test]
    fn a_key_that_is_not_for_verifying_is_skipped() {
        assert!(is_usable(with(RFC_7515_A2_KEY, "use", json!("sig"))));
        assert!(is_usable(with(RFC_7515_A2_KEY, "key_ops", json!(["verify"]))));

        for purpose in [json!("enc"), json!("SIG"), json!(null)] {
            assert!(!is_usable(with(RFC_7515_A2_KEY, "use", purpose)));
        }
        for operations in [json!(["encrypt"]), json!([]), json!("verify")] {
            assert!(!is_usable(with(RFC_7515_A2_KEY, "key_ops", operations)));
        }
    }

    #[test]
    fn a_key_that_publishes_its_secret_part_is_skipped() {
        for name in ["d", "p", "k"] {
            assert!(!is_usable(with(RFC_7515_A2_KEY, name, json!("AQAB"))), "{name}");
        }
    }

    #[test]
    fn a_key_whose_algorithm_does_not_fit_its_type_is_skipped() {
        assert!(is_usable(with(RFC_7515_A2_KEY, "alg", json!("PS384"))));
        assert!(is_usable(with(RFC_7515_A3_KEY, "alg", json!("ES256"))));

        for algorithm in ["HS256", "ES256", "none", "RSA-OAEP", "rs256"] {
            assert!(!is_usable(with(RFC_7515_A2_KEY, "alg", json!(algorithm))), "{algorithm}");
        }
        assert!(!is_usable(with(RFC_7515_A3_KEY, "alg", json!("ES384"))));
    }

    #[test]
    fn a_weak_or_malformed_rsa_key_is_skipped() {
        let short = URL_SAFE_NO_PAD.encode([0xff; 128]);
        let padded = URL_SAFE_NO_PAD.encode([&[0], [0xff; 256].as_slice()].concat());

        for modulus in [json!(short), json!(padded), json!("AQAB"), json!("ä"), json!(7)] {
            assert!(!is_usable(with(RFC_7515_A2_KEY, "n", modulus)));
        }
        for exponent in [json!(""), json!("AQAB=="), json!(null)] {
            assert!(!is_usable(with(RFC_7515_A2_KEY, "e", exponent)));
        }
    }

    #[test]
    fn a_point_that_is_not_on_the_curve_is_skipped() {
        let zero = URL_SAFE_NO_PAD.encode([0; 32]);
        let short = URL_SAFE_NO_PAD.encode([1; 31]);

        for name in ["x", "y"] {
            assert!(!is_usable(with(RFC_7515_A3_KEY, name, json!(zero))), "{name}");
            assert!(!is_usable(with(RFC_7515_A3_KEY, name, json!(short))), "{name}");
        }
        for curve in ["P-384", "P-521", "secp256k1", "Ed25519"] {
            assert!(!is_usable(with(RFC_7515_A3_KEY, "crv", json!(curve))), "{curve}");
        }
    }

    #[test]
    fn an_edwards_key_has_32_bytes() {
        let key = |x: &str| json!({ "kty": "OKP", "crv": "Ed25519", "x": x });

        assert!(is_usable(key("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")));
        assert!(!is_usable(key(&URL_SAFE_NO_PAD.encode([1; 31]))));
        assert!(!is_usable(json!({ "kty": "OKP", "crv": "X25519", "x": URL_SAFE_NO_PAD.encode([9; 32]) })));
    }

    #[test]
    fn what_is_not_a_key_set_is_refused() {
        for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#, "<html>"] {
            assert_eq!(JwkSet::parse(text.as_bytes()).unwrap_err(), JwkSetError::NotAKeySet, "{text}");
        }
        assert!(JwkSet::parse(br#"{"keys":[]}"#).unwrap().is_empty());
    }

    #[test]
    fn the_number_and_size_of_keys_are_bounded() {
        let many = json!({ "keys": vec![json!({}); MAX_KEYS + 1] }).to_string();
        let large = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(MAX_BYTES));

        assert_eq!(JwkSet::parse(many.as_bytes()).unwrap_err(), JwkSetError::TooLarge);
        assert_eq!(JwkSet::parse(large.as_bytes()).unwrap_err(), JwkSetError::TooLarge);
    }

    #[test]
    fn a_shared_secret_is_at_least_as_long_as_the_hash() {
        assert!(JwkSet::from_shared_secret(Algorithm::Hs256, &[7; 32]).is_some());
        assert!(JwkSet::from_shared_secret(Algorithm::Hs256, &[7; 31]).is_none());
        assert!(JwkSet::from_shared_secret(Algorithm::Hs512, &[7; 63]).is_none());
        assert!(JwkSet::from_shared_secret(Algorithm::Rs256, &[7; 64]).is_none());
    }

    #[test]
    fn a_shared_secret_as_jwk_says_its_one_algorithm() {
        let secret = URL_SAFE_NO_PAD.encode([7; 48]);
        let key = json!({ "kty": "oct", "alg": "HS384", "k": secret });
        let is_usable = |key: Value| JwkSet::from_symmetric_jwk(&key).is_some();

        assert!(is_usable(key.clone()));
        assert!(is_usable(changed(key.clone(), "use", json!("sig"))));
        assert!(!is_usable(changed(key.clone(), "use", json!("enc"))));
        for wrong in [json!("HS512"), json!("RS256"), json!("ES256"), json!("none"), json!("A128KW"), Value::Null] {
            assert!(!is_usable(changed(key.clone(), "alg", wrong)));
        }
        for name in ["kty", "k"] {
            assert!(!is_usable(changed(key.clone(), name, Value::Null)), "{name}");
        }
        assert!(!is_usable(changed(key, "kty", json!("RSA"))));
        assert!(!is_usable(json!([])));
    }
}
