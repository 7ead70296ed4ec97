//! Backends with one fault each, and the case that has to find it.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the answer")]

mod body;
mod fault;
mod mailbox;
mod outside;
mod session;
mod world;

use fault::{FAULTS, Fault};
use imap_backend_test::{CASES, RandomRuns, Report, run_all, run_case};
use std::collections::BTreeSet;
use std::time::Duration;

async fn report(fault: Fault) -> Report {
    run_all(async || outside::subject(fault)).await
}

fn failures(report: &Report) -> BTreeSet<String> {
    report
        .failures()
        .map(|(case, _)| format!("{}::{}", case.area, case.name))
        .collect()
}

#[tokio::test]
async fn the_wrapper_without_a_fault_passes() {
    let report = report(Fault::None).await;
    report.assert_passed();
    assert_eq!(report.skipped().count(), 0, "{report}");
}

#[tokio::test]
async fn every_fault_is_found_by_the_case_that_is_about_it() {
    for (fault, case) in FAULTS {
        let report = report(*fault).await;
        assert!(
            failures(&report).contains(*case),
            "{fault:?} is not found by {case}\n{report}"
        );
    }
}

/// A case that no fault makes fail could as well not be there.
#[tokio::test]
async fn every_case_finds_some_fault() {
    let mut idle: BTreeSet<_> = CASES
        .iter()
        .map(|case| format!("{}::{}", case.area, case.name))
        .collect();
    for (fault, _) in FAULTS {
        for failed in failures(&report(*fault).await) {
            idle.remove(&failed);
        }
    }
    assert!(idle.is_empty(), "cases that never fail: {idle:#?}");
}

#[tokio::test]
async fn a_failure_names_the_case_the_rule_and_both_sides() {
    let text = report(Fault::SilentArrivals).await.to_string();
    let line = text
        .lines()
        .find(|line| line.contains("own_appends_are_told"))
        .unwrap();
    assert_eq!(
        line,
        "FAILED  two_sessions::own_appends_are_told (RFC 9051, section 6.3.12): \
         expected arrived by the own APPEND: [Uid(4)]; saw []"
    );
}

#[tokio::test]
async fn a_panic_is_the_failure_of_its_case_alone() {
    let report = report(Fault::SearchPanics).await;
    let areas: BTreeSet<_> = report.failures().map(|(case, _)| case.area).collect();
    assert_eq!(areas, BTreeSet::from(["search"]), "{report}");
    assert!(report.to_string().contains("saw the search panics"), "{report}");
}

#[tokio::test]
async fn a_call_that_never_answers_is_the_failure_of_its_case_alone() {
    let limit = Duration::from_millis(100);
    let make = async || outside::subject(Fault::SearchNeverAnswers).with_time_limit(limit);
    for case in CASES.iter().filter(|case| case.area == "search") {
        let outcome = run_case(case, make().await).await;
        let said = format!("{outcome:?}");
        assert!(said.contains("an end within 100ms"), "{case}: {said}");
    }
}

#[tokio::test]
async fn random_runs_of_the_wrapper_without_a_fault_pass_and_leave_nothing_out() {
    let report = RandomRuns::new(7)
        .runs(150)
        .run(async || outside::subject(Fault::None))
        .await;
    report.assert_passed();
    assert_eq!(report.missing().count(), 0, "{report}");
}

/// Each with the rule that it breaks, or none where the rule is that of the traits.
const FOUND_AT_RANDOM: &[Fault] = &[
    Fault::AppendSaysCount,
    Fault::SilentArrivals,
    Fault::SilentExpunges,
    Fault::SilentFlags,
    Fault::ReplaceAdds,
    Fault::AddsLineEnd,
    Fault::ExpungesOutsideTheSet,
    Fault::ReadingSetsSeen,
    Fault::ChangedSinceForgets,
    Fault::VanishedNamesAll,
    Fault::OutsideUnseen,
    Fault::TellsUncommitted,
    Fault::ForgetsAtRestart,
];

#[tokio::test]
async fn random_runs_find_a_fault_and_show_it_in_a_few_steps() {
    for fault in FOUND_AT_RANDOM {
        let report = RandomRuns::new(7).run(async || outside::subject(*fault)).await;
        assert!(report.failure().is_some(), "{fault:?} is not found\n{report}");
        assert!((1..=12).contains(&report.trace().len()), "{fault:?}\n{report}");
    }
}

#[tokio::test]
async fn what_random_runs_found_is_shown_in_the_terms_of_imap() {
    let report = RandomRuns::new(7)
        .run(async || outside::subject(Fault::SilentFlags))
        .await;
    let text = report.to_string();
    let steps = ["APPEND INBOX", "-> nothing told", "client", "to have [UID"];
    assert!(steps.iter().all(|step| text.contains(step)), "{text}");
    let again = RandomRuns::new(7)
        .run(async || outside::subject(Fault::SilentFlags))
        .await;
    assert_eq!(again.to_string(), text, "a seed says it all");
}

#[tokio::test]
async fn what_a_backend_does_not_support_is_skipped_and_named() {
    let report = report(Fault::OnlyInbox).await;
    report.assert_passed();
    let skipped: BTreeSet<_> = report
        .skipped()
        .map(|(case, ability)| (case.name, ability))
        .collect();
    assert!(skipped.contains(&("rename_keeps_uids", "CREATE")), "{report}");
    assert!(
        skipped.contains(&("copies_are_complete", "a second mailbox")),
        "{report}"
    );
    assert!(
        report.to_string().contains("the backend has no CREATE"),
        "{report}"
    );
}
