//! The browser on the other side: its cookies, and whether our own page sent a form.
//!
//! A form is ours when all of these hold, tested in this order:
//!
//! 1. `Sec-Fetch-Site`, where present, is `same-origin`.
//! 2. `Origin`, where present, is the issuer's.
//! 3. The form carries the token that belongs to one of this browser's cookies.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{
    HeaderMap, HeaderValue,
    header::{COOKIE, ORIGIN},
};

use crate::{opaque, rejection::Rejection, storage::device};

/// Proof that a page of ours, shown to this browser, sent the form.
#[derive(Debug)]
pub(crate) struct OwnPage(());

/// A cookie of ours. All need a `Secure` connection; browsers count `http://127.0.0.1` and `http://localhost` as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// Names the browser session.
    Session,
    /// Ties login pages to this browser, before anybody has logged in.
    Login,
    /// Tells from strangers who guess that somebody has logged in with this browser before. No login by itself.
    Device,
}

impl Cookie {
    /// The value in a request; `None` when there is none or there are several that differ (names are compared byte for
    /// byte, as the prefix promises nothing for other spellings). Whatever stands in other cookies does not matter, and
    /// HTTP/2 may bring each on a line of its own (RFC 9113 §8.2.3).
    pub(crate) fn find(self, headers: &HeaderMap) -> Option<&str> {
        let lines = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
        let pairs = lines.flat_map(|line| line.split(|byte| *byte == b';'));
        let mut values =
            pairs.filter_map(|pair| pair.trim_ascii_start().strip_prefix(self.name().as_bytes())?.strip_prefix(b"="));
        let first = values.next()?;
        values.all(|other| other == first).then_some(first).and_then(|value| str::from_utf8(value).ok())
    }

    /// The value in a request, if it can be one of [`opaque::secret`].
    pub(crate) fn find_secret(self, headers: &HeaderMap) -> Option<&str> {
        self.find(headers).filter(|value| value.len() == SECRET_CHARACTERS)
    }

    /// The header that sets it, until the browser closes or as long as a device is known. `Lax`, because authorization
    /// requests come from other sites.
    pub(crate) fn set(self, value: &str) -> Option<HeaderValue> {
        let life = match self {
            Self::Session | Self::Login => String::new(),
            Self::Device => format!("; Max-Age={}", device::LIFE.as_secs()),
        };
        HeaderValue::from_str(&format!("{}={value}; {ATTRIBUTES}{life}", self.name())).ok()
    }

    /// The header that removes it.
    pub(crate) fn remove(self) -> Option<HeaderValue> {
        HeaderValue::from_str(&format!("{}=; {ATTRIBUTES}; Max-Age=0", self.name())).ok()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Session => "__Host-Http-issuer-session",
            Self::Login => "__Host-Http-issuer-login",
            Self::Device => "__Host-Http-issuer-device",
        }
    }
}

/// The cookie that ties login pages to this browser.
pub(crate) enum LoginCookie {
    /// The browser has it already.
    Present(String),
    /// It is to be set.
    New(String),
}

impl LoginCookie {
    pub(crate) fn ensure(headers: &HeaderMap) -> Self {
        match Cookie::Login.find_secret(headers) {
            Some(value) => Self::Present(value.to_owned()),
            None => Self::New(opaque::secret()),
        }
    }

    pub(crate) fn value(&self) -> &str {
        match self {
            Self::Present(value) | Self::New(value) => value,
        }
    }
}

/// Makes and verifies the tokens of forms: an HMAC over the cookie they belong to.
pub(crate) struct FormKey(hmac::Key);

impl FormKey {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The token for a form of the browser with this cookie.
    pub(crate) fn token(&self, cookie: Cookie, value: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, message(cookie, value).as_bytes()))
    }

    /// Judges a submitted form by the list above.
    pub(crate) fn require_own_page(
        &self,
        headers: &HeaderMap,
        own_origin: &str,
        cookie: Cookie,
        token: Option<&str>,
    ) -> Result<OwnPage, Rejection> {
        require_own_origin(headers, own_origin)?;
        let value = cookie.find(headers).ok_or(Rejection::StaleForm)?;
        let token = token.and_then(|token| URL_SAFE_NO_PAD.decode(token).ok()).ok_or(Rejection::StaleForm)?;
        hmac::verify(&self.0, message(cookie, value).as_bytes(), &token).map_err(|_| Rejection::StaleForm)?;
        Ok(OwnPage(()))
    }
}

fn require_own_origin(headers: &HeaderMap, own_origin: &str) -> Result<(), Rejection> {
    let is_foreign_site = headers.get_all("sec-fetch-site").iter().any(|site| site != "same-origin");
    let is_foreign_origin = headers.get_all(ORIGIN).iter().any(|origin| origin != own_origin);
    if is_foreign_site || is_foreign_origin { Err(Rejection::CrossSite) } else { Ok(()) }
}

fn message(cookie: Cookie, value: &str) -> String {
    format!("{}\n{value}", cookie.name())
}

const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";
/// 32 bytes in base64url.
const SECRET_CHARACTERS: usize = 43;

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://login.example";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn judge(pairs: &[(&'static str, &str)], token_for: &str) -> Result<OwnPage, Rejection> {
        let key = FormKey::new(&[7; 32]);
        let token = key.token(Cookie::Login, token_for);
        key.require_own_page(&headers(pairs), OWN, Cookie::Login, Some(&token))
    }

    #[test]
    fn a_form_of_our_own_page_is_accepted_with_and_without_fetch_metadata() {
        let cookie = ("cookie", "a=b; __Host-Http-issuer-login=x");

        assert!(judge(&[cookie], "x").is_ok());
        assert!(judge(&[cookie, ("origin", OWN), ("sec-fetch-site", "same-origin")], "x").is_ok());
    }

    #[test]
    fn a_form_of_another_page_is_refused_even_with_the_right_token() {
        let cookie = ("cookie", "__Host-Http-issuer-login=x");

        for foreign in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "none"),
            ("origin", "null"),
            ("origin", "https://login.example.evil"),
            ("origin", "http://login.example"),
        ] {
            assert!(matches!(judge(&[cookie, foreign], "x"), Err(Rejection::CrossSite)), "{foreign:?}");
        }
    }

    #[test]
    fn a_token_belongs_to_one_cookie_value_and_one_kind_of_cookie() {
        let key = FormKey::new(&[7; 32]);
        let session_token = key.token(Cookie::Session, "x");
        let with_cookie = headers(&[("cookie", "__Host-Http-issuer-login=x")]);

        assert!(judge(&[("cookie", "__Host-Http-issuer-login=y")], "x").is_err());
        assert!(judge(&[], "x").is_err());
        assert!(key.require_own_page(&with_cookie, OWN, Cookie::Login, Some(&session_token)).is_err());
        assert!(key.require_own_page(&with_cookie, OWN, Cookie::Login, None).is_err());
    }

    #[test]
    fn cookies_are_found_by_their_exact_name_and_not_when_they_contradict() {
        let find = |line: &str| Cookie::Login.find(&headers(&[("cookie", line)])).map(str::to_owned);

        assert_eq!(find("__Host-Http-issuer-login=x; __Host-Http-issuer-login=x").as_deref(), Some("x"));
        for line in [
            "__Host-Http-issuer-login=x; __Host-Http-issuer-login=y",
            "__host-http-issuer-login=x",
            "__Host-Http-issuer-login2=x",
            "x__Host-Http-issuer-login=x",
            "__Host-Http-issuer-login=x; __Host-Http-issuer-login=é",
        ] {
            assert_eq!(find(line), None, "{line}");
        }
    }
}
