//! The token endpoint: a code or a refresh token in, a token set out (RFC 6749 §4.1.3, §5, §6).

mod refusal;

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::{Map, Value};

pub use self::refusal::{TokenError, TokenErrorCode};
use crate::{
    AuthorizationServerMetadata, Client, CodeVerifier, EndpointUrl, Secret, json,
    message::{is_error_text, is_visible_ascii},
};

/// What the authorization server gave us. `Debug` shows no token.
#[derive(Clone, Debug)]
pub struct TokenResponse {
    /// Bearer token for the resource servers; visible ASCII, so it can stand in a header.
    pub access_token: Secret<String>,
    /// How long the access token lasts from now; absent when the server does not say.
    pub expires_in: Option<Duration>,
    /// The refresh token to use next. Absent after a refresh: keep the one that was used (RFC 6749 §6).
    pub refresh_token: Option<Secret<String>>,
    /// ID token, still unverified.
    pub id_token: Option<Secret<String>>,
    /// What was granted; absent when it is what was asked for (RFC 6749 §5.1).
    pub scope: Option<String>,
}

/// The request that redeems an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.5).
pub fn code_request(
    metadata: &AuthorizationServerMetadata,
    client: &Client,
    code: &Secret<String>,
    redirect_uri: &EndpointUrl,
    verifier: &CodeVerifier,
) -> Request<Bytes> {
    let parameters = [
        ("grant_type", "authorization_code"),
        ("code", code.expose()),
        ("redirect_uri", redirect_uri.as_str()),
        ("code_verifier", verifier.expose()),
    ];
    client.post_form(&metadata.token_endpoint, &parameters)
}

/// The request that turns a refresh token into new tokens (RFC 6749 §6). The scope stays as it was granted.
///
/// Send it once: a refresh token that is used twice may end the grant (RFC 9700 §4.14.2).
pub fn refresh_request(
    metadata: &AuthorizationServerMetadata,
    client: &Client,
    refresh_token: &Secret<String>,
) -> Request<Bytes> {
    let parameters = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose())];
    client.post_form(&metadata.token_endpoint, &parameters)
}

/// Reads the token endpoint's answer.
///
/// # Errors
///
/// - [`TokenError::Refused`]: the server understood and said no.
/// - [`TokenError::RateLimited`], [`TokenError::ServerFailed`]: ask again later.
/// - [`TokenError::Unusable`]: the answer makes no sense; a token may have been consumed nevertheless.
pub fn parse_token_response(response: &Response<Bytes>) -> Result<TokenResponse, TokenError> {
    if response.status() != StatusCode::OK {
        return Err(TokenError::from_response(response));
    }
    if response.body().len() > MAX_RESPONSE_BYTES {
        return Err(TokenError::Unusable("answer is too large"));
    }
    let mut members =
        json::parse_object(response.body()).map_err(|_| TokenError::Unusable("answer is not a JSON object"))?;
    require_bearer(&members)?;
    Ok(TokenResponse {
        access_token: token(&mut members, "access_token")?.ok_or(TokenError::Unusable("access_token is missing"))?,
        expires_in: expires_in(&members)?,
        refresh_token: token(&mut members, "refresh_token")?,
        id_token: token(&mut members, "id_token")?,
        scope: scope(&mut members)?,
    })
}

/// A token of another type must not be used as if it were a bearer token (RFC 6749 §7.1); the name is compared without
/// regard to case (§5.1).
fn require_bearer(members: &Map<String, Value>) -> Result<(), TokenError> {
    match members.get("token_type").and_then(Value::as_str) {
        Some(kind) if kind.eq_ignore_ascii_case("bearer") => Ok(()),
        Some(_) => Err(TokenError::Unusable("token_type is not Bearer")),
        None => Err(TokenError::Unusable("token_type is missing")),
    }
}

/// Takes a token out without copying it. `null` and the empty text count as absent, as some servers send them.
fn token(members: &mut Map<String, Value>, name: &'static str) -> Result<Option<Secret<String>>, TokenError> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => {
            let token = Secret::new(text);
            let is_usable = token.expose().len() <= MAX_TOKEN_BYTES && is_visible_ascii(token.expose());
            is_usable.then_some(Some(token)).ok_or(TokenError::Unusable("a token is too long or not visible ASCII"))
        }
        Some(_) => Err(TokenError::Unusable("a token is not a string")),
    }
}

/// RFC 6749 §5.1 makes it a number of seconds; digits in quotes are accepted too, because deployed servers send them
/// and nothing depends on the difference.
fn expires_in(members: &Map<String, Value>) -> Result<Option<Duration>, TokenError> {
    let span = match members.get("expires_in") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        Some(Value::String(digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().map(Duration::from_secs)
        }
        Some(_) => None,
    };
    let span = span.ok_or(TokenError::Unusable("expires_in is not a number of seconds"))?;
    Ok(Some(span.min(MAX_EXPIRES_IN)))
}

fn scope(members: &mut Map<String, Value>) -> Result<Option<String>, TokenError> {
    match members.remove("scope") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(scope)) if scope.len() <= MAX_SCOPE_BYTES && is_error_text(&scope) => Ok(Some(scope)),
        Some(_) => Err(TokenError::Unusable("scope is not text of allowed characters")),
    }
}

const MAX_RESPONSE_BYTES: usize = 256 * 1024;
const MAX_TOKEN_BYTES: usize = 64 * 1024;
const MAX_SCOPE_BYTES: usize = 16 * 1024;
/// A hundred years: keeps sums with it meaningful.
const MAX_EXPIRES_IN: Duration = Duration::from_secs(100 * 365 * 86_400);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{ClientAuthentication, ClientId, metadata::testing::metadata};

    fn client() -> Client {
        Client { id: ClientId::new("app".to_owned()).unwrap(), authentication: ClientAuthentication::None }
    }

    fn parse(members: &Value) -> Result<TokenResponse, TokenError> {
        parse_token_response(&Response::new(Bytes::from(members.to_string())))
    }

    fn with(name: &str, value: Value) -> Value {
        let mut members = json!({ "access_token": "at", "token_type": "Bearer" });
        members[name] = value;
        members
    }

    #[test]
    fn a_code_is_redeemed_with_its_redirect_uri_and_verifier() {
        let redirect_uri = EndpointUrl::parse("https://app.example/cb").unwrap();
        let verifier = CodeVerifier::parse(&"v".repeat(43)).unwrap();

        let request = code_request(&metadata(), &client(), &"c&d".to_owned().into(), &redirect_uri, &verifier);

        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri(), "https://as.example/token");
        let expected = format!(
            "grant_type=authorization_code&code=c%26d&redirect_uri=https%3A%2F%2Fapp.example%2Fcb\
             &code_verifier={}&client_id=app",
            "v".repeat(43)
        );
        assert_eq!(request.body(), &expected);
    }

    #[test]
    fn a_refresh_names_its_token() {
        let request = refresh_request(&metadata(), &client(), &"r+t".to_owned().into());

        assert_eq!(request.body(), "grant_type=refresh_token&refresh_token=r%2Bt&client_id=app");
    }

    #[test]
    fn a_token_set_is_read() {
        let response = parse(&json!({
            "access_token": "at", "token_type": "bEARER", "expires_in": 300, "refresh_token": "rt",
            "id_token": "a.b.c", "scope": "openid x", "extra": {},
        }))
        .unwrap();

        assert_eq!(response.access_token.expose(), "at");
        assert_eq!(response.expires_in, Some(Duration::from_secs(300)));
        assert_eq!(response.refresh_token.unwrap().expose(), "rt");
        assert_eq!(response.id_token.unwrap().expose(), "a.b.c");
        assert_eq!(response.scope.as_deref(), Some("openid x"));
    }

    #[test]
    fn what_the_server_leaves_out_is_absent() {
        let response = parse(&with("refresh_token", Value::Null)).unwrap();

        assert!(response.expires_in.is_none() && response.refresh_token.is_none());
        assert!(response.id_token.is_none() && response.scope.is_none());
        assert!(parse(&with("refresh_token", json!(""))).unwrap().refresh_token.is_none());
    }

    #[test]
    fn debug_output_shows_no_token() {
        let shown = format!("{:?}", parse(&with("access_token", json!("s3cret"))).unwrap());

        assert!(shown.contains("Secret(..)") && !shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn another_token_type_is_not_used_as_bearer() {
        for kind in [json!("DPoP"), json!("Bearer "), json!(null), json!(["Bearer"])] {
            assert!(matches!(parse(&with("token_type", kind)), Err(TokenError::Unusable(_))));
        }
    }

    #[test]
    fn a_token_that_could_break_out_of_its_header_is_refused() {
        for text in ["a\r\nX: y", "a b", "a\0", "ä", " "] {
            for name in ["access_token", "refresh_token", "id_token"] {
                assert!(matches!(parse(&with(name, json!(text))), Err(TokenError::Unusable(_))), "{name} {text:?}");
            }
        }
        assert!(parse(&with("access_token", json!("a".repeat(65_537)))).is_err());
        assert!(parse(&with("access_token", json!(""))).is_err());
        assert!(parse(&with("access_token", json!({}))).is_err());
    }

    #[test]
    fn the_lifetime_is_a_span_that_cannot_overflow() {
        let expires_in = |value| parse(&with("expires_in", value)).map(|response| response.expires_in.unwrap());

        assert_eq!(expires_in(json!("3600")).unwrap(), Duration::from_secs(3600));
        assert_eq!(expires_in(json!(0)).unwrap(), Duration::ZERO);
        assert_eq!(expires_in(json!(1e18)).unwrap(), MAX_EXPIRES_IN);
        for wrong in [json!(-1), json!("-1"), json!(""), json!("1h"), json!(true), json!(1e300), json!([1])] {
            assert!(matches!(expires_in(wrong), Err(TokenError::Unusable(_))));
        }
    }

    #[test]
    fn an_answer_that_repeats_a_member_is_unusable() {
        let body = r#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#;

        let outcome = parse_token_response(&Response::new(Bytes::from_static(body.as_bytes())));

        assert_eq!(outcome.unwrap_err(), TokenError::Unusable("answer is not a JSON object"));
    }
}
