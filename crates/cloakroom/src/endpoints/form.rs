//! Query and form parameters: each known, none twice.

use std::collections::HashMap;

use axum::body::Body;
use http::{header, request};
use http_body_util::{BodyExt as _, Limited};

use crate::{
    navigation,
    rejection::{BadRequest, Rejection},
};

/// The longest body that an endpoint reads, in bytes.
const LONGEST_BODY: usize = 64 * 1024;

/// Parameters by name.
#[derive(Debug)]
pub(super) struct Parameters(HashMap<String, String>);

impl Parameters {
    /// The query's parameters. One that is not in `known` or comes twice is refused.
    pub(super) fn of_query(head: &request::Parts, known: &[&'static str]) -> Result<Self, Rejection> {
        Self::parse(head.uri.query().unwrap_or_default().as_bytes(), known)
    }

    fn parse(text: &[u8], known: &[&'static str]) -> Result<Self, Rejection> {
        let mut parameters = HashMap::new();
        for (name, value) in form_urlencoded::parse(text) {
            let known = known.iter().find(|known| **known == name).ok_or(BadRequest::Parameter("unknown"))?;
            if parameters.insert((*known).to_owned(), value.into_owned()).is_some() {
                return Err(BadRequest::Parameter(known).into());
            }
        }
        Ok(Self(parameters))
    }

    pub(super) fn find(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A value of at most so many bytes.
    pub(super) fn bounded(&self, name: &'static str, longest: usize) -> Result<Option<&str>, Rejection> {
        let value = self.find(name);
        let fits = value.is_none_or(|value| !value.is_empty() && value.len() <= longest);
        if fits { Ok(value) } else { Err(BadRequest::Parameter(name).into()) }
    }

    /// A value from a list.
    pub(super) fn one_of(&self, name: &'static str, values: &[&str]) -> Result<Option<&str>, Rejection> {
        let value = self.find(name);
        let fits = value.is_none_or(|value| values.contains(&value));
        if fits { Ok(value) } else { Err(BadRequest::Parameter(name).into()) }
    }
}

/// What a write brought along.
pub(super) enum Written {
    /// A form's fields.
    Form(Parameters),
    /// No body.
    Nothing,
}

/// The form in a body, or nothing. Any other body is refused.
pub(super) async fn read(head: &request::Parts, body: Body, known: &[&'static str]) -> Result<Written, Rejection> {
    let body = Limited::new(body, LONGEST_BODY).collect().await.map_err(|_| BadRequest::BodyTooLarge)?.to_bytes();
    let kind = navigation::text(&head.headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/x-www-form-urlencoded" => Parameters::parse(&body, known).map(Written::Form),
        _ if body.is_empty() => Ok(Written::Nothing),
        _ => Err(BadRequest::ContentType.into()),
    }
}
