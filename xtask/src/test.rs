//! `cargo xtask test`: every test of the project, and one line that sums them up.

use std::process::{Command, ExitCode};

use crate::{
    command::{End, cargo, listen, run as run_command},
    say,
    steps::{Outcome, Steps, Verdict},
    tally::Tally,
    tools::{Absent, BrowserTools},
    workspace::{Terms, Workspace},
};

/// Which tests are wanted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parts {
    All,
    Rust,
    Browser,
}

impl Parts {
    /// Reads them off the command line.
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        match words {
            [] | ["rust", "browser"] | ["browser", "rust"] => Ok(Self::All),
            ["rust"] => Ok(Self::Rust),
            ["browser"] => Ok(Self::Browser),
            _ => Err(format!("the tests have two parts, rust and browser, and not `{}`", words.join(" "))),
        }
    }
}

/// Runs the tests. The last line says `N passed, N failed`.
pub(crate) fn run(workspace: &Workspace, parts: &Parts) -> Result<ExitCode, String> {
    let mut steps = Steps::default();
    let mut tools = None;
    if *parts != Parts::Rust {
        steps.run("tools", || {
            let found = BrowserTools::ensure(workspace);
            let outcome = judge(workspace.terms, &found);
            tools = found.ok();
            outcome
        });
    }
    let is_built = steps.run("build", || build(workspace)) == Verdict::Well;
    if is_built && *parts != Parts::Browser {
        steps.run("rust tests", || rust_tests(workspace));
    }
    if let Some(tools) = tools.filter(|_| is_built) {
        steps.run("browser tests", || browser_tests(workspace, &tools));
    }
    steps.summarize();
    let sum = steps.tally();
    if sum.passed == 0 && sum.failed == 0 {
        return Err("no test ran".to_owned());
    }
    say(&format!("{} passed, {} failed", sum.passed, sum.failed));
    Ok(steps.exit_code())
}

fn judge(terms: Terms, found: &Result<BrowserTools, Absent>) -> Result<Outcome, String> {
    match (found, terms) {
        (Ok(tools), _) => {
            say(&format!("    {tools}"));
            Ok(Outcome::DONE)
        }
        (Err(absent), Terms::Developer) => Ok(Outcome::LeftOut(format!("No browser tests: {absent}"))),
        (Err(absent), Terms::Ci) => Err(absent.to_string()),
    }
}

/// Builds test programs and gateway in one go: built apart, they would get different features of what they share.
fn build(workspace: &Workspace) -> Result<Outcome, String> {
    run_command(&mut cargo(&workspace.root, &["build", "--workspace", "--tests", "--bin", "cloakroom", "--locked"]))?;
    Ok(Outcome::DONE)
}

fn rust_tests(workspace: &Workspace) -> Result<Outcome, String> {
    let mut command = cargo(&workspace.root, &["test", "--workspace", "--locked", "--no-fail-fast"]);
    let mut tally = Tally::default();
    let end = listen(&mut command, |line| tally.hear_cargo(line))?;
    conclude(tally, &end)
}

fn browser_tests(workspace: &Workspace, tools: &BrowserTools) -> Result<Outcome, String> {
    let mut command = Command::new(&tools.node);
    command
        .args(["--test", "--test-reporter=spec"])
        .current_dir(workspace.browser_tests())
        .env("CHROMIUM", &tools.chromium)
        .env("CLOAKROOM_BINARY", Workspace::gateway_binary()?)
        .env("NO_COLOR", "1")
        .env_remove("FORCE_COLOR");
    let mut tally = Tally::default();
    let end = listen(&mut command, |line| tally.hear_node(line))?;
    match (workspace.terms, tally.left_out) {
        (Terms::Ci, left_out @ 1..) => Err(format!("{left_out} browser tests were left out, which CI does not allow")),
        _ => conclude(tally, &end),
    }
}

/// A runner that ended badly although no test failed has failed by itself; so has one that ran nothing.
fn conclude(tally: Tally, end: &End) -> Result<Outcome, String> {
    match end {
        End::Badly if tally.failed == 0 => Err(format!("the runner failed after {} tests had passed", tally.passed)),
        End::Well if tally.passed == 0 => Err("no test ran".to_owned()),
        _ => Ok(Outcome::Done(tally)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSED: Tally = Tally { passed: 3, failed: 0, left_out: 0 };

    #[test]
    fn a_runner_that_crashes_after_its_last_test_has_failed() {
        assert!(conclude(PASSED, &End::Badly).is_err());
        assert!(conclude(PASSED, &End::Well).is_ok());
    }

    #[test]
    fn a_runner_that_runs_nothing_has_failed() {
        assert!(conclude(Tally::default(), &End::Well).is_err());
    }

    #[test]
    fn what_is_absent_is_left_out_for_developers_and_fails_in_ci() {
        let absent = || Err(Absent { what: "npm".to_owned(), remedy: "install it" });

        assert!(matches!(judge(Terms::Developer, &absent()), Ok(Outcome::LeftOut(_))));
        assert!(judge(Terms::Ci, &absent()).is_err());
    }

    #[test]
    fn an_unknown_part_is_named() {
        assert_eq!(Parts::parse(&["rust"]), Ok(Parts::Rust));
        assert!(Parts::parse(&["fast"]).unwrap_err().contains("fast"));
    }
}
