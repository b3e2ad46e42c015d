//! Problems in the file, shown to the person who wrote it: file, line, caret, key, what was found, what would work.

use std::{fmt, ops::Range, path::Path};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use cloakroom::settings::SettingsError;

use super::{document::Document, mask, nearest::nearest, secret};

/// One thing that is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    weight: Weight,
    title: String,
    span: Range<usize>,
    label: String,
    help: Option<String>,
}

/// What comes of a problem.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Weight {
    /// There is no configuration.
    Error,
    /// The operator should know.
    Warning,
}

impl Problem {
    pub(super) fn new(title: String, span: Range<usize>, label: &str) -> Self {
        Self { weight: Weight::Error, title, span, label: label.to_owned(), help: None }
    }

    /// Something that works and is dangerous.
    pub(super) fn warning(title: String, span: Range<usize>, label: &str) -> Self {
        Self { weight: Weight::Warning, ..Self::new(title, span, label) }
    }

    pub(super) fn is_error(&self) -> bool {
        self.weight == Weight::Error
    }

    pub(super) fn with_help(self, help: &str) -> Self {
        Self { help: Some(help.to_owned()), ..self }
    }

    /// The file is not TOML.
    pub(super) fn syntax(message: &str, span: Range<usize>) -> Self {
        Self::new("this is not TOML".to_owned(), span, message)
    }

    /// A key that has to be there is not.
    pub(super) fn missing(key: &str, section: &str, span: Range<usize>) -> Self {
        let place = if section.is_empty() { "the file".to_owned() } else { format!("`{section}`") };
        Self::new(format!("{place} has no `{key}`"), span, &format!("`{key}` is needed here"))
    }

    /// A value that cannot be used.
    pub(super) fn refused(key: &str, span: Range<usize>, why: &str) -> Self {
        Self::new(format!("`{key}` cannot be used"), span, why)
    }

    /// A key that nobody reads.
    pub(super) fn unknown(key: &str, section: &str, span: Range<usize>, known: &[&str]) -> Self {
        let place = if section.is_empty() { String::new() } else { format!(" in `{section}`") };
        let title = format!("unknown key `{key}`{place}");
        if secret::is_inline(key) {
            return Self::new(title, span, "secrets do not stand in the configuration").with_help(secret::WAY_OUT);
        }
        let label = match nearest(key, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "nothing reads this".to_owned(),
        };
        Self::new(title, span, &label).with_help(&format!("known here: {}", known.join(", ")))
    }

    /// A contradiction that the settings found.
    pub(super) fn from_settings(error: &SettingsError, document: &Document<'_>) -> Self {
        Self::refused(&error.place, document.span_of(&error.place), &error.problem)
    }
}

/// All problems in the order of the file, as one text with colours.
pub(super) fn render(file: &Path, text: &str, problems: &[Problem]) -> String {
    let shown = mask::masked(text);
    let file = file.display().to_string();
    let mut problems = problems.iter().collect::<Vec<_>>();
    problems.sort_by_key(|problem| problem.span.start);
    let reports = problems.iter().map(|problem| render_one(&file, &shown, problem)).collect::<Vec<_>>();
    reports.join("\n\n")
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.title, self.label)
    }
}

fn render_one(file: &str, text: &str, problem: &Problem) -> String {
    let annotation = AnnotationKind::Primary.span(problem.span.clone()).label(problem.label.as_str());
    let snippet = Snippet::source(text).path(file).annotation(annotation);
    let level = match problem.weight {
        Weight::Error => Level::ERROR,
        Weight::Warning => Level::WARNING,
    };
    let mut group = level.primary_title(problem.title.as_str()).element(snippet);
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    Renderer::styled().render(&[group])
}
