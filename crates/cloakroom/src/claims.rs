//! The claims that a front end may see: what describes the user, without what belongs to the protocol.

use serde_json::{Map, Value};

/// Members of an ID token that are about the message and not about the user (OpenID Connect Core §2, RFC 7519 §4.1).
const PROTOCOL: [&str; 15] = [
    "iss",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "nonce",
    "azp",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
    "acr",
    "amr",
    "auth_time",
];

/// The user's claims in an ID token, with UserInfo's on top, as JSON.
pub(crate) fn of_login(id_token: &Map<String, Value>, user_info: Option<&Map<String, Value>>) -> String {
    let mut claims = about_user(id_token);
    claims.extend(user_info.into_iter().flat_map(about_user));
    Value::Object(claims).to_string()
}

/// Earlier claims with those of a new ID token on top.
pub(crate) fn renew(earlier: &str, id_token: &Map<String, Value>) -> String {
    let mut claims: Map<String, Value> = serde_json::from_str(earlier).unwrap_or_default();
    claims.extend(about_user(id_token));
    Value::Object(claims).to_string()
}

fn about_user(claims: &Map<String, Value>) -> Map<String, Value> {
    let about_user = claims.iter().filter(|(name, _)| !PROTOCOL.contains(&name.as_str()));
    about_user.map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn new_claims_win_and_protocol_members_are_left_out() {
        let first = json!({"sub": "1", "name": "A", "email": "a@example.com", "nonce": "n", "iss": "x"});
        let second = json!({"sub": "1", "name": "B", "at_hash": "h"});

        let claims = of_login(first.as_object().unwrap(), None);
        let claims = renew(&claims, second.as_object().unwrap());

        let claims: Value = serde_json::from_str(&claims).unwrap();
        assert_eq!(claims, json!({"sub": "1", "name": "B", "email": "a@example.com"}));
    }
}
