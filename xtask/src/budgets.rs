//! How long files and functions are, against the style guide's budgets. Tests do not count.

mod functions;

use std::{
    fs,
    path::{Path, PathBuf},
};

use self::functions::Function;
use crate::{say, workspace::Workspace};

/// A file that is longer fails the check; the rest is reported, for people to judge.
const LONGEST_FILE: usize = 500;
const LONG_FUNCTION: usize = 50;

/// Measures `crates/*/src` and `xtask/src`.
pub(crate) fn run(workspace: &Workspace) -> Result<(), String> {
    let mut files = Vec::new();
    for folder in source_folders(&workspace.root)? {
        collect(&folder, &mut files)?;
    }
    let files: Vec<Measured> = files
        .iter()
        .map(|(path, text)| Measured::new(path.strip_prefix(&workspace.root).unwrap_or(path), text))
        .collect();
    report(&files);
    let too_long: Vec<String> = files.iter().filter(|file| file.lines > LONGEST_FILE).map(Measured::line).collect();
    if too_long.is_empty() { Ok(()) } else { Err(format!("longer than {LONGEST_FILE} lines: {}", too_long.join(", "))) }
}

struct Measured {
    path: PathBuf,
    lines: usize,
    functions: Vec<Function>,
}

impl Measured {
    fn new(path: &Path, text: &str) -> Self {
        let text = without_tests(text);
        Self { path: path.to_owned(), lines: text.lines().count(), functions: functions::find(text) }
    }

    fn line(&self) -> String {
        format!("{} ({})", self.path.display(), self.lines)
    }
}

fn report(files: &[Measured]) {
    let file_lines = Spread::of(files.iter().map(|file| file.lines));
    let lengths = || files.iter().flat_map(|file| &file.functions).map(|function| function.lines);
    let long = lengths().filter(|lines| *lines > LONG_FUNCTION).count();
    say(&format!("    files      {file_lines}   budget: 150, 400, {LONGEST_FILE}"));
    say(&format!(
        "    functions  {}   budget: 10, 40; {:.1} % over {LONG_FUNCTION}, budget: 3 %",
        Spread::of(lengths()),
        share(long, lengths().count())
    ));
    for file in files {
        for function in file.functions.iter().filter(|function| function.lines > LONG_FUNCTION) {
            say(&format!("    {}:{} {} ({} lines)", file.path.display(), function.line, function.name, function.lines));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of functions are far below 2^52")]
fn share(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

/// How many, the median, the 95th percentile and the most.
#[derive(Debug, Default, PartialEq, Eq)]
struct Spread {
    count: usize,
    median: usize,
    percentile_95: usize,
    most: usize,
}

impl Spread {
    fn of(values: impl Iterator<Item = usize>) -> Self {
        let mut values: Vec<usize> = values.collect();
        values.sort_unstable();
        let at = |percent: usize| values.get((values.len() * percent / 100).min(values.len().saturating_sub(1)));
        let at = |percent| at(percent).copied().unwrap_or_default();
        Self { count: values.len(), median: at(50), percentile_95: at(95), most: at(100) }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { count, median, percentile_95, most } = self;
        write!(formatter, "{count:>5}: median {median:>3}, 95th percentile {percentile_95:>3}, most {most:>3} lines")
    }
}

fn source_folders(root: &Path) -> Result<Vec<PathBuf>, String> {
    let crates = list(&root.join("crates"))?;
    Ok(crates.into_iter().chain([root.join("xtask")]).map(|package| package.join("src")).collect())
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, String)>) -> Result<(), String> {
    for path in list(folder)? {
        let is_tests = path.file_stem().is_some_and(|name| name == "tests");
        if is_tests {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            files.push((path, text));
        }
    }
    Ok(())
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// The part before the tests, which stand at the foot of a file.
fn without_tests(text: &str) -> &str {
    let foot = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..foot].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_at_the_foot_of_a_file_do_not_count() {
        let text = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n";

        let measured = Measured::new(Path::new("a.rs"), text);

        assert_eq!((measured.lines, measured.functions.len()), (1, 1));
    }

    #[test]
    fn the_middle_and_the_longest_are_found() {
        let spread = Spread::of((1..=100).rev());

        assert_eq!(spread, Spread { count: 100, median: 51, percentile_95: 96, most: 100 });
        assert_eq!(Spread::of(std::iter::empty()), Spread::default());
    }
}
