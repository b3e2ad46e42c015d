//! Every algorithm signs, every form of key is read, and nothing else.

use super::*;
use crate::{
    ExpectedType, JwkSet, JwsExpectation,
    jose::testing::{RFC_7515_A2_PRIVATE_KEY, RFC_7515_A3_PRIVATE_KEY, changed, rsa_key, rsa_pkcs8},
    verify_jws,
};

const RFC_8037_A1_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"k",
    "d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

/// A private RSA key of 1024 bits, made for this test alone.
const WEAK_RSA_KEY: &str = "MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAKYDMprUuEMzO8Gnm/C+LzBpJkgZ6dJfvuR6REIObCHEZmussrI5\
    nf//pep8cOPWaXKTSiKb6dZzsi9EZU7z9ac62PY/11KD/OTsTZ5ALX3OLx35uVDEzFyh7ktEyLHFiXutxO6Ys/cjxYqVsjO6PDxp\
    0vEyCJbn6iuATyGQvnyZAgMBAAECgYAlWSLRYnnx5FzVPHgAuUi0g3NxVSMdiRzRGhCxK713+09vefLZ1cyOA124Wzaqi1o9xJUx\
    JBJ/hJfZunFwScJB+DIFa8Ta79cit0Msc2wPfXs0iosikS/MngESxP52BV3ha9p86BhHB3RHZYB6FE6ElYfB2QgtE3n41tZqyb+y\
    4QJBANuIsY22yRpI1UCgtcLZ0JFpF5isHixtBpcxlkAz/uqQ3FwdqCAhlnSRV601JjpYyxDkAaCl+2Y2A6LkNbaXqh8CQQDBlpha\
    t4w/lFjDDEVNQdiwBFuQ+qJ6DN2C7d2chTpb8fnarwprbL/6J5QcKbe2d6NIVBGV7xJ74uQ0YmuAg/JHAkBZTumUUijLlZeTfA2V\
    YBDWJt+fj12TCyNkPJr4MW7hs97BZpsvvxo6/6mgX//WOqsZivgSh5OXSCAAk0A6sMZXAkA60hA+2DB0DRYfRbY08EHv0ZMk7RK7\
    NPeFVdMVQOHnmBGL4c2vsF5wmuAE4qQgfB+P1YN2ZCrgm6MtS45QgUb3AkEAu0KOISd0DwZ17VwwgYKP5dtAIQSGBF4sFSuYc3Wp\
    GSUW+fdYVAk0Y9fMV5dQiJXme0iCij83kzyk02vdh/gYzw==";

fn verifies(key: &SigningKey) -> bool {
    let token = key.sign("at+jwt", &json!({ "sub": "ann" })).unwrap();
    let keys = JwkSet::from_public_jwks(&[key.public_jwk()]);
    let algorithms = &[key.algorithm()];
    let expected = JwsExpectation { algorithms, typ: ExpectedType::Exactly("at+jwt") };
    verify_jws(&token, &keys, &expected).unwrap().claims["sub"] == "ann"
}

fn elliptic_pkcs8(algorithm: Algorithm) -> Vec<u8> {
    let (_, signing) = algorithm.elliptic_curve().unwrap();
    EcdsaKeyPair::generate(signing).unwrap().to_pkcs8v1().unwrap().as_ref().to_vec()
}

fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<SigningKey, SigningError> {
    SigningKey::from_pkcs8("k".to_owned(), algorithm, pkcs8)
}

fn jwk(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn from_jwk(jwk: &Value) -> Result<SigningKey, SigningError> {
    SigningKey::from_jwk(jwk.to_string().as_bytes())
}

fn named(text: &str) -> Value {
    changed(jwk(text), "kid", json!("k"))
}

#[test]
fn what_an_rsa_key_signs_verifies_with_its_public_half() {
    assert!(verifies(&rsa_key()));
    for algorithm in
        [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512, Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512]
    {
        let key = from_pkcs8(algorithm, rsa_pkcs8()).unwrap();
        assert!(verifies(&key), "{algorithm:?}");
        assert_eq!(key.public_jwk()["alg"], algorithm.name());
    }
}

#[test]
fn what_an_elliptic_key_signs_verifies_with_its_public_half() {
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512] {
        let key = from_pkcs8(algorithm, &elliptic_pkcs8(algorithm)).unwrap();
        assert!(verifies(&key), "{algorithm:?}");
        assert_eq!(key.public_jwk()["alg"], algorithm.name());
    }
}

#[test]
fn what_an_edwards_key_signs_verifies_with_its_public_half() {
    let key_pair = Ed25519KeyPair::generate().unwrap();

    for pkcs8 in [key_pair.to_pkcs8v1().unwrap(), key_pair.to_pkcs8().unwrap()] {
        assert!(verifies(&from_pkcs8(Algorithm::EdDsa, pkcs8.as_ref()).unwrap()));
    }
}

#[test]
fn the_signature_of_rfc_7515_appendix_a2_comes_out_of_its_key() {
    let key = from_jwk(&changed(named(RFC_7515_A2_PRIVATE_KEY), "alg", json!("RS256"))).unwrap();
    let signed_text = "eyJhbGciOiJSUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

    let signature = encode(&key.signature(signed_text.as_bytes()).unwrap());

    assert!(signature.starts_with("cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7"), "{signature}");
    assert!(signature.ends_with("lVmtVrBp0igcN_IoypGlUPQGe77Rw"), "{signature}");
}

#[test]
fn the_signature_of_rfc_8037_appendix_a4_comes_out_of_its_key() {
    let key = SigningKey::from_jwk(RFC_8037_A1_KEY.as_bytes()).unwrap();

    let signature = key.signature(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc").unwrap();

    assert_eq!(
        encode(&signature),
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    );
}

#[test]
fn a_curve_has_its_one_algorithm_and_an_rsa_key_must_say_which() {
    assert!(verifies(&from_jwk(&named(RFC_7515_A3_PRIVATE_KEY)).unwrap()));
    assert_eq!(SigningKey::from_jwk(RFC_8037_A1_KEY.as_bytes()).unwrap().algorithm(), Algorithm::EdDsa);
    assert!(from_jwk(&named(RFC_7515_A2_PRIVATE_KEY)).is_err());

    let key = from_jwk(&changed(named(RFC_7515_A2_PRIVATE_KEY), "alg", json!("PS384"))).unwrap();
    assert_eq!(key.algorithm(), Algorithm::Ps384);
    assert!(verifies(&key));
    for wrong in ["RS256", "ES384", "EdDSA", "HS256", "none"] {
        assert!(from_jwk(&changed(named(RFC_7515_A3_PRIVATE_KEY), "alg", json!(wrong))).is_err(), "{wrong}");
        let is_rsa = wrong == "RS256";
        assert_eq!(from_jwk(&changed(named(RFC_7515_A2_PRIVATE_KEY), "alg", json!(wrong))).is_ok(), is_rsa, "{wrong}");
    }
}

#[test]
fn every_member_of_a_private_jwk_is_needed() {
    let rsa = changed(named(RFC_7515_A2_PRIVATE_KEY), "alg", json!("RS256"));
    for name in ["kid", "kty", "n", "e", "d", "p", "q", "dp", "dq", "qi"] {
        assert!(from_jwk(&changed(rsa.clone(), name, Value::Null)).is_err(), "{name}");
        assert!(from_jwk(&changed(rsa.clone(), name, json!(""))).is_err(), "{name}");
        assert!(from_jwk(&changed(rsa.clone(), name, json!(7))).is_err(), "{name}");
    }
    for (key, names) in [
        (named(RFC_7515_A3_PRIVATE_KEY), ["kid", "crv", "x", "y", "d"].as_slice()),
        (jwk(RFC_8037_A1_KEY), &["kid", "crv", "x", "d"]),
    ] {
        for name in names {
            assert!(from_jwk(&changed(key.clone(), name, Value::Null)).is_err(), "{name}");
        }
    }
}

#[test]
fn halves_that_do_not_belong_together_are_refused() {
    let other = URL_SAFE_NO_PAD.encode([7; 32]);
    let rsa = changed(named(RFC_7515_A2_PRIVATE_KEY), "alg", json!("RS256"));

    assert!(from_jwk(&changed(named(RFC_7515_A3_PRIVATE_KEY), "d", json!(other))).is_err());
    assert!(from_jwk(&changed(jwk(RFC_8037_A1_KEY), "d", json!(other))).is_err());
    for name in ["d", "p", "q", "dp", "dq", "qi"] {
        assert!(from_jwk(&changed(rsa.clone(), name, json!(other))).is_err(), "{name}");
    }
}

#[test]
fn a_jwk_that_is_not_one_private_key_for_signing_is_refused() {
    let rsa = changed(named(RFC_7515_A2_PRIVATE_KEY), "alg", json!("RS256"));

    assert!(from_jwk(&changed(rsa.clone(), "use", json!("sig"))).is_ok());
    assert!(from_jwk(&changed(rsa.clone(), "key_ops", json!(["sign"]))).is_ok());
    assert!(from_jwk(&changed(rsa.clone(), "use", json!("enc"))).is_err());
    assert!(from_jwk(&changed(rsa.clone(), "key_ops", json!(["decrypt"]))).is_err());
    assert!(from_jwk(&changed(rsa.clone(), "oth", json!([]))).is_err());
    assert!(from_jwk(&json!({ "keys": [rsa] })).is_err());
    assert!(from_jwk(&json!({ "kty": "oct", "kid": "k", "alg": "HS256", "k": "AAAA" })).is_err());
    assert!(SigningKey::from_jwk(b"{").is_err());
}

#[test]
fn a_weak_rsa_key_is_refused() {
    let pkcs8 = STANDARD.decode(WEAK_RSA_KEY).unwrap();
    assert_eq!(pkcs8.len(), 634);

    for algorithm in [Algorithm::Rs256, Algorithm::Ps256] {
        assert_eq!(from_pkcs8(algorithm, &pkcs8).unwrap_err(), SigningError::UnusableKey, "{algorithm:?}");
    }
}

#[test]
fn a_curve_that_is_not_the_one_of_the_algorithm_is_refused() {
    let elliptic = changed(named(RFC_7515_A3_PRIVATE_KEY), "alg", json!("ES256"));
    let edwards = changed(jwk(RFC_8037_A1_KEY), "alg", json!("EdDSA"));

    assert!(from_jwk(&elliptic).is_ok() && from_jwk(&edwards).is_ok());
    for curve in ["P-384", "secp256k1", "Ed25519"] {
        assert!(from_jwk(&changed(elliptic.clone(), "crv", json!(curve))).is_err(), "{curve}");
    }
    for curve in ["Ed448", "X25519", "P-256"] {
        assert!(from_jwk(&changed(edwards.clone(), "crv", json!(curve))).is_err(), "{curve}");
    }
    for algorithm in ["RS256", "ES256", "HS256"] {
        assert!(from_jwk(&changed(edwards.clone(), "alg", json!(algorithm))).is_err(), "{algorithm}");
    }
}

#[test]
fn a_coordinate_of_another_length_is_refused() {
    let with_zero = |name: &str| {
        let key = named(RFC_7515_A3_PRIVATE_KEY);
        let number = URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
        changed(key, name, json!(URL_SAFE_NO_PAD.encode([&[0], number.as_slice()].concat())))
    };

    for name in ["x", "y"] {
        assert!(from_jwk(&with_zero(name)).is_err(), "{name}");
    }
    let number = |name: &str| URL_SAFE_NO_PAD.decode(named(RFC_7515_A3_PRIVATE_KEY)[name].as_str().unwrap()).unwrap();
    let (mut x, mut y) = (number("x"), number("y"));
    x.push(y.remove(0));
    let shifted = changed(named(RFC_7515_A3_PRIVATE_KEY), "x", json!(encode(&x)));
    assert!(from_jwk(&changed(shifted, "y", json!(encode(&y)))).is_err());
}

#[test]
fn a_pem_file_is_read_whatever_stands_around_it() {
    let text = STANDARD.encode(rsa_pkcs8());
    let (first, second) = text.split_at(64);
    let pem = format!("# ours\r\n-----BEGIN PRIVATE KEY-----\r\n{first}\r\n{second}\n-----END PRIVATE KEY-----\n");
    let read = |pem: &str| SigningKey::from_pem("k".to_owned(), Algorithm::Rs256, pem);

    assert!(verifies(&read(&pem).unwrap()));
    for wrong in ["RSA PRIVATE", "PUBLIC", "ENCRYPTED PRIVATE"] {
        assert!(read(&pem.replace("PRIVATE", wrong)).is_err(), "{wrong}");
    }
    assert!(read(&pem.replace("-----END", "")).is_err());
    assert!(read(&pem.replace(first, "!")).is_err());
    assert!(read("").is_err());
}

#[test]
fn the_public_half_has_no_secret_members() {
    let rsa = rsa_key().public_jwk();
    let names = |jwk: &Value| jwk.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");

    assert_eq!(names(&rsa), "alg e kid kty n use");
    assert_eq!(rsa["e"], "AQAB");
    let elliptic = from_jwk(&named(RFC_7515_A3_PRIVATE_KEY)).unwrap().public_jwk();
    assert_eq!(names(&elliptic), "alg crv kid kty use x y");
    assert_eq!(elliptic["x"], jwk(RFC_7515_A3_PRIVATE_KEY)["x"]);
    let edwards = from_jwk(&jwk(RFC_8037_A1_KEY)).unwrap().public_jwk();
    assert_eq!(names(&edwards), "alg crv kid kty use x");
    assert_eq!(edwards["x"], jwk(RFC_8037_A1_KEY)["x"]);
}

#[test]
fn only_objects_are_signed() {
    assert_eq!(rsa_key().sign("JWT", &json!(["ann"])), Err(SigningError::NotAnObject));
}

#[test]
fn what_is_not_a_private_key_for_the_algorithm_with_a_name_is_refused() {
    for bytes in [[].as_slice(), &[0x30], b"-----BEGIN PRIVATE KEY-----"] {
        assert_eq!(SigningKey::rs256_from_pkcs8("k".to_owned(), bytes).unwrap_err(), SigningError::UnusableKey);
    }
    assert!(SigningKey::rs256_from_pkcs8(String::new(), rsa_pkcs8()).is_err());
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa, Algorithm::Hs256] {
        assert!(from_pkcs8(algorithm, rsa_pkcs8()).is_err(), "{algorithm:?}");
    }
    assert!(from_pkcs8(Algorithm::Es384, &elliptic_pkcs8(Algorithm::Es256)).is_err());
    assert!(from_pkcs8(Algorithm::Rs256, &elliptic_pkcs8(Algorithm::Es256)).is_err());
}

#[test]
fn debug_output_shows_only_the_name() {
    assert_eq!(format!("{:?}", rsa_key()), "SigningKey { kid: \"test\", .. }");
}
