//! Secrets: named by the configuration, never in it.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use protocol::Secret;

use super::section::Section;
use crate::environment;

const FILE: &str = "client_secret_file";
const VARIABLE: &str = "client_secret_env";

/// What to do with a secret instead.
pub(super) const WAY_OUT: &str = "put the secret into a file that only the gateway's user can read and name it with \
     `client_secret_file`, or name an environment variable with `client_secret_env`";

/// The client's secret, from the file or the environment variable that the section names.
pub(super) fn read(section: &Section<'_>, folder: &Path) -> Option<Secret<String>> {
    match (section.has(FILE), section.has(VARIABLE)) {
        (true, false) => section.required(FILE, |name| from_file(&folder.join(name))),
        (false, true) => section.required(VARIABLE, from_environment),
        (true, true) => {
            section.refuse(VARIABLE, "`client_secret_file` is there, too: which one counts?");
            None
        }
        (false, false) => {
            section.note_missing(FILE);
            None
        }
    }
}

/// Refuses secrets of a client that proves nothing.
pub(super) fn refuse(section: &Section<'_>) {
    for key in [FILE, VARIABLE] {
        if section.has(key) {
            section.refuse(key, "`client_authentication` is `none`: a public client has no secret");
        }
    }
}

/// Whether a key looks as if a secret stood behind it.
pub(super) fn is_inline(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let names_a_place = [FILE, VARIABLE].contains(&key.as_str());
    !names_a_place && (key.contains("secret") || key.contains("password"))
}

fn from_file(path: &Path) -> Result<Secret<String>, String> {
    let unreadable = |error: io::Error| format!("{} cannot be read: {error}", path.display());
    let mut file = File::open(path).map_err(unreadable)?;
    require_private(&file, path)?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(unreadable)?;
    not_empty(&Secret::new(text)).ok_or_else(|| format!("{} is empty", path.display()))
}

/// The same rule as for the key ring.
fn require_private(file: &File, path: &Path) -> Result<(), String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let metadata = file.metadata().map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let path = path.display();
            return Err(format!("{path} can be read by others (mode {mode:o}): run `chmod 600 {path}`"));
        }
    }
    Ok(())
}

fn from_environment(name: &str) -> Result<Secret<String>, String> {
    let value = environment::variable(name).ok_or_else(|| format!("the environment variable {name} is not set"))?;
    let value = value.into_string().map_err(|_| format!("the environment variable {name} is not UTF-8"))?;
    not_empty(&Secret::new(value)).ok_or_else(|| format!("the environment variable {name} is empty"))
}

/// Editors and `echo` end a file with a newline that is not part of the secret.
fn not_empty(text: &Secret<String>) -> Option<Secret<String>> {
    let trimmed = text.expose().trim_end_matches(['\n', '\r']);
    (!trimmed.is_empty()).then(|| Secret::new(trimmed.to_owned()))
}
