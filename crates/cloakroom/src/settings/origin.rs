//! A web origin (RFC 6454 §4): scheme, host, port.

use std::fmt;

use thiserror::Error;

/// The origin of a frontend, in the spelling that browsers send.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Origin {
    text: String,
    authority_start: usize,
}

impl Origin {
    /// `https://host[:port]`, or `http://` for this machine's own names. Lower case, no path, no default port.
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let invalid = |why| InvalidOrigin { text: text.to_owned(), why };
        let (scheme, authority) = text.split_once("://").ok_or_else(|| invalid("it has no scheme"))?;
        let default_port = match scheme {
            "https" => ":443",
            "http" => ":80",
            _ => return Err(invalid("its scheme is neither https nor http")),
        };
        let (host, port) = split_port(authority);
        if host.is_empty() || !host.bytes().all(is_host_byte) || (host.contains(':') && !host.starts_with('[')) {
            return Err(invalid("its host must be lower case letters, digits, dots and dashes, or an address"));
        }
        if port.is_some_and(|port| port.parse::<u16>().is_err() || port.starts_with('0')) {
            return Err(invalid("its port is not a number from 1 to 65535"));
        }
        if authority.ends_with(default_port) {
            return Err(invalid("browsers leave out the default port"));
        }
        if scheme == "http" && !is_loopback(host) {
            return Err(invalid("plain http gives every cookie away: only localhost may use it"));
        }
        Ok(Self { text: text.to_owned(), authority_start: scheme.len() + 3 })
    }

    /// As browsers send it in `Origin`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host, and port where it is not the scheme's own: what a request's `Host` must say.
    pub fn authority(&self) -> &str {
        &self.text[self.authority_start..]
    }

    /// Host without port: what cookies belong to.
    pub fn host(&self) -> &str {
        split_port(self.authority()).0
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &str {
        &self.text[..self.authority_start - 3]
    }

    /// Whether a request's `Host` (or `:authority`) means this origin. Hosts ignore letter case (RFC 9110 §4.2.3).
    pub(crate) fn is_host(&self, host: &str) -> bool {
        let default_port = if self.scheme() == "https" { ":443" } else { ":80" };
        let has_port = self.host() != self.authority();
        let host = if has_port { host } else { host.strip_suffix(default_port).unwrap_or(host) };
        host.eq_ignore_ascii_case(self.authority())
    }

    /// The rest of an absolute URL of this origin, from its path on; nothing for a URL of any other.
    pub(crate) fn strip_from<'a>(&self, url: &'a str) -> Option<&'a str> {
        let rest = url.strip_prefix(self.as_str())?;
        (rest.is_empty() || rest.starts_with(['/', '?', '#'])).then_some(rest)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// This is no origin that a frontend can have.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "{text:?} is not an origin: {why}. Write it as browsers do, for example `https://app.example.com` or `http://localhost:8080`"
)]
pub struct InvalidOrigin {
    text: String,
    why: &'static str,
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn is_host_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'[' | b']' | b':')
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_spelled_as_browsers_spell_them() {
        for good in
            ["https://app.example.com", "https://app.example.com:8443", "http://localhost:8080", "http://[::1]:1"]
        {
            assert_eq!(Origin::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "app.example.com",
            "https://App.example.com",
            "https://app.example.com/",
            "https://app.example.com:443",
            "https://app.example.com:0",
            "https://app.example.com:70000",
            "https://user@app.example.com",
            "http://app.example.com",
            "ftp://localhost",
            "https://",
            "https://::1",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_host_is_this_origin_only_exactly() {
        let origin = Origin::parse("https://app.example.com").unwrap();

        assert!(origin.is_host("app.example.com") && origin.is_host("APP.example.com:443"));
        assert!(!origin.is_host("app.example.com:8443") && !origin.is_host("app.example.com.evil.test"));
        assert!(!origin.is_host("evil.test") && !origin.is_host(""));
        assert!(!Origin::parse("http://localhost:8080").unwrap().is_host("localhost:8080:80"));
    }

    #[test]
    fn an_absolute_url_belongs_to_the_origin_only_at_a_boundary() {
        let origin = Origin::parse("https://app.example.com").unwrap();

        assert_eq!(origin.strip_from("https://app.example.com/a"), Some("/a"));
        assert_eq!(origin.strip_from("https://app.example.com"), Some(""));
        assert_eq!(origin.strip_from("https://app.example.com.evil.test/"), None);
        assert_eq!(origin.strip_from("https://app.example.com@evil.test/"), None);
        assert_eq!(origin.strip_from("https://app.example.com:8443/"), None);
    }
}
