//! ID tokens, good ones and bad ones.

use std::sync::OnceLock;

use aws_lc_rs::{encoding::AsDer as _, hmac, rsa::KeySize, signature::RsaKeyPair};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cloakroom::clock::Clock as _;
use protocol::SigningKey;
use serde_json::{Value, json};

use super::{
    CLIENT_ID, CLIENT_SECRET, Desk,
    script::{IdTokenDefect, Script},
};

/// What an ID token is about.
pub(super) struct Login<'a> {
    pub(super) subject: &'a str,
    pub(super) nonce: &'a str,
    pub(super) access_token: &'a str,
}

/// The ID token of a login, with the defect that the script wants.
pub(super) fn id_token(desk: &Desk, script: &Script, login: &Login<'_>) -> Option<String> {
    if script.id_token == IdTokenDefect::Absent {
        return None;
    }
    let mut claims = claims(desk, script, login);
    spoil(&mut claims, script.id_token);
    let right = signing_key(script.signing_key);
    Some(match script.id_token {
        IdTokenDefect::AlgorithmNone => format!("{}.", signed_text("none", right, &claims)),
        IdTokenDefect::SharedSecret => {
            let text = signed_text("HS256", right, &claims);
            let key = hmac::Key::new(hmac::HMAC_SHA256, CLIENT_SECRET.as_bytes());
            format!("{text}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, text.as_bytes())))
        }
        IdTokenDefect::Signature => key(2, right.kid()).sign("JWT", &claims).expect("claims are an object"),
        IdTokenDefect::UnknownKey => signing_key(2).sign("JWT", &claims).expect("claims are an object"),
        IdTokenDefect::Type => right.sign("at+jwt", &claims).expect("claims are an object"),
        _ => right.sign("JWT", &claims).expect("claims are an object"),
    })
}

/// A logout token with these claims on top of a good one's (OpenID Connect Back-Channel Logout §2.4); `null` takes one away.
pub(super) fn logout_token(desk: &Desk, script: &Script, changes: &Value) -> String {
    let now = desk.clock.now().unix_seconds();
    let mut claims = json!({
        "iss": desk.issuer,
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + 120,
        "jti": format!("logout-{}", desk.clock.now().unix_millis()),
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    });
    for (name, value) in changes.as_object().expect("changes are an object") {
        match value {
            Value::Null => drop(claims.as_object_mut().and_then(|claims| claims.remove(name))),
            value => claims[name] = value.clone(),
        }
    }
    signing_key(script.signing_key).sign("logout+jwt", &claims).expect("claims are an object")
}

fn claims(desk: &Desk, script: &Script, login: &Login<'_>) -> Value {
    let now = desk.clock.now().unix_seconds();
    let mut claims = json!({
        "iss": desk.issuer,
        "sub": login.subject,
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + 300,
        "nonce": login.nonce,
        "name": script.name,
        "at_hash": at_hash(login.access_token),
    });
    if let Some(ago) = script.authenticated_ago {
        claims["auth_time"] = (now - i64::try_from(ago.as_secs()).expect("ages ago")).into();
    }
    for (name, value) in [("sid", &script.sid), ("acr", &script.acr)] {
        if let Some(value) = value {
            claims[name] = value.as_str().into();
        }
    }
    claims
}

fn spoil(claims: &mut Value, defect: IdTokenDefect) {
    let mut remove = |name: &str| drop(claims.as_object_mut().and_then(|claims| claims.remove(name)));
    match defect {
        IdTokenDefect::NoNonce => remove("nonce"),
        IdTokenDefect::NoSubject => remove("sub"),
        IdTokenDefect::Nonce => claims["nonce"] = "another".into(),
        IdTokenDefect::Audience => claims["aud"] = "another".into(),
        IdTokenDefect::ExtraAudience => claims["aud"] = json!([CLIENT_ID, "another"]),
        IdTokenDefect::Issuer => claims["iss"] = "https://other.example".into(),
        IdTokenDefect::Expired => claims["exp"] = (claims["iat"].as_i64().unwrap_or_default() - 120).into(),
        IdTokenDefect::TextualExpiry => claims["exp"] = claims["exp"].to_string().into(),
        IdTokenDefect::FromTheFuture => claims["iat"] = claims["exp"].clone(),
        IdTokenDefect::AccessTokenHash => claims["at_hash"] = at_hash("another").into(),
        IdTokenDefect::None
        | IdTokenDefect::Absent
        | IdTokenDefect::AlgorithmNone
        | IdTokenDefect::SharedSecret
        | IdTokenDefect::Signature
        | IdTokenDefect::UnknownKey
        | IdTokenDefect::Type => {}
    }
}

/// OpenID Connect Core §3.1.3.6.
fn at_hash(access_token: &str) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, access_token.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])
}

fn signed_text(algorithm: &str, key: &SigningKey, claims: &Value) -> String {
    let header = json!({ "alg": algorithm, "kid": key.kid(), "typ": "JWT" });
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// Makes every key that will be asked for.
pub(super) fn make_keys() {
    for number in 0..3 {
        signing_key(number);
    }
}

/// The server's keys: 0 and 1 are in use one after the other, 2 never is.
pub(super) fn signing_key(number: usize) -> &'static SigningKey {
    static KEYS: [OnceLock<SigningKey>; 3] = [const { OnceLock::new() }; 3];
    KEYS[number].get_or_init(|| key(number, &format!("key-{number}")))
}

fn key(number: usize, name: &str) -> SigningKey {
    static KEYS: [OnceLock<Vec<u8>>; 3] = [const { OnceLock::new() }; 3];
    let pkcs8 = KEYS[number].get_or_init(|| {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key can be generated");
        pair.as_der().expect("a key can be written").as_ref().to_vec()
    });
    SigningKey::rs256_from_pkcs8(name.to_owned(), pkcs8).expect("the key was just generated")
}
