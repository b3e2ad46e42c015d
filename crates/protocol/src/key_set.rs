//! The authorization server's public keys (OpenID Connect Discovery §3 `jwks_uri`, RFC 7517 §5).

use bytes::Bytes;
use http::{Request, Response, StatusCode};

use crate::{AuthorizationServerMetadata, JwkSet, JwkSetError, message};

/// The request for the authorization server's key set.
pub fn key_set_request(metadata: &AuthorizationServerMetadata) -> Request<Bytes> {
    message::get_json(&metadata.jwks_uri)
}

/// Reads the key set; it may turn out to be empty.
///
/// # Errors
///
/// - [`KeySetError::Status`]: the answer is not 200; a server error may pass.
/// - [`KeySetError::Document`]: the answer is not a key set.
pub fn parse_key_set_response(response: &Response<Bytes>) -> Result<JwkSet, KeySetError> {
    if response.status() != StatusCode::OK {
        return Err(KeySetError::Status(response.status().as_u16()));
    }
    Ok(JwkSet::parse(response.body())?)
}

/// Why an answer from `jwks_uri` cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeySetError {
    /// The answer's status is not 200.
    #[error("key set answered with status {0}")]
    Status(u16),
    /// The document is not a key set.
    #[error(transparent)]
    Document(#[from] JwkSetError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_page_is_not_a_key_set() {
        let answer = |status, body| Response::builder().status(status).body(Bytes::from_static(body)).unwrap();

        assert_eq!(parse_key_set_response(&answer(502, br#"{"keys":[]}"#)).unwrap_err(), KeySetError::Status(502));
        assert_eq!(
            parse_key_set_response(&answer(200, b"<html>")).unwrap_err(),
            KeySetError::Document(JwkSetError::NotAKeySet)
        );
        assert!(parse_key_set_response(&answer(200, br#"{"keys":[]}"#)).unwrap().is_empty());
    }
}
