//! Request parameters, read once.

use std::collections::{HashMap, HashSet};

use axum::{body::Body, body::to_bytes, extract::Request};
use form_urlencoded::Serializer;
use http::{header::CONTENT_TYPE, request::Parts};
use zeroize::Zeroizing;

/// Parameters of a query or form; one that was repeated is as good as absent (RFC 6749 §3.1), and is remembered.
#[derive(Default)]
pub(crate) struct Parameters {
    values: HashMap<String, Zeroizing<String>>,
    repetition: Option<Repeated>,
}

/// A parameter came more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repeated;

/// Why a body is not a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FormError {
    /// Another media type than `application/x-www-form-urlencoded`.
    MediaType,
    /// More than 64 KiB.
    TooLarge,
}

impl Parameters {
    /// Reads `application/x-www-form-urlencoded` text (WHATWG URL §5.1).
    pub(crate) fn parse(text: &[u8]) -> Self {
        let mut parameters = Self::default();
        let mut seen = HashSet::new();
        for (name, value) in form_urlencoded::parse(text) {
            let value = Zeroizing::new(value.into_owned());
            if seen.insert(name.clone()) {
                parameters.values.insert(name.into_owned(), value);
            } else {
                parameters.values.remove(name.as_ref());
                parameters.repetition = Some(Repeated);
            }
        }
        parameters
    }

    /// The value of a parameter; an empty one counts as absent (RFC 6749 §3.1).
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Refuses parameters of which one came more than once.
    pub(crate) fn require_unrepeated(&self) -> Result<(), Repeated> {
        self.repetition.map_or(Ok(()), Err)
    }

    /// The same parameters as text again, in order of their names.
    pub(crate) fn to_query(&self) -> String {
        let mut pairs: Vec<_> = self.values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        pairs.sort_unstable();
        Serializer::new(String::new()).extend_pairs(pairs).finish()
    }
}

/// Reads the form in the body of a request.
pub(crate) async fn read_form(request: Request) -> Result<(Parts, Parameters), FormError> {
    let (head, body) = request.into_parts();
    if !is_form(&head) {
        return Err(FormError::MediaType);
    }
    let parameters = read_body(body).await?;
    Ok((head, parameters))
}

async fn read_body(body: Body) -> Result<Parameters, FormError> {
    let bytes = to_bytes(body, MOST_BODY_BYTES).await.map_err(|_| FormError::TooLarge)?;
    Ok(Parameters::parse(&bytes))
}

fn is_form(head: &Parts) -> bool {
    let mut types = head.headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let essence = only.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

const MOST_BODY_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_has_no_value_however_often_it_comes() {
        for query in ["a=1&a=2", "a=1&a=1", "a=&a=1", "a=1&a=2&a=3", "a=1&%61=2"] {
            let parameters = Parameters::parse(query.as_bytes());

            assert_eq!(parameters.find("a"), None, "{query}");
            assert_eq!(parameters.require_unrepeated(), Err(Repeated), "{query}");
        }
    }

    #[test]
    fn an_empty_parameter_counts_as_absent() {
        let parameters = Parameters::parse(b"a=&b=x+y%26z");

        assert_eq!(parameters.find("a"), None);
        assert_eq!(parameters.find("b"), Some("x y&z"));
        assert_eq!(parameters.require_unrepeated(), Ok(()));
    }

    #[test]
    fn parameters_written_again_say_the_same() {
        let parameters = Parameters::parse(b"b=x+y%26z&a=%C3%A4%22%3C");

        let again = Parameters::parse(parameters.to_query().as_bytes());

        assert_eq!(again.find("a"), Some("ä\"<"));
        assert_eq!(again.find("b"), Some("x y&z"));
    }
}
