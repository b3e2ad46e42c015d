//! Examples of RFC 7515, every algorithm, and forged tokens for every rule.

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
        EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
        RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
    },
};
use serde_json::json;

use super::*;
use crate::jose::testing::{
    RFC_7515_A2_KEY, RFC_7515_A3_KEY, changed, forge, forge_with, rsa_key, rsa_keys, rsa_pkcs8,
};

const ALL: &[Algorithm] = &[
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::EdDsa,
    Algorithm::Hs256,
    Algorithm::Hs384,
    Algorithm::Hs512,
];

const RFC_7515_PAYLOAD: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const HEADER: &str = r#"{"alg":"RS256","kid":"test"}"#;
const PAYLOAD: &str = r#"{"sub":"ann"}"#;

fn verify(token: &str, keys: &JwkSet) -> Result<Map<String, Value>, JwsError> {
    let expected = JwsExpectation { algorithms: ALL, typ: ExpectedType::AbsentOr("JWT") };
    verify_jws(token, keys, &expected).map(|jws| jws.claims)
}

fn verify_type(header: &str, typ: ExpectedType<'_>) -> Result<VerifiedJws, JwsError> {
    verify_jws(&forge(header, PAYLOAD), &rsa_keys(), &JwsExpectation { algorithms: ALL, typ })
}

fn refusal_of_header(header: &str) -> JwsError {
    verify(&forge(header, PAYLOAD), &rsa_keys()).unwrap_err()
}

fn key_set(key: &str) -> JwkSet {
    JwkSet::from_public_jwks(&[serde_json::from_str(key).unwrap()])
}

#[expect(clippy::disallowed_methods, reason = "signatures in tests may be random")]
fn random() -> SystemRandom {
    SystemRandom::new()
}

mod examples_of_rfc_7515 {
    use super::*;

    #[test]
    fn a1_hs256_verifies() {
        let secret = URL_SAFE_NO_PAD
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .unwrap();
        let keys = JwkSet::from_shared_secret(Algorithm::Hs256, &secret).unwrap();
        let token = format!(
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{RFC_7515_PAYLOAD}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        );

        assert_eq!(verify(&token, &keys).unwrap()["iss"], "joe");
        assert_eq!(verify(&token.replace(".dB", ".dC"), &keys), Err(JwsError::BadSignature));
    }

    #[test]
    fn a2_rs256_verifies() {
        let token = format!(
            "eyJhbGciOiJSUzI1NiJ9.{RFC_7515_PAYLOAD}.\
             cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdb\
             F9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383\
             LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWy\
             wlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        );

        assert_eq!(verify(&token, &key_set(RFC_7515_A2_KEY)).unwrap()["exp"], 1_300_819_380);
        assert_eq!(verify(&token.replace(".cC", ".cD"), &key_set(RFC_7515_A2_KEY)), Err(JwsError::BadSignature));
    }

    #[test]
    fn a3_es256_verifies() {
        let token = format!(
            "eyJhbGciOiJFUzI1NiJ9.{RFC_7515_PAYLOAD}.\
             DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        );

        assert_eq!(verify(&token, &key_set(RFC_7515_A3_KEY)).unwrap()["http://example.com/is_root"], true);
        assert_eq!(verify(&token.replace(".Dt", ".Du"), &key_set(RFC_7515_A3_KEY)), Err(JwsError::BadSignature));
    }

    /// Its payload is the word "Payload", so the right signature is seen by the complaint about the claims.
    #[test]
    fn a4_es512_verifies() {
        let keys = key_set(
            r#"{"kty":"EC","crv":"P-521",
                "x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
                "y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}"#,
        );
        let token = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.\
                     AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwF\
                     KdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn";

        assert_eq!(verify(token, &keys), Err(JwsError::Malformed("claims")));
        assert_eq!(verify(&token.replace(".Ad", ".Ae"), &keys), Err(JwsError::BadSignature));
    }

    #[test]
    fn a5_unsecured_is_refused() {
        let token = format!("eyJhbGciOiJub25lIn0.{RFC_7515_PAYLOAD}.");

        assert_eq!(verify(&token, &rsa_keys()), Err(JwsError::AlgorithmNotAllowed));
    }
}

mod algorithms {
    use super::*;

    #[test]
    fn every_rsa_algorithm_verifies_only_under_its_own_name() {
        let encodings: [(&str, &'static dyn RsaEncoding); 6] = [
            ("RS256", &RSA_PKCS1_SHA256),
            ("RS384", &RSA_PKCS1_SHA384),
            ("RS512", &RSA_PKCS1_SHA512),
            ("PS256", &RSA_PSS_SHA256),
            ("PS384", &RSA_PSS_SHA384),
            ("PS512", &RSA_PSS_SHA512),
        ];
        let key_pair = RsaKeyPair::from_pkcs8(rsa_pkcs8()).unwrap();
        let keys = JwkSet::from_public_jwks(&[changed(rsa_key().public_jwk(), "alg", Value::Null)]);

        for (signed_as, encoding) in encodings {
            for (named, _) in encodings {
                let token = forge_with(&format!(r#"{{"alg":"{named}"}}"#), PAYLOAD, |message| {
                    let mut signature = vec![0; key_pair.public_modulus_len()];
                    key_pair.sign(encoding, &random(), message, &mut signature).unwrap();
                    signature
                });
                assert_eq!(verify(&token, &keys).is_ok(), signed_as == named, "{signed_as} as {named}");
            }
        }
    }

    #[test]
    fn every_curve_verifies_under_its_own_name() {
        let curves: [(&str, &str, &'static EcdsaSigningAlgorithm); 3] = [
            ("ES256", "P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
            ("ES384", "P-384", &ECDSA_P384_SHA384_FIXED_SIGNING),
            ("ES512", "P-521", &ECDSA_P521_SHA512_FIXED_SIGNING),
        ];
        for (name, curve, signing) in curves {
            let key_pair = EcdsaKeyPair::generate(signing).unwrap();
            let point = &key_pair.public_key().as_ref()[1..];
            let (x, y) = point.split_at(point.len() / 2);
            let encode = |number| URL_SAFE_NO_PAD.encode(number);
            let key = json!({ "kty": "EC", "crv": curve, "x": encode(x), "y": encode(y) });

            let sign = |message: &[u8]| key_pair.sign(&random(), message).unwrap().as_ref().to_vec();
            let token = forge_with(&json!({ "alg": name }).to_string(), PAYLOAD, sign);
            let misnamed = forge_with(r#"{"alg":"EdDSA"}"#, PAYLOAD, sign);

            let keys = JwkSet::from_public_jwks(&[key]);
            assert_eq!(verify(&token, &keys).unwrap()["sub"], "ann", "{name}");
            assert_eq!(verify(&misnamed, &keys), Err(JwsError::UnknownKey), "{name}");
        }
    }

    #[test]
    fn ed25519_verifies_under_both_its_names() {
        let key_pair = Ed25519KeyPair::generate().unwrap();
        let x = URL_SAFE_NO_PAD.encode(key_pair.public_key().as_ref());
        let keys = JwkSet::from_public_jwks(&[json!({ "kty": "OKP", "crv": "Ed25519", "x": x })]);

        for name in ["EdDSA", "Ed25519"] {
            let token = forge_with(&json!({ "alg": name }).to_string(), PAYLOAD, |message| {
                key_pair.sign(message).as_ref().to_vec()
            });
            assert!(verify(&token, &keys).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_public_key_used_as_hmac_secret_proves_nothing() {
        let modulus = URL_SAFE_NO_PAD.decode(rsa_key().public_jwk()["n"].as_str().unwrap()).unwrap();
        let hmac_key = hmac::Key::new(hmac::HMAC_SHA256, &modulus);

        let token = forge_with(r#"{"alg":"HS256","kid":"test"}"#, PAYLOAD, |message| {
            hmac::sign(&hmac_key, message).as_ref().to_vec()
        });

        assert_eq!(verify(&token, &rsa_keys()), Err(JwsError::UnknownKey));
    }

    #[test]
    fn none_is_refused_in_every_spelling_with_and_without_signature() {
        for name in ["none", "None", "NONE", "nOnE", ""] {
            let header = json!({ "alg": name, "kid": "test" }).to_string();
            assert_eq!(refusal_of_header(&header), JwsError::AlgorithmNotAllowed, "{name}");
            let unsigned = forge_with(&header, PAYLOAD, |_| Vec::new());
            assert_eq!(verify(&unsigned, &rsa_keys()), Err(JwsError::AlgorithmNotAllowed), "{name}");
        }
    }

    #[test]
    fn an_algorithm_that_the_caller_does_not_allow_is_refused() {
        let expected = JwsExpectation { algorithms: &[Algorithm::Es256], typ: ExpectedType::AbsentOr("JWT") };

        let outcome = verify_jws(&forge(HEADER, PAYLOAD), &rsa_keys(), &expected);

        assert_eq!(outcome, Err(JwsError::AlgorithmNotAllowed));
    }

    #[test]
    fn a_key_with_an_algorithm_is_used_for_no_other() {
        let keys = JwkSet::from_public_jwks(&[changed(rsa_key().public_jwk(), "alg", json!("PS256"))]);

        assert_eq!(verify(&forge(HEADER, PAYLOAD), &keys), Err(JwsError::UnknownKey));
    }
}

mod keys {
    use super::*;

    fn named(kid: Option<&str>) -> Value {
        changed(rsa_key().public_jwk(), "kid", json!(kid))
    }

    fn other(kid: &str) -> Value {
        changed(serde_json::from_str(RFC_7515_A2_KEY).unwrap(), "kid", json!(kid))
    }

    #[test]
    fn the_key_id_selects() {
        let keys = JwkSet::from_public_jwks(&[other("other"), named(Some("test"))]);

        assert!(verify(&forge(HEADER, PAYLOAD), &keys).is_ok());
        let misnamed = forge(r#"{"alg":"RS256","kid":"other"}"#, PAYLOAD);
        assert_eq!(verify(&misnamed, &keys), Err(JwsError::BadSignature));
        let unknown = forge(r#"{"alg":"RS256","kid":"Test"}"#, PAYLOAD);
        assert_eq!(verify(&unknown, &keys), Err(JwsError::UnknownKey));
    }

    #[test]
    fn without_key_id_exactly_one_key_must_fit() {
        let token = forge(r#"{"alg":"RS256"}"#, PAYLOAD);
        let unrelated: Value = serde_json::from_str(RFC_7515_A3_KEY).unwrap();

        assert!(verify(&token, &JwkSet::from_public_jwks(&[unrelated.clone(), named(None)])).is_ok());
        assert_eq!(verify(&token, &JwkSet::from_public_jwks(&[unrelated])), Err(JwsError::UnknownKey));
        assert_eq!(
            verify(&token, &JwkSet::from_public_jwks(&[named(None), other("other")])),
            Err(JwsError::AmbiguousKey)
        );
        assert_eq!(verify(&token, &JwkSet::default()), Err(JwsError::UnknownKey));
    }

    #[test]
    fn keys_that_share_an_id_are_all_tried() {
        let keys = JwkSet::from_public_jwks(&[other("test"), named(Some("test"))]);

        assert!(verify(&forge(HEADER, PAYLOAD), &keys).is_ok());
    }

    #[test]
    fn a_key_in_the_header_is_never_trusted() {
        let jwk = rsa_key().public_jwk();
        let embedded = json!({ "alg": "RS256", "jwk": jwk, "x5c": ["AA"], "jku": "https://evil.example/keys" });

        let token = forge(&embedded.to_string(), PAYLOAD);

        assert_eq!(verify(&token, &JwkSet::default()), Err(JwsError::UnknownKey));
        assert_eq!(verify(&token, &JwkSet::from_public_jwks(&[other("other")])), Err(JwsError::BadSignature));
    }
}

mod header {
    use super::*;

    #[test]
    fn an_extension_is_refused_even_if_it_is_empty_or_harmless() {
        for header in [
            r#"{"alg":"RS256","crit":["exp"],"exp":1}"#,
            r#"{"alg":"RS256","crit":[]}"#,
            r#"{"alg":"RS256","crit":null}"#,
            r#"{"alg":"RS256","b64":false}"#,
            r#"{"alg":"RS256","b64":"true"}"#,
            r#"{"alg":"RS256","crit":["b64"],"b64":false}"#,
        ] {
            assert_eq!(refusal_of_header(header), JwsError::UnknownExtension, "{header}");
        }
        assert!(verify(&forge(r#"{"alg":"RS256","b64":true}"#, PAYLOAD), &rsa_keys()).is_ok());
    }

    #[test]
    fn a_malformed_header_is_refused() {
        for header in [
            "",
            "{}",
            "[]",
            r#"{"alg":["RS256"]}"#,
            r#"{"alg":"none","alg":"RS256"}"#,
            r#"{"alg":"RS256","kid":7}"#,
            r#"{"alg":"RS256","typ":null}"#,
            r#"{"alg":"RS256"} "x""#,
        ] {
            assert_eq!(refusal_of_header(header), JwsError::Malformed("header"), "{header}");
        }
    }

    #[test]
    fn types_are_compared_as_media_types() {
        let with_type = |typ: &str| json!({ "alg": "RS256", "typ": typ }).to_string();
        let required = ExpectedType::Exactly("at+jwt");

        for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
            assert!(verify_type(&with_type(typ), required).is_ok(), "{typ}");
        }
        for typ in ["JWT", "jwt", "", "at+jwt ", "text/at+jwt", "logout+jwt", "application/application/at+jwt"] {
            assert_eq!(verify_type(&with_type(typ), required), Err(JwsError::WrongType), "{typ}");
        }
        assert_eq!(verify_type(HEADER, required), Err(JwsError::WrongType));
    }

    #[test]
    fn a_type_that_may_be_absent_may_not_be_another() {
        let optional = ExpectedType::AbsentOr("JWT");

        assert!(verify_type(HEADER, optional).is_ok());
        assert!(verify_type(r#"{"alg":"RS256","typ":"jwt"}"#, optional).is_ok());
        assert_eq!(verify_type(r#"{"alg":"RS256","typ":"at+jwt"}"#, optional), Err(JwsError::WrongType));
    }
}

mod encoding {
    use super::*;

    #[test]
    fn no_character_can_be_changed() {
        let token = forge(HEADER, PAYLOAD);

        for position in 0..token.len() {
            for replacement in ["A", "B", "_", "=", ".", "\n"] {
                let mut forged = token.clone();
                forged.replace_range(position..=position, replacement);
                assert_eq!(verify(&forged, &rsa_keys()).is_ok(), forged == token, "{position} {replacement:?}");
            }
        }
    }

    #[test]
    fn other_spellings_of_the_same_bytes_are_refused() {
        let token = forge(HEADER, PAYLOAD);
        // 256 bytes leave one byte for the last two characters, of which four bits must be zero.
        let last = token.chars().last().unwrap();
        let trailing_bits = format!("{}{}", &token[..token.len() - 1], char::from(last as u8 + 1));

        assert_eq!(verify(&trailing_bits, &rsa_keys()), Err(JwsError::Malformed("signature")));
        assert_eq!(verify(&format!("{token}=="), &rsa_keys()), Err(JwsError::Malformed("signature")));
        assert_eq!(verify(&format!("{token}\n"), &rsa_keys()), Err(JwsError::Malformed("signature")));
        assert_eq!(verify(&format!(" {token}"), &rsa_keys()), Err(JwsError::Malformed("header")));
    }

    #[test]
    fn anything_but_three_parts_is_refused() {
        let token = forge(HEADER, PAYLOAD);
        let (signed_text, _) = token.rsplit_once('.').unwrap();

        for wrong in ["", ".", "..", "a", &format!("{token}."), &format!("{token}.AA.AA"), signed_text] {
            assert!(matches!(verify(wrong, &rsa_keys()), Err(JwsError::Malformed(_))), "{wrong}");
        }
        assert_eq!(verify(&format!("{signed_text}."), &rsa_keys()), Err(JwsError::BadSignature));
        let json_form = json!({ "protected": "e30", "payload": "e30", "signature": "AA" }).to_string();
        assert!(matches!(verify(&json_form, &rsa_keys()), Err(JwsError::Malformed(_))));
    }

    #[test]
    fn claims_are_one_object_without_repeated_members() {
        for payload in ["", "[]", "\"x\"", "null", r#"{"sub":"ann","sub":"eve"}"#, r#"{"a":{"b":1,"b":2}}"#, "{} "] {
            let outcome = verify(&forge(HEADER, payload), &rsa_keys());
            let is_object = payload.trim() == "{}";
            assert_eq!(outcome.is_ok(), is_object, "{payload}");
        }
        assert_eq!(verify(&forge(HEADER, "[]"), &rsa_keys()), Err(JwsError::Malformed("claims")));
    }

    #[test]
    fn the_size_is_bounded() {
        let payload = json!({ "x": "x".repeat(MAX_TOKEN_BYTES) }).to_string();

        assert_eq!(verify(&forge(HEADER, &payload), &rsa_keys()), Err(JwsError::Malformed("size")));
    }
}
