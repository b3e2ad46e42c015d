//! Where things are, and on what terms we run.

use std::{env, ffi::OsString, path::PathBuf};

/// The checkout that this program was built from.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder with the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Whether something absent is left out or is a failure.
    pub(crate) terms: Terms,
}

/// What becomes of tests that cannot run here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Terms {
    /// They are left out, with a word on how to run them.
    Developer,
    /// They have failed.
    Ci,
}

impl Workspace {
    /// Asks cargo, which has started this program.
    pub(crate) fn find() -> Result<Self, String> {
        let package = variable("CARGO_MANIFEST_DIR").ok_or("start this program with `cargo xtask`")?;
        let root = PathBuf::from(package).parent().ok_or("xtask lies in no workspace")?.to_owned();
        let terms = if variable("CI").is_some_and(|value| value == "true") { Terms::Ci } else { Terms::Developer };
        Ok(Self { root, terms })
    }

    /// The gateway's debug build. It lies beside this program, which cargo has built into the same folder.
    pub(crate) fn gateway_binary() -> Result<PathBuf, String> {
        let own = env::current_exe().map_err(|error| format!("this program does not know where it is: {error}"))?;
        Ok(own.with_file_name(format!("cloakroom{}", env::consts::EXE_SUFFIX)))
    }

    /// The folder of the browser tests.
    pub(crate) fn browser_tests(&self) -> PathBuf {
        self.root.join("tests/browser")
    }
}

/// An environment variable that is not empty.
#[expect(clippy::disallowed_methods, reason = "CI, CHROMIUM and what cargo tells its children; nothing of the product")]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}
