//! Logout at the authorization server, through the browser (OpenID Connect RP-Initiated Logout 1.0 §2).

use crate::{AuthorizationServerMetadata, ClientId, Secret, identifier::is_vschar, message};

/// A logout request. All but the client's name is optional; the more is known, the less the user is asked.
#[derive(Clone, Copy, Debug)]
pub struct EndSessionRequest<'a> {
    /// Our name at the authorization server.
    pub client_id: &'a ClientId,
    /// Where the browser shall go afterwards; must be registered there.
    pub post_logout_redirect_uri: Option<&'a str>,
    /// Comes back with the browser.
    pub state: Option<&'a str>,
    /// Who is logging out.
    pub logout_hint: Option<&'a str>,
    /// The ID token of the login that ends. It shows up in the browser's address bar and the server's log.
    pub id_token_hint: Option<&'a Secret<String>>,
}

impl EndSessionRequest<'_> {
    /// The URL to send the browser to, or `None` when the server offers no logout.
    pub fn url(&self, metadata: &AuthorizationServerMetadata) -> Option<String> {
        let parameters = [
            ("client_id", Some(self.client_id.as_str())),
            ("post_logout_redirect_uri", self.post_logout_redirect_uri),
            ("state", self.state),
            ("logout_hint", self.logout_hint),
            ("id_token_hint", self.id_token_hint.map(|token| token.expose().as_str())),
        ];
        let present: Vec<_> = parameters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let endpoint = metadata.end_session_endpoint.as_ref()?;
        Some(message::url_with_parameters(endpoint, &present))
    }
}

/// Reads the `state` with which the browser comes back (§3); absent when none was sent, or it got lost. Only who sent
/// that state has logged out: whoever makes a link can send a browser to the same address.
pub fn parse_end_session_response(query: &str) -> Result<Option<String>, EndSessionResponseError> {
    let query = query.strip_prefix('?').unwrap_or(query);
    if query.len() > MAX_QUERY_BYTES {
        return Err(EndSessionResponseError);
    }
    let mut states = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "state");
    match (states.next(), states.next()) {
        (None, _) => Ok(None),
        (Some((_, state)), None) if state.bytes().all(is_vschar) => Ok(Some(state.into_owned())),
        _ => Err(EndSessionResponseError),
    }
}

/// The query is too long, or `state` occurs more than once or has characters that it cannot have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("answer to a logout has a malformed state")]
pub struct EndSessionResponseError;

const MAX_QUERY_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::testing::metadata;

    #[test]
    fn the_url_names_what_is_known() {
        let client_id = ClientId::new("our app".to_owned()).unwrap();
        let hint = Secret::from("a.b.c".to_owned());
        let request = EndSessionRequest {
            client_id: &client_id,
            post_logout_redirect_uri: Some("https://app.example/?bye=1"),
            state: None,
            logout_hint: None,
            id_token_hint: Some(&hint),
        };

        let url = request.url(&metadata()).unwrap();

        assert_eq!(
            url,
            "https://as.example/logout?client_id=our+app\
             &post_logout_redirect_uri=https%3A%2F%2Fapp.example%2F%3Fbye%3D1&id_token_hint=a.b.c"
        );
    }

    #[test]
    fn there_is_no_url_without_an_endpoint() {
        let client_id = ClientId::new("app".to_owned()).unwrap();
        let request = EndSessionRequest {
            client_id: &client_id,
            post_logout_redirect_uri: None,
            state: None,
            logout_hint: None,
            id_token_hint: None,
        };
        let mut metadata = metadata();
        metadata.end_session_endpoint = None;

        assert_eq!(request.url(&metadata), None);
    }

    #[test]
    fn the_state_comes_back_at_most_once() {
        assert_eq!(parse_end_session_response("?bye=1&state=x%20y").unwrap().as_deref(), Some("x y"));
        assert_eq!(parse_end_session_response("bye=1&bye=2").unwrap(), None);
        assert_eq!(parse_end_session_response("").unwrap(), None);

        let long = format!("state={}", "x".repeat(MAX_QUERY_BYTES));
        for query in ["state=x&state=x", "state=x&st%61te=", "state=a%0d%0ab", "state=%ff", &long] {
            assert_eq!(parse_end_session_response(query), Err(EndSessionResponseError));
        }
    }
}
