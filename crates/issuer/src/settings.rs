//! What an operator decides about the login server.

use std::time::Duration;

use protocol::{ClientId, Issuer, Secret};

/// What the login server is called, whom it serves, and how long its tokens live.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address under which browsers and clients reach it; every endpoint lies below it.
    pub issuer: Issuer,
    /// The clients that may ask for logins. There is no registration at run time.
    pub clients: Vec<RegisteredClient>,
    /// How long an access token is good; default 5 min. A resource server that verifies the signature by itself
    /// accepts a stolen or revoked token that long.
    pub access_token_life: Duration,
    /// How long the refresh token before the newest one still gives a token; default 10 s. It saves the session of a
    /// client whose answer was lost; a thief who is that quick is noticed at the next refresh. Zero: strictly one use.
    pub refresh_leeway: Duration,
    /// The `aud` of every access token (RFC 9068 §2.2): what resource servers are configured to expect.
    pub resource_audience: String,
    /// What clients may ask for on behalf of resource servers, beside this server's own `openid`, `profile`, `email` and
    /// `offline_access`; default none. Who may do what is the resource server's decision, by subject and scope.
    pub resource_scopes: Vec<String>,
}

impl Settings {
    /// Settings with the default lives and no client yet.
    pub fn new(issuer: Issuer, resource_audience: impl Into<String>) -> Self {
        Self {
            issuer,
            clients: Vec::new(),
            access_token_life: Duration::from_secs(5 * 60),
            refresh_leeway: Duration::from_secs(10),
            resource_audience: resource_audience.into(),
            resource_scopes: Vec::new(),
        }
    }
}

/// A client (RFC 6749 §2) that may ask this server for logins.
#[derive(Debug, Clone)]
pub struct RegisteredClient {
    /// Its `client_id`.
    pub id: ClientId,
    /// Its password at the token endpoint; `None` for a public client, which proves itself by PKCE alone.
    pub secret: Option<Secret<String>>,
    /// Where codes may be sent; compared byte for byte (RFC 9700 §2.1).
    pub redirect_uris: Vec<String>,
    /// Where browsers may be sent after logout; compared byte for byte.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it wants to be told that a session in which it got tokens has ended (OpenID Connect Back-Channel Logout
    /// 1.0): `https`, or `http` on a loopback host. `None`: it is not told, and notices at its next refresh.
    ///
    /// Addresses of private networks are refused, also behind a name, unless the host is a loopback one.
    pub back_channel_logout_uri: Option<String>,
    /// What the login page calls it.
    pub name: String,
}
