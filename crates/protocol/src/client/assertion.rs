//! Client assertions: a client proves that it has its key (RFC 7523 §2.2 and §3, OpenID Connect Core §9
//! `private_key_jwt`).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use crate::{ClientId, Issuer, Secret, SigningError, SigningKey, Timestamp};

/// What an assertion says beside who we are. Made fresh for every request: the server may accept it once (RFC 7523 §3
/// item 7).
#[derive(Clone, Copy, Debug)]
pub struct ClientAssertion<'a> {
    /// The authorization server that the request goes to. Its identifier is the only audience: endpoints of one server
    /// could be announced by another, which then would use the assertion as ours (the update of RFC 7523, §4).
    pub issuer: &'a Issuer,
    /// What the header calls it.
    pub typ: AssertionType,
    /// The time it is.
    pub now: Timestamp,
    /// Random bytes that make it unique.
    pub random: &'a [u8; 16],
}

/// The `typ` of a client assertion.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AssertionType {
    /// `client-authentication+jwt`, as the update of RFC 7523 (§4) demands, so that it is good for nothing else.
    #[default]
    Explicit,
    /// `JWT`: only for servers that refuse any other type.
    Jwt,
}

impl ClientAssertion<'_> {
    /// The assertion of this client, signed (RFC 7523 §3). It holds for a minute.
    pub(super) fn sign(&self, key: &SigningKey, client_id: &ClientId) -> Result<Secret<String>, SigningError> {
        let typ = match self.typ {
            AssertionType::Explicit => "client-authentication+jwt",
            AssertionType::Jwt => "JWT",
        };
        let claims = json!({
            "iss": client_id.as_str(),
            "sub": client_id.as_str(),
            "aud": self.issuer.as_str(),
            "jti": URL_SAFE_NO_PAD.encode(self.random),
            "iat": self.now.unix_seconds(),
            "exp": (self.now + LIFETIME).unix_seconds(),
        });
        key.sign(typ, &claims).map(Secret::new)
    }
}

/// Time for a slow network; short, because whoever reads the request could use what it carries until then.
const LIFETIME: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::*;
    use crate::{
        Client, ClientAuthentication, CodeVerifier, EndpointUrl, ExpectedType, JwkSet, JwsExpectation, TokenKind,
        code_request, jose::testing::rsa_key, metadata::testing::metadata, refresh_request, revocation_request,
        verify_jws,
    };

    fn client() -> Client {
        Client { id: ClientId::new("app".to_owned()).unwrap(), authentication: ClientAuthentication::None }
    }

    fn with_assertion(typ: AssertionType) -> Client {
        let issuer = Issuer::parse("https://as.example").unwrap();
        let now = Timestamp::from_unix_millis(1_700_000_000_900);
        let assertion = ClientAssertion { issuer: &issuer, typ, now, random: &[7; 16] };
        client().with_assertion(&rsa_key(), &assertion).unwrap()
    }

    fn claims_of(client: &Client, typ: &str) -> Map<String, Value> {
        let ClientAuthentication::Assertion(token) = &client.authentication else { panic!("no assertion") };
        let keys = JwkSet::from_public_jwks(&[rsa_key().public_jwk()]);
        let expected = JwsExpectation { algorithms: &[rsa_key().algorithm()], typ: ExpectedType::Exactly(typ) };
        verify_jws(token.expose(), &keys, &expected).unwrap().claims
    }

    #[test]
    fn an_assertion_names_us_the_server_and_one_minute() {
        let claims = claims_of(&with_assertion(AssertionType::Explicit), "client-authentication+jwt");

        let expected = json!({
            "iss": "app", "sub": "app", "aud": "https://as.example", "jti": "BwcHBwcHBwcHBwcHBwcHBw",
            "iat": 1_700_000_000, "exp": 1_700_000_060,
        });
        assert_eq!(Value::Object(claims), expected);
    }

    #[test]
    fn servers_that_know_one_type_only_get_that_one() {
        assert_eq!(claims_of(&with_assertion(AssertionType::Jwt), "JWT")["aud"], "https://as.example");
    }

    #[test]
    fn every_request_that_authenticates_carries_it() {
        let client = with_assertion(AssertionType::default());
        let (metadata, token) = (metadata(), Secret::from("t".to_owned()));
        let redirect_uri = EndpointUrl::parse("https://app.example/cb").unwrap();
        let verifier = CodeVerifier::from_bytes(&[1; 32]);

        for request in [
            code_request(&metadata, &client, &token, &redirect_uri, &verifier),
            refresh_request(&metadata, &client, &token),
            revocation_request(&metadata, &client, &token, TokenKind::Refresh).unwrap(),
        ] {
            let body = std::str::from_utf8(request.body()).unwrap();
            assert!(body.contains("&client_id=app&client_assertion_type=urn"), "{body}");
            assert!(body.contains("&client_assertion=eyJ"), "{body}");
        }
    }

    #[test]
    fn debug_output_hides_the_assertion() {
        assert!(!format!("{:?}", with_assertion(AssertionType::Explicit)).contains("eyJ"));
    }
}
