//! What the program says to people: on standard output and standard error, in colour where a terminal shows it.
//! `anstream` leaves colours out in a pipe and where `NO_COLOR` asks for it.

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};

use crate::failure::Failure;

/// Headings.
pub(crate) const STRONG: Style = Style::new().bold();
/// Addresses and things to type.
pub(crate) const CODE: Style = AnsiColor::Cyan.on_default();
/// Less important words.
pub(crate) const QUIET: Style = Style::new().dimmed();
const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Says on standard error why the program ends.
pub(crate) fn failure(failure: &Failure) {
    let message = failure.to_string();
    let mut stderr = anstream::stderr().lock();
    // A report that shows the file begins with its own `error:`.
    let written = match failure {
        Failure::Configuration(error) if error.is_report() => writeln!(stderr, "{message}"),
        _ => writeln!(stderr, "{ERROR}error{ERROR:#}: {message}"),
    };
    // With standard error gone there is nobody left to tell.
    drop(written);
}

/// Says on standard error what the operator should know; each is a report with a heading of its own.
pub(crate) fn warnings<'a>(reports: impl Iterator<Item = &'a str>) {
    let mut stderr = anstream::stderr().lock();
    for report in reports {
        // With standard error gone there is nobody left to tell.
        drop(writeln!(stderr, "{report}\n"));
    }
}

/// Writes to standard output, at once.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
