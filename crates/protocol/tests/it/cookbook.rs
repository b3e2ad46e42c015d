//! Signatures and keys of RFC 7515, RFC 7517, RFC 7520 and RFC 8037.
//!
//! The payloads of RFC 7520 §4 and of RFC 8037 are not JSON, so that the right signature shows by the complaint about
//! the claims, which comes after it. Left out, because only the compact form with JSON claims is read: RFC 7520 §4.5 to
//! §4.8 (detached content, JSON serialization).

use cloakroom_protocol::{Algorithm, ExpectedType, JwkSet, JwsError, JwsExpectation, verify_jws};
use serde_json::{Value, json};

const RFC_7520_PAYLOAD: &str = "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4";

fn verify(token: &str, keys: &JwkSet, algorithm: Algorithm) -> JwsError {
    let expected = JwsExpectation { algorithms: &[algorithm], typ: ExpectedType::AbsentOr("JWT") };
    verify_jws(token, keys, &expected).expect_err("no example has claims")
}

/// The right signature holds; with one bit changed, in any of its parts, it does not.
fn assert_only_the_right_signature_holds(header: &str, payload: &str, signature: &str, keys: &JwkSet, name: Algorithm) {
    let token = |signature: &str| format!("{header}.{payload}.{signature}");
    assert_eq!(verify(&token(signature), keys, name), JwsError::Malformed("claims"));

    let flipped = |letter: char| if letter == 'A' { 'B' } else { 'A' };
    for position in [0, signature.len() / 2, signature.len() - 3] {
        let changed: String = signature
            .char_indices()
            .map(|(at, letter)| if at == position { flipped(letter) } else { letter })
            .collect();
        assert_eq!(verify(&token(&changed), keys, name), JwsError::BadSignature, "{position}");
    }
    let other_payload = format!("{header}.{}.{signature}", payload.replacen('S', "T", 1).replacen('R', "S", 1));
    assert_eq!(verify(&other_payload, keys, name), JwsError::BadSignature);
}

fn rfc_7520_rsa_key() -> JwkSet {
    JwkSet::from_public_jwks(&[json!({
        "kty": "RSA", "kid": "bilbo.baggins@hobbiton.example", "use": "sig", "e": "AQAB",
        "n": "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb\
              2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpP\
              I9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuax\
              wUkRz5iaiQkqgc5gHdrNP5zw",
    })])
}

#[test]
fn rfc_7520_section_4_1_rsa_pkcs1() {
    assert_only_the_right_signature_holds(
        "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9",
        RFC_7520_PAYLOAD,
        "MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDko\
         BwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpER\
         V0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree\
         7vjbU5y18kDquDg",
        &rfc_7520_rsa_key(),
        Algorithm::Rs256,
    );
}

#[test]
fn rfc_7520_section_4_2_rsa_pss() {
    assert_only_the_right_signature_holds(
        "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9",
        RFC_7520_PAYLOAD,
        "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLP\
         pcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2\
         lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4\
         ifKo8DYM-X72Eaw",
        &rfc_7520_rsa_key(),
        Algorithm::Ps384,
    );
}

#[test]
fn rfc_7520_section_4_3_ecdsa() {
    let keys = JwkSet::from_public_jwks(&[json!({
        "kty": "EC", "kid": "bilbo.baggins@hobbiton.example", "use": "sig", "crv": "P-521",
        "x": "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt",
        "y": "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1",
    })]);

    assert_only_the_right_signature_holds(
        "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9",
        RFC_7520_PAYLOAD,
        "AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1eJAQy3mtPBu_u_sDDyYjnAM\
         DxXPn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2",
        &keys,
        Algorithm::Es512,
    );
}

#[test]
fn rfc_7520_section_4_4_hmac() {
    let keys = JwkSet::from_symmetric_jwk(&json!({
        "kty": "oct", "kid": "018c0ae5-4d9b-471b-bfd6-eef314bc7037", "use": "sig", "alg": "HS256",
        "k": "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
    }))
    .unwrap();

    assert_only_the_right_signature_holds(
        "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9",
        RFC_7520_PAYLOAD,
        "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0",
        &keys,
        Algorithm::Hs256,
    );
}

#[test]
fn rfc_8037_appendix_a_5_ed25519() {
    let keys = JwkSet::from_public_jwks(&[
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
    ]);

    assert_only_the_right_signature_holds(
        "eyJhbGciOiJFZERTQSJ9",
        "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        &keys,
        Algorithm::EdDsa,
    );
}

#[test]
fn rfc_7515_appendix_e_an_extension_that_nobody_knows_is_refused() {
    let token = "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxl\
                 LmNvbS9VTkRFRklORUQiOnRydWUNCn0.RkFJTA.";

    assert_eq!(verify(token, &rfc_7520_rsa_key(), Algorithm::Rs256), JwsError::UnknownExtension);
}

#[test]
fn rfc_7515_appendix_a_6_and_a_7_only_the_compact_form_is_read() {
    let token = json!({
        "payload": RFC_7520_PAYLOAD, "protected": "eyJhbGciOiJFUzI1NiJ9", "header": { "kid": "x" }, "signature": "AA",
    });

    assert!(matches!(verify(&token.to_string(), &rfc_7520_rsa_key(), Algorithm::Es256), JwsError::Malformed(_)));
}

#[test]
fn rfc_7517_appendix_a_1_the_key_for_encryption_is_skipped() {
    let elliptic = json!({
        "kty": "EC", "crv": "P-256", "use": "enc", "kid": "1",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    });
    let rsa = json!({
        "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4\
              n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0\
              zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-c\
              sFCur-kEgU8awapJzKnqDKgw",
    });
    let mut for_signing = elliptic.clone();
    for_signing["use"] = json!("sig");
    let usable = |keys: &[&Value]| JwkSet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap().len();

    assert_eq!(usable(&[&elliptic, &rsa]), 1);
    assert_eq!(usable(&[&elliptic]), 0);
    assert_eq!(usable(&[&for_signing, &rsa]), 2);
}

#[test]
fn rfc_7517_appendix_a_3_symmetric_keys_are_never_public_and_need_their_algorithm() {
    let wrapping = json!({ "kty": "oct", "alg": "A128KW", "k": "GawgguFyGrWKav7AX4VKUg" });
    let mut signing = json!({
        "kty": "oct", "kid": "HMAC key used in JWS spec Appendix A.1 example",
        "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    });

    assert!(JwkSet::from_public_jwks(&[wrapping.clone(), signing.clone()]).is_empty());
    assert!(JwkSet::from_symmetric_jwk(&wrapping).is_none());
    assert!(JwkSet::from_symmetric_jwk(&signing).is_none());
    signing["alg"] = json!("HS256");
    assert!(JwkSet::from_symmetric_jwk(&signing).is_some());
}
