//! Claims about the user who logged in (OpenID Connect Core §5.3).

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::{Map, Value};

use crate::{AuthorizationServerMetadata, Secret, Subject, json, message};

/// The request for the user's claims. `None` when the server offers no UserInfo, or the token cannot be a header.
pub fn userinfo_request(
    metadata: &AuthorizationServerMetadata,
    access_token: &Secret<String>,
) -> Option<Request<Bytes>> {
    let mut request = message::get_json(metadata.userinfo_endpoint.as_ref()?);
    message::authorize(&mut request, format!("Bearer {}", access_token.expose()))?;
    Some(request)
}

/// Reads the user's claims and makes sure that they are about the user of the ID token; otherwise none of them may be
/// used (OpenID Connect Core §5.3.2).
///
/// # Errors
///
/// - [`UserInfoError::AccessTokenRefused`]: another access token may help.
/// - [`UserInfoError::RateLimited`], [`UserInfoError::ServerFailed`]: ask again later.
/// - [`UserInfoError::WrongSubject`], [`UserInfoError::Unusable`]: asking again will not help.
pub fn parse_userinfo_response(
    response: &Response<Bytes>,
    expected: &Subject,
) -> Result<Map<String, Value>, UserInfoError> {
    let (status, retry_after) = (response.status(), message::retry_after(response));
    match status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED => return Err(UserInfoError::AccessTokenRefused),
        StatusCode::TOO_MANY_REQUESTS => return Err(UserInfoError::RateLimited { retry_after }),
        _ if status.is_server_error() => {
            return Err(UserInfoError::ServerFailed { status: status.as_u16(), retry_after });
        }
        _ => return Err(UserInfoError::Unusable("status is not 200")),
    }
    if response.body().len() > MAX_RESPONSE_BYTES {
        return Err(UserInfoError::Unusable("answer is too large"));
    }
    // A signed answer (`application/jwt`) is not JSON and ends here: we never register for one.
    let claims =
        json::parse_object(response.body()).map_err(|_| UserInfoError::Unusable("answer is not a JSON object"))?;
    if claims.get("sub").and_then(Value::as_str) != Some(expected.as_str()) {
        return Err(UserInfoError::WrongSubject);
    }
    Ok(claims)
}

/// Why there are no claims from UserInfo.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UserInfoError {
    /// The access token is expired, revoked or lacks the scope (OpenID Connect Core §5.3.3).
    #[error("UserInfo refused the access token")]
    AccessTokenRefused,
    /// Too many requests.
    #[error("UserInfo asks for fewer requests")]
    RateLimited {
        /// How long to wait, if the server says so.
        retry_after: Option<Duration>,
    },
    /// The server failed, 5xx.
    #[error("UserInfo failed with status {status}")]
    ServerFailed {
        /// HTTP status, 500 to 599.
        status: u16,
        /// How long to wait, if the server says so.
        retry_after: Option<Duration>,
    },
    /// The claims are about somebody else, or do not say about whom.
    #[error("UserInfo answered about another subject")]
    WrongSubject,
    /// Anything else.
    #[error("UserInfo gave an unusable answer: {0}")]
    Unusable(&'static str),
}

const MAX_RESPONSE_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::testing::metadata;

    fn answer(status: u16, body: &'static str) -> Result<Map<String, Value>, UserInfoError> {
        let response = Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap();
        parse_userinfo_response(&response, &Subject::parse("ann").unwrap())
    }

    #[test]
    fn the_request_carries_the_access_token_in_a_sensitive_header() {
        let request = userinfo_request(&metadata(), &"at".to_owned().into()).unwrap();

        assert_eq!(request.uri(), "https://as.example/userinfo");
        assert_eq!(request.headers()["authorization"], "Bearer at");
        assert!(request.headers()["authorization"].is_sensitive());
    }

    #[test]
    fn there_is_no_request_without_endpoint_or_with_a_token_that_breaks_the_header() {
        let mut without_endpoint = metadata();
        without_endpoint.userinfo_endpoint = None;

        assert!(userinfo_request(&without_endpoint, &"at".to_owned().into()).is_none());
        assert!(userinfo_request(&metadata(), &"a\r\nX: y".to_owned().into()).is_none());
    }

    #[test]
    fn claims_about_the_same_subject_are_used() {
        assert_eq!(answer(200, r#"{"sub":"ann","email":"a@example.com"}"#).unwrap()["email"], "a@example.com");
    }

    #[test]
    fn claims_about_somebody_else_or_nobody_are_discarded() {
        for body in [r#"{"sub":"Ann"}"#, r#"{"email":"x"}"#, r#"{"sub":["ann"]}"#, r#"{"sub":null}"#] {
            assert_eq!(answer(200, body), Err(UserInfoError::WrongSubject), "{body}");
        }
        assert!(matches!(answer(200, r#"{"sub":"eve","sub":"ann"}"#), Err(UserInfoError::Unusable(_))));
    }

    #[test]
    fn failures_are_told_apart_by_what_helps() {
        assert_eq!(answer(401, ""), Err(UserInfoError::AccessTokenRefused));
        assert_eq!(answer(429, ""), Err(UserInfoError::RateLimited { retry_after: None }));
        assert_eq!(answer(500, ""), Err(UserInfoError::ServerFailed { status: 500, retry_after: None }));
        assert!(matches!(answer(200, "eyJhbGciOiJSUzI1NiJ9.e30.AA"), Err(UserInfoError::Unusable(_))));
        assert!(matches!(answer(302, r#"{"sub":"ann"}"#), Err(UserInfoError::Unusable(_))));
    }
}
