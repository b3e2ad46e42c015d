//! Names of the parties: issuers, endpoints, clients, subjects. Parsed once; wrong values cannot exist inside.

mod url;

use std::fmt;

use http::Uri;

pub use self::url::InvalidUrl;

/// An authorization server's identifier: an `https` URL without query and fragment (OpenID Connect Discovery §2,
/// RFC 8414 §2), kept byte for byte because it is compared byte for byte. `http` is accepted for loopback hosts only.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Issuer {
    text: String,
    discovery: EndpointUrl,
    oauth_metadata: EndpointUrl,
}

impl Issuer {
    /// Parses an issuer identifier.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        EndpointUrl::parse(text)?;
        if text.contains('?') {
            return Err(InvalidUrl::Query);
        }
        // OpenID Connect Discovery §4: a terminating slash goes before the well-known path is appended.
        let base = text.strip_suffix('/').unwrap_or(text);
        let discovery = EndpointUrl::parse(&format!("{base}/.well-known/openid-configuration"))?;
        // RFC 8414 §3.1: before the path, not after it.
        let host_end = base.len() - path_after(base).len();
        let (origin, path) = base.split_at(host_end);
        let oauth_metadata = EndpointUrl::parse(&format!("{origin}/.well-known/oauth-authorization-server{path}"))?;
        Ok(Self { text: text.to_owned(), discovery, oauth_metadata })
    }

    /// The identifier exactly as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where the discovery document of this issuer is (OpenID Connect Discovery §4).
    pub fn discovery_url(&self) -> &EndpointUrl {
        &self.discovery
    }

    /// Where its metadata is by the rules of plain OAuth (RFC 8414 §3).
    pub fn oauth_metadata_url(&self) -> &EndpointUrl {
        &self.oauth_metadata
    }
}

/// What follows the host and port of a URL.
fn path_after(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    after_scheme.find('/').map_or("", |start| &after_scheme[start..])
}

impl fmt::Display for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// The URL of an endpoint: `https`, or `http` for a loopback host; no fragment (RFC 6749 §3.1, §3.1.2), no user
/// information. Kept byte for byte, because redirect URIs are compared as strings (RFC 9700 §2.1).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct EndpointUrl {
    text: String,
    uri: Uri,
}

impl EndpointUrl {
    /// Parses the URL of an endpoint.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let uri = url::parse(text)?;
        Ok(Self { text: text.to_owned(), uri })
    }

    /// The URL exactly as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host and port as written; the port is missing when the URL does not name one.
    pub fn authority(&self) -> &str {
        url::authority(&self.text)
    }

    /// Scheme, host and port as a web origin is written (RFC 6454 §6.2): lower case, default port left out.
    pub fn origin(&self) -> String {
        let origin =
            format!("{}://{}", self.uri.scheme_str().unwrap_or("https"), self.authority()).to_ascii_lowercase();
        let default_port = if origin.starts_with("https:") { ":443" } else { ":80" };
        origin.strip_suffix(default_port).unwrap_or(&origin).to_owned()
    }

    /// The same URL as the HTTP layer wants it.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// A client's name at its authorization server: one or more visible ASCII characters or spaces (RFC 6749 §A.1).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ClientId(String);

impl ClientId {
    /// Takes a client identifier that consists of the allowed characters.
    pub fn new(text: String) -> Result<Self, InvalidIdentifier> {
        match text.len() {
            1..=MAX_CLIENT_ID_BYTES if text.bytes().all(is_vschar) => Ok(Self(text)),
            _ => Err(InvalidIdentifier),
        }
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A user's identifier at one issuer: 1 to 255 ASCII characters (OpenID Connect Core §2, `sub`).
///
/// Only the pair of issuer and subject identifies a person. Compared byte for byte.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Subject(String);

impl Subject {
    /// Parses a subject identifier. Control characters are refused, so that it can be logged and stored.
    pub fn parse(text: &str) -> Result<Self, InvalidIdentifier> {
        match text.len() {
            1..=255 if text.bytes().all(is_vschar) => Ok(Self(text.to_owned())),
            _ => Err(InvalidIdentifier),
        }
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An identifier that is empty, too long, or has characters that its specification excludes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("identifier is empty, too long, or has characters other than visible ASCII and space")]
pub struct InvalidIdentifier;

/// `VSCHAR` of RFC 6749 §A.
pub(crate) fn is_vschar(byte: u8) -> bool {
    (0x20..=0x7e).contains(&byte)
}

/// Far longer than any client identifier in use; bounds the requests made with it.
const MAX_CLIENT_ID_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_kept_byte_for_byte() {
        for text in ["https://a.example", "https://A.example/", "https://a.example/t%2F1/", "http://[::1]:80"] {
            assert_eq!(Issuer::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn an_issuer_has_no_query() {
        assert_eq!(Issuer::parse("https://a.example?x=1"), Err(InvalidUrl::Query));
        assert_eq!(Issuer::parse("https://a.example/?"), Err(InvalidUrl::Query));
    }

    #[test]
    fn the_discovery_document_is_below_the_issuer_without_its_last_slash() {
        let expected = "https://a.example/t/.well-known/openid-configuration";

        assert_eq!(Issuer::parse("https://a.example/t").unwrap().discovery_url().as_str(), expected);
        assert_eq!(Issuer::parse("https://a.example/t/").unwrap().discovery_url().as_str(), expected);
    }

    #[test]
    fn the_metadata_of_rfc_8414_is_between_host_and_path() {
        let url = |issuer| Issuer::parse(issuer).unwrap().oauth_metadata_url().as_str().to_owned();
        let well_known = "/.well-known/oauth-authorization-server";

        assert_eq!(url("https://a.example"), format!("https://a.example{well_known}"));
        assert_eq!(url("https://a.example/"), format!("https://a.example{well_known}"));
        assert_eq!(url("https://a.example:8443/t/u/"), format!("https://a.example:8443{well_known}/t/u"));
        assert_eq!(url("http://[::1]:80/t"), format!("http://[::1]:80{well_known}/t"));
    }

    #[test]
    fn an_origin_is_in_lower_case_and_without_default_port() {
        let origin = |text| EndpointUrl::parse(text).unwrap().origin();

        assert_eq!(origin("https://A.Example:443/x?y"), "https://a.example");
        assert_eq!(origin("https://a.example:8443"), "https://a.example:8443");
        assert_eq!(origin("http://localhost:80/"), "http://localhost");
        assert_eq!(origin("http://[::1]:443/"), "http://[::1]:443");
    }

    #[test]
    fn an_authority_is_host_and_port_as_written() {
        let authority = |text| EndpointUrl::parse(text).unwrap().authority().to_owned();

        assert_eq!(authority("https://A.example:443/x"), "A.example:443");
        assert_eq!(authority("https://a.example?x"), "a.example");
        assert_eq!(authority("http://[::1]:9/"), "[::1]:9");
    }

    #[test]
    fn a_client_id_is_not_empty_and_has_no_control_or_foreign_characters() {
        assert_eq!(ClientId::new("our app:1".to_owned()).unwrap().as_str(), "our app:1");

        for wrong in ["", "a\n", "a\0", "ä", "a\x7f"] {
            assert_eq!(ClientId::new(wrong.to_owned()), Err(InvalidIdentifier), "{wrong:?}");
        }
    }

    #[test]
    fn a_subject_has_one_to_255_ascii_characters() {
        assert!(Subject::parse(&"s".repeat(255)).is_ok());

        for wrong in ["", "é", "a\r\nb", &"s".repeat(256)] {
            assert_eq!(Subject::parse(wrong), Err(InvalidIdentifier), "{wrong:?}");
        }
    }
}
