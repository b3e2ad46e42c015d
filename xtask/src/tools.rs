//! What the browser tests need: Node.js, npm, Chromium, and the packages in `tests/browser`.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    command::{answer, run},
    workspace::{Workspace, variable},
};

const OLDEST_NODE: u32 = 20;
const USUAL_PLACES: [&str; 5] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// Everything is there.
#[derive(Debug)]
pub(crate) struct BrowserTools {
    pub(crate) node: PathBuf,
    pub(crate) chromium: PathBuf,
    versions: [String; 3],
}

/// Something is not there, and how to get it.
#[derive(Debug)]
pub(crate) struct Absent {
    pub(crate) what: String,
    pub(crate) remedy: &'static str,
}

impl BrowserTools {
    /// Looks for the tools, and installs what is absent and can be installed.
    pub(crate) fn ensure(workspace: &Workspace) -> Result<Self, Absent> {
        let node = PathBuf::from("node");
        let node_version = node_version(&node)?;
        let npm_version =
            answer(npm(), &["--version"]).ok_or_else(|| absent("npm is not there", "it comes with Node.js"))?;
        let chromium = ensure_chromium()?;
        let chromium_version = answer(&chromium, &["--version"]).ok_or_else(|| {
            absent("Chromium does not start", "try `chromium --version`; CHROMIUM=PATH names another")
        })?;
        ensure_packages(&workspace.browser_tests())?;
        let versions = [format!("Node.js {node_version}"), format!("npm {npm_version}"), chromium_version];
        Ok(Self { node, chromium, versions })
    }
}

impl fmt::Display for BrowserTools {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.versions.join(", "))
    }
}

impl fmt::Display for Absent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}; {}", self.what, self.remedy)
    }
}

fn absent(what: impl Into<String>, remedy: &'static str) -> Absent {
    Absent { what: what.into(), remedy }
}

fn node_version(node: &Path) -> Result<String, Absent> {
    let remedy = "get version 20 or newer from https://nodejs.org or your distribution";
    let version = answer(node, &["--version"]).ok_or_else(|| absent("Node.js is not there", remedy))?;
    match major(&version) {
        Some(major) if major >= OLDEST_NODE => Ok(version.trim_start_matches('v').to_owned()),
        _ => Err(absent(format!("Node.js {version} is too old"), remedy)),
    }
}

/// The first number of `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

fn npm() -> &'static Path {
    Path::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
}

fn ensure_chromium() -> Result<PathBuf, Absent> {
    if let Some(path) = variable("CHROMIUM") {
        return Ok(PathBuf::from(path));
    }
    if let Some(path) = find_chromium() {
        return Ok(path);
    }
    install_chromium()?;
    find_chromium().ok_or_else(|| absent("Chromium was installed to no usual place", "name it with CHROMIUM=PATH"))
}

fn find_chromium() -> Option<PathBuf> {
    USUAL_PLACES.iter().map(PathBuf::from).find(|path| path.is_file())
}

fn install_chromium() -> Result<(), Absent> {
    let remedy = "install it (Debian: `apt-get install chromium`), or name it with CHROMIUM=PATH";
    let is_root = answer(Path::new("id"), &["-u"]).is_some_and(|id| id == "0");
    if !is_root || answer(Path::new("apt-get"), &["--version"]).is_none() {
        return Err(absent("Chromium is not there", remedy));
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        // Another apt may be at work; wait for it.
        command.args(["-q", "-o", "DPkg::Lock::Timeout=300"]).args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut command)
    };
    let installed = apt(&["update"])
        .and_then(|()| apt(&["install", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core"]));
    installed.map_err(|trouble| absent(format!("Chromium cannot be installed: {trouble}"), remedy))
}

/// Installs the packages of the lock file, unless those are installed.
fn ensure_packages(folder: &Path) -> Result<(), Absent> {
    let lock = fs::read(folder.join("package-lock.json"))
        .map_err(|error| absent(format!("package-lock.json cannot be read: {error}"), "is the checkout complete?"))?;
    let stamp = folder.join("node_modules/.installed-lock.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let mut command = Command::new(npm());
    command.args(["ci", "--no-audit", "--no-fund"]).current_dir(folder);
    let remedy = "try `npm ci` in tests/browser";
    run(&mut command).map_err(|trouble| absent(format!("the test packages cannot be installed: {trouble}"), remedy))?;
    // Without the stamp they are installed again the next time, which is only slow.
    drop(fs::write(stamp, lock));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_known_by_its_first_number() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("18.1"), Some(18));
        assert_eq!(major("command not found"), None);
    }

    #[test]
    fn what_is_absent_comes_with_a_remedy() {
        let text = node_version(Path::new("a-program-that-is-nowhere")).unwrap_err().to_string();

        assert!(text.contains("Node.js is not there") && text.contains("nodejs.org"), "{text}");
    }
}
