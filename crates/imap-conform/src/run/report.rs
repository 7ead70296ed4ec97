//! What came of a run: as text, as JUnit XML, as a page.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use askama::Template;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::case::{Outcome, Verdict};
use super::{Plan, cases};

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    server: String,
    capabilities: Vec<String>,
    /// Those of them that no case is about.
    not_judged: Vec<String>,
    outcomes: Vec<Outcome>,
    /// Mailboxes of the run that could not be removed.
    pub(super) left_behind: Vec<String>,
    pub(super) took: Duration,
}

/// Outcomes of one area.
struct Area<'r> {
    name: &'static str,
    outcomes: Vec<&'r Outcome>,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'r> {
    report: &'r Report,
    /// Those that failed, which would be hard to find among the others.
    failures: Vec<&'r Outcome>,
    areas: Vec<Area<'r>>,
}

impl Report {
    pub(super) fn new(plan: &Plan, capabilities: &[String]) -> Self {
        let not_judged = capabilities.iter().filter(|offered| !cases::are_about(offered));
        Self {
            not_judged: not_judged.cloned().collect(),
            server: plan.target.address().to_owned(),
            capabilities: capabilities.to_vec(),
            outcomes: Vec::new(),
            left_behind: Vec::new(),
            took: Duration::ZERO,
        }
    }

    pub(super) fn push(&mut self, outcome: Outcome) {
        self.outcomes.push(outcome);
    }

    /// What came of each case, in the order in which they were run.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// What the server offers and no case is about, in upper case: that it works was not looked at.
    #[must_use]
    pub fn not_judged(&self) -> &[String] {
        &self.not_judged
    }

    /// How many passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.count(|verdict| *verdict == Verdict::Passed)
    }

    /// How many failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Failed { .. }))
    }

    /// How many could not be tried.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Skipped(_)))
    }

    fn count(&self, is_it: impl Fn(&Verdict) -> bool) -> usize {
        self.outcomes
            .iter()
            .filter(|outcome| is_it(&outcome.verdict))
            .count()
    }

    fn areas(&self) -> Vec<Area<'_>> {
        let mut areas: Vec<Area<'_>> = Vec::new();
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for outcome in &self.outcomes {
            let place = *places.entry(outcome.area).or_insert_with(|| {
                areas.push(Area {
                    name: outcome.area,
                    outcomes: Vec::new(),
                });
                areas.len() - 1
            });
            areas[place].outcomes.push(outcome);
        }
        areas
    }

    /// For build servers.
    ///
    /// # Errors
    /// None that a run can cause: characters that XML has not are left out.
    pub fn junit(&self) -> Result<String, quick_junit::SerializeError> {
        let mut report = quick_junit::Report::new("imap-conform");
        report.set_time(self.took);
        for area in self.areas() {
            let mut suite = TestSuite::new(area.name);
            for outcome in area.outcomes {
                suite.add_test_case(outcome.junit());
            }
            report.add_test_suite(suite);
        }
        if !self.not_judged.is_empty() {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("offered, not judged: {}", self.not_judged.join(" ")));
            let mut suite = TestSuite::new("capabilities");
            suite.add_test_case(TestCase::new("each that is offered has a case", status));
            report.add_test_suite(suite);
        }
        report.to_string()
    }

    /// A page to look at in a browser.
    ///
    /// # Errors
    /// None that a run can cause.
    pub fn html(&self) -> Result<String, askama::Error> {
        let failed = |outcome: &&Outcome| matches!(outcome.verdict, Verdict::Failed { .. });
        let page = Page {
            report: self,
            failures: self.outcomes.iter().filter(failed).collect(),
            areas: self.areas(),
        };
        page.render()
    }
}

impl Outcome {
    fn junit(&self) -> TestCase {
        let status = match &self.verdict {
            Verdict::Passed => TestCaseStatus::success(),
            Verdict::Skipped(why) => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(why.as_str());
                status
            }
            Verdict::Failed { what, transcript } => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(what.as_str());
                status.set_type(self.rfc.as_str());
                status.set_description(transcript.as_str());
                status
            }
        };
        let mut case = TestCase::new(format!("{} ({})", self.name, self.rfc), status);
        case.set_classname(self.area);
        case.set_time(self.took);
        case
    }

    /// Its name on the page.
    fn anchor(&self) -> String {
        let text = format!("{} {}", self.area, self.name);
        text.replace(|octet: char| !octet.is_ascii_alphanumeric(), "-")
    }

    fn word(&self) -> &'static str {
        match self.verdict {
            Verdict::Passed => "passed",
            Verdict::Skipped(_) => "skipped",
            Verdict::Failed { .. } => "failed",
        }
    }

    /// What is wrong, or why it was skipped.
    fn why(&self) -> &str {
        match &self.verdict {
            Verdict::Passed => "",
            Verdict::Skipped(why) => why,
            Verdict::Failed { what, .. } => what,
        }
    }

    fn transcript(&self) -> &str {
        match &self.verdict {
            Verdict::Failed { transcript, .. } => transcript,
            _ => "",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { area, name, rfc, .. } = self;
        match &self.verdict {
            Verdict::Passed => write!(f, "ok      {area}: {name}"),
            Verdict::Skipped(why) => write!(f, "skipped {area}: {name} ({why})"),
            Verdict::Failed { what, .. } => write!(f, "FAILED  {area}: {name} ({rfc})\n        {what}"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for outcome in &self.outcomes {
            writeln!(f, "{outcome}")?;
            let transcript = outcome.transcript();
            transcript
                .lines()
                .try_for_each(|line| writeln!(f, "        {line}"))?;
        }
        for name in &self.left_behind {
            writeln!(f, "left behind: {name}")?;
        }
        if !self.not_judged.is_empty() {
            writeln!(f, "offered, not judged: {}", self.not_judged.join(" "))?;
        }
        let (passed, failed, skipped) = (self.passed(), self.failed(), self.skipped());
        let seconds = self.took.as_secs_f32();
        writeln!(
            f,
            "{}: {passed} passed, {failed} failed, {skipped} skipped in {seconds:.1} s",
            self.server
        )
    }
}
