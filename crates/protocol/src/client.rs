//! Who we are to an authorization server, and how we prove it (RFC 6749 §2.3).

mod assertion;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use form_urlencoded::byte_serialize;
use http::Request;

pub use self::assertion::{AssertionType, ClientAssertion};
use crate::{ClientId, EndpointUrl, Secret, SigningError, SigningKey, message};

/// A registration at an authorization server.
#[derive(Clone, Debug)]
pub struct Client {
    /// The client's name there.
    pub id: ClientId,
    /// How it proves that it is this client.
    pub authentication: ClientAuthentication,
}

/// How a client authenticates at the token and revocation endpoints. One method per request (RFC 6749 §2.3).
#[derive(Clone, Debug)]
pub enum ClientAuthentication {
    /// A public client: it only says its name (RFC 6749 §3.2.1).
    None,
    /// `client_secret_basic`: in the `Authorization` header (RFC 6749 §2.3.1).
    SecretBasic(Secret<String>),
    /// `client_secret_post`: in the body (RFC 6749 §2.3.1); only for servers that cannot read the header.
    SecretPost(Secret<String>),
    /// `private_key_jwt`: a statement signed with the client's key (RFC 7521 §4.2, RFC 7523 §2.2, OpenID Connect Core
    /// §9). Good for one request, and made for it by [`Client::with_assertion`].
    Assertion(Secret<String>),
}

impl Client {
    /// The same client for one request that it proves itself with by a key, instead of whatever it has otherwise.
    pub fn with_assertion(&self, key: &SigningKey, assertion: &ClientAssertion<'_>) -> Result<Self, SigningError> {
        let signed = assertion.sign(key, &self.id)?;
        Ok(Self { id: self.id.clone(), authentication: ClientAuthentication::Assertion(signed) })
    }

    /// A form request to the authorization server in this client's name.
    pub(crate) fn post_form(&self, endpoint: &EndpointUrl, parameters: &[(&str, &str)]) -> Request<Bytes> {
        let id = ("client_id", self.id.as_str());
        match &self.authentication {
            ClientAuthentication::None => message::post_form(endpoint, &[parameters, &[id]].concat()),
            ClientAuthentication::SecretPost(secret) => {
                let credentials = [id, ("client_secret", secret.expose())];
                message::post_form(endpoint, &[parameters, &credentials].concat())
            }
            ClientAuthentication::Assertion(signed) => {
                let credentials =
                    [id, ("client_assertion_type", ASSERTION_TYPE), ("client_assertion", signed.expose())];
                message::post_form(endpoint, &[parameters, &credentials].concat())
            }
            ClientAuthentication::SecretBasic(secret) => {
                let mut request = message::post_form(endpoint, parameters);
                message::authorize(&mut request, basic_credentials(&self.id, secret))
                    .expect("base64 has no characters that a header value excludes");
                request
            }
        }
    }
}

/// Both parts are form-encoded before they are joined (RFC 6749 §2.3.1), so that neither can contain the colon.
fn basic_credentials(id: &ClientId, secret: &Secret<String>) -> String {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Secret::new(format!("{}:{}", encode(id.as_str()), encode(secret.expose())));
    format!("Basic {}", STANDARD.encode(pair.expose()))
}

/// RFC 7523 §2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

#[cfg(test)]
mod tests {
    use super::*;

    fn request(authentication: ClientAuthentication) -> Request<Bytes> {
        let client = Client { id: ClientId::new("a:b c".to_owned()).unwrap(), authentication };
        client.post_form(&EndpointUrl::parse("https://as.example/token").unwrap(), &[("x", "1")])
    }

    #[test]
    fn basic_credentials_are_form_encoded_before_they_are_joined() {
        let request = request(ClientAuthentication::SecretBasic("p:ä+%/ ~".to_owned().into()));

        let header = request.headers()["authorization"].to_str().unwrap();
        let pair = STANDARD.decode(header.strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(String::from_utf8(pair).unwrap(), "a%3Ab+c:p%3A%C3%A4%2B%25%2F+%7E");
        assert_eq!(request.body(), "x=1");
    }

    #[test]
    fn the_authorization_header_is_marked_as_sensitive() {
        let request = request(ClientAuthentication::SecretBasic("s3cret".to_owned().into()));

        assert!(request.headers()["authorization"].is_sensitive());
        assert!(!format!("{request:?}").contains("Basic"));
    }

    #[test]
    fn a_secret_in_the_body_comes_without_a_header() {
        let request = request(ClientAuthentication::SecretPost("p&q".to_owned().into()));

        assert_eq!(request.body(), "x=1&client_id=a%3Ab+c&client_secret=p%26q");
        assert!(!request.headers().contains_key("authorization"));
        assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
    }

    #[test]
    fn a_public_client_only_says_its_name() {
        let request = request(ClientAuthentication::None);

        assert_eq!(request.body(), "x=1&client_id=a%3Ab+c");
        assert!(!request.headers().contains_key("authorization"));
    }

    #[test]
    fn an_assertion_comes_in_the_body_without_any_secret() {
        let request = request(ClientAuthentication::Assertion("a.b.c".to_owned().into()));

        assert_eq!(
            request.body(),
            "x=1&client_id=a%3Ab+c\
             &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
             &client_assertion=a.b.c"
        );
        assert!(!request.headers().contains_key("authorization"));
    }
}
