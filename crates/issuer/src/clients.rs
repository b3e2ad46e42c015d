//! The registered clients, looked up and compared byte for byte.

use std::collections::HashMap;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use protocol::{ClientId, EndpointUrl, InvalidUrl, Secret};

use crate::{back_channel::Destination, opaque::Hash, settings::RegisteredClient};

/// Why the registration of a client cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Two clients have this id.
    #[error("client {0}: registered twice")]
    Twice(ClientId),
    /// A redirect URI that no browser or no specification accepts.
    #[error(
        "client {client}: `{uri}` cannot be a redirect URI: {reason}; use https, http on a loopback host, or a scheme with a dot such as com.example.app:/callback"
    )]
    RedirectUri {
        /// The client.
        client: ClientId,
        /// What was registered.
        uri: String,
        /// What is wrong with it.
        reason: InvalidUrl,
    },
    /// An address that no logout token can be sent to.
    #[error(
        "client {client}: `{uri}` cannot be a back-channel logout URI: {reason}; use https, or http on a loopback host, and no address of a private network"
    )]
    BackChannelLogoutUri {
        /// The client.
        client: ClientId,
        /// What was registered.
        uri: String,
        /// What is wrong with it.
        reason: InvalidUrl,
    },
    /// A secret that can be guessed: fewer than 16 bytes.
    #[error("client {0}: the secret has fewer than 16 bytes; use 32 random ones")]
    ShortSecret(ClientId),
}

/// Every client that may ask for logins.
pub(crate) struct Clients(HashMap<String, RegisteredClient>);

impl Clients {
    pub(crate) fn new(registered: Vec<RegisteredClient>) -> Result<Self, ClientError> {
        let mut clients = HashMap::new();
        for client in registered {
            require_usable(&client)?;
            let id = client.id.clone();
            if clients.insert(id.as_str().to_owned(), client).is_some() {
                return Err(ClientError::Twice(id));
            }
        }
        Ok(Self(clients))
    }

    /// The client of this id.
    pub(crate) fn find(&self, id: &str) -> Option<&RegisteredClient> {
        self.0.get(id)
    }

    /// Where clients want to be told of logouts, by their ids.
    pub(crate) fn destinations(&self) -> Result<HashMap<String, Destination>, ClientError> {
        let wanted = self.0.iter().map(|(id, client)| Ok(client.destination()?.map(|found| (id.clone(), found))));
        wanted.filter_map(Result::transpose).collect()
    }
}

impl RegisteredClient {
    /// Where it wants to be told of logouts, if anywhere.
    fn destination(&self) -> Result<Option<Destination>, ClientError> {
        let Some(uri) = &self.back_channel_logout_uri else { return Ok(None) };
        let refused = |reason| ClientError::BackChannelLogoutUri { client: self.id.clone(), uri: uri.clone(), reason };
        Destination::parse(uri).map(Some).map_err(refused)
    }

    /// Whether `presented` is the client's secret; compared without telling where it differs.
    pub(crate) fn has_secret(&self, presented: &str) -> bool {
        let Some(secret) = &self.secret else { return false };
        let (expected, presented) = (Hash::of(secret.expose()), Hash::of(presented));
        verify_slices_are_equal(expected.as_bytes(), presented.as_bytes()).is_ok()
    }
}

/// What a `form-action` directive has to allow so that a browser follows a form's answer to `uri`: its origin, or its
/// scheme where it has none (CSP 3 §6.4.2 lets redirects after a form submission be checked too).
pub(crate) fn form_action_source(uri: &str) -> Option<String> {
    match EndpointUrl::parse(uri) {
        Ok(url) => Some(url.origin()),
        Err(_) => uri.split_once(':').map(|(scheme, _)| format!("{scheme}:")),
    }
}

fn require_usable(client: &RegisteredClient) -> Result<(), ClientError> {
    let is_short = |secret: &Secret<String>| secret.expose().len() < SHORTEST_SECRET;
    if client.secret.as_ref().is_some_and(is_short) {
        return Err(ClientError::ShortSecret(client.id.clone()));
    }
    for uri in client.redirect_uris.iter().chain(&client.post_logout_redirect_uris) {
        require_redirect_uri(uri).map_err(|reason| ClientError::RedirectUri {
            client: client.id.clone(),
            uri: uri.clone(),
            reason,
        })?;
    }
    Ok(())
}

/// `https`, loopback `http`, or a private-use scheme, which contains a dot (RFC 8252 §7.1).
fn require_redirect_uri(uri: &str) -> Result<(), InvalidUrl> {
    let Err(reason) = EndpointUrl::parse(uri) else { return Ok(()) };
    let (scheme, rest) = uri.split_once(':').ok_or(InvalidUrl::Scheme)?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-".contains(&byte));
    if reason != InvalidUrl::Scheme || !is_scheme || !scheme.contains('.') {
        return Err(reason);
    }
    let is_clean = rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#;,'".contains(&byte));
    if is_clean { Ok(()) } else { Err(InvalidUrl::Characters) }
}

const SHORTEST_SECRET: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn client(redirect_uri: &str, secret: Option<&str>) -> RegisteredClient {
        RegisteredClient {
            id: ClientId::new("app".to_owned()).unwrap(),
            secret: secret.map(|secret| Secret::new(secret.to_owned())),
            redirect_uris: vec![redirect_uri.to_owned()],
            post_logout_redirect_uris: Vec::new(),
            back_channel_logout_uri: None,
            name: "App".to_owned(),
        }
    }

    #[test]
    fn redirect_uris_that_leak_codes_are_refused() {
        for uri in ["http://app.example/cb", "https://app.example/cb#x", "javascript:alert(1)", "myapp:/cb", "", "/cb"]
        {
            assert!(Clients::new(vec![client(uri, None)]).is_err(), "{uri}");
        }
        for uri in ["https://app.example/cb?x=1", "http://127.0.0.1:3000/cb", "com.example.app:/cb"] {
            assert!(Clients::new(vec![client(uri, None)]).is_ok(), "{uri}");
        }
    }

    #[test]
    fn a_client_is_registered_once_and_has_no_short_secret() {
        let app = client("https://app.example/cb", Some("0123456789abcdef"));

        assert!(matches!(Clients::new(vec![app.clone(), app.clone()]), Err(ClientError::Twice(_))));
        assert!(matches!(
            Clients::new(vec![client("https://app.example/cb", Some("short"))]),
            Err(ClientError::ShortSecret(_))
        ));
    }

    #[test]
    fn a_logout_uri_that_no_token_may_be_sent_to_is_refused() {
        for (uri, is_usable) in [("https://app.example/x", true), ("http://app.example/x", false)] {
            let app = RegisteredClient {
                back_channel_logout_uri: Some(uri.to_owned()),
                ..client("https://app.example/cb", None)
            };

            let destinations = Clients::new(vec![app]).unwrap().destinations();

            assert_eq!(destinations.is_ok_and(|found| found.contains_key("app")), is_usable, "{uri}");
        }
    }

    #[test]
    fn a_public_client_has_no_secret_not_even_the_empty_one() {
        let public = client("https://app.example/cb", None);

        assert!(!public.has_secret(""));
    }

    #[test]
    fn a_form_may_lead_to_the_origin_of_a_redirect_uri_or_to_its_scheme() {
        assert_eq!(form_action_source("https://app.example/cb?x=1").unwrap(), "https://app.example");
        assert_eq!(form_action_source("com.example.app:/cb").unwrap(), "com.example.app:");
    }
}
