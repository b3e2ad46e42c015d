//! The headers by which a browser tells where a request comes from (Fetch, Fetch Metadata, Referrer Policy), and the
//! site that decides about cookies.

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::{Ask, jar::CookieContext};
use crate::Url;

/// Every header but `Host` and `Cookie`. `chain` holds the addresses of all redirects, this request's last.
pub(super) fn headers(ask: &Ask, chain: &[Url], modern: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, value: &str| {
        headers.insert(HeaderName::from_static(name), HeaderValue::try_from(value).expect("headers are text"));
    };
    set("user-agent", "Mozilla/5.0 (testkit)");
    set("accept", accept(ask));
    if modern {
        set("sec-fetch-site", site(ask, chain));
        set("sec-fetch-mode", ask.mode);
        set("sec-fetch-dest", if ask.mode == "websocket" { "websocket" } else { ask.dest });
    }
    if let Some(origin) = origin(ask, chain) {
        set("origin", &origin);
    }
    if let Some(referer) = referer(ask) {
        set("referer", &referer);
    }
    if let Some((kind, _)) = &ask.body {
        set("content-type", kind);
    }
    for (name, value) in &ask.headers {
        let name = HeaderName::try_from(name).expect("header names are tokens");
        headers.append(name, HeaderValue::try_from(value).expect("headers are text"));
    }
    headers
}

/// Which cookies go along. A chain that left the site once is foreign for good (RFC 6265bis §5.2).
pub(super) fn cookie_context(ask: &Ask, chain: &[Url]) -> CookieContext {
    let site = ask.url.host();
    let initiator = ask.initiator.as_ref().map_or(site, |page| page.url.host());
    if initiator == site && chain.iter().all(|url| url.host() == site) {
        CookieContext::SameSite
    } else if ask.mode == "navigate" && ask.dest == "document" && ask.method.is_safe() {
        CookieContext::CrossSiteNavigation
    } else {
        CookieContext::CrossSite
    }
}

/// Fetch Metadata §2.1: the farthest of all addresses on the way decides.
fn site(ask: &Ask, chain: &[Url]) -> &'static str {
    let Some(page) = &ask.initiator else { return "none" };
    if chain.iter().all(|url| url.origin() == page.url.origin()) {
        "same-origin"
    } else if chain.iter().all(|url| url.host() == page.url.host()) {
        "same-site"
    } else {
        "cross-site"
    }
}

/// Fetch §3.2: scripts tell their origin to others, and every write tells it.
fn origin(ask: &Ask, chain: &[Url]) -> Option<String> {
    let is_read = matches!(ask.method, Method::GET | Method::HEAD);
    let Some(page) = &ask.initiator else { return (!is_read).then(|| "null".to_owned()) };
    let own = chain.iter().all(|url| url.origin() == page.url.origin());
    match ask.mode {
        "websocket" => Some(page.url.origin()),
        "cors" => (!is_read || !own).then(|| page.url.origin()),
        _ if is_read => None,
        _ => Some(if page.tells_referrer { page.url.origin() } else { "null".to_owned() }),
    }
}

/// The default policy, `strict-origin-when-cross-origin`.
fn referer(ask: &Ask) -> Option<String> {
    let page = ask.initiator.as_ref().filter(|page| page.tells_referrer && ask.mode != "websocket")?;
    if page.url.origin() == ask.url.origin() {
        return Some(format!("{}{}", page.url.origin(), page.url.path_and_query()));
    }
    let downgrade = page.url.scheme() == "https" && ask.url.scheme() == "http" && !is_loopback(&ask.url);
    (!downgrade).then(|| format!("{}/", page.url.origin()))
}

fn is_loopback(url: &Url) -> bool {
    ["localhost", "127.0.0.1"].contains(&url.host())
}

fn accept(ask: &Ask) -> &'static str {
    match (ask.mode, ask.dest) {
        ("navigate", _) => "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        (_, "image") => "image/avif,image/webp,image/png,*/*;q=0.5",
        _ => "*/*",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(ask: &Ask, before: &[&str], names: &[&str]) -> Vec<String> {
        let mut chain: Vec<Url> = before.iter().map(|url| Url::parse(url)).collect();
        chain.push(ask.url.clone());
        let headers = headers(ask, &chain, true);
        names.iter().map(|name| headers.get(*name).map_or("-", |value| value.to_str().unwrap()).to_owned()).collect()
    }

    #[test]
    fn a_request_tells_where_it_comes_from() {
        let names = ["sec-fetch-site", "origin", "referer"];
        let here = "http://localhost:1/x";

        assert_eq!(values(&Ask::typed(here), &[], &names), ["none", "-", "-"]);
        assert_eq!(
            values(&Ask::bare_fetch("http://localhost:1/a?b", here), &[], &names),
            ["same-origin", "-", "http://localhost:1/a?b"]
        );
        assert_eq!(
            values(&Ask::bare_fetch("http://localhost:2/a", here), &[], &names),
            ["same-site", "http://localhost:2", "http://localhost:2/"]
        );
        assert_eq!(
            values(&Ask::link("https://evil.test/a", here), &[], &names),
            ["cross-site", "-", "https://evil.test/"]
        );
    }

    #[test]
    fn a_detour_over_another_site_is_cross_site() {
        let ask = Ask::link("http://localhost:1/a", "http://localhost:1/b");

        assert_eq!(values(&ask, &["http://127.0.0.1:2/"], &["sec-fetch-site"]), ["cross-site"]);
        let chain = [Url::parse("http://127.0.0.1:2/"), ask.url.clone()];
        assert_eq!(cookie_context(&ask, &chain), CookieContext::CrossSiteNavigation);
    }
}
