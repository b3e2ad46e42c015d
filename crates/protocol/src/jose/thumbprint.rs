//! A key's fingerprint (RFC 7638): a name that anybody can compute from the key.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

/// The SHA-256 thumbprint of a JWK, from the members that make the key and no others (RFC 7638 §3, RFC 8037 §2). `None`
/// when one of them is missing or is not text, or the type is unknown. Does not tell whether the key is any good.
pub fn jwk_thumbprint(jwk: &Value) -> Option<String> {
    // In lexicographic order (RFC 7638 §3.1).
    let names: &[&str] = match jwk.get("kty")?.as_str()? {
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        "RSA" => &["e", "kty", "n"],
        "oct" => &["k", "kty"],
        _ => return None,
    };
    let member = |name: &&str| Some(format!("\"{name}\":{}", Value::from(jwk.get(name)?.as_str()?)));
    let members = names.iter().map(member).collect::<Option<Vec<_>>>()?;
    Some(URL_SAFE_NO_PAD.encode(digest(&SHA256, format!("{{{}}}", members.join(",")).as_bytes())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jose::testing::changed;

    #[test]
    fn the_example_of_rfc_7638_section_3_1_holds() {
        let key = json!({
            "kty": "RSA",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZ\
                  CiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJ\
                  ZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBn\
                  iIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
            "e": "AQAB",
            "alg": "RS256",
            "kid": "2011-04-29",
        });

        assert_eq!(jwk_thumbprint(&key).unwrap(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn the_example_of_rfc_8037_section_a3_holds() {
        let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });

        assert_eq!(jwk_thumbprint(&key).unwrap(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn only_what_makes_the_key_counts() {
        let key = json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AQ" });
        let thumbprint = jwk_thumbprint(&key).unwrap();

        assert_eq!(jwk_thumbprint(&changed(key.clone(), "kid", json!("k"))).unwrap(), thumbprint);
        assert_eq!(jwk_thumbprint(&changed(key.clone(), "d", json!("AA"))).unwrap(), thumbprint);
        for name in ["crv", "x", "y"] {
            assert_ne!(jwk_thumbprint(&changed(key.clone(), name, json!("P-384"))).unwrap(), thumbprint, "{name}");
            assert_eq!(jwk_thumbprint(&changed(key.clone(), name, Value::Null)), None, "{name}");
            assert_eq!(jwk_thumbprint(&changed(key.clone(), name, json!(7))), None, "{name}");
        }
        assert_eq!(jwk_thumbprint(&changed(key, "kty", json!("ec"))), None);
        assert!(jwk_thumbprint(&json!({ "kty": "oct", "k": "AA" })).is_some());
    }
}
