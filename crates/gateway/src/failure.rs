//! Why the program ends before its time, and with which exit code.

use std::process::ExitCode;

use thiserror::Error;

use crate::config::ConfigError;

/// Any error, or a text.
type Reason = Box<dyn std::error::Error + Send + Sync>;

/// What ends the program.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// What the operator wrote cannot be used: exit code 2, as for wrong arguments.
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    /// The machine does not play along: exit code 1.
    #[error("{0}")]
    Trouble(Reason),
}

impl Failure {
    /// Trouble with an error or a text that says what was tried, what was found and the way out.
    pub(crate) fn trouble(reason: impl Into<Reason>) -> Self {
        Self::Trouble(reason.into())
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Configuration(_) => ExitCode::from(2),
            Self::Trouble(_) => ExitCode::from(1),
        }
    }
}
