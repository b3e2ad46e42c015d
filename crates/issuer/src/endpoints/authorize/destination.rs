//! Where the answer to an authorization request goes (RFC 6749 §4.1.2, RFC 9207 §2).

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use form_urlencoded::Serializer;
use http::{StatusCode, header::LOCATION};

use super::request::ErrorCode;
use crate::pages;

/// A registered redirect URI, with the state that goes back to it.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
}

impl Destination {
    /// Sends the browser back with a code.
    pub(crate) fn redirect_with_code(&self, code: &str, issuer: &str) -> Response {
        self.redirect(("code", code), issuer)
    }

    /// Sends the browser back with an error.
    pub(crate) fn refuse(&self, error: ErrorCode, issuer: &str) -> Response {
        tracing::info!(error = error.as_str(), "an authorization request was refused");
        self.redirect(("error", error.as_str()), issuer)
    }

    fn redirect(&self, answer: (&str, &str), issuer: &str) -> Response {
        let state = self.state.as_deref().map(|state| ("state", state));
        let answer = [answer].into_iter().chain(state).chain([("iss", issuer)]);
        see_other(&with_parameters(&self.redirect_uri, answer))
    }
}

/// Sends the browser on by GET, whatever brought it here (RFC 9700 §4.12).
pub(crate) fn see_other(url: &str) -> Response {
    let response = http::Response::builder().status(StatusCode::SEE_OTHER).header(LOCATION, url).body(Body::empty());
    match response {
        Ok(mut response) => {
            pages::protect(response.headers_mut());
            response
        }
        // Registered URIs have URL characters only, and the rest is percent-encoded.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Adds parameters to a URL that may have some already (RFC 6749 §3.1.2).
pub(crate) fn with_parameters<'a>(url: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let query = Serializer::new(String::new()).extend_pairs(parameters).finish();
    match (query.is_empty(), url.contains('?')) {
        (true, _) => url.to_owned(),
        (false, true) => format!("{url}&{query}"),
        (false, false) => format!("{url}?{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_join_those_that_a_redirect_uri_has_and_are_encoded() {
        assert_eq!(
            with_parameters("https://a/cb?x=1", [("state", "a&b#c\r\n")]),
            "https://a/cb?x=1&state=a%26b%23c%0D%0A"
        );
        assert_eq!(
            with_parameters("https://a/cb", [("code", "1"), ("iss", "https://i")]),
            "https://a/cb?code=1&iss=https%3A%2F%2Fi"
        );
        assert_eq!(with_parameters("https://a/cb", []), "https://a/cb");
    }
}
