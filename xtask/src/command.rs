//! Other programs: started, listened to, waited for.

use std::{
    ffi::OsString,
    io::{self, BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use crate::{say, workspace::variable};

/// The cargo that started us.
pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let program = variable("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(root).args(arguments);
    command
}

/// Shows a command, runs it to its end, and fails if it does.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    say(&format!("$ {}", spelled(command)));
    let status = command.stdin(Stdio::null()).status().map_err(|error| cannot_start(command, &error))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed", spelled(command))) }
}

/// How a command ended that was listened to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Well,
    Badly,
}

/// Shows a command, and passes its standard output on line by line while `hear` listens.
pub(crate) fn listen(command: &mut Command, mut hear: impl FnMut(&str)) -> Result<End, String> {
    say(&format!("$ {}", spelled(command)));
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|error| cannot_start(command, &error))?;
    let output = child.stdout.take().ok_or("a child without standard output")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line.map_err(|error| format!("cannot read what `{}` says: {error}", spelled(command)))?;
        pass_on(&line);
        hear(&String::from_utf8_lossy(&line));
    }
    let status = child.wait().map_err(|error| format!("cannot wait for `{}`: {error}", spelled(command)))?;
    Ok(if status.success() { End::Well } else { End::Badly })
}

/// The first line that a command prints; `None` when it cannot be started or fails.
pub(crate) fn answer(program: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}

fn pass_on(line: &[u8]) {
    let mut stdout = io::stdout();
    // Where nobody listens any more, the count goes on all the same.
    drop(stdout.write_all(line).and_then(|()| stdout.write_all(b"\n")));
}

fn cannot_start(command: &Command, error: &io::Error) -> String {
    format!("cannot start `{}`: {error}", command.get_program().to_string_lossy())
}

fn spelled(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = [program].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
