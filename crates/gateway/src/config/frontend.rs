//! `[[frontends]]`: one browser application, its origin and its routes.

use std::net::IpAddr;

use cloakroom::{
    route::{Access, Kind, Route},
    settings::{CrossSiteLogin, Frontend, Lifetimes, Origin, SameSite, UpstreamUrl},
};
use http::Uri;

use super::{section::Section, unit};

/// Reads one frontend. `servers` are the names of all authorization servers: its people can choose among them unless
/// it lists its own.
pub(super) fn read(section: &Section<'_>, servers: &[String]) -> Option<Frontend> {
    let name = section.required("name", |text| Ok(text.to_owned()));
    let origin = section.required("origin", |text| Origin::parse(text).map_err(|error| error.to_string()));
    let auth_path = section.optional("auth_path", None, |text| Ok(Some(text.to_owned())));
    let authorization_servers = section.texts("authorization_servers", servers);
    let lifetimes = lifetimes(section);
    let cookie_same_site = cookie_same_site(section);
    let cross_site_login = section.optional("cross_site_login", CrossSiteLogin::default(), |text| match text {
        "ask" => Ok(CrossSiteLogin::Ask),
        "allow" => Ok(CrossSiteLogin::Allow),
        _ => Err(format!("{text:?} is unknown: write `ask` or `allow`")),
    });
    let routes = section.sections("routes").iter().map(route).collect::<Vec<_>>();
    section.refuse_unknown_keys();

    let mut frontend = Frontend::new(&name?, origin?);
    if let Some(auth_path) = auth_path? {
        frontend.auth_path = auth_path;
    }
    frontend.authorization_servers = authorization_servers?;
    frontend.lifetimes = lifetimes?;
    frontend.cookie_same_site = cookie_same_site?;
    frontend.cross_site_login = cross_site_login?;
    frontend.routes = routes.into_iter().collect::<Option<Vec<_>>>()?;
    Some(frontend)
}

fn lifetimes(frontend: &Section<'_>) -> Option<Lifetimes> {
    let default = Lifetimes::default();
    let Some(section) = frontend.optional_section("lifetimes") else { return Some(default) };
    let idle = section.optional("idle", default.idle, unit::duration);
    let absolute = section.optional("absolute", default.absolute, unit::duration);
    section.refuse_unknown_keys();
    Some(Lifetimes { idle: idle?, absolute: absolute? })
}

fn cookie_same_site(frontend: &Section<'_>) -> Option<SameSite> {
    let Some(section) = frontend.optional_section("cookie") else { return Some(SameSite::default()) };
    let same_site = section.optional("same_site", SameSite::default(), |text| match text {
        "strict" => Ok(SameSite::Strict),
        "lax" => Ok(SameSite::Lax),
        "none" => Ok(SameSite::None),
        _ => Err(format!("{text:?} is unknown: write `strict` or `lax`")),
    });
    section.refuse_unknown_keys();
    same_site
}

fn route(section: &Section<'_>) -> Option<Route> {
    let prefix = section.required("path", |text| Ok(text.to_owned()));
    let kind = section.required("kind", |text| match text {
        "public" => Ok((Access::Public, Kind::Page)),
        "page" => Ok((Access::Session, Kind::Page)),
        "api" => Ok((Access::Session, Kind::Api)),
        _ => Err(format!(
            "{text:?} is unknown: write `public` (no session needed, no token sent), `page` (documents for people who \
             are signed in) or `api` (calls by script)"
        )),
    });
    let upstream = section.required("upstream", |text| {
        let url = UpstreamUrl::parse(text).map_err(|error| error.to_string())?;
        Ok((url, is_exposed(text)))
    });
    if let (Some((Access::Session, _)), Some((_, true))) = (kind, &upstream) {
        let why = "plain http to another machine: access tokens travel there unencrypted";
        let way_out = "use `https://`, or let a proxy beside this program encrypt the way to the other machine";
        section.warn("upstream", "gives access tokens away", why, way_out);
    }
    let body_limit = section.optional("body_limit", DEFAULT_BODY_LIMIT, unit::bytes);
    section.refuse_unknown_keys();
    let ((access, kind), (upstream, _)) = (kind?, upstream?);
    Some(Route { prefix: prefix?, access, kind, upstream, body_limit: body_limit? })
}

/// Whether what is sent there can be read on the way. Private networks are no exception.
fn is_exposed(upstream: &str) -> bool {
    let url = upstream.parse::<Uri>().unwrap_or_default();
    url.scheme_str() == Some("http") && !url.host().is_some_and(is_this_machine)
}

fn is_this_machine(host: &str) -> bool {
    let name = host.to_ascii_lowercase();
    let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
    name == "localhost"
        || name.ends_with(".localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

const DEFAULT_BODY_LIMIT: usize = 16 << 20;
