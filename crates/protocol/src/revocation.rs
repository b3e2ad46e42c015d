//! Token revocation (RFC 7009): tell the authorization server that a token is no longer needed.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

use crate::{AuthorizationServerMetadata, Client, Secret, TokenError, TokenErrorCode};

/// What kind of token it is; spares the server a search (RFC 7009 §2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenKind {
    /// An access token.
    Access,
    /// A refresh token; its access tokens usually end with it.
    Refresh,
}

impl TokenKind {
    /// Its registered name (RFC 7009 §4.1.2, which RFC 7662 §2.1 uses too).
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Access => "access_token",
            Self::Refresh => "refresh_token",
        }
    }
}

/// The request that revokes a token, or `None` when the server offers no revocation.
pub fn revocation_request(
    metadata: &AuthorizationServerMetadata,
    client: &Client,
    token: &Secret<String>,
    kind: TokenKind,
) -> Option<Request<Bytes>> {
    let endpoint = metadata.revocation_endpoint.as_ref()?;
    Some(client.post_form(endpoint, &[("token", token.expose()), ("token_type_hint", kind.hint())]))
}

/// Reads the revocation endpoint's answer. A token it never knew counts as revoked (RFC 7009 §2.2).
///
/// # Errors
///
/// - [`RevocationError::RateLimited`], [`RevocationError::ServerFailed`]: the token still lives; ask again later.
/// - [`RevocationError::Refused`], [`RevocationError::Unusable`]: asking again will not help.
pub fn parse_revocation_response(response: &Response<Bytes>) -> Result<(), RevocationError> {
    if response.status().is_success() {
        return Ok(());
    }
    Err(RevocationError::from(TokenError::from_response(response)))
}

/// Why a token is not known to be revoked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RevocationError {
    /// The server refuses, for example `unsupported_token_type` (RFC 7009 §2.2.1).
    #[error("authorization server refused the revocation with status {status}: {code}")]
    Refused {
        /// HTTP status, 400 to 499.
        status: u16,
        /// The reason it gives.
        code: TokenErrorCode,
    },
    /// Too many requests.
    #[error("authorization server asks for fewer requests")]
    RateLimited {
        /// How long to wait, if the server says so.
        retry_after: Option<Duration>,
    },
    /// The server failed, 5xx; the token still exists (RFC 7009 §2.2.1).
    #[error("authorization server failed with status {status}")]
    ServerFailed {
        /// HTTP status, 500 to 599.
        status: u16,
        /// How long to wait, if the server says so.
        retry_after: Option<Duration>,
    },
    /// Anything else.
    #[error("authorization server gave an unusable answer: {0}")]
    Unusable(&'static str),
}

impl From<TokenError> for RevocationError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Refused { status, code } => Self::Refused { status, code },
            TokenError::RateLimited { retry_after } => Self::RateLimited { retry_after },
            TokenError::ServerFailed { status, retry_after } => Self::ServerFailed { status, retry_after },
            TokenError::Unusable(reason) => Self::Unusable(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientAuthentication, ClientId, metadata::testing::metadata};

    fn client() -> Client {
        Client { id: ClientId::new("app".to_owned()).unwrap(), authentication: ClientAuthentication::None }
    }

    fn answer(status: u16, body: &'static str) -> Result<(), RevocationError> {
        parse_revocation_response(
            &Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap(),
        )
    }

    #[test]
    fn the_request_names_the_token_and_its_kind() {
        let request = revocation_request(&metadata(), &client(), &"r t".to_owned().into(), TokenKind::Refresh).unwrap();

        assert_eq!(request.uri(), "https://as.example/revoke");
        assert_eq!(request.body(), "token=r+t&token_type_hint=refresh_token&client_id=app");
    }

    #[test]
    fn there_is_no_request_without_an_endpoint() {
        let mut metadata = metadata();
        metadata.revocation_endpoint = None;

        assert!(revocation_request(&metadata, &client(), &"t".to_owned().into(), TokenKind::Access).is_none());
    }

    #[test]
    fn only_a_success_means_revoked() {
        assert_eq!(answer(200, ""), Ok(()));
        assert_eq!(answer(503, ""), Err(RevocationError::ServerFailed { status: 503, retry_after: None }));
        assert_eq!(answer(429, ""), Err(RevocationError::RateLimited { retry_after: None }));
        assert_eq!(
            answer(400, r#"{"error":"unsupported_token_type"}"#),
            Err(RevocationError::Refused {
                status: 400,
                code: TokenErrorCode::Other("unsupported_token_type".to_owned())
            })
        );
        assert!(matches!(answer(302, ""), Err(RevocationError::Unusable(_))));
    }
}
