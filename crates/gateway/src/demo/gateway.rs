//! The gateway of the demo: the same token handler as in production, with settings made here.

use std::time::Duration;

use cloakroom::{
    route::{Access, Kind, Route},
    settings::{AuthorizationServer, Frontend, Origin, Profile, Settings, UpstreamUrl},
};
use protocol::{Client, ClientAuthentication};

use super::{
    Places,
    folder::Folder,
    login_server::{Registration, SERVER_NAME},
    sample_api,
};
use crate::{failure::Failure, token_handler::TokenHandler};

/// Opens the token handler in the folder.
pub(super) async fn open(
    folder: &Folder,
    places: &Places,
    registration: &Registration,
) -> Result<TokenHandler, Failure> {
    let settings = settings(places, registration)?;
    let (key_ring, store) = (folder.key_ring(), folder.sessions());
    let opening = move || TokenHandler::open(settings, &key_ring, &store);
    tokio::task::spawn_blocking(opening).await.map_err(Failure::trouble)?
}

fn settings(places: &Places, registration: &Registration) -> Result<Settings, Failure> {
    let mut frontend = Frontend::new("demo", Origin::parse(&places.app).map_err(Failure::trouble)?);
    frontend.authorization_servers = vec![SERVER_NAME.to_owned()];
    frontend.routes = vec![
        route("/", Access::Public, Kind::Page, &places.app_server)?,
        route("/account", Access::Session, Kind::Page, &places.app_server)?,
        route("/api", Access::Session, Kind::Api, &places.api)?,
    ];
    let server = AuthorizationServer {
        name: SERVER_NAME.to_owned(),
        display_name: "Demo login server".to_owned(),
        issuer: registration.issuer.clone(),
        client: Client {
            id: registration.client_id.clone(),
            authentication: ClientAuthentication::SecretBasic(registration.client_secret.clone()),
        },
        scope: format!("openid profile {}", sample_api::SCOPE),
        // The built-in login server takes the last refresh token once more for so long.
        profile: Profile::leeway(Duration::from_secs(10)),
        time_out: Duration::from_secs(8),
    };
    Ok(Settings { frontends: vec![frontend], authorization_servers: vec![server] })
}

fn route(prefix: &str, access: Access, kind: Kind, upstream: &str) -> Result<Route, Failure> {
    let upstream = UpstreamUrl::parse(upstream).map_err(Failure::trouble)?;
    Ok(Route { prefix: prefix.to_owned(), access, kind, upstream, body_limit: 64 * 1024 })
}
