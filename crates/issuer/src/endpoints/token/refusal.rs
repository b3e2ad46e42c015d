//! Why the token and revocation endpoints refuse (RFC 6749 §5.2). Never repeats what the request said.

use std::time::Duration;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header::WWW_AUTHENTICATE};
use serde_json::json;

use crate::{
    pages,
    parameters::{FormError, Repeated},
    storage::StorageError,
};

/// A refusal that a client can read.
#[derive(Debug)]
pub(crate) enum TokenRefusal {
    /// A parameter is missing or repeated, or the body is not a form.
    InvalidRequest,
    /// The client did not prove who it is.
    InvalidClient,
    /// The code or refresh token is not good, or belongs to another client.
    InvalidGrant,
    /// A grant type that there is not.
    UnsupportedGrantType,
    /// More than was granted.
    InvalidScope,
    /// The database refused; the same request may succeed later.
    Storage(StorageError),
}

impl TokenRefusal {
    fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidRequest => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::InvalidClient => (StatusCode::UNAUTHORIZED, "invalid_client"),
            Self::InvalidGrant => (StatusCode::BAD_REQUEST, "invalid_grant"),
            Self::UnsupportedGrantType => (StatusCode::BAD_REQUEST, "unsupported_grant_type"),
            Self::InvalidScope => (StatusCode::BAD_REQUEST, "invalid_scope"),
            Self::Storage(_) => (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable"),
        }
    }
}

impl IntoResponse for TokenRefusal {
    fn into_response(self) -> Response {
        let (status, code) = self.code();
        let mut response = (status, Json(json!({ "error": code }))).into_response();
        pages::protect(response.headers_mut());
        match self {
            Self::Storage(error) => {
                tracing::error!(%error, "a token request could not be answered");
                pages::with_retry_after(response, Duration::from_secs(1))
            }
            Self::InvalidClient => {
                // RFC 6749 §5.2 wants it where the client used the header; elsewhere it does no harm.
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"token\""));
                response
            }
            _ => response,
        }
    }
}

impl From<StorageError> for TokenRefusal {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<FormError> for TokenRefusal {
    fn from(_: FormError) -> Self {
        Self::InvalidRequest
    }
}

impl From<Repeated> for TokenRefusal {
    fn from(_: Repeated) -> Self {
        Self::InvalidRequest
    }
}
