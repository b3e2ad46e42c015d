//! Facts about how a browser sent a request, from Fetch Metadata where it has it.

use http::{HeaderMap, Method, header, request};

/// How a request was made, as far as its head tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Manner {
    /// A person opens a page in a tab: GET or HEAD, `Sec-Fetch-Mode: navigate`, `Sec-Fetch-Dest: document`; from a
    /// browser that sends neither, one that asks for `text/html`.
    Navigation,
    /// The same, but fetched ahead of a person's decision. Starts nothing.
    Prefetch,
    /// A form that was sent: another method, but a person sees the answer as a document.
    Submission,
    /// Anything else.
    Call,
}

/// Where a request comes from, as `Sec-Fetch-Site` says (Fetch Metadata §2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Site {
    /// The same origin.
    Own,
    /// No page: typed, bookmarked.
    None,
    /// Another origin, whether on the same site or not, or a value nobody has defined.
    Foreign,
    /// The browser does not say.
    Unknown,
}

impl Manner {
    pub(crate) fn of(head: &request::Parts) -> Self {
        if !is_navigate(&head.headers) {
            return Self::Call;
        }
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return Self::Submission;
        }
        let prefetch = |name| text(&head.headers, name).is_some_and(|value| value.contains("prefetch"));
        if prefetch("sec-purpose") || prefetch("purpose") || prefetch("x-moz") {
            Self::Prefetch
        } else {
            Self::Navigation
        }
    }

    /// Whether a person, now or later, sees the answer to a read.
    pub(crate) const fn is_page_view(self) -> bool {
        matches!(self, Self::Navigation | Self::Prefetch)
    }
}

impl Site {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        match text(headers, "sec-fetch-site") {
            Some("same-origin") => Self::Own,
            Some("none") => Self::None,
            Some(_) => Self::Foreign,
            None if headers.contains_key("sec-fetch-site") => Self::Foreign,
            None => Self::Unknown,
        }
    }
}

/// The value of a header that is there exactly once and is text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn is_navigate(headers: &HeaderMap) -> bool {
    let (mode, dest) = ("sec-fetch-mode", "sec-fetch-dest");
    if headers.contains_key(mode) || headers.contains_key(dest) {
        return text(headers, mode) == Some("navigate") && text(headers, dest) == Some("document");
    }
    text(headers, header::ACCEPT.as_str()).is_some_and(|accept| accept.contains("text/html"))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn head(headers: &[(&'static str, &'static str)]) -> request::Parts {
        let mut request = Request::builder().uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_a_top_level_document_is_a_navigation() {
        let navigate = ("sec-fetch-mode", "navigate");

        assert_eq!(Manner::of(&head(&[navigate, ("sec-fetch-dest", "document")])), Manner::Navigation);
        for dest in ["iframe", "frame", "object", "embed", "empty"] {
            assert_eq!(Manner::of(&head(&[navigate, ("sec-fetch-dest", dest)])), Manner::Call, "{dest}");
        }
        assert_eq!(Manner::of(&head(&[navigate, ("accept", "text/html")])), Manner::Call);
    }

    #[test]
    fn an_old_browser_navigates_when_it_asks_for_html() {
        assert_eq!(Manner::of(&head(&[("accept", "text/html,*/*;q=0.8")])), Manner::Navigation);
        assert_eq!(Manner::of(&head(&[("accept", "*/*")])), Manner::Call);
    }

    #[test]
    fn a_prefetch_is_told_apart() {
        let prefetch =
            [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("sec-purpose", "prefetch;prerender")];

        assert_eq!(Manner::of(&head(&prefetch)), Manner::Prefetch);
    }

    #[test]
    fn a_repeated_or_unknown_site_is_foreign() {
        let repeated = [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")];

        assert_eq!(Site::of(&head(&repeated).headers), Site::Foreign);
        assert_eq!(Site::of(&head(&[("sec-fetch-site", "same-site")]).headers), Site::Foreign);
        assert_eq!(Site::of(&head(&[("sec-fetch-site", "friendly")]).headers), Site::Foreign);
        assert_eq!(Site::of(&head(&[]).headers), Site::Unknown);
    }
}
