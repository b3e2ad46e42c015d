//! Which client is asking, and does it prove it (RFC 6749 §2.3).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};
use zeroize::Zeroizing;

use super::refusal::TokenRefusal;
use crate::{clients::Clients, parameters::Parameters, settings::RegisteredClient};

/// The client, after it has proved who it is: by its secret, in the header or the body but not both; a public client
/// only says its name.
pub(crate) fn require_client<'a>(
    clients: &'a Clients,
    headers: &HeaderMap,
    parameters: &Parameters,
) -> Result<&'a RegisteredClient, TokenRefusal> {
    let in_body = (parameters.find("client_id"), parameters.find("client_secret"));
    let basic = basic_credentials(headers)?;
    let (id, secret) = match (&basic, in_body) {
        (Some(_), (_, Some(_))) | (None, (None, _)) => return Err(TokenRefusal::InvalidRequest),
        (Some(basic), (Some(id), None)) if id != basic.id => return Err(TokenRefusal::InvalidRequest),
        (Some(basic), (_, None)) => (basic.id.as_str(), Some(basic.secret.as_str())),
        (None, (Some(id), secret)) => (id, secret),
    };
    let client = clients.find(id).ok_or(TokenRefusal::InvalidClient)?;
    let is_proved = match (&client.secret, secret) {
        (None, None) => true,
        // Some libraries write the header with an empty password for a public client.
        (None, Some(secret)) => secret.is_empty(),
        (Some(_), None) => false,
        (Some(_), Some(secret)) => client.has_secret(secret),
    };
    if is_proved { Ok(client) } else { Err(TokenRefusal::InvalidClient) }
}

struct BasicCredentials {
    id: String,
    secret: Zeroizing<String>,
}

/// Name and secret in the `Authorization` header, form-encoded before they were joined (RFC 6749 §2.3.1).
fn basic_credentials(headers: &HeaderMap) -> Result<Option<BasicCredentials>, TokenRefusal> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(TokenRefusal::InvalidRequest);
    }
    read_basic(line.as_bytes()).map(Some).ok_or(TokenRefusal::InvalidClient)
}

fn read_basic(line: &[u8]) -> Option<BasicCredentials> {
    let (scheme, encoded) = str::from_utf8(line).ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = Zeroizing::new(String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?);
    let (id, secret) = pair.split_once(':')?;
    Some(BasicCredentials { id: form_decode(id), secret: Zeroizing::new(form_decode(secret)) })
}

fn form_decode(text: &str) -> String {
    // A name without `=` is read as a whole; the separators of a form cannot stand in encoded text.
    form_urlencoded::parse(text.replace('&', "%26").replace('=', "%3D").as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(pair: &str) -> Option<(String, String)> {
        let line = format!("Basic {}", STANDARD.encode(pair));
        read_basic(line.as_bytes()).map(|read| (read.id, read.secret.to_string()))
    }

    #[test]
    fn name_and_secret_are_form_decoded_after_they_are_parted() {
        assert_eq!(basic("our+app%3A1:p%3A%C3%A4%2B%25+~"), Some(("our app:1".to_owned(), "p:ä+% ~".to_owned())));
        assert_eq!(basic("app:"), Some(("app".to_owned(), String::new())));
        assert_eq!(basic("app:a=b&c"), Some(("app".to_owned(), "a=b&c".to_owned())));
    }

    #[test]
    fn a_malformed_header_is_no_proof() {
        assert_eq!(basic("no colon"), None);
        for line in ["", "Basic", "Basic ", "Basic !!!", "Bearer abc", "Basic\tYTpi", "Basic /w=="] {
            assert!(read_basic(line.as_bytes()).is_none(), "{line:?}");
        }
        assert!(read_basic(&[0xff, 0x20, 0xff]).is_none());
    }
}
