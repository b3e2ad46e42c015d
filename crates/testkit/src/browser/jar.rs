//! Cookies by the rules of RFC 6265bis and its successor: prefixes, `Secure`, `SameSite`, `Max-Age`.

use std::{sync::Arc, time::Duration};

use cloakroom::clock::Clock as _;
use protocol::Timestamp;

use crate::{HandClock, Url};

/// The cookies of one browser. Ports do not tell them apart.
#[derive(Debug)]
pub(super) struct Jar {
    clock: Arc<HandClock>,
    cookies: Vec<Cookie>,
    pub(super) refused: Vec<String>,
}

#[derive(Debug)]
struct Cookie {
    host: String,
    name: String,
    value: String,
    same_site: SameSite,
    expires_at: Option<Timestamp>,
}

/// Where a cookie is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SameSite {
    Strict,
    Lax,
    None,
}

/// What decides whether a cookie goes along.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CookieContext {
    /// All cookies.
    SameSite,
    /// Not those that are `Strict`.
    CrossSiteNavigation,
    /// Only those that are `None`.
    CrossSite,
}

impl Jar {
    pub(super) fn new(clock: Arc<HandClock>) -> Self {
        Self { clock, cookies: Vec::new(), refused: Vec::new() }
    }

    pub(super) fn value(&self, name: &str) -> Option<String> {
        let now = self.clock.now();
        let good = self.cookies.iter().filter(|cookie| cookie.expires_at.is_none_or(|at| now < at));
        good.filter(|cookie| cookie.name == name).map(|cookie| cookie.value.clone()).next()
    }

    /// Puts a cookie in by force.
    pub(super) fn plant(&mut self, url: &Url, name: &str, value: &str) {
        self.put(Cookie {
            host: url.host().to_owned(),
            name: name.to_owned(),
            value: value.to_owned(),
            same_site: SameSite::Lax,
            expires_at: None,
        });
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.cookies.retain(|cookie| cookie.name != name);
    }

    /// Does what a `Set-Cookie` header says, if the rules allow it.
    pub(super) fn store(&mut self, url: &Url, header: &str) {
        let mut parts = header.split(';').map(str::trim);
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie is a pair");
        let attributes: Vec<(String, &str)> = parts
            .map(|part| part.split_once('=').unwrap_or((part, "")))
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        let find = |name: &str| attributes.iter().find(|(key, _)| key == name).map(|(_, value)| *value);
        let (has, prefix) = (|name: &str| find(name).is_some(), name.to_ascii_lowercase());
        let is_host = has("secure") && find("path") == Some("/") && !has("domain");
        let fits = (!has("domain") || find("domain") == Some(url.host()))
            && (!prefix.starts_with("__secure-") || has("secure"))
            && (!prefix.starts_with("__host-") || is_host)
            && (!prefix.starts_with("__host-http-") || has("httponly"));
        if !fits {
            self.refused.push(header.to_owned());
            return;
        }
        let same_site = match find("samesite").map(str::to_ascii_lowercase).as_deref() {
            Some("strict") => SameSite::Strict,
            Some("none") => SameSite::None,
            _ => SameSite::Lax,
        };
        let life = find("max-age").map(|seconds| seconds.parse().expect("Max-Age is a number of seconds"));
        let expires_at = life.map(|seconds| self.clock.now() + Duration::from_secs(seconds));
        let (host, name, value) = (url.host().to_owned(), name.to_owned(), value.to_owned());
        self.put(Cookie { host, name, value, same_site, expires_at });
    }

    fn put(&mut self, cookie: Cookie) {
        let now = self.clock.now();
        self.cookies.retain(|other| (&other.host, &other.name) != (&cookie.host, &cookie.name));
        self.cookies.push(cookie);
        self.cookies.retain(|cookie| cookie.expires_at.is_none_or(|at| now < at));
    }

    /// The `Cookie` header for a request.
    pub(super) fn cookies(&self, url: &Url, context: CookieContext) -> String {
        let now = self.clock.now();
        let goes_along = |cookie: &&Cookie| {
            cookie.host == url.host()
                && cookie.expires_at.is_none_or(|at| now < at)
                && match context {
                    CookieContext::SameSite => true,
                    CookieContext::CrossSiteNavigation => cookie.same_site != SameSite::Strict,
                    CookieContext::CrossSite => cookie.same_site == SameSite::None,
                }
        };
        let pairs = self.cookies.iter().filter(goes_along).map(|cookie| format!("{}={}", cookie.name, cookie.value));
        pairs.collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_that_promises_too_much_is_refused() {
        let mut jar = Jar::new(Arc::default());
        let url = Url::parse("http://localhost:1/");

        for bad in [
            "__Host-a=1; Path=/; HttpOnly",
            "__Host-a=1; Secure; Path=/x",
            "__Host-a=1; Secure; Path=/; Domain=localhost",
            "__host-http-a=1; Secure; Path=/",
            "__Secure-a=1",
        ] {
            jar.store(&url, bad);
        }

        assert_eq!((jar.refused.len(), jar.cookies.len()), (5, 0));
    }

    #[test]
    fn strict_stays_at_home_and_lax_follows_links() {
        let mut jar = Jar::new(Arc::default());
        let url = Url::parse("http://localhost:1/");
        jar.store(&url, "a=1; SameSite=Strict");
        jar.store(&url, "b=2; SameSite=Lax");
        jar.store(&url, "c=3; SameSite=None; Secure");

        assert_eq!(jar.cookies(&url, CookieContext::SameSite), "a=1; b=2; c=3");
        assert_eq!(jar.cookies(&url, CookieContext::CrossSiteNavigation), "b=2; c=3");
        assert_eq!(jar.cookies(&url, CookieContext::CrossSite), "c=3");
    }
}
