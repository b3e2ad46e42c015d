//! What the demo says when everything is up.

use std::path::Path;

use serde_json::json;

use super::{Places, login_server::USER};
use crate::output::{CODE, QUIET, STRONG};

/// What there is to say.
pub(super) struct Welcome<'a> {
    pub(super) places: &'a Places,
    pub(super) password: &'a str,
    pub(super) folder: &'a Path,
}

impl Welcome<'_> {
    /// One line of JSON.
    pub(super) fn json(&self) -> String {
        let line = json!({
            "app": self.places.app,
            "api": self.api(),
            "issuer": self.places.issuer,
            "elsewhere": self.elsewhere(),
            "user": USER,
            "password": self.password,
        });
        format!("{line}\n")
    }

    /// Addresses, the account, and five things to try.
    pub(super) fn text(&self) -> String {
        let (app, api, elsewhere) = (&self.places.app, self.api(), self.elsewhere());
        let (issuer, password, folder) = (&self.places.issuer, self.password, self.folder.display());
        format!(
            "
{STRONG}Cloakroom demo{STRONG:#}

  App            {CODE}{app}{CODE:#}
  Sign in as     {STRONG}{USER}{STRONG:#}
  Password       {STRONG}{password}{STRONG:#}
  {QUIET}Login server   {issuer} (built in){QUIET:#}
  {QUIET}State          {folder}{QUIET:#}

{STRONG}Five things to try{STRONG:#}

  {STRONG}1  Call an API without having a token.{STRONG:#}
     Open {CODE}{app}{CODE:#}, sign in, press “Read invoices”.
     The API verified an access token that your browser never had.

  {STRONG}2  Look for something to steal.{STRONG:#}
     DevTools, Application: the session cookie is HttpOnly and SameSite=Strict, and no token (another one, HttpOnly
     too, ties sign-ins to this browser); nothing in any storage. The page lists what script can read.

  {STRONG}3  Ask as another site would.{STRONG:#}
     {CODE}curl -i {api} -H 'X-CSRF: 1' -H 'Origin: https://evil.example'{CODE:#}
     {CODE}curl -i {api}{CODE:#}
     403, code csrf, both times: a foreign origin; and no `X-CSRF`, which no page of another site can add.

  {STRONG}4  Follow a link from another site.{STRONG:#}
     Open {CODE}{elsewhere}{CODE:#}: its link finds you signed in although the Strict cookie stayed
     behind; its form and its script get nothing.

  {STRONG}5  Steal the database, and restart.{STRONG:#}
     {CODE}grep -ac 'eyJ' {folder}/sessions.db*{CODE:#}
     0 everywhere: no token lies there in clear. Stop the demo, start it again, reload: you are still signed in.
     After five minutes the access token is over; the refresh goes unnoticed.

Ctrl-C ends the demo.
"
        )
    }

    /// An API call that needs a session.
    fn api(&self) -> String {
        format!("{}/api/invoices", self.places.app)
    }

    fn elsewhere(&self) -> String {
        format!("{}/elsewhere", self.places.elsewhere)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        Places {
            app: "http://localhost:1".to_owned(),
            issuer: "http://127.0.0.1:2".to_owned(),
            elsewhere: "http://127.0.0.1:3".to_owned(),
            api: "http://127.0.0.1:4".to_owned(),
            app_server: "http://127.0.0.1:5".to_owned(),
        }
    }

    #[test]
    fn programs_get_one_line() {
        let places = places();
        let welcome = Welcome { places: &places, password: "tova", folder: Path::new("/state") };

        let line = welcome.json();

        assert_eq!(line.matches('\n').count(), 1);
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["api"], "http://localhost:1/api/invoices");
        assert_eq!(line["password"], "tova");
    }

    #[test]
    fn the_text_names_what_is_needed_and_nothing_that_only_the_gateway_calls() {
        let places = places();
        let welcome = Welcome { places: &places, password: "tova", folder: Path::new("/state") };

        let text = welcome.text();

        for shown in ["http://localhost:1", "alice", "tova", "http://127.0.0.1:3/elsewhere", "/state/sessions.db"] {
            assert!(text.contains(shown), "{shown}");
        }
        assert!(!text.contains("127.0.0.1:4") && !text.contains("127.0.0.1:5"));
    }
}
