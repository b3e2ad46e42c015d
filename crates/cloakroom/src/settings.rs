//! What this installation is for: frontends, authorization servers, routes. Types that cannot hold a wrong value, and
//! one place that refuses contradictions and says why.

mod lifetimes;
mod origin;
mod verified;

use std::time::Duration;

use http::Uri;
use protocol::{Client, EndpointUrl, Issuer};
use thiserror::Error;

pub use self::{
    lifetimes::Lifetimes,
    origin::{InvalidOrigin, Origin},
};
pub use crate::refresh::profile::Profile;
use crate::route::Route;

/// Everything that an operator decides.
#[derive(Debug)]
pub struct Settings {
    /// The browser applications, each on a host of its own.
    pub frontends: Vec<Frontend>,
    /// Where people sign in.
    pub authorization_servers: Vec<AuthorizationServer>,
}

/// One browser application with its origin.
#[derive(Debug)]
pub struct Frontend {
    /// Names it in logs and in sessions: a session is good for one frontend only. Changing it ends its sessions.
    pub name: String,
    /// The origin that browsers see, exactly.
    pub origin: Origin,
    /// Where our endpoints are. Default `/auth`.
    pub auth_path: String,
    /// Names of the authorization servers that people of this frontend can choose; the first is the default.
    pub authorization_servers: Vec<String>,
    /// How long sessions last.
    pub lifetimes: Lifetimes,
    /// When browsers send the session cookie. Default and best: [`SameSite::Strict`].
    pub cookie_same_site: SameSite,
    /// Whether another site's link may start a login without a click. Default: it may not, because logging a person in
    /// behind their back is half of an attack (login CSRF).
    pub cross_site_login: CrossSiteLogin,
    /// Which paths lead where.
    pub routes: Vec<Route>,
}

/// One authorization server, and ourselves as its client.
#[derive(Clone, Debug)]
pub struct AuthorizationServer {
    /// Names it in the redirect URI (`/auth/callback/{name}`), in `login?as=` and in logs.
    /// Letters, digits, `-` and `_`; at most 32.
    pub name: String,
    /// Shown to people who choose between several.
    pub display_name: String,
    /// Its issuer identifier, byte for byte as its metadata says.
    pub issuer: Issuer,
    /// Our registration there.
    pub client: Client,
    /// What to ask for, separated by spaces. `openid` must be among it.
    pub scope: String,
    /// How it treats refresh tokens that are presented twice.
    pub profile: Profile,
    /// Time limit for each of its answers. Default 8 s.
    pub time_out: Duration,
}

/// Where an upstream is: scheme, host and port. Its path is put in front of the request's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamUrl(Uri);

/// The `SameSite` attribute of the session cookie (RFC 6265bis §4.1.2.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SameSite {
    /// Sent with our own requests only. Links from other sites work all the same: a page goes on to them as our own request.
    #[default]
    Strict,
    /// Also sent when a person follows a link from another site.
    Lax,
    /// Also sent from frames and scripts of other sites. The CSRF rules refuse those, but nothing else does.
    None,
}

impl SameSite {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "Strict",
            Self::Lax => "Lax",
            Self::None => "None",
        }
    }
}

/// What happens when another site sends a person to `login`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CrossSiteLogin {
    /// A page asks for one click.
    #[default]
    Ask,
    /// The login begins at once.
    Allow,
}

impl Frontend {
    /// A frontend with the strictest settings that work.
    pub fn new(name: &str, origin: Origin) -> Self {
        Self {
            name: name.to_owned(),
            origin,
            auth_path: "/auth".to_owned(),
            authorization_servers: Vec::new(),
            lifetimes: Lifetimes::default(),
            cookie_same_site: SameSite::default(),
            cross_site_login: CrossSiteLogin::default(),
            routes: Vec::new(),
        }
    }

    /// The redirect URI for one authorization server. From configuration, never from a request.
    pub(crate) fn redirect_uri(&self, server: &AuthorizationServer) -> Result<EndpointUrl, protocol::InvalidUrl> {
        EndpointUrl::parse(&format!("{}{}/callback/{}", self.origin, self.auth_path, server.name))
    }
}

impl UpstreamUrl {
    /// `http://host[:port][/path]` or `https://…`. Nothing else, no query, no user.
    pub fn parse(text: &str) -> Result<Self, InvalidUpstream> {
        let invalid = || InvalidUpstream(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| invalid())?;
        let scheme_fits = matches!(uri.scheme_str(), Some("http" | "https"));
        let authority_fits = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if scheme_fits && authority_fits && uri.query().is_none() { Ok(Self(uri)) } else { Err(invalid()) }
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.0
    }
}

/// This is no address of an upstream.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "{0:?} is not an upstream's address: write `http://host:port` or `https://host:port`, with a path if it has one"
)]
pub struct InvalidUpstream(String);

/// Settings that contradict each other, or that would weaken sessions without saying so.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{place}: {problem}")]
pub struct SettingsError {
    /// The key, as in `frontends[0].origin`.
    pub place: String,
    /// What was found, and what would work.
    pub problem: String,
}
