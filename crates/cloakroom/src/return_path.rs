//! Where to go after a login: on this origin, or on that of another configured frontend. Never anywhere else.

use http::Uri;

use crate::{
    bff::Bff,
    rejection::{BadRequest, Rejection},
    route,
    settings::{Frontend, Settings},
};

const LONGEST: usize = 2048;

/// A place that a login may end at: a path of this frontend, or an absolute URL of another configured one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ReturnPath(String);

impl ReturnPath {
    /// The frontend's start page.
    pub(crate) fn start() -> Self {
        Self("/".to_owned())
    }

    /// A return path from outside.
    ///
    /// Stricter than the WHATWG URL rules that browsers follow, so that no browser can read it as another place: printable
    /// ASCII without backslash, a path that is not ambiguous, or exactly a configured origin in front of one.
    pub(crate) fn parse(text: &str, settings: &Settings, frontend: &Frontend) -> Option<Self> {
        if text.len() > LONGEST || !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return None;
        }
        if text.starts_with('/') {
            return is_plain(text).then(|| Self(text.to_owned()));
        }
        let (owner, rest) =
            settings.frontends.iter().find_map(|owner| owner.origin.strip_from(text).map(|rest| (owner, rest)))?;
        let rest = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
        let own = owner.origin == frontend.origin;
        is_plain(&rest).then(|| Self(if own { rest } else { format!("{}{rest}", owner.origin) }))
    }

    /// The path of a request that was turned away, to come back to; the start page if it is no return path.
    pub(crate) fn of_request(uri: &Uri, bff: &Bff, frontend: &Frontend) -> Self {
        let target = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        Self::parse(target, bff.settings(), frontend).unwrap_or_else(Self::start)
    }

    /// As it goes into `Location` or a page.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Path, query and fragment of which no reader can make another host or another path.
fn is_plain(text: &str) -> bool {
    let without_fragment = text.split('#').next().unwrap_or_default();
    let uri = without_fragment.parse::<Uri>();
    uri.is_ok_and(|uri| uri.authority().is_none() && route::require_unambiguous(&uri).is_ok())
}

/// The parameter `return_to`, or the start page where it is missing.
pub(crate) fn of_parameter(value: Option<&str>, bff: &Bff, frontend: &Frontend) -> Result<ReturnPath, Rejection> {
    let Some(value) = value else { return Ok(ReturnPath::start()) };
    ReturnPath::parse(value, bff.settings(), frontend).ok_or_else(|| BadRequest::Parameter("return_to").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Origin;

    fn parse(text: &str) -> Option<String> {
        let frontend = |name, origin| Frontend::new(name, Origin::parse(origin).unwrap());
        let frontends =
            vec![frontend("app", "https://app.example.com"), frontend("other", "https://other.example.com")];
        let settings = Settings { frontends, authorization_servers: Vec::new() };
        ReturnPath::parse(text, &settings, &settings.frontends[0]).map(|path| path.0)
    }

    #[test]
    fn paths_and_configured_origins_are_kept() {
        for good in ["/", "/a/b?c=d&e=//f#g", "/a%20b", "https://other.example.com/x", "/a?next=https://evil.test"] {
            assert_eq!(parse(good).as_deref(), Some(good));
        }
        assert_eq!(parse("https://app.example.com/a?b").as_deref(), Some("/a?b"));
        assert_eq!(parse("https://app.example.com?b").as_deref(), Some("/?b"));
        assert_eq!(parse("https://other.example.com").as_deref(), Some("https://other.example.com/"));
    }

    #[test]
    fn nothing_leads_elsewhere() {
        for bad in [
            "",
            "a",
            "//evil.test",
            "/\\evil.test",
            "\\/evil.test",
            "/\t/evil.test",
            "/\n/evil.test",
            " /a",
            "/a b",
            "https://evil.test",
            "https://app.example.com.evil.test/",
            "https://app.example.com@evil.test/",
            "https:/app.example.com",
            "https:app.example.com",
            "HTTPS://app.example.com/",
            "//app.example.com/",
            "javascript:alert(1)",
            "data:text/html,x",
            "/../a",
            "/a/..//evil.test",
            "/%2e%2e//evil.test",
            "/é",
            "https://app.example.com\\@evil.test",
            "https://app.example.com//evil.test",
            "/a//b",
            "/%5cevil.test",
            "/%2f%2fevil.test",
            "?a=b",
            "#a",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(parse(&format!("/{}", "a".repeat(LONGEST))), None);
    }
}
