//! `cargo xtask check`: everything that judges the code without running it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use crate::{
    budgets,
    command::{answer, cargo, run as run_command},
    steps::{Outcome, Steps},
    workspace::Workspace,
};

type Check = fn(&Workspace) -> Result<(), String>;

/// The cheapest first.
const CHECKS: [(&str, Check); 6] = [
    ("format", format),
    ("budgets", budgets::run),
    ("clippy", clippy),
    ("features", features),
    ("docs", docs),
    ("dependencies", dependencies),
];

/// Its binary form is stable enough to pin, and its findings are not: a new version may find more.
const CARGO_DENY: &str = "0.20.2";

/// Runs the named checks, or all.
pub(crate) fn run(workspace: &Workspace, names: &[&str]) -> Result<ExitCode, String> {
    if let Some(unknown) = names.iter().find(|name| !CHECKS.iter().any(|(known, _)| known == *name)) {
        let known = CHECKS.map(|(name, _)| name).join(", ");
        return Err(format!("there is no check `{unknown}`; there are {known}"));
    }
    let mut steps = Steps::default();
    for (name, check) in CHECKS.iter().filter(|(name, _)| names.is_empty() || names.contains(name)) {
        steps.run(name, || check(workspace).map(|()| Outcome::DONE));
    }
    steps.summarize();
    Ok(steps.exit_code())
}

fn format(workspace: &Workspace) -> Result<(), String> {
    run_command(&mut cargo(&workspace.root, &["fmt", "--all", "--check"]))
}

fn clippy(workspace: &Workspace) -> Result<(), String> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    run_command(&mut cargo(&workspace.root, &arguments))
}

/// Each package without its features, and with each of them alone: users combine them as they like.
fn features(workspace: &Workspace) -> Result<(), String> {
    for package in packages(&workspace.root)? {
        if package.features.is_empty() {
            continue;
        }
        let alone = package.features.iter().map(|feature| vec!["--features", feature]);
        for chosen in [Vec::new()].into_iter().chain(alone) {
            let mut arguments = vec!["clippy", "-p", &package.name, "--no-default-features", "--locked"];
            arguments.extend(chosen);
            arguments.extend(["--", "-D", "warnings"]);
            run_command(&mut cargo(&workspace.root, &arguments))?;
        }
    }
    Ok(())
}

/// Libraries first and the program after them: it is called like one of them.
fn docs(workspace: &Workspace) -> Result<(), String> {
    for targets in [&["--workspace", "--lib"][..], &["-p", "cloakroom-gateway", "--bins"]] {
        let mut command = cargo(&workspace.root, &["doc", "--no-deps", "--locked"]);
        run_command(command.args(targets).env("RUSTDOCFLAGS", "-D warnings"))?;
    }
    Ok(())
}

/// Licences, sources, and what must not be in the tree at all or twice: `deny.toml`.
fn dependencies(workspace: &Workspace) -> Result<(), String> {
    let mut command = Command::new(ensure_cargo_deny(workspace)?);
    command.current_dir(&workspace.root).args(["--workspace", "--all-features", "--locked"]);
    run_command(command.args(["check", "--hide-inclusion-graph", "bans", "licenses", "sources"]))
}

/// The pinned `cargo-deny`: one that is there already, or one that is built into `target/tools`.
fn ensure_cargo_deny(workspace: &Workspace) -> Result<PathBuf, String> {
    let own = workspace.root.join("target/tools");
    let is_right = |program: &Path| answer(program, &["--version"]).is_some_and(|text| text.ends_with(CARGO_DENY));
    let built = own.join("bin/cargo-deny");
    if let Some(found) = [PathBuf::from("cargo-deny"), built.clone()].into_iter().find(|program| is_right(program)) {
        return Ok(found);
    }
    let mut command = cargo(&workspace.root, &["install", "--locked", "cargo-deny", "--version", CARGO_DENY]);
    // It runs for a second: building it fast matters more than running it fast.
    command.args(["--profile", "dev"]).env("CARGO_PROFILE_DEV_DEBUG", "0").arg("--root").arg(own);
    run_command(&mut command)?;
    Ok(built)
}

struct Package {
    name: String,
    features: Vec<String>,
}

fn packages(root: &Path) -> Result<Vec<Package>, String> {
    let crates = root.join("crates");
    let entries = fs::read_dir(&crates).map_err(|error| format!("cannot read {}: {error}", crates.display()))?;
    let mut manifests: Vec<PathBuf> = entries.flatten().map(|entry| entry.path().join("Cargo.toml")).collect();
    manifests.sort();
    let read =
        |path: PathBuf| fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()));
    manifests.into_iter().map(|path| Ok(Package::parse(&read(path)?))).collect()
}

impl Package {
    /// Name and features of a manifest that is written as ours are: a key a line.
    fn parse(manifest: &str) -> Self {
        let mut package = Self { name: String::new(), features: Vec::new() };
        let mut section = "";
        for line in manifest.lines() {
            let key_and_value = line.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
            match (section, key_and_value) {
                _ if line.starts_with('[') => section = line.trim(),
                ("[package]", Some(("name", value))) => value.trim_matches('"').clone_into(&mut package.name),
                ("[features]", Some((feature, _))) if !matches!(feature, "default") && !feature.starts_with('#') => {
                    package.features.push(feature.to_owned());
                }
                _ => {}
            }
        }
        package
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_known_by_its_name_and_features() {
        let manifest = "[package]\nname = \"cloakroom\"\n\n[features]\ndefault = [\"sqlite\"]\n# The store = ours.\n\
                        sqlite = [\"dep:rusqlite\"]\nredis = []\n\n[dependencies]\nhttp = \"1\"\n";

        let package = Package::parse(manifest);

        assert_eq!(package.name, "cloakroom");
        assert_eq!(package.features, ["sqlite", "redis"]);
    }
}
