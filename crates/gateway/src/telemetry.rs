//! The log: to standard error, for people on a terminal, JSON otherwise. What is logged holds no secrets: they are
//! `Secret<T>`, which prints as dots.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::{config::ConfigError, environment, failure::Failure};

/// The variable that chooses what is logged, for example `debug` or `info,cloakroom::refresh=trace`.
const VARIABLE: &str = "CLOAKROOM_LOG";

/// Starts the log at this level, unless `CLOAKROOM_LOG` says otherwise.
pub(crate) fn start(default: &str) -> Result<(), Failure> {
    let registry = tracing_subscriber::registry().with(filter(default)?);
    if stderr().is_terminal() {
        let colours = environment::variable("NO_COLOR").is_none();
        registry.with(fmt::layer().with_writer(stderr).with_ansi(colours).with_target(false)).init();
    } else {
        registry.with(fmt::layer().with_writer(stderr).json().flatten_event(true)).init();
    }
    Ok(())
}

fn filter(default: &str) -> Result<EnvFilter, Failure> {
    let Some(value) = environment::variable(VARIABLE) else {
        return Ok(EnvFilter::new(default));
    };
    let directives = value.to_string_lossy();
    EnvFilter::try_new(&directives).map_err(|error| {
        let problem =
            format!("{VARIABLE} is {directives:?}, which is no log filter: {error}. Write for example `debug`");
        ConfigError::outside(problem).into()
    })
}
