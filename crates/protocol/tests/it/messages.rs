//! Example messages of the OAuth and OpenID Connect specifications.

use std::time::Duration;

use bytes::Bytes;
use cloakroom_protocol::{
    AuthorizationOutcome, AuthorizationServerMetadata, Client, ClientAuthentication, ClientId, CodeVerifier,
    EndpointUrl, IntrospectionError, IntrospectionExpectation, Issuer, Secret, Subject, Timestamp, TokenError,
    TokenErrorCode, TokenKind, code_request, introspection_request, parse_authorization_form,
    parse_authorization_response, parse_discovery_response, parse_introspection_response, parse_token_response,
    parse_userinfo_response, refresh_request, revocation_request,
};
use http::Response;

fn secret(text: &str) -> Secret<String> {
    Secret::from(text.to_owned())
}

fn answer(status: u16, body: &'static str) -> Response<Bytes> {
    Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap()
}

/// The client of RFC 6749, at a server with the endpoints of the examples.
fn client() -> Client {
    Client {
        id: ClientId::new("s6BhdRkqt3".to_owned()).unwrap(),
        authentication: ClientAuthentication::SecretBasic(secret("7Fjfp0ZBr1KtDRbnfVdmIw")),
    }
}

fn server() -> AuthorizationServerMetadata {
    let body = r#"{
        "issuer": "https://server.example.com",
        "authorization_endpoint": "https://server.example.com/authorize",
        "token_endpoint": "https://server.example.com/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256"],
        "userinfo_endpoint": "https://server.example.com/userinfo",
        "revocation_endpoint": "https://server.example.com/revoke",
        "introspection_endpoint": "https://server.example.com/introspect",
        "jwks_uri": "https://server.example.com/jwks.json",
        "registration_endpoint": "https://server.example.com/register",
        "scopes_supported": ["openid", "profile", "email", "address", "phone", "offline_access"],
        "response_types_supported": ["code", "code token"],
        "service_documentation": "http://server.example.com/service_documentation.html",
        "ui_locales_supported": ["en-US", "en-GB", "en-CA", "fr-FR", "fr-CA"]
    }"#;
    parse_discovery_response(&Issuer::parse("https://server.example.com").unwrap(), &answer(200, body)).unwrap()
}

#[test]
fn rfc_8414_section_3_2_metadata() {
    let metadata = server();

    assert_eq!(metadata.token_endpoint.as_str(), "https://server.example.com/token");
    assert_eq!(metadata.token_endpoint_auth_signing_algorithms.len(), 2);
    assert_eq!(metadata.response_types_supported, ["code", "code token"]);
}

#[test]
fn rfc_6749_section_4_1_2_authorization_response() {
    let response = parse_authorization_response("code=SplxlOBeZQQYbYS6WxSbIA&state=xyz").unwrap();

    let AuthorizationOutcome::Code(code) = response.outcome else { panic!("no code") };
    assert_eq!(code.expose(), "SplxlOBeZQQYbYS6WxSbIA");
    assert_eq!(response.state.as_deref(), Some("xyz"));
}

#[test]
fn rfc_6749_section_4_1_2_1_error_response() {
    let response = parse_authorization_response("error=access_denied&state=xyz").unwrap();

    assert!(matches!(response.outcome, AuthorizationOutcome::Refused(error) if error.code == "access_denied"));
}

#[test]
fn rfc_9207_section_2_1_and_2_2_responses_with_issuer() {
    for query in [
        "code=x1848ZT64p4IirMPT0R-X3141MFPTuBX-VFL_cvaplMH58&state=ZWVlNDBlYzA1NjdkMDNhYjg3ZjUxZjAyNGQzMTM2NzI\
         &iss=https%3A%2F%2Fhonest.as.example",
        "error=access_denied&state=N2JjNTE2MzA5MzU2NDdmMDk2MjZhNjBlZmRkZjEwODQ&iss=https%3A%2F%2Fhonest.as.example",
    ] {
        let response = parse_authorization_response(query).unwrap();
        assert_eq!(response.issuer.as_deref(), Some("https://honest.as.example"));
        assert!(response.verify_issuer(&server()).is_err());
    }
}

#[test]
fn form_post_response_mode_section_2_response() {
    let body = b"id_token=eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.e30.AA&code=c&state=DcP7csa3hMlvybERqcieLHrRzKBra";

    let response = parse_authorization_form(body).unwrap();

    assert_eq!(response.state.as_deref(), Some("DcP7csa3hMlvybERqcieLHrRzKBra"));
    assert_eq!(response.id_token.unwrap().expose(), "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.e30.AA");
}

#[test]
fn rfc_6749_section_4_1_3_and_rfc_7636_token_request() {
    let redirect_uri = EndpointUrl::parse("https://client.example.com/cb").unwrap();
    let verifier = CodeVerifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();

    let request = code_request(&server(), &client(), &secret("SplxlOBeZQQYbYS6WxSbIA"), &redirect_uri, &verifier);

    assert_eq!(request.headers()["authorization"], "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3");
    assert_eq!(
        request.body(),
        "grant_type=authorization_code&code=SplxlOBeZQQYbYS6WxSbIA\
         &redirect_uri=https%3A%2F%2Fclient.example.com%2Fcb\
         &code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
}

#[test]
fn rfc_6749_section_6_refresh_request() {
    let request = refresh_request(&server(), &client(), &secret("tGzv3JOkF0XG5Qx2TlKWIA"));

    assert_eq!(request.headers()["authorization"], "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3");
    assert_eq!(request.body(), "grant_type=refresh_token&refresh_token=tGzv3JOkF0XG5Qx2TlKWIA");
}

/// The example has a token type that does not exist.
#[test]
fn rfc_6749_section_5_1_token_response() {
    let body = r#"{
        "access_token":"2YotnFZFEjr1zCsicMWpAA", "token_type":"example", "expires_in":3600,
        "refresh_token":"tGzv3JOkF0XG5Qx2TlKWIA", "example_parameter":"example_value"
    }"#;
    assert!(matches!(parse_token_response(&answer(200, body)), Err(TokenError::Unusable(_))));

    let bearer = Response::new(Bytes::from(body.replace(r#""example","#, r#""Bearer","#)));
    let tokens = parse_token_response(&bearer).unwrap();
    assert_eq!(tokens.access_token.expose(), "2YotnFZFEjr1zCsicMWpAA");
    assert_eq!(tokens.refresh_token.unwrap().expose(), "tGzv3JOkF0XG5Qx2TlKWIA");
    assert_eq!(tokens.expires_in, Some(Duration::from_secs(3600)));
}

#[test]
fn rfc_6749_section_5_2_error_response() {
    let refusal = parse_token_response(&answer(400, r#"{ "error":"invalid_request" }"#)).unwrap_err();

    assert_eq!(refusal, TokenError::Refused { status: 400, code: TokenErrorCode::InvalidRequest });
}

#[test]
fn rfc_7009_section_2_1_revocation_request() {
    let token = secret("45ghiukldjahdnhzdauz");

    let request = revocation_request(&server(), &client(), &token, TokenKind::Refresh).unwrap();

    assert_eq!(request.uri(), "https://server.example.com/revoke");
    assert_eq!(request.body(), "token=45ghiukldjahdnhzdauz&token_type_hint=refresh_token");
}

#[test]
fn rfc_7662_section_2_1_introspection_request() {
    let request = introspection_request(&server(), &client(), &secret("mF_9.B5f-4.1JqM"), TokenKind::Access).unwrap();

    assert_eq!(request.headers()["accept"], "application/json");
    assert_eq!(request.body(), "token=mF_9.B5f-4.1JqM&token_type_hint=access_token");
}

#[test]
fn rfc_7662_section_2_2_introspection_response() {
    let body = r#"{
        "active": true, "client_id": "l238j323ds-23ij4", "username": "jdoe", "scope": "read write dolphin",
        "sub": "Z5O3upPC88QrAjx00dis", "aud": "https://protected.example.net/resource",
        "iss": "https://server.example.com/", "exp": 1419356238, "iat": 1419350238, "extension_field": "twenty-seven"
    }"#;
    let parse = |issuer: &str, now| {
        let expected = IntrospectionExpectation {
            issuer: &Issuer::parse(issuer).unwrap(),
            audience: Some("https://protected.example.net/resource"),
            now: Timestamp::from_unix_seconds(now),
            leeway: Duration::ZERO,
        };
        parse_introspection_response(&answer(200, body), &expected)
    };

    let token = parse("https://server.example.com/", 1_419_350_238).unwrap();
    assert_eq!(token.subject.unwrap().as_str(), "Z5O3upPC88QrAjx00dis");
    assert_eq!(token.scope, ["read", "write", "dolphin"]);
    assert_eq!(parse("https://server.example.com/", 1_419_356_238), Err(IntrospectionError::Expired));
    assert_eq!(parse("https://server.example.com", 1_419_350_238), Err(IntrospectionError::WrongIssuer));
}

#[test]
fn openid_connect_core_section_5_3_2_userinfo_response() {
    let body = r#"{
        "sub": "248289761001", "name": "Jane Doe", "given_name": "Jane", "family_name": "Doe",
        "preferred_username": "j.doe", "email": "janedoe@example.com",
        "picture": "http://example.com/janedoe/me.jpg"
    }"#;

    let claims = parse_userinfo_response(&answer(200, body), &Subject::parse("248289761001").unwrap()).unwrap();

    assert_eq!(claims["email"], "janedoe@example.com");
}
