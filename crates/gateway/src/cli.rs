//! The command line.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  See it work on this machine, with a login server, an app and an API of its own:
      cloakroom demo

  Put it in front of your own app and APIs:
      cloakroom check --config cloakroom.toml
      cloakroom serve --config cloakroom.toml

Environment:
  CLOAKROOM_LOG   what is logged to standard error: error, warn, info, debug, trace, or per
                  module (info,cloakroom::refresh=debug)
  NO_COLOR        plain text on terminals, too

Exit codes:
  0   a normal end; Ctrl-C is one
  1   something on this machine is in the way
  2   the configuration or the command line is wrong";

/// Keeps OAuth tokens on the server, sealed, and gives the browser a ticket: an `HttpOnly` cookie.
#[derive(Debug, Parser)]
#[command(name = "cloakroom", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Stand in front of your apps and APIs
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Serve),
    /// Read the configuration as `serve` does, say what is wrong, and end
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Check),
    /// Show everything on this machine: login server, app, API and gateway in one process
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(Demo),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The configuration file. Paths in it are relative to its folder
    #[arg(long, value_name = "FILE", default_value = "cloakroom.toml")]
    pub(crate) config: PathBuf,
    /// Listen here instead of at the file's `listen.address`
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The configuration file. Paths in it are relative to its folder
    #[arg(long, value_name = "FILE", default_value = "cloakroom.toml")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Print one line of JSON (app, api, issuer, elsewhere, user, password) instead of text for people
    #[arg(long)]
    pub(crate) json: bool,
    /// Forget the sessions of earlier runs
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Where the app is: `http://localhost:PORT`. 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    pub(crate) port: u16,
    /// Where the login server is: `http://127.0.0.1:PORT`. 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 8081)]
    pub(crate) login_port: u16,
    /// How long an access token is good: shorten it to watch refreshes, which nobody in the browser notices
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = access_token_life)]
    pub(crate) access_token_life: Duration,
    /// Where sessions, keys and the account are kept [default: `$XDG_STATE_HOME/cloakroom-demo`, or
    /// `~/.local/state/cloakroom-demo`]
    #[arg(long, value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

fn access_token_life(text: &str) -> Result<Duration, String> {
    let life = crate::config::duration(text)?;
    if life < Duration::from_secs(2) {
        return Err(format!("{text:?} is too short: resource servers count in whole seconds, so at least \"2s\""));
    }
    Ok(life)
}

const SERVE_EXAMPLES: &str = "\
Examples:
  cloakroom serve
  cloakroom serve --config /etc/cloakroom/cloakroom.toml
  cloakroom serve --listen 127.0.0.1:9090

The smallest configuration:

  [listen]
  address = \"127.0.0.1:8080\"

  [store]
  path = \"sessions.db\"

  [keys]
  path = \"keys.json\"

  [[frontends]]
  name = \"app\"
  origin = \"http://localhost:8080\"

  [[frontends.routes]]
  path = \"/api\"
  kind = \"api\"
  upstream = \"http://127.0.0.1:9000\"

  [[authorization_servers]]
  name = \"main\"
  issuer = \"https://login.example.com\"
  client_id = \"app\"
  client_secret_file = \"client-secret\"";

const CHECK_EXAMPLES: &str = "\
Examples:
  cloakroom check
  cloakroom check --config /etc/cloakroom/cloakroom.toml && systemctl restart cloakroom";

const DEMO_EXAMPLES: &str = "\
Examples:
  cloakroom demo
  cloakroom demo --port 9000 --login-port 9001
  cloakroom demo --fresh --access-token-life 20s
  cloakroom demo --json --port 0 --login-port 0 | jq -r .app";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_configuration_in_the_help_is_valid_but_for_its_secret_file() {
        let (_, text) = SERVE_EXAMPLES.split_once("configuration:\n").unwrap();

        let error = crate::config::parse(std::path::Path::new("help.toml"), text).unwrap_err().to_string();

        assert_eq!(error.matches("--> ").count(), 1, "{error}");
        assert!(error.contains("client-secret"), "{error}");
    }
}
