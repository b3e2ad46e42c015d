//! Which frontend and which resource server does a request mean?
//!
//! What is matched is what is forwarded, byte for byte. A target that two parsers could read differently (dot segments,
//! doubled or encoded slashes, backslashes, malformed percent signs) is refused, not repaired; so is one that an upstream
//! could read as a path of another route (`/%61pi`, `/API`, `/api;x`), whose rules would then have been passed by.

use std::borrow::Cow;

use http::{header, request, uri::Uri};
use percent_encoding::percent_decode_str;

use crate::{
    bff::Bff,
    rejection::{BadRequest, Rejection},
    settings::{Frontend, UpstreamUrl},
};

/// A prefix of paths and where it leads.
#[derive(Clone, Debug)]
pub struct Route {
    /// `/` or a path such as `/api`: matches itself and everything below, cut at a slash.
    pub prefix: String,
    /// Who may use it.
    pub access: Access,
    /// What kind of requests it answers.
    pub kind: Kind,
    /// Where it leads.
    pub upstream: UpstreamUrl,
    /// Longest request body in bytes. Default 16 MiB.
    pub body_limit: usize,
}

/// Who may use a route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Everybody. No token goes upstream, no cookie of ours is read.
    Public,
    /// Whoever has a session; the session's access token goes upstream.
    Session,
}

/// What kind of requests a route answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Documents that people navigate to. Without a session they are sent to sign in.
    Page,
    /// Calls by script, with the static header. Never redirected.
    Api,
}

/// The longest request target that is read, in bytes.
pub(crate) const LONGEST_TARGET: usize = 8 * 1024;

/// A frontend and one of its routes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    pub(crate) frontend: &'a Frontend,
    pub(crate) route: &'a Route,
}

/// The route that this request means: the longest prefix on the frontend with exactly this host.
///
/// # Errors
///
/// [`Rejection::NoRoute`] or [`Rejection::BadRequest`].
pub(crate) fn find<'a>(bff: &'a Bff, head: &request::Parts) -> Result<Found<'a>, Rejection> {
    let frontend = find_frontend(bff, head)?;
    let path = require_unambiguous(&head.uri)?;
    let routes = frontend.routes.iter().filter(|route| is_below(path, &route.prefix));
    let route = routes.max_by_key(|route| route.prefix.len()).ok_or(Rejection::NoRoute)?;
    Ok(Found { frontend, route })
}

/// Refuses a path that means one route to us and could mean another to an upstream that decodes what need not be encoded,
/// ignores letter case, or cuts matrix parameters off.
pub(crate) fn require_one_reading(frontend: &Frontend, path: &str) -> Result<(), Rejection> {
    let other = other_reading(path);
    let prefixes = frontend.routes.iter().map(|route| &route.prefix).chain([&frontend.auth_path]);
    for prefix in prefixes {
        if is_below(path, prefix) != is_below_in_any_case(&other, prefix) {
            return Err(BadRequest::AmbiguousTarget.into());
        }
    }
    Ok(())
}

/// The path with everything decoded, without matrix parameters.
fn other_reading(path: &str) -> Cow<'_, str> {
    if !path.contains(['%', ';']) {
        return Cow::Borrowed(path);
    }
    let segments = path.split('/').map(|segment| segment.split(';').next().unwrap_or_default());
    let decoded: Vec<_> = segments.map(|segment| percent_decode_str(segment).decode_utf8_lossy()).collect();
    Cow::Owned(decoded.join("/"))
}

fn is_below_in_any_case(path: &str, prefix: &str) -> bool {
    let (start, rest) = path.split_at_checked(prefix.len()).unwrap_or((path, ""));
    prefix == "/" || (start.eq_ignore_ascii_case(prefix) && (rest.is_empty() || rest.starts_with('/')))
}

/// The frontend with exactly the request's host.
pub(crate) fn find_frontend<'a>(bff: &'a Bff, head: &request::Parts) -> Result<&'a Frontend, Rejection> {
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let named = hosts.next().map(|host| host.to_str().map_err(|_| Rejection::NoRoute)).transpose()?;
    if hosts.next().is_some() {
        return Err(BadRequest::Host.into());
    }
    // An absolute target and `Host` must agree, or two readers could take them for different frontends.
    let host = match (head.uri.authority().map(http::uri::Authority::as_str), named) {
        (Some(target), Some(named)) if !target.eq_ignore_ascii_case(named) => return Err(BadRequest::Host.into()),
        (Some(host), _) | (None, Some(host)) => host,
        (None, None) => return Err(BadRequest::Host.into()),
    };
    bff.settings().frontends.iter().find(|frontend| frontend.origin.is_host(host)).ok_or(Rejection::NoRoute)
}

/// The target's path, if every reader of it must see the same one.
pub(crate) fn require_unambiguous(uri: &Uri) -> Result<&str, Rejection> {
    let target = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    if target.len() > LONGEST_TARGET {
        return Err(BadRequest::TargetTooLong.into());
    }
    let path = uri.path();
    let fits = path.starts_with('/')
        && target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
        && !path.contains("//")
        && !path.contains('\\')
        && path.split('/').all(is_plain_segment);
    if fits { Ok(path) } else { Err(BadRequest::AmbiguousTarget.into()) }
}

/// Whether `text` can be a route's prefix.
pub(crate) fn is_prefix(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    text == "/"
        || (text.starts_with('/')
            && !text.ends_with('/')
            && !text.contains("//")
            && text.bytes().all(plain)
            && text.split('/').all(is_plain_segment))
}

/// Whether a path lies at or below a prefix, cut at a slash: `/api` holds `/api/a`, not `/apis`.
pub(crate) fn is_below(path: &str, prefix: &str) -> bool {
    prefix == "/" || path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_plain_segment(segment: &str) -> bool {
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (Some(high), Some(low)) = (bytes.next().and_then(hex), bytes.next().and_then(hex)) else {
                return false;
            };
            // An encoded dot could complete a dot segment; the others could end a segment or the path.
            if matches!(high << 4 | low, 0..=0x1f | b'/' | b'\\' | b'.' | b'%' | b';' | b'#' | b'?' | 0x7f) {
                return false;
            }
        }
    }
    // Some servers cut matrix parameters off before they compare.
    let name = segment.split(';').next().unwrap_or_default();
    name != "." && name != ".." && (segment.is_empty() || !name.is_empty())
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguous_targets_are_refused() {
        for bad in [
            "/a/../b",
            "/a/./b",
            "/..",
            "/a/%2e%2e/b",
            "/a/%2E/b",
            "/a/.%2e/b",
            "//a",
            "/a//b",
            "/a%2fb",
            "/a%5cb",
            "/a\\b",
            "/a%00b",
            "/a%0ab",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%252fb",
            "/a/..;x=1/b",
            "*",
            "/a%3bb",
            "/;x/api",
            "/;/api",
            "/api/;/open",
            "/api/;x",
            "/a%23b",
            "/a%3Fb",
        ] {
            let refused = bad.parse::<Uri>().is_ok_and(|uri| require_unambiguous(&uri).is_ok());
            assert!(!refused, "{bad}");
        }
        for good in ["/", "/a", "/a/", "/a.b/c;v=1", "/a%20b", "/%C3%A9", "/a?b=../c//d", "/...", "/a/.well-known"] {
            assert!(require_unambiguous(&good.parse().unwrap()).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_path_that_an_upstream_could_read_as_another_route_is_refused() {
        let mut frontend = Frontend::new("app", crate::settings::Origin::parse("https://app.example.com").unwrap());
        frontend.routes = ["/", "/api", "/api/open", "/Docs"]
            .into_iter()
            .map(|prefix| Route {
                prefix: prefix.to_owned(),
                access: Access::Public,
                kind: Kind::Page,
                upstream: UpstreamUrl::parse("http://127.0.0.1:1").unwrap(),
                body_limit: 1,
            })
            .collect();
        let is_plain = |path: &str| require_one_reading(&frontend, path).is_ok();

        for bad in [
            "/%61pi/x",
            "/API/x",
            "/api;v=1/x",
            "/aP%69",
            "/api/%6fpen",
            "/api/open;x",
            "/docs/a",
            "/%44ocs",
            "/%61uth/login",
            "/AUTH/login",
            "/auth;x/login",
            "/%41pi",
        ] {
            assert!(!is_plain(bad), "{bad}");
        }
        for good in ["/", "/api/Orders;v=1", "/x/API", "/api/open/%C3%A9", "/Docs/A", "/Other", "/a%20b", "/apis/X"] {
            assert!(is_plain(good), "{good}");
        }
    }

    #[test]
    fn prefixes_are_cut_at_a_slash() {
        assert!(is_below("/api", "/api") && is_below("/api/a", "/api") && is_below("/x", "/"));
        assert!(!is_below("/apis", "/api") && !is_below("/API", "/api") && !is_below("/", "/api"));
    }
}
