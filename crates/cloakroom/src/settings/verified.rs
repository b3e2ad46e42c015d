//! Contradictions and weakenings, refused at start-up with the key and a way out.

use std::collections::HashSet;

use super::{AuthorizationServer, Frontend, SameSite, Settings, SettingsError};
use crate::route::{self, Access};

impl Settings {
    /// Refuses settings that contradict each other.
    pub fn verify(&self) -> Result<(), SettingsError> {
        require(!self.frontends.is_empty(), "frontends", "there is none: describe at least one")?;
        let (mut hosts, mut frontend_names) = (HashSet::new(), HashSet::new());
        for (number, frontend) in self.frontends.iter().enumerate() {
            let place = format!("frontends[{number}]");
            let new = hosts.insert(frontend.origin.host());
            require(
                new,
                &format!("{place}.origin"),
                "another frontend has this host (cookies ignore the port): cookies would be shared, and a hole in one would be a hole in both",
            )?;
            let new = frontend_names.insert(&frontend.name);
            require(
                new,
                &format!("{place}.name"),
                "another frontend has this name: a session of one would be good for the other",
            )?;
            self.verify_frontend(&place, frontend)?;
        }
        let mut names = HashSet::new();
        for (number, server) in self.authorization_servers.iter().enumerate() {
            let place = format!("authorization_servers[{number}]");
            require(
                names.insert(&server.name),
                &format!("{place}.name"),
                "another authorization server has this name",
            )?;
            verify_server(&place, server)?;
        }
        Ok(())
    }

    fn verify_frontend(&self, place: &str, frontend: &Frontend) -> Result<(), SettingsError> {
        let auth_path = &frontend.auth_path;
        let path_fits = auth_path.len() > 1 && route::is_prefix(auth_path);
        require(
            path_fits,
            &format!("{place}.auth_path"),
            "must be a path such as `/auth`: it begins with a slash, does not end with one, and holds no special characters",
        )?;
        require(
            !frontend.authorization_servers.is_empty(),
            &format!("{place}.authorization_servers"),
            "there is none: people could not sign in",
        )?;
        for name in &frontend.authorization_servers {
            let known = self.authorization_servers.iter().any(|server| &server.name == name);
            require(known, &format!("{place}.authorization_servers"), &format!("{name:?} is not described"))?;
        }
        let lifetimes = frontend.lifetimes;
        require(
            lifetimes.idle >= std::time::Duration::from_secs(1),
            &format!("{place}.lifetimes.idle"),
            "must be at least 1 second",
        )?;
        require(
            lifetimes.idle <= lifetimes.absolute,
            &format!("{place}.lifetimes.idle"),
            "is longer than `absolute`, so it would never apply",
        )?;
        let none_is_meant = frontend.cookie_same_site != SameSite::None;
        require(
            none_is_meant,
            &format!("{place}.cookie.same_site"),
            "`none` lets every site send the cookie along, and no kind of frontend in this version needs that: use `strict` (links from other sites work) or `lax`",
        )?;
        verify_routes(place, frontend)
    }
}

fn verify_routes(place: &str, frontend: &Frontend) -> Result<(), SettingsError> {
    let mut prefixes = HashSet::new();
    for (number, route) in frontend.routes.iter().enumerate() {
        let place = format!("{place}.routes[{number}].path");
        require(
            route::is_prefix(&route.prefix),
            &place,
            "must be `/` or a path such as `/api`, without a slash at the end",
        )?;
        require(
            prefixes.insert(route.prefix.to_ascii_lowercase()),
            &place,
            "another route has this path, letter case aside",
        )?;
        let ours = route.prefix == frontend.auth_path || route.prefix.starts_with(&format!("{}/", frontend.auth_path));
        require(!ours, &place, "lies below `auth_path`, where the endpoints are")?;
        let open_body = route.access == Access::Public || route.body_limit > 0;
        require(open_body, &place, "its `body_limit` is 0: nothing could be sent")?;
    }
    Ok(())
}

fn verify_server(place: &str, server: &AuthorizationServer) -> Result<(), SettingsError> {
    let name_fits = (1..=32).contains(&server.name.len())
        && server.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    require(
        name_fits,
        &format!("{place}.name"),
        "must be 1 to 32 letters, digits, `-` or `_`: it is part of the redirect URI",
    )?;
    let asks_for_identity = server.scope.split(' ').any(|scope| scope == "openid");
    require(
        asks_for_identity,
        &format!("{place}.scope"),
        "must contain `openid`: without it nobody tells who signed in (OpenID Connect Core §3.1.2.1)",
    )
}

fn require(holds: bool, place: &str, problem: &str) -> Result<(), SettingsError> {
    if holds { Ok(()) } else { Err(SettingsError { place: place.to_owned(), problem: problem.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        route::{Kind, Route},
        settings::{Origin, UpstreamUrl},
    };

    fn settings(frontends: Vec<Frontend>) -> Settings {
        Settings { frontends, authorization_servers: Vec::new() }
    }

    fn problem(change: impl FnOnce(&mut Frontend)) -> String {
        let mut frontend = Frontend::new("app", Origin::parse("https://app.example.com").unwrap());
        change(&mut frontend);
        settings(vec![frontend]).verify().unwrap_err().to_string()
    }

    #[test]
    fn each_contradiction_is_refused_with_its_key() {
        let route = |prefix: &str| Route {
            prefix: prefix.to_owned(),
            access: Access::Session,
            kind: Kind::Api,
            upstream: UpstreamUrl::parse("http://127.0.0.1:1").unwrap(),
            body_limit: 1,
        };

        assert!(settings(Vec::new()).verify().unwrap_err().to_string().starts_with("frontends:"));
        assert!(problem(|frontend| frontend.auth_path = "/".to_owned()).contains("auth_path"));
        assert!(problem(|frontend| frontend.auth_path = "/auth/".to_owned()).contains("auth_path"));
        assert!(problem(|_| ()).contains("people could not sign in"));
        assert!(problem(|frontend| frontend.authorization_servers = vec!["x".to_owned()]).contains("not described"));
        assert!(problem(|frontend| frontend.routes = vec![route("/auth/x")]).contains("authorization_servers"));
    }

    fn server() -> AuthorizationServer {
        AuthorizationServer {
            name: "login".to_owned(),
            display_name: "Login".to_owned(),
            issuer: protocol::Issuer::parse("https://login.example.com").unwrap(),
            client: protocol::Client {
                id: protocol::ClientId::new("app".to_owned()).unwrap(),
                authentication: protocol::ClientAuthentication::None,
            },
            scope: "openid".to_owned(),
            profile: crate::settings::Profile::strict(),
            time_out: std::time::Duration::from_secs(8),
        }
    }

    #[test]
    fn two_frontends_on_one_host_are_refused_whatever_their_ports() {
        let frontend = |origin: &str| {
            let mut frontend = Frontend::new("app", Origin::parse(origin).unwrap());
            frontend.authorization_servers = vec!["login".to_owned()];
            frontend
        };
        let with = |origins: [&'static str; 2]| Settings {
            frontends: origins
                .into_iter()
                .map(|origin| Frontend { name: origin.to_owned(), ..frontend(origin) })
                .collect(),
            authorization_servers: vec![server()],
        };

        let refused = with(["http://localhost:8080", "http://localhost:8081"]).verify().unwrap_err().to_string();

        assert!(refused.contains("cookies ignore the port"), "{refused}");
        assert_eq!(with(["http://localhost:8080", "http://127.0.0.1:8080"]).verify(), Ok(()));
    }

    #[test]
    fn two_frontends_of_one_name_are_refused() {
        let frontend = |origin: &str| {
            let mut frontend = Frontend::new("app", Origin::parse(origin).unwrap());
            frontend.authorization_servers = vec!["login".to_owned()];
            frontend
        };
        let frontends = vec![frontend("https://a.example.com"), frontend("https://b.example.com")];
        let settings = Settings { frontends, authorization_servers: vec![server()] };

        let refused = settings.verify().unwrap_err().to_string();

        assert!(refused.starts_with("frontends[1].name"), "{refused}");
    }

    #[test]
    fn a_login_that_would_not_tell_who_signed_in_is_refused() {
        let mut frontend = Frontend::new("app", Origin::parse("https://app.example.com").unwrap());
        frontend.authorization_servers = vec!["login".to_owned()];
        let server = AuthorizationServer { scope: "profile".to_owned(), ..server() };
        let settings = Settings { frontends: vec![frontend], authorization_servers: vec![server] };

        assert!(settings.verify().unwrap_err().to_string().contains("openid"));
    }
}
