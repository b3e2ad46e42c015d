//! A request turned away, and what we say about it. The codes are part of the wire contract (docs/wire.md, section 6).

pub(crate) mod response;

use http::StatusCode;
use thiserror::Error;

use crate::session::record::EndReason;

/// Why a request is turned away. `Display` is for our log; a browser sees the code.
#[derive(Debug, Error)]
pub enum Rejection {
    /// Nothing is configured for this host and path.
    #[error("no route for this host and path")]
    NoRoute,
    /// The request cannot be understood, or not safely.
    #[error("bad request: {0}")]
    BadRequest(#[from] BadRequest),
    /// It was not shown that our own page sent it.
    #[error("cross-site: {0}")]
    CrossSite(&'static str),
    /// It names no session.
    #[error("no session")]
    NoSession,
    /// It names a session that has ended.
    #[error("the session has ended: {}", .0.as_str())]
    SessionEnded(EndReason),
    /// The session may not do this.
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// Too often.
    #[error("too many requests: {0}")]
    TooManyRequests(&'static str),
    /// Something we need does not answer. The session is kept.
    #[error("try again: {0}")]
    TryAgain(String),
    /// A resource server or an authorization server answered something we cannot use.
    #[error("upstream failed: {0}")]
    UpstreamFailed(String),
}

/// What is wrong with a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum BadRequest {
    /// The target could be read in two ways.
    #[error("the request target is ambiguous")]
    AmbiguousTarget,
    /// The target is longer than we read.
    #[error("the request target is too long")]
    TargetTooLong,
    /// `Host` is missing, repeated, or contradicts the target.
    #[error("the host is missing or contradictory")]
    Host,
    /// A query or form parameter is unknown, repeated, missing or out of bounds.
    #[error("parameter {0}")]
    Parameter(&'static str),
    /// The endpoint does not know this method; the value is `Allow`.
    #[error("method not allowed; allowed: {0}")]
    Method(&'static str),
    /// The body is longer than the limit.
    #[error("the body is too large")]
    BodyTooLarge,
    /// The body has a type that the endpoint does not read.
    #[error("unsupported content type")]
    ContentType,
    /// A change of protocols was asked for.
    #[error("upgrades are not supported")]
    Upgrade,
    /// The request is not a navigation, and only those are answered here.
    #[error("not a navigation")]
    NotANavigation,
    /// A login cannot be completed in this browser.
    #[error("login: {0}")]
    Login(&'static str),
}

/// Seconds that a client should wait after `try_again`.
pub(crate) const RETRY_AFTER_SECONDS: u32 = 2;

impl Rejection {
    /// The status and the code that a browser sees.
    pub fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NoRoute => (StatusCode::NOT_FOUND, "no_route"),
            Self::BadRequest(problem) => (problem.status(), "bad_request"),
            Self::CrossSite(_) => (StatusCode::FORBIDDEN, "csrf"),
            Self::NoSession => (StatusCode::UNAUTHORIZED, "no_session"),
            Self::SessionEnded(_) => (StatusCode::UNAUTHORIZED, "session_ended"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Self::TooManyRequests(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests"),
            Self::TryAgain(_) => (StatusCode::SERVICE_UNAVAILABLE, "try_again"),
            Self::UpstreamFailed(_) => (StatusCode::BAD_GATEWAY, "upstream_failed"),
        }
    }

    /// One sentence for the person or developer who sees the answer. Names nothing internal.
    pub fn title(&self) -> &'static str {
        match self {
            Self::NoRoute => "There is nothing at this address.",
            Self::BadRequest(problem) => problem.title(),
            Self::CrossSite(_) => "This request did not come from this application's own pages.",
            Self::NoSession => "You are not signed in.",
            Self::SessionEnded(_) => "Your session has ended.",
            Self::Forbidden(_) => "You may not do this.",
            Self::TooManyRequests(_) => "This happens too often.",
            Self::TryAgain(_) => "This does not work at the moment.",
            Self::UpstreamFailed(_) => "A server that is needed for this gave no usable answer.",
        }
    }
}

impl BadRequest {
    fn status(self) -> StatusCode {
        match self {
            Self::AmbiguousTarget | Self::Host | Self::Parameter(_) | Self::NotANavigation | Self::Login(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Upgrade => StatusCode::NOT_IMPLEMENTED,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::AmbiguousTarget => "This address can be read in more than one way.",
            Self::TargetTooLong => "This address is too long.",
            Self::Host => "The host of this request is missing or contradictory.",
            Self::Parameter(_) => "A parameter of this request is unknown, repeated, missing or out of bounds.",
            Self::Method(_) => "This address does not know that method.",
            Self::BodyTooLarge => "The body of this request is too large.",
            Self::ContentType => "The body of this request has the wrong type.",
            Self::Upgrade => "Protocol upgrades are not supported here.",
            Self::NotANavigation => "This address is for navigating to, not for calling from script.",
            Self::Login(_) => "This sign-in cannot be completed.",
        }
    }
}
