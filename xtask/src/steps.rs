//! Steps one after the other, each with its time, and a summary at the end.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::{say, tally::Tally};

/// What a step came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It went through; with the tests that it ran, if it ran any.
    Done(Tally),
    /// It could not run here, and that is acceptable.
    LeftOut(String),
}

impl Outcome {
    /// A step that runs no tests went through.
    pub(crate) const DONE: Self = Self::Done(Tally { passed: 0, failed: 0, left_out: 0 });
}

/// Whether a step went through or was left out, or failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Well,
    Failed,
}

/// The steps so far.
#[derive(Debug, Default)]
pub(crate) struct Steps(Vec<Step>);

#[derive(Debug)]
struct Step {
    name: String,
    result: Result<Outcome, String>,
    took: Duration,
}

impl Steps {
    /// Runs a step and says how long it took. What a failure means for the steps after it is the caller's to say.
    pub(crate) fn run(&mut self, name: &str, act: impl FnOnce() -> Result<Outcome, String>) -> Verdict {
        say(&format!("\n==> {name}"));
        let began = now();
        let step = Step { name: name.to_owned(), result: act(), took: now() - began };
        say(&format!("--> {}", step.line()));
        let verdict = step.verdict();
        self.0.push(step);
        verdict
    }

    /// Lists every step again.
    pub(crate) fn summarize(&self) {
        say("\n==> Summary");
        for step in &self.0 {
            say(&format!("    {}", step.line()));
        }
    }

    /// All tests together. A step that failed without a failed test counts as one, so that a sum without failures is
    /// good news.
    pub(crate) fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        for step in &self.0 {
            match &step.result {
                Ok(Outcome::Done(tally)) => sum += *tally,
                Ok(Outcome::LeftOut(_)) => {}
                Err(_) => sum.failed += 1,
            }
        }
        sum
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        let is_well = self.0.iter().all(|step| step.verdict() == Verdict::Well);
        if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl Step {
    fn verdict(&self) -> Verdict {
        match &self.result {
            Ok(Outcome::Done(Tally { failed: 0, .. }) | Outcome::LeftOut(_)) => Verdict::Well,
            Ok(Outcome::Done(_)) | Err(_) => Verdict::Failed,
        }
    }

    fn line(&self) -> String {
        let verdict = if self.verdict() == Verdict::Well { "ok" } else { "FAILED" };
        let seconds = self.took.as_secs_f32();
        let line = |verdict: &str, rest: &str| format!("{:<16} {verdict:<8} {seconds:>7.1} s{rest}", self.name);
        match &self.result {
            Ok(Outcome::Done(tally)) if tally.is_empty() => line(verdict, ""),
            Ok(Outcome::Done(tally)) => line(verdict, &counts(*tally)),
            Ok(Outcome::LeftOut(why)) => line("left out", &format!("  {why}")),
            Err(trouble) => line(verdict, &format!("  {trouble}")),
        }
    }
}

fn counts(tally: Tally) -> String {
    let left_out = if tally.left_out == 0 { String::new() } else { format!(", {} left out", tally.left_out) };
    format!("  {} passed, {} failed{left_out}", tally.passed, tally.failed)
}

#[expect(clippy::disallowed_methods, reason = "people want to know how long the steps of a real run took")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_fails_before_its_first_test_is_a_failure_in_the_sum() {
        let mut steps = Steps::default();

        let build = steps.run("build", || Err("does not compile".to_owned()));
        let tests = steps.run("tests", || Ok(Outcome::Done(Tally { passed: 7, failed: 0, left_out: 0 })));

        assert_eq!((build, tests), (Verdict::Failed, Verdict::Well));
        assert_eq!(steps.exit_code(), ExitCode::FAILURE);
        assert_eq!(steps.tally(), Tally { passed: 7, failed: 1, left_out: 0 });
    }

    #[test]
    fn a_failed_test_fails_its_step() {
        let mut steps = Steps::default();

        let verdict = steps.run("tests", || Ok(Outcome::Done(Tally { passed: 7, failed: 1, left_out: 0 })));

        assert_eq!(verdict, Verdict::Failed);
        assert_eq!(steps.tally().failed, 1);
    }

    #[test]
    fn a_step_that_is_left_out_fails_nothing() {
        let mut steps = Steps::default();

        let verdict = steps.run("browser", || Ok(Outcome::LeftOut("no browser".to_owned())));

        assert_eq!(verdict, Verdict::Well);
        assert_eq!(steps.exit_code(), ExitCode::SUCCESS);
        assert!(steps.tally().is_empty());
    }
}
