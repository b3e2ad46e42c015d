//! The few URLs this crate accepts: absolute `https` (or loopback `http`), in the subset that every parser reads alike.
//!
//! In this order: length and characters, fragment, scheme, user information, host, port, `http` only for loopback.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::Uri;

/// Why a URL is not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidUrl {
    /// It is longer than 2048 bytes.
    #[error("URL is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// It has characters that must be percent-encoded in a URL (RFC 3986 §2), or cannot be parsed.
    #[error("URL has characters that do not belong there")]
    Characters,
    /// It has a fragment.
    #[error("URL must not have a fragment")]
    Fragment,
    /// It does not start with `https://`, nor with `http://` and a loopback host.
    #[error("URL must start with https:// (http:// only for localhost, 127.0.0.0/8 and [::1])")]
    Scheme,
    /// It carries a user name or password.
    #[error("URL must not have user information")]
    UserInfo,
    /// The host is missing or is neither a name nor an IP address.
    #[error("URL has no usable host")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("URL has no usable port")]
    Port,
    /// It has a query where none is allowed.
    #[error("URL must not have a query")]
    Query,
}

/// Accepts a URL, or says why not.
pub(super) fn parse(text: &str) -> Result<Uri, InvalidUrl> {
    if text.len() > MAX_BYTES {
        return Err(InvalidUrl::TooLong);
    }
    if !text.bytes().all(is_url_character) {
        return Err(InvalidUrl::Characters);
    }
    if text.contains('#') {
        return Err(InvalidUrl::Fragment);
    }
    let is_plain = text.starts_with("http://");
    if !is_plain && !text.starts_with("https://") {
        return Err(InvalidUrl::Scheme);
    }
    let host = parse_host(authority(text))?;
    if is_plain && !is_loopback(host) {
        return Err(InvalidUrl::Scheme);
    }
    Uri::try_from(text).map_err(|_| InvalidUrl::Characters)
}

/// What stands between `://` and the path or query.
pub(super) fn authority(text: &str) -> &str {
    let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    after_scheme.split(['/', '?']).next().unwrap_or(after_scheme)
}

fn parse_host(authority: &str) -> Result<&str, InvalidUrl> {
    if authority.contains('@') {
        return Err(InvalidUrl::UserInfo);
    }
    let host_end = if authority.starts_with('[') {
        authority.find(']').ok_or(InvalidUrl::Host)? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at(host_end);
    if !is_host(host) {
        return Err(InvalidUrl::Host);
    }
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok(host),
        Some(digits) if is_port(digits) => Ok(host),
        _ => Err(InvalidUrl::Port),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(address) = in_brackets(host) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let is_name = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    is_name && (!ends_in_a_number(host) || host.parse::<Ipv4Addr>().is_ok())
}

/// Whether browsers would read this host as an IPv4 address in some notation (WHATWG URL §3.5); `127.1` and `0x7f.1`
/// must not pass for names.
fn ends_in_a_number(host: &str) -> bool {
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let is_number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    is_number || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_port(digits: &str) -> bool {
    digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Whether the host is this machine (RFC 8252 §8.3 and §7.3 say why `http` is tolerable there).
fn is_loopback(host: &str) -> bool {
    let is_v6 =
        in_brackets(host).and_then(|address| address.parse::<Ipv6Addr>().ok()).is_some_and(|it| it.is_loopback());
    let is_v4 = host.parse::<Ipv4Addr>().is_ok_and(|it| it.is_loopback());
    is_v6 || is_v4 || host.eq_ignore_ascii_case("localhost")
}

fn in_brackets(host: &str) -> Option<&str> {
    host.strip_prefix('[')?.strip_suffix(']')
}

fn is_url_character(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte)
}

const MAX_BYTES: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_is_accepted_for_every_host_and_http_for_loopback_only() {
        for text in [
            "https://a.example",
            "https://a.example:8443/x?y=z",
            "https://192.0.2.1/",
            "https://[2001:db8::1]/",
            "http://localhost:3000/callback",
            "http://LOCALHOST/",
            "http://127.0.0.1",
            "http://127.9.9.9:1/",
            "http://[::1]:8080/",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
        for text in ["http://a.example", "http://localhost.example/", "http://128.0.0.1/", "http://[::2]/"] {
            assert_eq!(parse(text), Err(InvalidUrl::Scheme), "{text}");
        }
    }

    #[test]
    fn other_schemes_and_spellings_are_refused() {
        for text in ["", "a.example", "//a.example", "HTTPS://a.example", "ftp://a.example", "javascript:alert(1)"] {
            assert_eq!(parse(text), Err(InvalidUrl::Scheme), "{text}");
        }
    }

    #[test]
    fn user_information_and_fragments_are_refused() {
        assert_eq!(parse("https://a.example@b.example/"), Err(InvalidUrl::UserInfo));
        assert_eq!(parse("https://a:b@b.example/"), Err(InvalidUrl::UserInfo));
        assert_eq!(parse("https://a.example/#x"), Err(InvalidUrl::Fragment));
        assert_eq!(parse("https://a.example/#"), Err(InvalidUrl::Fragment));
    }

    #[test]
    fn a_host_that_parsers_read_differently_is_refused() {
        for text in [
            "https://",
            "https:///x",
            "https://:443/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://a.0x7f/",
            "https://256.0.0.1/",
            "https://1.2.3.4./",
            "https://a%2eexample/",
            "https://[::1/",
            "https://[::1%25eth0]/",
            "https://a,b/",
        ] {
            assert_eq!(parse(text), Err(InvalidUrl::Host), "{text}");
        }
    }

    #[test]
    fn a_port_is_a_number_from_1_to_65535() {
        for text in ["https://a:", "https://a:0", "https://a:65536", "https://a:+1", "https://a:x", "https://[::1]x"] {
            assert_eq!(parse(text), Err(InvalidUrl::Port), "{text}");
        }
    }

    #[test]
    fn characters_outside_the_url_alphabet_are_refused() {
        for text in ["https://a.example/\\b", "https://a.example/ x", "https://a.example/\n", "https://ä.example/"] {
            assert_eq!(parse(text), Err(InvalidUrl::Characters), "{text:?}");
        }
        assert_eq!(parse(&format!("https://a.example/{}", "x".repeat(2048))), Err(InvalidUrl::TooLong));
    }
}
