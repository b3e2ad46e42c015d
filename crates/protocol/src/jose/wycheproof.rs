//! Project Wycheproof's vectors for the algorithms that JWS is made of, with their keys as JWK.
//!
//! Its vectors for whole JWS and JWK documents are not in the package. Not run, because JWS has no such thing: curves
//! other than the three of NIST and Ed25519, ECDSA signatures as DER, SHA-1, SHA-224, SHA-3 and SHAKE, PSS whose two
//! hashes differ. Run and held to a stricter answer than "valid":
//!
//! | Vectors | Our answer | Because |
//! |---|---|---|
//! | PSS with another salt than the hash is long | refused | RFC 7518 §3.5 |
//! | HMAC with a key shorter than the hash | no key | RFC 7518 §3.2 |
//! | HMAC with a truncated tag | refused | RFC 7518 §3.2 |
//! | "acceptable" PKCS#1 signatures, whose encoding lacks a NULL | refused | RFC 8017 §9.2 |

use ::wycheproof::{HashFunction, LargeInteger, TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{Algorithm, JwkSet};

fn number(number: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(number)
}

/// As JWK wants it: without leading zeros (RFC 7518 §2).
fn minimal(value: &LargeInteger) -> String {
    let zeros = value.iter().take_while(|&&byte| byte == 0).count();
    number(&value[zeros..])
}

fn one_key(jwk: Value) -> JwkSet {
    let keys = JwkSet::from_public_jwks(&[jwk]);
    assert_eq!(keys.len(), 1);
    keys
}

fn has_signed(keys: &JwkSet, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    keys.candidates(algorithm, None).any(|key| key.has_signed(algorithm, message, signature))
}

fn is_valid(result: TestResult) -> bool {
    result == TestResult::Valid
}

#[test]
fn ecdsa_with_signatures_of_fixed_length() {
    let mut valid = 0;
    for (name, algorithm) in [
        (ecdsa::TestName::EcdsaSecp256r1Sha256P1363, Algorithm::Es256),
        (ecdsa::TestName::EcdsaSecp384r1Sha384P1363, Algorithm::Es384),
        (ecdsa::TestName::EcdsaSecp521r1Sha512P1363, Algorithm::Es512),
    ] {
        let (curve, _) = algorithm.elliptic_curve().unwrap();
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            let coordinates = group.key.key.get(1..).unwrap();
            let (x, y) = coordinates.split_at(coordinates.len() / 2);
            let keys = one_key(json!({ "kty": "EC", "crv": curve, "x": number(x), "y": number(y) }));
            if let Some(jwk) = &group.jwk {
                assert_eq!((&*jwk.affine_x.to_vec(), &*jwk.affine_y.to_vec()), (x, y), "{curve}");
            }
            for test in group.tests {
                let outcome = has_signed(&keys, algorithm, &test.msg, &test.sig);
                assert_eq!(outcome, is_valid(test.result), "{algorithm:?} {} {}", test.tc_id, test.comment);
                valid += usize::from(outcome);
            }
        }
    }
    assert!(valid > 300, "{valid}");
}

#[test]
fn ed25519() {
    let mut valid = 0;
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let keys = one_key(json!({ "kty": "OKP", "crv": "Ed25519", "x": number(&group.jwk.x) }));
        for test in group.tests {
            let outcome = has_signed(&keys, Algorithm::EdDsa, &test.msg, &test.sig);
            assert_eq!(outcome, is_valid(test.result), "{} {}", test.tc_id, test.comment);
            valid += usize::from(outcome);
        }
    }
    assert!(valid > 50, "{valid}");
}

#[test]
fn rsa_pkcs1() {
    let mut valid = 0;
    for name in rsa_pkcs1_verify::TestName::all() {
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let algorithm = match group.hash {
                HashFunction::Sha2_256 => Algorithm::Rs256,
                HashFunction::Sha2_384 => Algorithm::Rs384,
                HashFunction::Sha2_512 => Algorithm::Rs512,
                _ => continue,
            };
            let keys = one_key(json!({ "kty": "RSA", "n": minimal(&group.key.n), "e": minimal(&group.key.e) }));
            for test in group.tests {
                let outcome = has_signed(&keys, algorithm, &test.msg, &test.sig);
                assert_eq!(outcome, is_valid(test.result), "{name:?} {} {}", test.tc_id, test.comment);
                valid += usize::from(outcome);
            }
        }
    }
    assert!(valid > 80, "{valid}");
}

#[test]
fn rsa_pss() {
    let (mut valid, mut salted_otherwise) = (0, 0);
    for name in rsa_pss_verify::TestName::all() {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let (algorithm, hash_bytes) = match (group.hash, group.mgf_hash) {
                (HashFunction::Sha2_256, Some(HashFunction::Sha2_256)) => (Algorithm::Ps256, 32),
                (HashFunction::Sha2_384, Some(HashFunction::Sha2_384)) => (Algorithm::Ps384, 48),
                (HashFunction::Sha2_512, Some(HashFunction::Sha2_512)) => (Algorithm::Ps512, 64),
                _ => continue,
            };
            let is_ours = group.salt_size == hash_bytes;
            let keys = one_key(json!({ "kty": "RSA", "n": minimal(&group.key.n), "e": minimal(&group.key.e) }));
            for test in group.tests {
                // What is wrong for another salt may be right for ours.
                if !is_ours && !is_valid(test.result) {
                    continue;
                }
                let outcome = has_signed(&keys, algorithm, &test.msg, &test.sig);
                let expected = is_ours && is_valid(test.result);
                assert_eq!(outcome, expected, "{name:?} {} {}", test.tc_id, test.comment);
                valid += usize::from(outcome);
                salted_otherwise += usize::from(!is_ours);
            }
        }
    }
    assert!(valid > 150 && salted_otherwise > 50, "{valid} {salted_otherwise}");
}

#[test]
fn hmac() {
    let (mut valid, mut too_short, mut truncated) = (0, 0, 0);
    for (name, algorithm, hash_bytes) in [
        (mac::TestName::HmacSha256, Algorithm::Hs256, 32),
        (mac::TestName::HmacSha384, Algorithm::Hs384, 48),
        (mac::TestName::HmacSha512, Algorithm::Hs512, 64),
    ] {
        for group in mac::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let jwk = json!({ "kty": "oct", "alg": algorithm.name(), "k": number(&test.key) });
                let Some(keys) = JwkSet::from_symmetric_jwk(&jwk) else {
                    assert!(test.key.len() < hash_bytes, "{algorithm:?} {}", test.tc_id);
                    too_short += 1;
                    continue;
                };
                assert!(test.key.len() >= hash_bytes, "{algorithm:?} {}", test.tc_id);
                let is_whole = group.tag_size == hash_bytes * 8;
                let outcome = has_signed(&keys, algorithm, &test.msg, &test.tag);
                assert_eq!(outcome, is_whole && is_valid(test.result), "{algorithm:?} {}", test.tc_id);
                valid += usize::from(outcome);
                truncated += usize::from(!is_whole && is_valid(test.result));
            }
        }
    }
    assert!(valid >= 90 && too_short >= 18 && truncated >= 90, "{valid} {too_short} {truncated}");
}
