//! Cases of its own against a server: by area, for what the server offers.

mod case;
mod cases;
mod client;
mod random;
mod report;
mod stage;

use std::time::{Duration, Instant};

pub use case::{Outcome, Verdict};
pub use report::Report;
use stage::Stage;

use crate::net::Target;

/// What is to be run, and as whom.
#[derive(Clone)]
pub struct Plan {
    /// The server.
    pub target: Target,
    /// Whose mailboxes it happens in. Nothing is touched but mailboxes that the run makes.
    pub user: String,
    /// The user's password.
    pub password: String,
    /// Only cases whose area or name contains this.
    pub only: Option<String>,
    /// The seed of the random part.
    pub seed: u64,
    /// How long the random part may take; shrinking what it finds takes as long again.
    pub random: Duration,
    /// How long an answer may take.
    pub patience: Duration,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("target", &self.target)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Runs everything; tells each result as soon as it is there.
///
/// # Errors
/// The server cannot be reached, or does not let the user in; or no case is wanted.
pub async fn run(plan: &Plan, mut progress: impl FnMut(&Outcome)) -> Result<Report, String> {
    let begin = Instant::now();
    let mut stage = Stage::open(plan).await?;
    let mut report = Report::new(plan, stage.capabilities());
    if let Some(outcome) = stage.opening() {
        progress(&outcome);
        report.push(outcome);
    }
    let is_wanted = |area: &str, name: &str| {
        plan.only
            .as_ref()
            .is_none_or(|only| area.contains(only.as_str()) || name.contains(only.as_str()))
    };
    for case in cases::all()
        .into_iter()
        .filter(|case| is_wanted(case.area, case.name))
    {
        let outcome = stage.play(&case).await;
        progress(&outcome);
        report.push(outcome);
    }
    if is_wanted(random::AREA, random::NAME) && !plan.random.is_zero() && !stage.is_dead() {
        let outcome = random::check(&mut stage, plan).await;
        progress(&outcome);
        report.push(outcome);
    }
    if let (Some(only), []) = (&plan.only, report.outcomes()) {
        return Err(format!("no case has \"{only}\" in its area or its name"));
    }
    report.left_behind = stage.clean_up().await;
    report.took = begin.elapsed();
    Ok(report)
}
