//! What all HTTP messages have in common.

use std::time::Duration;

use bytes::Bytes;
use form_urlencoded::Serializer;
use http::{
    HeaderValue, Method, Request, Response,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER},
};

use crate::EndpointUrl;

/// A GET request for JSON.
pub(crate) fn get_json(endpoint: &EndpointUrl) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = endpoint.uri().clone();
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    request
}

/// A POST request whose body is a form (RFC 6749 §B) and whose answer is JSON.
pub(crate) fn post_form(endpoint: &EndpointUrl, parameters: &[(&str, &str)]) -> Request<Bytes> {
    let mut request = get_json(endpoint);
    *request.method_mut() = Method::POST;
    *request.body_mut() = Bytes::from(form(parameters));
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    request
}

/// The endpoint with these parameters added to its query; a query it already has is kept (RFC 6749 §3.1).
pub(crate) fn url_with_parameters(endpoint: &EndpointUrl, parameters: &[(&str, &str)]) -> String {
    let endpoint = endpoint.as_str();
    let separator = match endpoint.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{endpoint}{separator}{}", form(parameters))
}

/// Adds credentials, marked as not for logs. `None`, and no change, when the text cannot be a header value.
pub(crate) fn authorize(request: &mut Request<Bytes>, credentials: String) -> Option<()> {
    let mut value = HeaderValue::try_from(credentials).ok()?;
    value.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, value);
    Some(())
}

/// How long to wait before asking again (RFC 9110 §10.2.3), at most a day; only the form in seconds, because a date
/// would need both clocks to agree.
pub(crate) fn retry_after(response: &Response<Bytes>) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = value.parse().unwrap_or(MAX_RETRY_AFTER_SECONDS);
    Some(Duration::from_secs(seconds.min(MAX_RETRY_AFTER_SECONDS)))
}

/// Whether the text can stand in a header and in a form without surprises: visible ASCII, not empty (RFC 6750 §2.1
/// allows a bearer token even less).
pub(crate) fn is_visible_ascii(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `NQCHAR` or space: what `error` (RFC 6749 §5.2) and `scope` (§3.3) are made of.
pub(crate) fn is_error_text(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

fn form(parameters: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(parameters).finish()
}

const MAX_RETRY_AFTER_SECONDS: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    fn url(endpoint: &str) -> String {
        url_with_parameters(&EndpointUrl::parse(endpoint).unwrap(), &[("a", "b c"), ("d", "&=")])
    }

    fn wait(header: &str) -> Option<Duration> {
        let response = Response::builder().header(RETRY_AFTER, header).body(Bytes::new()).unwrap();
        retry_after(&response)
    }

    #[test]
    fn a_query_that_the_endpoint_has_is_kept() {
        assert_eq!(url("https://a.example/x"), "https://a.example/x?a=b+c&d=%26%3D");
        assert_eq!(url("https://a.example/x?y=z"), "https://a.example/x?y=z&a=b+c&d=%26%3D");
        assert_eq!(url("https://a.example/x?"), "https://a.example/x?a=b+c&d=%26%3D");
        assert_eq!(url("https://a.example/x?y&"), "https://a.example/x?y&a=b+c&d=%26%3D");
    }

    #[test]
    fn the_time_to_wait_is_read_in_seconds_and_bounded() {
        assert_eq!(wait("120"), Some(Duration::from_secs(120)));
        assert_eq!(wait("99999999999999999999999"), Some(Duration::from_secs(86_400)));

        for unusable in ["", "-1", "+5", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert_eq!(wait(unusable), None, "{unusable}");
        }
    }
}
