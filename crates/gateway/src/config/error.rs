//! Why there is no configuration.

use std::{fmt, io, path::Path};

/// What is wrong, for the person who wrote it.
#[derive(Debug)]
pub(crate) enum ConfigError {
    /// A report that shows the places in the file.
    Report(String),
    /// One sentence about something else than the inside of the file.
    Sentence(String),
}

impl ConfigError {
    pub(super) fn report(report: String) -> Self {
        Self::Report(report)
    }

    pub(super) fn unreadable(file: &Path, error: &io::Error) -> Self {
        let file = file.display();
        let way_out = match error.kind() {
            io::ErrorKind::NotFound => {
                ". Name another with --config FILE, or see `cloakroom serve --help` for the smallest one. \
                 `cloakroom demo` needs none"
            }
            _ => "",
        };
        Self::Sentence(format!("the configuration file {file} cannot be read: {error}{way_out}"))
    }

    /// Something that the operator wrote elsewhere than in the file.
    pub(crate) fn outside(problem: String) -> Self {
        Self::Sentence(problem)
    }

    /// Whether the text is a report of several lines with a heading of its own.
    pub(crate) fn is_report(&self) -> bool {
        matches!(self, Self::Report(_))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Report(text) | Self::Sentence(text) => formatter.write_str(text),
        }
    }
}

impl std::error::Error for ConfigError {}
