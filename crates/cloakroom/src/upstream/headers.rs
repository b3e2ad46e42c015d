//! Which headers cross the gateway, and which do not. Aliases count: what one upstream reads as `X-Real-IP`, another
//! also reads as `x_real_ip` or `X.Real.IP`.

use std::net::SocketAddr;

use http::{HeaderMap, HeaderName, HeaderValue, header, request};
use protocol::Secret;

use crate::{cookie, rejection::Rejection, settings::Frontend};

/// Hop-by-hop (RFC 9110 §7.6.1): they speak about one connection only.
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// What every answer of a session route depends on.
pub(crate) const VARY: HeaderValue =
    HeaderValue::from_static("Cookie, Origin, Referer, Sec-Fetch-Dest, Sec-Fetch-Mode, Sec-Fetch-Site, X-CSRF");
/// Nobody but this browser may keep it, and it may not either.
pub(crate) const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");

/// Leaves only what the browser meant for the upstream, and says where the request came from.
pub(super) fn clean_request(head: &mut request::Parts, frontend: &Frontend) {
    remove_hop_by_hop(&mut head.headers);
    let ours: Vec<HeaderName> = head.headers.keys().filter(|name| is_ours(name)).cloned().collect();
    for name in ours {
        head.headers.remove(name);
    }
    cookie::strip_ours(&mut head.headers);
    head.headers.remove(header::HOST);
    let set = |headers: &mut HeaderMap, name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set(&mut head.headers, "x-forwarded-host", frontend.origin.authority());
    set(&mut head.headers, "x-forwarded-proto", frontend.origin.scheme());
    if let Some(peer) = head.extensions.get::<SocketAddr>() {
        let peer = peer.ip().to_string();
        set(&mut head.headers, "x-forwarded-for", &peer);
    }
}

/// Adds the access token. The one place where its text leaves the wrapper.
pub(super) fn attach(headers: &mut HeaderMap, token: &Secret<String>) -> Result<(), Rejection> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
        .map_err(|_| Rejection::UpstreamFailed("the access token is not fit for a header".to_owned()))?;
    value.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, value);
    Ok(())
}

/// Leaves only what the upstream meant for the browser.
pub(super) fn clean_answer(headers: &mut HeaderMap) {
    remove_hop_by_hop(headers);
    let ours: Vec<HeaderName> =
        headers.keys().filter(|name| spelled(name).starts_with("cloakroom-")).cloned().collect();
    for name in ours {
        headers.remove(name);
    }
    if headers.contains_key(header::SET_COOKIE) {
        cookie::refuse_ours(headers);
    }
}

/// Keeps one user's answer from every cache. An upstream that forbids storing already may say so in its own words.
pub(crate) fn keep_private(headers: &mut HeaderMap) {
    let targeted: Vec<HeaderName> = headers.keys().filter(|name| speaks_to_caches(name)).cloned().collect();
    for name in targeted {
        headers.remove(name);
    }
    if !forbids_storing(headers) {
        headers.insert(header::CACHE_CONTROL, PRIVATE);
    }
    headers.append(header::VARY, VARY);
}

fn forbids_storing(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    // A quoted value may hold a comma: then nothing is read out of it.
    let mut directives = values.filter(|value| !value.contains('"')).flat_map(|value| value.split(','));
    directives.any(|directive| directive.trim().eq_ignore_ascii_case("no-store"))
}

/// Headers beside `Cache-Control` that some caches obey instead of it (RFC 9213 and its forerunners).
fn speaks_to_caches(name: &HeaderName) -> bool {
    let name = name.as_str();
    let targeted = name != "cache-control" && name.ends_with("cache-control");
    targeted || matches!(name, "expires" | "pragma" | "surrogate-control" | "edge-control" | "x-accel-expires")
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    // With a transfer coding, a length is at best a second opinion (RFC 9112 §6.3).
    if headers.contains_key(header::TRANSFER_ENCODING) {
        headers.remove(header::CONTENT_LENGTH);
    }
    // What `Connection` lists goes first, before anything of ours is added, so that it cannot take that away.
    let listed: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .collect();
    for name in listed.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// Whether an upstream might take a header of the browser's for one of ours, or for one that a proxy of its own sets.
fn is_ours(name: &HeaderName) -> bool {
    let name = spelled(name);
    let name = name.strip_prefix("http-").unwrap_or(&name);
    let exact = [
        "authorization",
        "proxy-authorization",
        "proxy",
        "forwarded",
        "x-forwarded",
        "x-csrf",
        "x-csrf-token",
        "x-real-ip",
        "x-original-url",
        "x-rewrite-url",
        "cloakroom",
    ];
    exact.contains(&name) || name.starts_with("x-forwarded-") || name.starts_with("cloakroom-")
}

/// Dashes, underscores, dots and every other mark are one and the same to CGI and its heirs.
fn spelled(name: &HeaderName) -> String {
    let dashed = name.as_str().replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    dashed.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::settings::Origin;

    fn cleaned(headers: &[(&str, &str)]) -> HeaderMap {
        let mut request = Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        clean_request(&mut head, &Frontend::new("app", Origin::parse("https://app.example.com").unwrap()));
        head.headers
    }

    #[test]
    fn what_an_upstream_might_take_for_ours_is_removed_in_every_spelling() {
        for name in [
            "Authorization",
            "authorization",
            "Forwarded",
            "X-Forwarded-User",
            "x_forwarded_for",
            "X.Forwarded.Email",
            "X-Real-IP",
            "x_real.ip",
            "X-CSRF",
            "Cloakroom-User",
            "cloakroom_user",
            "Proxy-Authorization",
            "TE",
            "Host",
        ] {
            let left = cleaned(&[(name, "forged")]);

            assert!(!left.values().any(|value| value == "forged"), "{name}");
        }
    }

    #[test]
    fn no_punctuation_lets_an_alias_through() {
        for name in [
            "X-Forwarded",
            "x!forwarded!for",
            "X~Forwarded~For",
            "X|Real|IP",
            "Authorization_",
            "HTTP_AUTHORIZATION",
            "Proxy_Authorization",
            "Cloakroom",
            "_cloakroom_user",
            "Proxy",
            "X-Original-URL",
            "X_Rewrite_URL",
        ] {
            let left = cleaned(&[(name, "forged")]);

            assert!(!left.values().any(|value| value == "forged"), "{name}");
        }
    }

    #[test]
    fn no_upstream_header_makes_a_personal_answer_storable() {
        for (name, value) in [
            ("cache-control", "no-store-me-not, public, max-age=600"),
            ("cache-control", "public, x=\"a, no-store\""),
            ("cdn-cache-control", "public, max-age=600"),
            ("cloudflare-cdn-cache-control", "max-age=600"),
            ("surrogate-control", "max-age=600"),
            ("x-accel-expires", "600"),
            ("expires", "Thu, 01 Jan 2099 00:00:00 GMT"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));

            keep_private(&mut headers);

            assert_eq!(headers.get(header::CACHE_CONTROL).unwrap(), "private, no-store", "{name}: {value}");
            assert!(name == "cache-control" || !headers.contains_key(name), "{name}");
        }
    }

    #[test]
    fn an_upstreams_own_words_against_storing_are_kept() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("No-Store, no-transform"));

        keep_private(&mut headers);

        assert_eq!(headers.get(header::CACHE_CONTROL).unwrap(), "No-Store, no-transform");
    }

    #[test]
    fn connection_cannot_take_away_what_we_add() {
        let left = cleaned(&[("Connection", "close, X-Forwarded-Host, x-mine"), ("X-Mine", "1"), ("Accept", "*/*")]);

        assert_eq!(left.get("x-forwarded-host").unwrap(), "app.example.com");
        assert!(!left.contains_key("x-mine") && !left.contains_key("connection") && left.contains_key("accept"));
    }

    #[test]
    fn an_answer_for_one_user_is_kept_from_every_cache() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=600"));
        headers.insert("cloakroom-rejection", HeaderValue::from_static("no_session"));

        clean_answer(&mut headers);
        keep_private(&mut headers);

        assert_eq!(headers.get(header::CACHE_CONTROL).unwrap(), "private, no-store");
        assert!(headers.contains_key(header::VARY) && !headers.contains_key("cloakroom-rejection"));
    }
}
