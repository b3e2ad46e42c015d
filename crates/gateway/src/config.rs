//! The configuration file: from TOML to settings that hold, or to a report that shows what is wrong where.
//!
//! All problems of a file are reported at once. Unknown keys are errors. Secrets never stand in the file.

mod authorization_server;
mod document;
mod error;
mod frontend;
mod listen;
mod mask;
mod nearest;
mod place;
mod report;
mod secret;
mod section;
mod unit;

pub(crate) use self::unit::duration;

use std::{
    fs,
    path::{Path, PathBuf},
};

use cloakroom::settings::Settings;

use self::{document::Document, report::Problem, section::Section};
pub(crate) use self::{
    error::ConfigError,
    listen::{Listen, Tls},
};

/// What an operator decides: the settings of the library, and how the program is run.
#[derive(Debug)]
pub(crate) struct Config {
    /// Frontends, authorization servers, routes.
    pub(crate) settings: Settings,
    /// Where browsers, or the TLS-terminating proxy, connect.
    pub(crate) listen: Listen,
    /// The file of the session store.
    pub(crate) store: PathBuf,
    /// The file of the key ring.
    pub(crate) key_ring: PathBuf,
    /// What works and is dangerous.
    pub(crate) warnings: Vec<Warning>,
}

/// Something that the operator should know.
#[derive(Debug)]
pub(crate) struct Warning {
    /// One line, for a log.
    pub(crate) sentence: String,
    /// Several lines that show the place in the file.
    pub(crate) report: String,
}

/// Reads and verifies a configuration file. Opens nothing else but the secrets that it names.
pub(crate) fn load(file: &Path) -> Result<Config, ConfigError> {
    let text = fs::read_to_string(file).map_err(|error| ConfigError::unreadable(file, &error))?;
    parse(file, &text)
}

/// Verifies a configuration's text. `file` names it in reports, and its folder is where relative paths begin.
pub(crate) fn parse(file: &Path, text: &str) -> Result<Config, ConfigError> {
    let refused = |problems: Vec<Problem>| ConfigError::report(report::render(file, text, &problems));
    let document = Document::parse(text).map_err(refused)?;
    let mut config = read(&document, file).map_err(refused)?;
    let warnings = document.into_warnings().into_iter();
    config.warnings = warnings
        .map(|problem| Warning { sentence: problem.to_string(), report: report::render(file, text, &[problem]) })
        .collect();
    Ok(config)
}

fn read(document: &Document<'_>, file: &Path) -> Result<Config, Vec<Problem>> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let root = document.root();
    let listen = root.section("listen").and_then(|section| listen::read(&section));
    let store = root.section("store").and_then(|section| path(&section, folder));
    let key_ring = root.section("keys").and_then(|section| path(&section, folder));
    let servers = root.sections("authorization_servers");
    let servers = servers.iter().map(|section| authorization_server::read(section, folder)).collect::<Vec<_>>();
    let names = servers.iter().flatten().map(|server| server.name.clone()).collect::<Vec<_>>();
    let frontends = root.sections("frontends");
    let frontends = frontends.iter().map(|section| frontend::read(section, &names)).collect::<Vec<_>>();
    root.refuse_unknown_keys();
    document.require_no_error()?;

    let settings = Settings {
        frontends: frontends.into_iter().flatten().collect(),
        authorization_servers: servers.into_iter().flatten().collect(),
    };
    verify(document, &settings, listen.as_ref())?;
    let complete = listen.zip(store).zip(key_ring);
    let ((listen, store), key_ring) = complete.expect("whatever is missing has been reported as a problem above");
    Ok(Config { settings, listen, store, key_ring, warnings: Vec::new() })
}

/// What no single key shows: contradictions between them.
fn verify(document: &Document<'_>, settings: &Settings, listen: Option<&Listen>) -> Result<(), Vec<Problem>> {
    settings.verify().map_err(|error| vec![Problem::from_settings(&error, document)])?;
    let Some(https) = settings.frontends.iter().position(|frontend| frontend.origin.scheme() == "https") else {
        return Ok(());
    };
    match listen.map(|listen| listen.tls) {
        Some(Tls::Off) => Err(vec![listen::tls_is_missing(document, https)]),
        Some(Tls::Terminated) | None => Ok(()),
    }
}

/// The only key of `store` and `keys`.
fn path(section: &Section<'_>, folder: &Path) -> Option<PathBuf> {
    let path = section.required("path", |text| match text {
        "" => Err("a path is not empty".to_owned()),
        _ => Ok(folder.join(text)),
    });
    section.refuse_unknown_keys();
    path
}

#[cfg(test)]
mod tests;
