//! A request that a browser is about to make, and what made it.

use http::Method;

use crate::Url;

/// A page that is open, as far as it matters to the requests it makes.
#[derive(Clone, Debug)]
pub struct PageAt {
    pub(super) url: Url,
    pub(super) tells_referrer: bool,
}

/// A request in the making.
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until a browser sends it"]
pub struct Ask {
    pub(super) method: Method,
    pub(super) url: Url,
    /// The page that makes it; nothing when the user does.
    pub(super) initiator: Option<PageAt>,
    pub(super) mode: &'static str,
    pub(super) dest: &'static str,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<(String, Vec<u8>)>,
    pub(super) follows: bool,
    pub(super) sends_cookies: bool,
}

impl<T: Into<Url>> From<T> for PageAt {
    fn from(url: T) -> Self {
        Self { url: url.into(), tells_referrer: true }
    }
}

impl Ask {
    /// The user types an address.
    pub fn typed(url: impl Into<Url>) -> Self {
        Self::new(url.into(), None, ("navigate", "document"))
    }

    /// A page, or a link on it, leads there.
    pub fn link(from: impl Into<PageAt>, url: impl Into<Url>) -> Self {
        Self::new(url.into(), Some(from.into()), ("navigate", "document"))
    }

    /// A form on a page is sent.
    pub fn form(from: impl Into<PageAt>, url: impl Into<Url>, fields: &[(&str, &str)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Self::link(from, url).method(Method::POST).body("application/x-www-form-urlencoded", body)
    }

    /// Script on a page calls `fetch` with credentials, and without our header.
    pub fn bare_fetch(from: impl Into<PageAt>, url: impl Into<Url>) -> Self {
        Self::new(url.into(), Some(from.into()), ("cors", "empty"))
    }

    /// Script on a page calls `fetch` with the static header.
    pub fn fetch(from: impl Into<PageAt>, url: impl Into<Url>) -> Self {
        Self::bare_fetch(from, url).header("X-CSRF", "1")
    }

    /// Script on a page calls `fetch` in mode `no-cors`: the answer stays opaque, but the request is made.
    pub fn opaque_fetch(from: impl Into<PageAt>, url: impl Into<Url>) -> Self {
        Self::new(url.into(), Some(from.into()), ("no-cors", "empty"))
    }

    /// A page shows an image.
    pub fn image(from: impl Into<PageAt>, url: impl Into<Url>) -> Self {
        Self::new(url.into(), Some(from.into()), ("no-cors", "image"))
    }

    /// A page shows another in a frame.
    pub fn frame(from: impl Into<PageAt>, url: impl Into<Url>) -> Self {
        Self::new(url.into(), Some(from.into()), ("navigate", "iframe"))
    }

    /// The browser expects that the user will go there.
    pub fn prefetch(from: impl Into<PageAt>, url: impl Into<Url>) -> Self {
        Self::link(from, url).header("Sec-Purpose", "prefetch;prerender")
    }

    /// Script on a page opens a WebSocket.
    pub fn web_socket(from: impl Into<PageAt>, url: impl Into<Url>) -> Self {
        Self::new(url.into(), Some(from.into()), ("websocket", "empty"))
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
    }

    /// With another method.
    pub fn method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    /// With one more header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a body of this media type.
    pub fn body(self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: Some((kind.to_owned(), body.into())), ..self }
    }

    /// Shows the first answer, whatever it leads to.
    pub fn without_following(self) -> Self {
        Self { follows: false, ..self }
    }

    /// As `credentials: "omit"` does.
    pub fn without_cookies(self) -> Self {
        Self { sends_cookies: false, ..self }
    }

    fn new(url: Url, initiator: Option<PageAt>, (mode, dest): (&'static str, &'static str)) -> Self {
        Self {
            method: Method::GET,
            url,
            initiator,
            mode,
            dest,
            headers: Vec::new(),
            body: None,
            follows: true,
            sends_cookies: true,
        }
    }

    pub(super) fn is_navigation(&self) -> bool {
        self.mode == "navigate"
    }

    /// The preflight that this request needs (Fetch §4.8), if it needs one.
    pub(super) fn preflight(&self) -> Option<Self> {
        let page = self.initiator.as_ref()?;
        if self.mode != "cors" || page.url.origin() == self.url.origin() {
            return None;
        }
        let simple_body =
            |kind: &str| ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"].contains(&kind);
        let mut names: Vec<String> = self.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        if self.body.as_ref().is_some_and(|(kind, _)| !simple_body(kind)) {
            names.push("content-type".to_owned());
        }
        let simple_method = matches!(self.method, Method::GET | Method::HEAD | Method::POST);
        if names.is_empty() && simple_method {
            return None;
        }
        let preflight = Self::new(self.url.clone(), self.initiator.clone(), ("cors", "empty"));
        Some(Self {
            method: Method::OPTIONS,
            headers: vec![
                ("Access-Control-Request-Method".to_owned(), self.method.to_string()),
                ("Access-Control-Request-Headers".to_owned(), names.join(",")),
            ],
            follows: false,
            sends_cookies: false,
            ..preflight
        })
    }
}
