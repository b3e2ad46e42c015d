//! The authorization response: hostile text until its `state` and `iss` are compared.
//!
//! In this order: size, repeated parameters (RFC 6749 §3.1), exactly one of `code` and `error` (§4.1.2), characters.
//! Parameters without a value count as absent (§3.1).

use crate::{
    AuthorizationServerMetadata, Secret, identifier::is_vschar, message::is_error_text, message::is_visible_ascii,
};

/// An authorization response, not yet tied to a login: compare `state` first, then
/// [`verify_issuer`](AuthorizationResponse::verify_issuer), and only then look at the outcome.
#[derive(Debug)]
pub struct AuthorizationResponse {
    /// What we sent along; absent when the server or an attacker left it out.
    pub state: Option<String>,
    /// Who says it is answering (RFC 9207 §2).
    pub issuer: Option<String>,
    /// Code or refusal.
    pub outcome: AuthorizationOutcome,
    /// ID token of the hybrid flow (OpenID Connect Core §3.3.2.5), still unverified. Only a form can have one, and only
    /// beside a code.
    pub id_token: Option<Secret<String>>,
}

/// How the authorization ended.
#[derive(Debug)]
pub enum AuthorizationOutcome {
    /// A code to redeem at the token endpoint.
    Code(Secret<String>),
    /// The user or the server said no.
    Refused(AuthorizationError),
}

/// The authorization server's reason, one of RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6 or its own.
///
/// Descriptions are dropped: whoever makes the link writes them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuthorizationError {
    /// At most 64 characters of those that RFC 6749 §4.1.2.1 allows.
    pub code: String,
}

/// Reads the response from a callback's query. An ID token there is ignored: it must not come that way (OAuth 2.0
/// Multiple Response Type Encoding Practices §5).
pub fn parse_authorization_response(query: &str) -> Result<AuthorizationResponse, AuthorizationResponseError> {
    let query = query.strip_prefix('?').unwrap_or(query);
    let (response, _) = parse(query.as_bytes(), MAX_QUERY_BYTES)?;
    Ok(response)
}

/// Reads the response from the body of a callback that the browser posted (OAuth 2.0 Form Post Response Mode §2).
pub fn parse_authorization_form(body: &[u8]) -> Result<AuthorizationResponse, AuthorizationResponseError> {
    let (mut response, mut parameters) = parse(body, MAX_FORM_BYTES)?;
    let id_token = parameters.take("id_token").map(Secret::new);
    let is_alone = matches!(response.outcome, AuthorizationOutcome::Refused(_));
    if id_token.as_ref().is_some_and(|token| is_alone || !is_visible_ascii(token.expose())) {
        return Err(AuthorizationResponseError::Malformed("id_token"));
    }
    response.id_token = id_token;
    Ok(response)
}

fn parse(text: &[u8], max_bytes: usize) -> Result<(AuthorizationResponse, Parameters), AuthorizationResponseError> {
    if text.len() > max_bytes {
        return Err(AuthorizationResponseError::TooLarge);
    }
    let mut parameters = Parameters::parse(text)?;
    let outcome = match (parameters.take("code"), parameters.take("error")) {
        (Some(code), None) => parse_code(code)?,
        (None, Some(code)) => parse_refusal(code)?,
        (Some(_), Some(_)) => return Err(AuthorizationResponseError::CodeAndError),
        (None, None) => return Err(AuthorizationResponseError::NeitherCodeNorError),
    };
    let state = parameters.take("state");
    if state.as_ref().is_some_and(|state| !state.bytes().all(is_vschar)) {
        return Err(AuthorizationResponseError::Malformed("state"));
    }
    let issuer = parameters.take("iss");
    Ok((AuthorizationResponse { state, issuer, outcome, id_token: None }, parameters))
}

impl AuthorizationResponse {
    /// Makes sure that the server this login was sent to is the one that answers, so that no other server can obtain
    /// its code (RFC 9207 §2.4). Refusals are held to it as well.
    pub fn verify_issuer(&self, metadata: &AuthorizationServerMetadata) -> Result<(), AuthorizationResponseError> {
        match &self.issuer {
            Some(issuer) if issuer == metadata.issuer.as_str() => Ok(()),
            Some(_) => Err(AuthorizationResponseError::WrongIssuer),
            None if metadata.authorization_response_iss_parameter_supported => {
                Err(AuthorizationResponseError::MissingIssuer)
            }
            None => Ok(()),
        }
    }
}

/// Why an authorization response is not believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AuthorizationResponseError {
    /// Larger than 16 KiB (128 KiB in a form), or more than 64 parameters.
    #[error("authorization response is too large")]
    TooLarge,
    /// A parameter occurs more than once (RFC 6749 §3.1).
    #[error("authorization response repeats a parameter")]
    RepeatedParameter,
    /// Both `code` and `error` are present.
    #[error("authorization response has both a code and an error")]
    CodeAndError,
    /// Neither `code` nor `error` is present.
    #[error("authorization response has neither a code nor an error")]
    NeitherCodeNorError,
    /// A parameter has characters or a length that it cannot have.
    #[error("authorization response has a malformed {0}")]
    Malformed(&'static str),
    /// The server announces `iss` but the response has none (RFC 9207 §2.4).
    #[error("authorization response has no iss although the server announces it")]
    MissingIssuer,
    /// Another server answers than the one that was asked (RFC 9207 §2.4).
    #[error("authorization response is from another issuer")]
    WrongIssuer,
}

fn parse_code(code: String) -> Result<AuthorizationOutcome, AuthorizationResponseError> {
    if !is_visible_ascii(&code) {
        return Err(AuthorizationResponseError::Malformed("code"));
    }
    Ok(AuthorizationOutcome::Code(Secret::new(code)))
}

fn parse_refusal(code: String) -> Result<AuthorizationOutcome, AuthorizationResponseError> {
    if code.len() > MAX_ERROR_BYTES || !is_error_text(&code) {
        return Err(AuthorizationResponseError::Malformed("error"));
    }
    Ok(AuthorizationOutcome::Refused(AuthorizationError { code }))
}

/// Parameters with unique names.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn parse(text: &[u8]) -> Result<Self, AuthorizationResponseError> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(text) {
            if parameters.iter().any(|(earlier, _)| *earlier == name) {
                return Err(AuthorizationResponseError::RepeatedParameter);
            }
            if parameters.len() == MAX_PARAMETERS {
                return Err(AuthorizationResponseError::TooLarge);
            }
            parameters.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(parameters))
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let position = self.0.iter().position(|(it, _)| it == name)?;
        Some(self.0.swap_remove(position).1).filter(|value| !value.is_empty())
    }
}

const MAX_QUERY_BYTES: usize = 16 * 1024;
/// Room for the longest ID token that is looked at.
const MAX_FORM_BYTES: usize = 128 * 1024;
const MAX_PARAMETERS: usize = 64;
const MAX_ERROR_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::testing::metadata;

    fn refusal(query: &str) -> AuthorizationResponseError {
        parse_authorization_response(query).unwrap_err()
    }

    #[test]
    fn a_code_is_read_with_state_and_issuer() {
        let response =
            parse_authorization_response("?code=a%2Bb&state=x%20y&iss=https%3A%2F%2Fas.example&session_state=z")
                .unwrap();

        assert!(matches!(&response.outcome, AuthorizationOutcome::Code(code) if code.expose() == "a+b"));
        assert_eq!(response.state.as_deref(), Some("x y"));
        assert_eq!(response.issuer.as_deref(), Some("https://as.example"));
        assert!(!format!("{response:?}").contains("a+b"));
    }

    #[test]
    fn a_refusal_keeps_only_its_code() {
        let response = parse_authorization_response("error=access_denied&error_description=call+me&state=s").unwrap();

        let expected = AuthorizationError { code: "access_denied".to_owned() };
        assert!(matches!(&response.outcome, AuthorizationOutcome::Refused(error) if *error == expected));
        assert!(!format!("{response:?}").contains("call me"));
    }

    #[test]
    fn a_repeated_parameter_is_refused_whatever_it_is() {
        for query in ["code=a&code=a", "code=a&state=x&st%61te=y", "code=a&foo=1&foo=2", "code=&code=a"] {
            assert_eq!(refusal(query), AuthorizationResponseError::RepeatedParameter, "{query}");
        }
    }

    #[test]
    fn exactly_one_of_code_and_error_is_required() {
        assert_eq!(refusal("code=a&error=b"), AuthorizationResponseError::CodeAndError);
        for query in ["", "?", "state=x", "code=&state=x", "Code=a"] {
            assert_eq!(refusal(query), AuthorizationResponseError::NeitherCodeNorError, "{query}");
        }
    }

    #[test]
    fn characters_that_cannot_occur_are_refused() {
        assert_eq!(refusal("code=a%0d%0ab"), AuthorizationResponseError::Malformed("code"));
        assert_eq!(refusal("code=a%ff"), AuthorizationResponseError::Malformed("code"));
        assert_eq!(refusal("error=a%22b"), AuthorizationResponseError::Malformed("error"));
        assert_eq!(refusal("error=%3Cb%3E%0a"), AuthorizationResponseError::Malformed("error"));
        assert_eq!(refusal("code=a&state=%00"), AuthorizationResponseError::Malformed("state"));
        assert_eq!(refusal(&format!("error={}", "e".repeat(65))), AuthorizationResponseError::Malformed("error"));
    }

    #[test]
    fn size_and_number_of_parameters_are_bounded() {
        let many = (0..70).fold(String::new(), |query, number| query + &format!("p{number}=1&"));

        assert_eq!(refusal(&format!("{many}code=a")), AuthorizationResponseError::TooLarge);
        assert_eq!(refusal(&format!("code={}", "a".repeat(20_000))), AuthorizationResponseError::TooLarge);
    }

    #[test]
    fn an_issuer_that_is_present_must_be_the_one_that_was_asked() {
        let verify = |query: &str| parse_authorization_response(query).unwrap().verify_issuer(&metadata());

        assert_eq!(verify("code=a&iss=https%3A%2F%2Fas.example"), Ok(()));
        assert_eq!(verify("code=a"), Ok(()));
        for query in
            ["code=a&iss=https%3A%2F%2Fas.example%2F", "code=a&iss=x", "error=a&iss=https%3A%2F%2Fevil.example"]
        {
            assert_eq!(verify(query), Err(AuthorizationResponseError::WrongIssuer), "{query}");
        }
    }

    #[test]
    fn an_issuer_that_is_announced_must_be_present_also_in_refusals() {
        let mut metadata = metadata();
        metadata.authorization_response_iss_parameter_supported = true;

        for query in ["code=a", "error=access_denied", "code=a&iss="] {
            let response = parse_authorization_response(query).unwrap();
            assert_eq!(response.verify_issuer(&metadata), Err(AuthorizationResponseError::MissingIssuer), "{query}");
        }
    }

    #[test]
    fn a_form_brings_an_id_token_beside_the_code() {
        let response = parse_authorization_form(b"code=c&id_token=a.b.c&state=s&iss=https%3A%2F%2Fas.example").unwrap();

        assert!(matches!(&response.outcome, AuthorizationOutcome::Code(code) if code.expose() == "c"));
        assert_eq!(response.id_token.as_ref().unwrap().expose(), "a.b.c");
        assert_eq!(response.state.as_deref(), Some("s"));
        assert_eq!(response.verify_issuer(&metadata()), Ok(()));
        assert!(!format!("{response:?}").contains("a.b.c"));
        assert!(parse_authorization_form(b"code=c&state=s").unwrap().id_token.is_none());
    }

    #[test]
    fn an_id_token_in_a_query_is_ignored() {
        assert!(parse_authorization_response("code=c&id_token=a.b.c").unwrap().id_token.is_none());
    }

    #[test]
    fn a_form_is_held_to_the_rules_of_a_query() {
        let refusal = |body: &[u8]| parse_authorization_form(body).unwrap_err();
        let long = format!("code=c&id_token={}", "a".repeat(MAX_FORM_BYTES));

        assert_eq!(refusal(b"code=c&id_token=a&id_token=a"), AuthorizationResponseError::RepeatedParameter);
        assert_eq!(refusal(b"code=c&error=e"), AuthorizationResponseError::CodeAndError);
        assert_eq!(refusal(b"id_token=a.b.c&state=s"), AuthorizationResponseError::NeitherCodeNorError);
        assert_eq!(refusal(b"error=access_denied&id_token=a.b.c"), AuthorizationResponseError::Malformed("id_token"));
        assert_eq!(refusal(b"code=c&id_token=a%0d%0ab"), AuthorizationResponseError::Malformed("id_token"));
        assert_eq!(refusal(b"code=\xff"), AuthorizationResponseError::Malformed("code"));
        assert_eq!(refusal(long.as_bytes()), AuthorizationResponseError::TooLarge);
    }
}
