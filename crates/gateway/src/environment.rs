//! The process environment: read here and nowhere else.

use std::ffi::OsString;

/// The value of an environment variable; `None` when it is not set or empty.
#[expect(clippy::disallowed_methods, reason = "the one place where the program reads its environment")]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
