//! What a person is told when a page cannot be shown. Never repeats what the request said.

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::{pages, parameters::FormError, storage::StorageError};

/// A browser's request that is turned away with a page.
#[derive(Debug)]
pub(crate) enum Rejection {
    /// The client is not registered, or the request does not name one.
    UnknownClient,
    /// The redirect URI is not registered for the client, so nothing may be sent there (RFC 6749 §4.1.2.1).
    UnknownRedirectUri,
    /// The request repeats a parameter, or contradicts itself.
    Malformed,
    /// The body is not a form.
    Form(FormError),
    /// Another site's page sent the form.
    CrossSite,
    /// The request is for another host than the issuer's.
    OtherHost,
    /// The form does not belong to this browser any more; its cookie is gone.
    StaleForm,
    /// The database refused.
    Storage(StorageError),
}

impl Rejection {
    fn status(&self) -> StatusCode {
        match self {
            Self::UnknownClient | Self::UnknownRedirectUri | Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Form(FormError::MediaType) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Form(FormError::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::CrossSite | Self::StaleForm => StatusCode::FORBIDDEN,
            Self::OtherHost => StatusCode::MISDIRECTED_REQUEST,
            Self::Storage(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn text(&self) -> &'static str {
        match self {
            Self::UnknownClient => "The application that sent you here is not known to this login server.",
            Self::UnknownRedirectUri => {
                "The application that sent you here wants you back at an address that is not registered for it."
            }
            Self::Malformed => "The application that sent you here made a request that cannot be understood.",
            Self::Form(_) => "This form was not sent the way this page sends it.",
            Self::CrossSite => "This form was sent by another site, so nothing was done.",
            Self::OtherHost => "This login server has another address.",
            Self::StaleForm => {
                "This page is out of date, or the browser refuses cookies. Go back to the application and start again."
            }
            Self::Storage(_) => "The login server cannot answer right now. Try again in a moment.",
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        match &self {
            Self::Storage(error) => tracing::error!(%error, "a page could not be shown"),
            other => tracing::info!(reason = ?other, "a request was turned away"),
        }
        pages::error(self.status(), self.text())
    }
}

impl From<StorageError> for Rejection {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<FormError> for Rejection {
    fn from(error: FormError) -> Self {
        Self::Form(error)
    }
}
