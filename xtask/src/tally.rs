//! How many tests passed, read off what the test runners print.

use std::ops::AddAssign;

/// Counted tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// Ignored, skipped, marked as to be done.
    pub(crate) left_out: u64,
}

impl Tally {
    /// Adds what a line of `cargo test` says, such as
    /// `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.03s`.
    pub(crate) fn hear_cargo(&mut self, line: &str) {
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        for count in counts.split("; ") {
            match number_and_word(count) {
                Some((number, "passed")) => self.passed += number,
                Some((number, "failed")) => self.failed += number,
                Some((number, "ignored")) => self.left_out += number,
                _ => {}
            }
        }
    }

    /// Adds what a line of node's `spec` reporter says, such as `ℹ pass 12`.
    pub(crate) fn hear_node(&mut self, line: &str) {
        let Some((word, number)) = line.strip_prefix("ℹ ").and_then(|rest| rest.split_once(' ')) else { return };
        let Ok(number) = number.parse::<u64>() else { return };
        match word {
            "pass" => self.passed += number,
            "fail" | "cancelled" => self.failed += number,
            "skipped" | "todo" => self.left_out += number,
            _ => {}
        }
    }

    /// Whether anything was counted at all.
    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.left_out += more.left_out;
    }
}

fn number_and_word(text: &str) -> Option<(u64, &str)> {
    let (number, word) = text.split_once(' ')?;
    Some((number.parse().ok()?, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_several_test_programs_add_up() {
        let mut tally = Tally::default();

        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.03s",
            "test passes ... ok",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 4 filtered out; finished in 1.20s",
        ] {
            tally.hear_cargo(line);
        }

        assert_eq!(tally, Tally { passed: 13, failed: 2, left_out: 1 });
    }

    #[test]
    fn tests_that_node_gave_up_count_as_failed() {
        let mut tally = Tally::default();

        for line in
            ["ℹ tests 9", "ℹ pass 5", "ℹ fail 1", "ℹ cancelled 1", "ℹ skipped 1", "ℹ todo 1", "ℹ duration_ms 4.2"]
        {
            tally.hear_node(line);
        }

        assert_eq!(tally, Tally { passed: 5, failed: 2, left_out: 2 });
    }

    #[test]
    fn what_a_test_prints_is_not_counted() {
        let mut tally = Tally::default();

        tally.hear_cargo("it said: test result: ok. 3 passed; 0 failed");
        tally.hear_node("pass 5");

        assert!(tally.is_empty());
    }
}
