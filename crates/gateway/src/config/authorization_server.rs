//! `[[authorization_servers]]`: where people sign in, and ourselves as the client there.

use std::{path::Path, time::Duration};

use cloakroom::settings::{AuthorizationServer, Profile};
use protocol::{Client, ClientAuthentication, ClientId, Issuer};

use super::{secret, section::Section, unit};

pub(super) fn read(section: &Section<'_>, folder: &Path) -> Option<AuthorizationServer> {
    let name = section.required("name", |text| Ok(text.to_owned()));
    let display_name = section.optional("display_name", None, |text| Ok(Some(text.to_owned())));
    let issuer = section.required("issuer", |text| Issuer::parse(text).map_err(|error| refused(text, &error)));
    let client = client(section, folder);
    let scope = section.optional("scope", DEFAULT_SCOPE.to_owned(), |text| Ok(text.to_owned()));
    let profile =
        section.optional("refresh_leeway", Profile::strict(), |text| unit::duration(text).map(Profile::leeway));
    let time_out = section.optional("time_out", DEFAULT_TIME_OUT, time_out);
    section.refuse_unknown_keys();
    let (name, time_out) = (name?, time_out?);
    Some(AuthorizationServer {
        display_name: display_name?.unwrap_or_else(|| name.clone()),
        name,
        issuer: issuer?,
        client: client?,
        scope: scope?,
        profile: profile?.with_request_limit(time_out),
        time_out,
    })
}

fn client(section: &Section<'_>, folder: &Path) -> Option<Client> {
    let id =
        section.required("client_id", |text| ClientId::new(text.to_owned()).map_err(|error| refused(text, &error)));
    let method = section.optional("client_authentication", Method::Basic, |text| match text {
        "basic" => Ok(Method::Basic),
        "post" => Ok(Method::Post),
        "none" => Ok(Method::None),
        _ => Err(format!("{text:?} is unknown: write `basic`, `post` or `none`")),
    });
    let authentication = match method? {
        Method::Basic => ClientAuthentication::SecretBasic(secret::read(section, folder)?),
        Method::Post => ClientAuthentication::SecretPost(secret::read(section, folder)?),
        Method::None => {
            secret::refuse(section);
            ClientAuthentication::None
        }
    };
    Some(Client { id: id?, authentication })
}

enum Method {
    Basic,
    Post,
    None,
}

fn time_out(text: &str) -> Result<Duration, String> {
    let time_out = unit::duration(text)?;
    let bounds = Duration::from_secs(1)..=Duration::from_secs(60);
    if bounds.contains(&time_out) { Ok(time_out) } else { Err(format!("{text:?} is not between `1s` and `60s`")) }
}

fn refused(text: &str, error: &dyn std::error::Error) -> String {
    format!("{text:?} cannot be used: {error}")
}

/// Who the person is, and a name to greet them with.
const DEFAULT_SCOPE: &str = "openid profile";
const DEFAULT_TIME_OUT: Duration = Duration::from_secs(8);
