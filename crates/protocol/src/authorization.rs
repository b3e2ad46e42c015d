//! The authorization request, and the response that comes back through the browser (RFC 6749 §4.1.1, §4.1.2).

mod response;

use std::time::Duration;

pub use self::response::{
    AuthorizationError, AuthorizationOutcome, AuthorizationResponse, AuthorizationResponseError,
    parse_authorization_form, parse_authorization_response,
};
use crate::{AuthorizationServerMetadata, ClientId, EndpointUrl, message};

/// What shall come back, and how the browser carries it. An ID token is never put into a query, where logs and the
/// `Referer` header would show it (OAuth 2.0 Multiple Response Type Encoding Practices §5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResponseKind {
    /// A code in the redirect URI's query (RFC 6749 §4.1.2); read it with [`parse_authorization_response`].
    CodeInQuery,
    /// A code in a form that the browser posts (OAuth 2.0 Form Post Response Mode §2); read it with
    /// [`parse_authorization_form`]. The post comes from another site: only cookies with `SameSite=None` come along.
    CodeInForm,
    /// A code and an ID token, posted likewise (OpenID Connect Core §3.3, hybrid flow); verify the ID token with
    /// [`verify_front_channel_id_token`](crate::verify_front_channel_id_token).
    CodeAndIdTokenInForm,
}

impl ResponseKind {
    /// `response_type` (RFC 6749 §3.1.1, OAuth 2.0 Multiple Response Type Encoding Practices §5).
    pub(crate) fn response_type(self) -> &'static str {
        match self {
            Self::CodeInQuery | Self::CodeInForm => "code",
            Self::CodeAndIdTokenInForm => "code id_token",
        }
    }

    /// `response_mode` (OAuth 2.0 Multiple Response Type Encoding Practices §2.1); absent where the default is meant.
    pub(crate) fn response_mode(self) -> Option<&'static str> {
        match self {
            Self::CodeInQuery => None,
            Self::CodeInForm | Self::CodeAndIdTokenInForm => Some("form_post"),
        }
    }
}

/// An authorization request: code flow with PKCE `S256`, `state` and `nonce`, always (RFC 9700 §2.1.1, OpenID Connect
/// Core §3.1.2.1). Made fresh for every login.
#[derive(Clone, Copy, Debug)]
pub struct AuthorizationRequest<'a> {
    /// Our name at the authorization server.
    pub client_id: &'a ClientId,
    /// Where the response shall arrive; from configuration, never from a request.
    pub redirect_uri: &'a EndpointUrl,
    /// Scopes separated by spaces; contains `openid` when an ID token is wanted.
    pub scope: &'a str,
    /// Ties the response to this browser (RFC 6749 §10.12).
    pub state: &'a str,
    /// Ties the ID token to this login.
    pub nonce: &'a str,
    /// [`CodeVerifier::challenge`](crate::CodeVerifier::challenge) of this login.
    pub code_challenge: &'a str,
    /// `none`, `login`, `consent`, `select_account`; absent: as the server likes.
    pub prompt: Option<&'a str>,
    /// Who is probably logging in.
    pub login_hint: Option<&'a str>,
    /// How the user shall be authenticated, best first, separated by spaces.
    pub acr_values: Option<&'a str>,
    /// How long ago the user may have authenticated; sent in whole seconds.
    pub max_age: Option<Duration>,
}

impl AuthorizationRequest<'_> {
    /// The URL to send the browser to for a code in the query.
    pub fn url(&self, metadata: &AuthorizationServerMetadata) -> String {
        self.url_for(metadata, ResponseKind::CodeInQuery)
    }

    /// The URL to send the browser to for this kind of response.
    pub fn url_for(&self, metadata: &AuthorizationServerMetadata, kind: ResponseKind) -> String {
        let max_age_seconds = self.max_age.map(|span| span.as_secs().to_string());
        let parameters = [
            ("response_type", Some(kind.response_type())),
            ("response_mode", kind.response_mode()),
            ("client_id", Some(self.client_id.as_str())),
            ("redirect_uri", Some(self.redirect_uri.as_str())),
            ("scope", Some(self.scope)),
            ("state", Some(self.state)),
            ("nonce", Some(self.nonce)),
            ("code_challenge", Some(self.code_challenge)),
            ("code_challenge_method", Some("S256")),
            ("prompt", self.prompt),
            ("login_hint", self.login_hint),
            ("acr_values", self.acr_values),
            ("max_age", max_age_seconds.as_deref()),
        ];
        let present: Vec<_> = parameters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        message::url_with_parameters(&metadata.authorization_endpoint, &present)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::testing::metadata;

    #[test]
    fn the_kind_of_response_is_asked_for() {
        let client_id = ClientId::new("app".to_owned()).unwrap();
        let redirect_uri = EndpointUrl::parse("https://app.example/cb").unwrap();
        let request = AuthorizationRequest {
            client_id: &client_id,
            redirect_uri: &redirect_uri,
            scope: "openid",
            state: "s",
            nonce: "n",
            code_challenge: "c",
            prompt: None,
            login_hint: None,
            acr_values: None,
            max_age: None,
        };
        let start = |kind| {
            let url = request.url_for(&metadata(), kind);
            url.split_once('?').unwrap().1.split_once("&client_id").unwrap().0.to_owned()
        };

        assert_eq!(request.url(&metadata()), request.url_for(&metadata(), ResponseKind::CodeInQuery));
        assert_eq!(start(ResponseKind::CodeInQuery), "response_type=code");
        assert_eq!(start(ResponseKind::CodeInForm), "response_type=code&response_mode=form_post");
        assert_eq!(start(ResponseKind::CodeAndIdTokenInForm), "response_type=code+id_token&response_mode=form_post");
    }

    #[test]
    fn the_request_is_a_code_request_with_pkce_and_everything_is_encoded() {
        let client_id = ClientId::new("our app".to_owned()).unwrap();
        let redirect_uri = EndpointUrl::parse("https://app.example/auth/callback/a?b=c").unwrap();
        let request = AuthorizationRequest {
            client_id: &client_id,
            redirect_uri: &redirect_uri,
            scope: "openid profile",
            state: "s&t=a#te",
            nonce: "n",
            code_challenge: "c",
            prompt: None,
            login_hint: Some("ann+x@example.com"),
            acr_values: None,
            max_age: Some(Duration::from_millis(90_500)),
        };

        let url = request.url(&metadata());

        assert_eq!(
            url,
            "https://as.example/authorize?response_type=code&client_id=our+app\
             &redirect_uri=https%3A%2F%2Fapp.example%2Fauth%2Fcallback%2Fa%3Fb%3Dc&scope=openid+profile\
             &state=s%26t%3Da%23te&nonce=n&code_challenge=c&code_challenge_method=S256\
             &login_hint=ann%2Bx%40example.com&max_age=90"
        );
    }
}
