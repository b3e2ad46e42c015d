//! A URL as it stands in an address bar: absolute, with its fragment.

use std::fmt;

use http::Uri;

/// An absolute `http` or `https` URL.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Url {
    uri: Uri,
    fragment: Option<String>,
}

impl Url {
    /// Parses an absolute URL.
    pub fn parse(text: &str) -> Self {
        let (text, fragment) = match text.split_once('#') {
            Some((text, fragment)) => (text, Some(fragment.to_owned())),
            None => (text, None),
        };
        let uri: Uri = text.parse().unwrap_or_else(|error| panic!("{text:?} is no URL: {error}"));
        assert!(uri.scheme().is_some() && uri.authority().is_some(), "{text:?} is not absolute");
        Self { uri, fragment }
    }

    /// The URL that a reference on this page means. An absolute path, a query or an absolute URL; no relative path.
    #[must_use]
    pub fn join(&self, reference: &str) -> Self {
        if reference.is_empty() {
            return self.clone();
        }
        if reference.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphabetic()))
        {
            return Self::parse(reference);
        }
        if reference.starts_with("//") {
            return Self::parse(&format!("{}:{reference}", self.scheme()));
        }
        if reference.starts_with('?') {
            return Self::parse(&format!("{}{}{reference}", self.origin(), self.path()));
        }
        assert!(reference.starts_with('/'), "relative references such as {reference:?} are not understood here");
        Self::parse(&format!("{}{reference}", self.origin()))
    }

    /// Scheme, host and port, as in `Origin`.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme(), self.authority())
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        self.uri.scheme_str().unwrap_or_default()
    }

    /// Host and port, as in `Host`.
    pub fn authority(&self) -> &str {
        self.uri.authority().map(http::uri::Authority::as_str).unwrap_or_default()
    }

    /// The host alone. Test hosts have no subdomains, so it is the site, too.
    pub fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }

    /// The port, or the scheme's own.
    pub fn port(&self) -> u16 {
        self.uri.port_u16().unwrap_or(if self.scheme() == "https" { 443 } else { 80 })
    }

    /// The path alone.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// What goes into a request line.
    pub fn path_and_query(&self) -> &str {
        self.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
    }

    /// What stands behind `#`. Never sent.
    pub fn fragment(&self) -> Option<&str> {
        self.fragment.as_deref()
    }

    /// The first query parameter with this name, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let query = self.uri.query().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The same URL with one query parameter replaced, or added.
    #[must_use]
    pub fn with_parameter(&self, name: &str, value: &str) -> Self {
        let url = self.without_parameter(name);
        let pair = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
        let separator = if url.uri.query().is_none_or(str::is_empty) { "?" } else { "&" };
        Self::parse(&format!("{}{}{separator}{pair}", url.origin(), url.path_and_query().trim_end_matches('?')))
    }

    /// The same URL without a query parameter.
    #[must_use]
    pub fn without_parameter(&self, name: &str) -> Self {
        let query = self.uri.query().unwrap_or_default();
        let kept = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key != name);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
        let separator = if query.is_empty() { "" } else { "?" };
        Self::parse(&format!("{}{}{separator}{query}", self.origin(), self.path()))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.origin(), self.path_and_query())?;
        self.fragment.as_ref().map_or(Ok(()), |fragment| write!(formatter, "#{fragment}"))
    }
}

impl From<&Url> for Url {
    fn from(url: &Url) -> Self {
        url.clone()
    }
}

impl From<&str> for Url {
    fn from(text: &str) -> Self {
        Self::parse(text)
    }
}

impl From<String> for Url {
    fn from(text: String) -> Self {
        Self::parse(&text)
    }
}

impl From<&String> for Url {
    fn from(text: &String) -> Self {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_resolved_against_its_page() {
        let page = Url::parse("http://localhost:1/a/b?c#d");

        assert_eq!(page.join("/x?y#z").to_string(), "http://localhost:1/x?y#z");
        assert_eq!(page.join("?y").to_string(), "http://localhost:1/a/b?y");
        assert_eq!(page.join("https://evil.test/").origin(), "https://evil.test");
        assert_eq!(page.join("//evil.test/").origin(), "http://evil.test");
    }

    #[test]
    fn a_parameter_is_replaced_and_others_stay() {
        let url = Url::parse("http://localhost:1/a?b=1&c=2");

        assert_eq!(url.with_parameter("b", "x y").to_string(), "http://localhost:1/a?c=2&b=x+y");
        assert_eq!(url.without_parameter("b").without_parameter("c").to_string(), "http://localhost:1/a");
    }
}
