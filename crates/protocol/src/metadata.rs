//! What an authorization server says about itself (OpenID Connect Discovery 1.0 §3 and §4, RFC 8414).

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::{Map, Value};

use crate::{Algorithm, EndpointUrl, InvalidUrl, Issuer, ResponseKind, json, message};

/// The part of an authorization server's metadata that is used here.
#[derive(Clone, Debug)]
pub struct AuthorizationServerMetadata {
    /// Who is speaking; equal, byte for byte, to the issuer that was asked for.
    pub issuer: Issuer,
    /// Where the browser is sent to log in.
    pub authorization_endpoint: EndpointUrl,
    /// Where codes and refresh tokens become token sets.
    pub token_endpoint: EndpointUrl,
    /// Where its public keys are.
    pub jwks_uri: EndpointUrl,
    /// Where claims about the user are, if it offers them.
    pub userinfo_endpoint: Option<EndpointUrl>,
    /// Where tokens are revoked (RFC 7009), if it offers that.
    pub revocation_endpoint: Option<EndpointUrl>,
    /// Where resource servers ask about tokens (RFC 7662), if it offers that.
    pub introspection_endpoint: Option<EndpointUrl>,
    /// Where the browser is sent to log out (OpenID Connect RP-Initiated Logout §2.1), if it offers that.
    pub end_session_endpoint: Option<EndpointUrl>,
    /// Whether every authorization response carries `iss` (RFC 9207 §3); absent means no.
    pub authorization_response_iss_parameter_supported: bool,
    /// PKCE methods (RFC 8414 §2); empty when it does not say.
    pub code_challenge_methods_supported: Vec<String>,
    /// Algorithms of its ID tokens, without `none` and those we do not know; `RS256` when it does not say.
    pub id_token_signing_algorithms: Vec<Algorithm>,
    /// How clients may authenticate at the token endpoint; `client_secret_basic` when it does not say (RFC 8414 §2).
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// Algorithms of client assertions that it accepts there, without those we do not know (RFC 8414 §2); empty when it
    /// does not say.
    pub token_endpoint_auth_signing_algorithms: Vec<Algorithm>,
    /// What it can answer an authorization request with; `code` when it does not say.
    pub response_types_supported: Vec<String>,
    /// How the browser can carry that answer; `query` and `fragment` when it does not say (RFC 8414 §2).
    pub response_modes_supported: Vec<String>,
}

impl AuthorizationServerMetadata {
    /// Whether the server says that it can answer in this way. The order of a response type's words has no meaning
    /// (RFC 6749 §3.1.1).
    pub fn is_offered(&self, kind: ResponseKind) -> bool {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
        let wanted = words(kind.response_type());
        let mode = kind.response_mode().unwrap_or("query");
        self.response_types_supported.iter().any(|offered| words(offered) == wanted)
            && self.response_modes_supported.iter().any(|offered| offered == mode)
    }
}

/// The request for the discovery document of an issuer (OpenID Connect Discovery §4.1).
pub fn discovery_request(issuer: &Issuer) -> Request<Bytes> {
    message::get_json(issuer.discovery_url())
}

/// The request for the metadata of an issuer where RFC 8414 §3 puts it: for servers that know OAuth but not OpenID
/// Connect. Read the answer with [`parse_discovery_response`]; the document is the same.
pub fn oauth_metadata_request(issuer: &Issuer) -> Request<Bytes> {
    message::get_json(issuer.oauth_metadata_url())
}

/// Reads a discovery document, believing nothing of it unless it names the issuer that was asked for.
///
/// # Errors
///
/// - [`MetadataError::Status`]: the answer is not 200 (§4.2); a server error may pass, trying again can help.
/// - the others: the document is wrong, and trying again helps only after the authorization server was changed.
pub fn parse_discovery_response(
    issuer: &Issuer,
    response: &Response<Bytes>,
) -> Result<AuthorizationServerMetadata, MetadataError> {
    if response.status() != StatusCode::OK {
        return Err(MetadataError::Status(response.status().as_u16()));
    }
    if response.body().len() > MAX_BYTES {
        return Err(MetadataError::TooLarge);
    }
    let document = json::parse_object(response.body()).map_err(|_| MetadataError::NotAnObject)?;
    // OpenID Connect Discovery §4.3, RFC 8414 §3.3: identical, or the document must not be used.
    if string(&document, "issuer")? != Some(issuer.as_str()) {
        return Err(MetadataError::WrongIssuer);
    }
    Ok(AuthorizationServerMetadata {
        issuer: issuer.clone(),
        authorization_endpoint: required_url(&document, "authorization_endpoint")?,
        token_endpoint: required_url(&document, "token_endpoint")?,
        jwks_uri: required_url(&document, "jwks_uri")?,
        userinfo_endpoint: url(&document, "userinfo_endpoint")?,
        revocation_endpoint: url(&document, "revocation_endpoint")?,
        introspection_endpoint: url(&document, "introspection_endpoint")?,
        end_session_endpoint: url(&document, "end_session_endpoint")?,
        authorization_response_iss_parameter_supported: announces_issuer(&document)?,
        code_challenge_methods_supported: strings(&document, "code_challenge_methods_supported", &[])?,
        id_token_signing_algorithms: algorithms(&document, "id_token_signing_alg_values_supported", &["RS256"])?,
        token_endpoint_auth_methods_supported: strings(
            &document,
            "token_endpoint_auth_methods_supported",
            &["client_secret_basic"],
        )?,
        token_endpoint_auth_signing_algorithms: algorithms(
            &document,
            "token_endpoint_auth_signing_alg_values_supported",
            &[],
        )?,
        response_types_supported: strings(&document, "response_types_supported", &["code"])?,
        response_modes_supported: strings(&document, "response_modes_supported", &["query", "fragment"])?,
    })
}

/// Why a discovery document cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MetadataError {
    /// The answer's status is not 200.
    #[error("discovery answered with status {0}")]
    Status(u16),
    /// The document is larger than 256 KiB.
    #[error("discovery document is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// The document is not a JSON object, or repeats a member.
    #[error("discovery document is not a JSON object with unique members")]
    NotAnObject,
    /// The document is about another issuer.
    #[error("discovery document names another issuer than the one configured")]
    WrongIssuer,
    /// A required member is missing.
    #[error("discovery document has no {0}")]
    Missing(&'static str),
    /// A member has the wrong JSON type.
    #[error("{0} in the discovery document has the wrong type")]
    WrongType(&'static str),
    /// An endpoint's URL is not acceptable.
    #[error("{0} in the discovery document: {1}")]
    BadUrl(&'static str, InvalidUrl),
}

fn required_url(document: &Map<String, Value>, name: &'static str) -> Result<EndpointUrl, MetadataError> {
    url(document, name)?.ok_or(MetadataError::Missing(name))
}

fn url(document: &Map<String, Value>, name: &'static str) -> Result<Option<EndpointUrl>, MetadataError> {
    let Some(text) = string(document, name)? else { return Ok(None) };
    let endpoint = EndpointUrl::parse(text).map_err(|error| MetadataError::BadUrl(name, error))?;
    // A remote server must not send us, or the browser, to something on the own machine.
    let is_local = string(document, "issuer")?.is_some_and(|issuer| issuer.starts_with("http://"));
    if !is_local && text.starts_with("http://") {
        return Err(MetadataError::BadUrl(name, InvalidUrl::Scheme));
    }
    Ok(Some(endpoint))
}

fn string<'a>(document: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, MetadataError> {
    match document.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(MetadataError::WrongType(name)),
    }
}

fn strings(document: &Map<String, Value>, name: &'static str, default: &[&str]) -> Result<Vec<String>, MetadataError> {
    let wrong_type = MetadataError::WrongType(name);
    match document.get(name) {
        None | Some(Value::Null) => Ok(default.iter().map(|&it| it.to_owned()).collect()),
        Some(Value::Array(items)) => {
            items.iter().map(|item| item.as_str().map(str::to_owned).ok_or(wrong_type)).collect()
        }
        Some(_) => Err(wrong_type),
    }
}

fn algorithms(
    document: &Map<String, Value>,
    name: &'static str,
    default: &[&str],
) -> Result<Vec<Algorithm>, MetadataError> {
    let names = strings(document, name, default)?;
    Ok(names.iter().filter_map(|name| Algorithm::from_name(name)).collect())
}

fn announces_issuer(document: &Map<String, Value>) -> Result<bool, MetadataError> {
    let name = "authorization_response_iss_parameter_supported";
    match document.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(value) => value.as_bool().ok_or(MetadataError::WrongType(name)),
    }
}

const MAX_BYTES: usize = 256 * 1024;

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A server at `https://as.example` that offers everything but `iss` in its authorization responses.
    pub(crate) fn metadata() -> AuthorizationServerMetadata {
        let url = |path| EndpointUrl::parse(&format!("https://as.example/{path}")).unwrap();
        AuthorizationServerMetadata {
            issuer: Issuer::parse("https://as.example").unwrap(),
            authorization_endpoint: url("authorize"),
            token_endpoint: url("token"),
            jwks_uri: url("keys"),
            userinfo_endpoint: Some(url("userinfo")),
            revocation_endpoint: Some(url("revoke")),
            introspection_endpoint: Some(url("introspect")),
            end_session_endpoint: Some(url("logout")),
            authorization_response_iss_parameter_supported: false,
            code_challenge_methods_supported: vec!["S256".to_owned()],
            id_token_signing_algorithms: vec![Algorithm::Rs256],
            token_endpoint_auth_methods_supported: vec!["client_secret_basic".to_owned()],
            token_endpoint_auth_signing_algorithms: Vec::new(),
            response_types_supported: vec!["code".to_owned()],
            response_modes_supported: vec!["query".to_owned()],
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jose::testing::changed;

    fn issuer() -> Issuer {
        Issuer::parse("https://as.example/tenant").unwrap()
    }

    fn document() -> Value {
        json!({
            "issuer": "https://as.example/tenant",
            "authorization_endpoint": "https://as.example/authorize",
            "token_endpoint": "https://as.example/token",
            "jwks_uri": "https://as.example/keys",
        })
    }

    fn document_with(name: &str, value: Value) -> Value {
        let mut document = document();
        document[name] = value;
        document
    }

    fn parse(document: &Value) -> Result<AuthorizationServerMetadata, MetadataError> {
        parse_discovery_response(&issuer(), &Response::new(Bytes::from(document.to_string())))
    }

    #[test]
    fn the_request_asks_below_the_issuer() {
        let request = discovery_request(&issuer());

        assert_eq!(request.method(), "GET");
        assert_eq!(request.uri(), "https://as.example/tenant/.well-known/openid-configuration");
        assert_eq!(request.headers()["accept"], "application/json");
    }

    #[test]
    fn the_request_of_rfc_8414_puts_the_well_known_path_first() {
        let request = oauth_metadata_request(&issuer());

        assert_eq!(request.method(), "GET");
        assert_eq!(request.uri(), "https://as.example/.well-known/oauth-authorization-server/tenant");
    }

    #[test]
    fn a_kind_of_response_is_offered_when_type_and_mode_are() {
        let offered = |types: Value, modes: Value| {
            let document = changed(document(), "response_types_supported", types);
            let metadata = parse(&changed(document, "response_modes_supported", modes)).unwrap();
            [ResponseKind::CodeInQuery, ResponseKind::CodeInForm, ResponseKind::CodeAndIdTokenInForm]
                .map(|kind| metadata.is_offered(kind))
        };

        assert_eq!(offered(Value::Null, Value::Null), [true, false, false]);
        assert_eq!(offered(json!(["code", "id_token code"]), json!(["form_post"])), [false, true, true]);
        assert_eq!(offered(json!(["code id_token"]), json!(["query", "form_post"])), [false, false, true]);
        assert_eq!(offered(json!(["code id_token token", "code  id_token"]), json!(["form_post"])), [false; 3]);
    }

    #[test]
    fn what_clients_sign_with_and_where_tokens_are_introspected_is_read() {
        let algorithms = json!(["RS1", "PS256", "ES512"]);
        let document = document_with("token_endpoint_auth_signing_alg_values_supported", algorithms);
        let url = "https://as.example/introspect";

        let metadata = parse(&changed(document, "introspection_endpoint", json!(url))).unwrap();

        assert_eq!(metadata.token_endpoint_auth_signing_algorithms, [Algorithm::Ps256, Algorithm::Es512]);
        assert_eq!(metadata.introspection_endpoint.unwrap().as_str(), url);
    }

    #[test]
    fn a_small_document_gets_the_defaults_of_the_specification() {
        let metadata = parse(&document()).unwrap();

        assert_eq!(metadata.token_endpoint.as_str(), "https://as.example/token");
        assert_eq!(metadata.id_token_signing_algorithms, [Algorithm::Rs256]);
        assert_eq!(metadata.token_endpoint_auth_methods_supported, ["client_secret_basic"]);
        assert!(metadata.code_challenge_methods_supported.is_empty());
        assert!(!metadata.authorization_response_iss_parameter_supported);
        assert!(metadata.userinfo_endpoint.is_none() && metadata.introspection_endpoint.is_none());
        assert!(metadata.token_endpoint_auth_signing_algorithms.is_empty());
    }

    #[test]
    fn algorithms_that_are_unknown_or_none_are_dropped() {
        let algorithms = json!(["none", "ES256", "ES256K", "rs256", "EdDSA"]);

        let metadata = parse(&document_with("id_token_signing_alg_values_supported", algorithms)).unwrap();

        assert_eq!(metadata.id_token_signing_algorithms, [Algorithm::Es256, Algorithm::EdDsa]);
    }

    #[test]
    fn another_issuer_is_refused_even_if_only_a_slash_differs() {
        for other in ["https://as.example/tenant/", "https://AS.example/tenant", "https://evil.example"] {
            assert_eq!(parse(&document_with("issuer", json!(other))).unwrap_err(), MetadataError::WrongIssuer);
        }
        assert_eq!(parse(&document_with("issuer", Value::Null)).unwrap_err(), MetadataError::WrongIssuer);
    }

    #[test]
    fn endpoints_are_required_and_must_be_https() {
        assert_eq!(
            parse(&document_with("token_endpoint", Value::Null)).unwrap_err(),
            MetadataError::Missing("token_endpoint")
        );
        assert_eq!(
            parse(&document_with("jwks_uri", json!("http://as.example/keys"))).unwrap_err(),
            MetadataError::BadUrl("jwks_uri", InvalidUrl::Scheme)
        );
        assert_eq!(
            parse(&document_with("token_endpoint", json!("http://localhost/token"))).unwrap_err(),
            MetadataError::BadUrl("token_endpoint", InvalidUrl::Scheme)
        );
        assert_eq!(
            parse(&document_with("userinfo_endpoint", json!(7))).unwrap_err(),
            MetadataError::WrongType("userinfo_endpoint")
        );
    }

    #[test]
    fn a_server_on_this_machine_may_use_http() {
        let issuer = Issuer::parse("http://localhost:9000").unwrap();
        let url = |path| format!("http://localhost:9000/{path}");
        let document = json!({
            "issuer": "http://localhost:9000",
            "authorization_endpoint": url("authorize"), "token_endpoint": url("token"), "jwks_uri": url("keys"),
        });

        let metadata = parse_discovery_response(&issuer, &Response::new(Bytes::from(document.to_string()))).unwrap();

        assert_eq!(metadata.jwks_uri.as_str(), "http://localhost:9000/keys");
    }

    #[test]
    fn a_flag_written_as_text_is_refused_instead_of_read_as_no() {
        let name = "authorization_response_iss_parameter_supported";

        assert_eq!(parse(&document_with(name, json!("true"))).unwrap_err(), MetadataError::WrongType(name));
        assert!(parse(&document_with(name, json!(true))).unwrap().authorization_response_iss_parameter_supported);
    }

    #[test]
    fn only_status_200_with_one_object_is_read() {
        let answer = |status, body: &'static str| {
            let response = Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap();
            parse_discovery_response(&issuer(), &response).unwrap_err()
        };

        assert_eq!(answer(503, "{}"), MetadataError::Status(503));
        assert_eq!(answer(302, "{}"), MetadataError::Status(302));
        assert_eq!(answer(200, "<html>"), MetadataError::NotAnObject);
        assert_eq!(answer(200, r#"{"issuer":"a","issuer":"b"}"#), MetadataError::NotAnObject);
    }
}
