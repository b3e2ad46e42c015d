//! Did our own page send it? One rule for HTTP and WebSocket, in this order (docs/wire.md, section 5):
//!
//! 1. A navigation passes where the route answers navigations, wherever it comes from.
//! 2. `Sec-Fetch-Site`, `Origin`, `Referer`: any that is present and foreign refuses, whatever else is sent. A sibling
//!    origin (`same-site`) is foreign. `none` is own for navigations only.
//! 3. A WebSocket handshake needs `Origin`, present and own.
//! 4. An API route and our own endpoints need the static header `X-CSRF: 1` too, on reads as on writes: no form and no
//!    foreign script can send it without a preflight, which we refuse (RFC 10017 §6.1.3.3).
//! 5. Where none of the three is present (an old browser), a write needs the session-bound token in `X-CSRF-Token`:
//!    an HMAC over the session's id, compared in constant time once the session is known.
//!
//! A route without sessions has nothing to ride on: it passes, and our cookies are not read.

use http::{HeaderMap, HeaderName, Method, header, request};
use protocol::Secret;

use crate::{
    keys::{self, IndexPurpose, KeyRing},
    navigation::{Manner, Site, text},
    rejection::Rejection,
    route::{Access, Found, Kind, Route},
    settings::{Frontend, Origin},
};

/// The header that only our own pages can send.
pub const STATIC_HEADER: HeaderName = HeaderName::from_static("x-csrf");
/// The header that carries the session-bound token.
pub const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

/// Proof that our own page sent the request, or that it is of no use to another.
///
/// Only [this module](self) makes one:
///
/// ```compile_fail
/// let forged = cloakroom::csrf::OwnPage { found: todo!(), owes: None };
/// ```
#[derive(Debug)]
pub struct OwnPage<'a> {
    found: Found<'a>,
    owes: Option<TokenOwed>,
}

/// A session-bound token that has been presented and can be judged only once the session is known.
#[must_use = "an owed token that nobody judges is no defence"]
#[derive(Debug)]
pub(crate) struct TokenOwed(Secret<String>);

/// Proof that our own page sent a request to the route.
///
/// # Errors
///
/// [`Rejection::CrossSite`].
pub(crate) fn require_own_page<'a>(found: Found<'a>, head: &request::Parts) -> Result<OwnPage<'a>, Rejection> {
    let owes = match found.route.access {
        Access::Public => None,
        Access::Session => match found.route.kind {
            Kind::Page if Manner::of(head).is_page_view() => None,
            Kind::Page => require_own(found.frontend, head, StaticHeader::NotNeeded)?,
            Kind::Api => require_own(found.frontend, head, StaticHeader::Needed)?,
        },
    };
    Ok(OwnPage { found, owes })
}

/// Whether the static header is part of the proof.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum StaticHeader {
    Needed,
    NotNeeded,
}

/// Rules 2 to 5 for a request to this frontend. What it returns is still to be judged against the session.
pub(crate) fn require_own(
    frontend: &Frontend,
    head: &request::Parts,
    static_header: StaticHeader,
) -> Result<Option<TokenOwed>, Rejection> {
    let shown = require_not_foreign(&frontend.origin, &head.headers)?;
    if is_websocket(&head.headers) && !head.headers.contains_key(header::ORIGIN) {
        return Err(Rejection::CrossSite("a WebSocket handshake without Origin"));
    }
    let is_read = matches!(head.method, Method::GET | Method::HEAD);
    if shown == Shown::Nothing && !is_read {
        let missing = Rejection::CrossSite("a write without Sec-Fetch-Site, Origin, Referer or token");
        return TokenOwed::of_header(&head.headers).map(Some).ok_or(missing);
    }
    if static_header == StaticHeader::Needed && !has_static_header(&head.headers) {
        return Err(Rejection::CrossSite("the static header X-CSRF: 1 is missing"));
    }
    Ok(None)
}

/// What the three headers show, if they show nothing foreign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shown {
    /// At least one is there and own.
    Own,
    /// None is there.
    Nothing,
}

/// Rule 2.
pub(crate) fn require_not_foreign(origin: &Origin, headers: &HeaderMap) -> Result<Shown, Rejection> {
    let mut shown = Shown::Nothing;
    match Site::of(headers) {
        Site::Own => shown = Shown::Own,
        Site::Unknown => {}
        Site::None => return Err(Rejection::CrossSite("Sec-Fetch-Site is none, but it is no navigation")),
        Site::Foreign => return Err(Rejection::CrossSite("Sec-Fetch-Site is foreign")),
    }
    if headers.contains_key(header::ORIGIN) {
        if text(headers, "origin") != Some(origin.as_str()) {
            return Err(Rejection::CrossSite("Origin is foreign"));
        }
        shown = Shown::Own;
    }
    if headers.contains_key(header::REFERER) {
        if text(headers, "referer").and_then(|referer| origin.strip_from(referer)).is_none() {
            return Err(Rejection::CrossSite("Referer is foreign"));
        }
        shown = Shown::Own;
    }
    Ok(shown)
}

/// Whether the static header is there.
pub(crate) fn has_static_header(headers: &HeaderMap) -> bool {
    text(headers, STATIC_HEADER.as_str()) == Some("1")
}

/// Whether the request asks for a WebSocket, or any other change of protocols.
pub(crate) fn is_websocket(headers: &HeaderMap) -> bool {
    headers.contains_key(header::UPGRADE) || headers.contains_key("sec-websocket-key")
}

/// The session-bound token: 43 characters.
pub(crate) fn token(keys: &KeyRing, session_id: &[u8; 16]) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(keys.index(IndexPurpose::Csrf, &[session_id]))
}

impl<'a> OwnPage<'a> {
    /// The route it was sent to.
    pub(crate) fn route(&self) -> &'a Route {
        self.found.route
    }

    /// The frontend and the token still to be judged.
    pub(crate) fn into_owed(self) -> (&'a Frontend, Option<TokenOwed>) {
        (self.found.frontend, self.owes)
    }
}

impl TokenOwed {
    /// A token from a form field.
    pub(crate) fn new(token: String) -> Self {
        Self(Secret::new(token))
    }

    /// The token in `X-CSRF-Token`, if there is one.
    pub(crate) fn of_header(headers: &HeaderMap) -> Option<Self> {
        text(headers, TOKEN_HEADER.as_str()).map(|token| Self::new(token.to_owned()))
    }

    /// Judges the token now that the session is known.
    pub(crate) fn settle(&self, keys: &KeyRing, session_id: &[u8; 16]) -> Result<(), Rejection> {
        if keys::is_same_mac(token(keys, session_id).as_bytes(), self.0.expose().as_bytes()) {
            Ok(())
        } else {
            Err(Rejection::CrossSite("the session-bound token is wrong"))
        }
    }
}

#[cfg(test)]
mod tests;
