//! The project's own commands; `cargo xtask help` lists them.
//!
//! Standard library only: this is built before anything else, on every run.

mod budgets;
mod check;
mod command;
mod steps;
mod tally;
mod test;
mod tools;
mod workspace;

use std::{env, process::ExitCode};

use self::workspace::Workspace;

const HELP: &str = "\
The project's own commands.

Usage: cargo xtask COMMAND

  test [PART…]    All tests. Parts: rust, browser; without one, both.
                  The last line says `N passed, N failed`.
  check [STEP…]   Everything that judges the code without running it. Steps: format, clippy, features, docs,
                  dependencies, budgets; without one, all, the cheapest first.
  help            This text.

What has to be there: Rust by rustup, a C compiler. For the browser tests Node.js 20 or newer with npm, and Chromium,
which `test` installs by itself where it is root and there is apt-get. What is absent and cannot be installed is named,
and its tests are left out; with CI=true that is a failure.

Environment:
  CI=true             nothing may be left out
  CHROMIUM=PATH       the browser to use, where it is in no usual place

Examples:
  cargo xtask test                before you hand in a change; CI does the same after `cargo xtask check`
  cargo xtask test rust           without browser
  cargo xtask check format clippy
  cargo test -p cloakroom csrf    single tests are cargo's own business";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(code) => code,
        Err(trouble) => {
            say(&format!("error: {trouble}"));
            ExitCode::from(2)
        }
    }
}

fn run(words: &[&str]) -> Result<ExitCode, String> {
    match words {
        ["test", parts @ ..] => test::run(&Workspace::find()?, &test::Parts::parse(parts)?),
        ["check", steps @ ..] => check::run(&Workspace::find()?, steps),
        [] | ["help" | "--help" | "-h"] => {
            say(HELP);
            Ok(ExitCode::SUCCESS)
        }
        [unknown, ..] => Err(format!("there is no command `{unknown}`; `cargo xtask help` lists them")),
    }
}

/// Says something to the person at the terminal.
#[expect(clippy::print_stdout, reason = "a program for people; and its own tests should not be heard")]
fn say(line: &str) {
    println!("{line}");
}
