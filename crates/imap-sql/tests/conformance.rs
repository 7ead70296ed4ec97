//! The backend passes the conformance kit, on a file, in memory and with PostgreSQL.

#![allow(
    clippy::unwrap_used,
    reason = "outside of a `#[test]`, clippy does not see that these are tests"
)]

mod common;

use common::outside::subject;
use common::{File, Home, backend};
use imap_backend_test::{RandomRuns, Subject, run_all};
use imap_sql::Store;

/// A new database in a file.
fn in_a_file() -> Home {
    Home::File(File::new())
}

/// A new PostgreSQL database, where the machine has one.
fn on_a_server() -> Option<impl Fn() -> Home> {
    let server = test_postgres::shared()?;
    Some(|| Home::Server(server, server.create_database()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_a_file_passes_every_case_and_skips_none() {
    let report = run_all(async || subject(in_a_file())).await;
    report.assert_passed();
    assert_eq!(report.skipped().count(), 0, "{report}");
}

#[tokio::test]
async fn a_database_in_memory_passes_every_case_but_those_of_others_that_have_it_open() {
    let report = run_all(async || Subject::new(backend(Store::in_memory().unwrap()), "ann", "secret")).await;
    report.assert_passed();
    let of_others = ["outside", "second_process", "restart", "quota"];
    let needs_a_limit = "what_goes_makes_room_for_what_comes";
    assert!(
        report
            .skipped()
            .all(|(case, _)| of_others.contains(&case.area) || case.name == needs_a_limit),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_database_passes_every_case_and_skips_none() {
    let Some(home) = on_a_server() else {
        return;
    };
    let report = run_all(async || subject(home())).await;
    report.assert_passed();
    assert_eq!(report.skipped().count(), 0, "{report}");
}

/// `KIT_RUNS=10000` for a long run.
fn runs(few: u32) -> RandomRuns {
    let many = std::env::var("KIT_RUNS").ok().map(|runs| runs.parse().unwrap());
    let runs = RandomRuns::new(1).runs(many.unwrap_or(few));
    match many {
        Some(_) => runs.for_at_most(std::time::Duration::from_secs(24 * 3600)),
        None => runs,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_runs_of_sessions_processes_and_sql_by_hand_agree_in_a_file() {
    let report = runs(12).run(async || subject(in_a_file())).await;
    println!("{report}");
    report.assert_passed();
    assert_eq!(report.missing().count(), 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn random_runs_of_sessions_processes_and_sql_by_hand_agree_on_a_server() {
    let Some(home) = on_a_server() else {
        return;
    };
    let report = runs(6).run(async || subject(home())).await;
    println!("{report}");
    report.assert_passed();
    assert_eq!(report.missing().count(), 0, "{report}");
}
