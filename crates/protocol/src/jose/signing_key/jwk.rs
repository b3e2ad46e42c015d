//! Private keys as JWK (RFC 7518 §6.2.2, §6.3.2, RFC 8037 §2). The halves must belong together.

use aws_lc_rs::{
    rsa::{KeyPairComponents, PublicKeyComponents},
    signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::KeyPair;
use crate::{Algorithm, json};

/// The key's name, its algorithm, and the key; `None` for anything that is not one private key for signing.
pub(super) fn parse(text: &[u8]) -> Option<(String, Algorithm, KeyPair)> {
    let mut members = json::parse_object(text).ok()?;
    let is_for_signing = members.get("use").is_none_or(|purpose| purpose == "sig")
        && members.get("key_ops").is_none_or(|all| all.as_array().is_some_and(|all| all.contains(&"sign".into())));
    if !is_for_signing {
        return None;
    }
    let kid = members.get("kid")?.as_str()?.to_owned();
    let algorithm = algorithm(&members)?;
    let key_pair = match members.get("kty")?.as_str()? {
        "RSA" => rsa_key(&mut members, algorithm)?,
        "EC" => elliptic_key(&mut members, algorithm)?,
        "OKP" => edwards_key(&mut members, algorithm)?,
        _ => return None,
    };
    Some((kid, algorithm, key_pair))
}

/// The algorithm that `alg` names, else the one of the curve.
fn algorithm(members: &Map<String, Value>) -> Option<Algorithm> {
    match members.get("alg") {
        Some(name) => Algorithm::from_name(name.as_str()?),
        None => Algorithm::for_curve(members.get("crv")?.as_str()?).map(|(algorithm, _)| algorithm),
    }
}

fn rsa_key(members: &mut Map<String, Value>, algorithm: Algorithm) -> Option<KeyPair> {
    let encoding = algorithm.rsa_encoding()?;
    // More than two primes (RFC 7518 §6.3.2.7) are not supported by the library, nor by most others.
    if members.contains_key("oth") {
        return None;
    }
    let components = KeyPairComponents {
        public_key: PublicKeyComponents { n: take(members, "n")?, e: take(members, "e")? },
        d: take(members, "d")?,
        p: take(members, "p")?,
        q: take(members, "q")?,
        dP: take(members, "dp")?,
        dQ: take(members, "dq")?,
        qInv: take(members, "qi")?,
    };
    Some(KeyPair::Rsa(encoding, RsaKeyPair::from_components(&components).ok()?))
}

fn elliptic_key(members: &mut Map<String, Value>, algorithm: Algorithm) -> Option<KeyPair> {
    let (curve, signing) = algorithm.elliptic_curve()?;
    if members.get("crv")? != curve {
        return None;
    }
    let (x, y, private) = (take(members, "x")?, take(members, "y")?, take(members, "d")?);
    // Both coordinates have full length (RFC 7518 §6.2.1.2), else the point would be read wrongly.
    if x.len() != y.len() {
        return None;
    }
    let uncompressed_point = [&[4], x.as_slice(), y.as_slice()].concat();
    let key = EcdsaKeyPair::from_private_key_and_public_key(signing, &private, &uncompressed_point).ok()?;
    Some(KeyPair::Elliptic(curve, key))
}

fn edwards_key(members: &mut Map<String, Value>, algorithm: Algorithm) -> Option<KeyPair> {
    if algorithm != Algorithm::EdDsa || members.get("crv")? != "Ed25519" {
        return None;
    }
    let (seed, public) = (take(members, "d")?, take(members, "x")?);
    Some(KeyPair::Edwards(Ed25519KeyPair::from_seed_and_public_key(&seed, &public).ok()?))
}

/// Takes a number out, so that neither its text nor its bytes linger.
fn take(members: &mut Map<String, Value>, name: &str) -> Option<Zeroizing<Vec<u8>>> {
    let Some(Value::String(text)) = members.remove(name) else { return None };
    URL_SAFE_NO_PAD.decode(&*Zeroizing::new(text)).ok().map(Zeroizing::new)
}
