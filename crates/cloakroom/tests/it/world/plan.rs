//! What a test world is made of: frontends, routes, authorization servers.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use cloakroom::{
    route::{Access, Kind, Route},
    session::store::SessionStore,
    settings::{
        AuthorizationServer as ServerSettings, CrossSiteLogin, Frontend, Lifetimes, Origin, Profile, SameSite,
        Settings, UpstreamUrl,
    },
};
use testkit::{AuthorizationServer, HandClock, ResourceServer};

/// The authorization server's name on the frontend.
const SERVER: &str = "login";
/// Another name for it, on the other frontend: people choose there.
pub(crate) const SECOND_SERVER: &str = "second";
/// The longest body that the routes take.
pub(crate) const BODY_LIMIT: usize = 100_000;
/// Longer than an authorization server may take to answer, shorter than a test may.
const ANSWER_LIMIT: Duration = Duration::from_millis(400);

/// What differs from world to world.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) profile: Profile,
    pub(crate) same_site: SameSite,
    pub(crate) cross_site_login: CrossSiteLogin,
    pub(crate) lifetimes: Lifetimes,
    /// Makes the store; nothing for the one in memory.
    pub(crate) store: Option<Arc<dyn SessionStore>>,
    pub(crate) clock: Arc<HandClock>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            profile: Profile::strict(),
            same_site: SameSite::default(),
            cross_site_login: CrossSiteLogin::default(),
            lifetimes: Lifetimes::default(),
            store: None,
            clock: Arc::default(),
        }
    }
}

/// The origins of the two frontends: the same port under two hosts.
pub(super) fn origins(address: SocketAddr) -> (String, String) {
    (format!("http://localhost:{}", address.port()), format!("http://127.0.0.1:{}", address.port()))
}

/// The settings of every node.
pub(super) fn settings(
    plan: &Plan,
    authorization_server: &AuthorizationServer,
    resource_server: &ResourceServer,
    address: SocketAddr,
) -> Settings {
    let (origin, other_origin) = origins(address);
    let frontend = |name: &str, origin: &str, servers: &[&str]| Frontend {
        authorization_servers: servers.iter().map(|&server| server.to_owned()).collect(),
        lifetimes: plan.lifetimes,
        cookie_same_site: plan.same_site,
        cross_site_login: plan.cross_site_login,
        routes: routes(resource_server),
        ..Frontend::new(name, Origin::parse(origin).expect("loopback origins may be http"))
    };
    let server = |name: &str| ServerSettings {
        name: name.to_owned(),
        display_name: format!("The {name} server"),
        issuer: authorization_server.issuer(),
        client: authorization_server.client(),
        scope: "openid profile".to_owned(),
        profile: plan.profile.with_request_limit(ANSWER_LIMIT),
        time_out: ANSWER_LIMIT,
    };
    Settings {
        frontends: vec![
            frontend("app", &origin, &[SERVER]),
            frontend("other", &other_origin, &[SERVER, SECOND_SERVER]),
        ],
        authorization_servers: vec![server(SERVER), server(SECOND_SERVER)],
    }
}

fn routes(resource_server: &ResourceServer) -> Vec<Route> {
    let upstream = UpstreamUrl::parse(&resource_server.url()).expect("a loopback address is an upstream");
    let route = |prefix: &str, access, kind| Route {
        prefix: prefix.to_owned(),
        access,
        kind,
        upstream: upstream.clone(),
        body_limit: BODY_LIMIT,
    };
    vec![
        route("/api", Access::Session, Kind::Api),
        route("/app", Access::Session, Kind::Page),
        route("/", Access::Public, Kind::Page),
    ]
}
