//! Answers of the token endpoint that are not tokens (RFC 6749 §5.2), sorted by what the caller can do about them.

use std::time::Duration;

use bytes::Bytes;
use http::Response;

use crate::{json, message, message::is_error_text};

/// Why there are no tokens.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenError {
    /// The server understood the request and refuses it (RFC 6749 §5.2). The same request will be refused again.
    #[error("authorization server refused with status {status}: {code}")]
    Refused {
        /// HTTP status, 400 to 499.
        status: u16,
        /// The reason it gives.
        code: TokenErrorCode,
    },
    /// Too many requests (RFC 6585 §4).
    #[error("authorization server asks for fewer requests")]
    RateLimited {
        /// How long to wait, if the server says so.
        retry_after: Option<Duration>,
    },
    /// The server failed, 5xx. Whether it consumed the code or refresh token is unknown.
    #[error("authorization server failed with status {status}")]
    ServerFailed {
        /// HTTP status, 500 to 599.
        status: u16,
        /// How long to wait, if the server says so.
        retry_after: Option<Duration>,
    },
    /// Anything else: a success without usable tokens, a redirect, a refusal without a reason.
    #[error("authorization server gave an unusable answer: {0}")]
    Unusable(&'static str),
}

impl TokenError {
    /// Sorts an answer whose status is not 200.
    pub(crate) fn from_response(response: &Response<Bytes>) -> Self {
        let (status, retry_after) = (response.status(), message::retry_after(response));
        match status.as_u16() {
            429 => Self::RateLimited { retry_after },
            500..=599 => Self::ServerFailed { status: status.as_u16(), retry_after },
            400..=499 => match error_code(response) {
                Some(code) => Self::Refused { status: status.as_u16(), code },
                None => Self::Unusable("refusal without a reason"),
            },
            300..=399 => Self::Unusable("redirect"),
            _ => Self::Unusable("status is not 200"),
        }
    }
}

/// The reasons of RFC 6749 §5.2.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TokenErrorCode {
    /// The code or refresh token is invalid, expired, revoked, or somebody else's.
    InvalidGrant,
    /// Client authentication failed: our configuration is wrong, the grant may be fine.
    InvalidClient,
    /// The request is malformed.
    InvalidRequest,
    /// This client may not use this grant.
    UnauthorizedClient,
    /// The server does not know this grant.
    UnsupportedGrantType,
    /// The scope is unknown or exceeds the grant.
    InvalidScope,
    /// A reason of the server's own: at most 64 characters of those that RFC 6749 §5.2 allows.
    Other(String),
}

impl TokenErrorCode {
    fn parse(code: &str) -> Option<Self> {
        match code {
            "invalid_grant" => Some(Self::InvalidGrant),
            "invalid_client" => Some(Self::InvalidClient),
            "invalid_request" => Some(Self::InvalidRequest),
            "unauthorized_client" => Some(Self::UnauthorizedClient),
            "unsupported_grant_type" => Some(Self::UnsupportedGrantType),
            "invalid_scope" => Some(Self::InvalidScope),
            other => {
                let is_usable = (1..=MAX_CODE_BYTES).contains(&other.len()) && is_error_text(other);
                is_usable.then(|| Self::Other(other.to_owned()))
            }
        }
    }

    /// The reason as RFC 6749 spells it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidClient => "invalid_client",
            Self::InvalidRequest => "invalid_request",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::Other(code) => code,
        }
    }
}

impl std::fmt::Display for TokenErrorCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

fn error_code(response: &Response<Bytes>) -> Option<TokenErrorCode> {
    if response.body().len() > MAX_ERROR_BYTES {
        return None;
    }
    let members = json::parse_object(response.body()).ok()?;
    TokenErrorCode::parse(members.get("error")?.as_str()?)
}

const MAX_CODE_BYTES: usize = 64;
const MAX_ERROR_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &'static str) -> TokenError {
        let response = Response::builder()
            .status(status)
            .header("retry-after", "7")
            .body(Bytes::from_static(body.as_bytes()))
            .unwrap();
        TokenError::from_response(&response)
    }

    #[test]
    fn a_refusal_carries_status_and_reason() {
        let expected = TokenError::Refused { status: 400, code: TokenErrorCode::InvalidGrant };
        assert_eq!(answer(400, r#"{"error":"invalid_grant","error_description":"x"}"#), expected);

        let expected = TokenError::Refused { status: 401, code: TokenErrorCode::Other("blocked".to_owned()) };
        assert_eq!(answer(401, r#"{"error":"blocked"}"#), expected);
    }

    #[test]
    fn every_reason_of_the_specification_is_known_by_its_spelling() {
        for code in [
            "invalid_grant",
            "invalid_client",
            "invalid_request",
            "unauthorized_client",
            "unsupported_grant_type",
            "invalid_scope",
        ] {
            let parsed = TokenErrorCode::parse(code).unwrap();
            assert!(!matches!(parsed, TokenErrorCode::Other(_)), "{code}");
            assert_eq!(parsed.to_string(), code);
        }
        assert_eq!(TokenErrorCode::parse("Invalid_Grant").unwrap(), TokenErrorCode::Other("Invalid_Grant".to_owned()));
    }

    #[test]
    fn a_failing_server_has_not_refused_whatever_its_body_says() {
        let retry_after = Some(Duration::from_secs(7));

        assert_eq!(answer(503, r#"{"error":"invalid_grant"}"#), TokenError::ServerFailed { status: 503, retry_after });
        assert_eq!(answer(429, r#"{"error":"invalid_grant"}"#), TokenError::RateLimited { retry_after });
    }

    #[test]
    fn an_error_page_of_something_in_between_is_no_refusal() {
        for (status, body) in [
            (403, "<html>blocked</html>"),
            (404, ""),
            (400, r#"{"error":7}"#),
            (400, r#"{"error":"a\nb"}"#),
            (400, r#"{"error":"x","error":"invalid_grant"}"#),
            (302, r#"{"error":"invalid_grant"}"#),
            (204, ""),
        ] {
            assert!(matches!(answer(status, body), TokenError::Unusable(_)), "{status} {body}");
        }
    }
}
