//! What a browser got back.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::PageAt;
use crate::Url;

/// An answer, and those that led to it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Where it came from.
    pub url: Url,
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; cut off where the server cut it off.
    pub body: Bytes,
    /// Whether the whole body came.
    pub complete: bool,
    /// The redirects and self-refreshing pages before it, oldest first.
    pub earlier: Vec<Self>,
}

impl Answer {
    /// The value of a header; several are joined by a comma.
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }

    /// The rejection code, wherever the answer carries it; empty for an answer that is no rejection.
    pub fn rejection_code(&self) -> String {
        self.header("cloakroom-rejection").unwrap_or_default()
    }

    /// Why the session ended, as a problem document tells it; empty where it does not.
    pub fn reason(&self) -> String {
        self.json()["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// The `Set-Cookie` value for a cookie of this name.
    pub fn set_cookie(&self, name: &str) -> Option<String> {
        let values = self.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
        values.filter(|value| value.split('=').next() == Some(name)).map(str::to_owned).next()
    }

    /// This answer and all before it, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        self.earlier.iter().chain([self])
    }

    /// The answer as an open page.
    pub fn page(&self) -> PageAt {
        let policy = self.header("referrer-policy");
        PageAt { url: self.url.clone(), tells_referrer: policy.as_deref() != Some("no-referrer") }
    }

    /// Where a page's `<meta http-equiv="refresh">` leads; empty for itself.
    pub fn refresh(&self) -> Option<String> {
        let is_page = self.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
        let text = self.text();
        let (_, rest) = text.split_once("http-equiv=\"refresh\" content=\"").filter(|_| is_page)?;
        let (content, _) = rest.split_once('"')?;
        let content = unescape(content);
        Some(content.split_once("url=").map(|(_, url)| url.to_owned()).unwrap_or_default())
    }

    /// The address of the first link on a page whose text is this.
    pub fn link(&self, label: &str) -> Option<String> {
        let text = self.text();
        let links = text.split("<a href=\"").skip(1).filter_map(|link| link.split_once("\">"));
        links.filter(|(_, rest)| rest.starts_with(&format!("{label}</a>"))).map(|(href, _)| unescape(href)).next()
    }
}

/// Resolves the character references that templates write.
fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let (name, after) = after.split_once(';').expect("an ampersand begins a character reference");
        let character = match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            _ => numeric(name).unwrap_or_else(|| panic!("&{name}; is not known here")),
        };
        plain.push(character);
        rest = after;
    }
    plain.push_str(rest);
    plain
}

fn numeric(name: &str) -> Option<char> {
    let number = name.strip_prefix('#')?;
    let code = match number.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn character_references_are_resolved() {
        assert_eq!(unescape("/a?b=1&#38;c=&quot;&#x27;"), "/a?b=1&c=\"'");
    }
}
