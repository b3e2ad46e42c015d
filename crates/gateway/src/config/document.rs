//! A parsed file, and the problems found in it so far.

use std::{cell::RefCell, ops::Range};

use toml::{Spanned, de::DeTable};

use super::{place, report::Problem, section::Section};

/// A file that is TOML. Every value knows where it stands.
pub(super) struct Document<'a> {
    table: Spanned<DeTable<'a>>,
    problems: RefCell<Vec<Problem>>,
}

impl<'a> Document<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Vec<Problem>> {
        match DeTable::parse(text) {
            Ok(table) => Ok(Self { table, problems: RefCell::default() }),
            Err(error) => Err(vec![Problem::syntax(error.message(), error.span().unwrap_or(0..0))]),
        }
    }

    pub(super) fn root(&self) -> Section<'_> {
        Section::new(self.table.get_ref(), 0..0, String::new(), &self.problems)
    }

    /// Where a key such as `frontends[0].origin` stands, or the nearest section above it that there is.
    pub(super) fn span_of(&self, place: &str) -> Range<usize> {
        place::span_of(self.table.get_ref(), place)
    }

    /// Fails when there are errors, with the warnings among them.
    pub(super) fn require_no_error(&self) -> Result<(), Vec<Problem>> {
        if self.problems.borrow().iter().any(Problem::is_error) { Err(self.problems.take()) } else { Ok(()) }
    }

    /// What was found and is no error.
    pub(super) fn into_warnings(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
}
