//! The backend passes the conformance kit, on a file and in memory.

mod common;

use common::backend;
use imap_backend_test::{Subject, run_all};
use imap_sql::Store;

#[tokio::test]
async fn a_database_in_a_file_passes_every_case_and_skips_none() {
    let report = run_all(async || {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path().join("mail.db")).unwrap();
        Subject::new(backend(store), "ann", "secret").keeping(directory)
    })
    .await;
    report.assert_passed();
    assert_eq!(report.skipped().count(), 0, "{report}");
}

#[tokio::test]
async fn a_database_in_memory_passes_every_case_and_skips_none() {
    let report = run_all(async || Subject::new(backend(Store::in_memory().unwrap()), "ann", "secret")).await;
    report.assert_passed();
    assert_eq!(report.skipped().count(), 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_database_passes_every_case_and_skips_none() {
    let Some(server) = test_postgres::shared() else {
        return;
    };
    let report = run_all(async || {
        let store = Store::open_url(&server.create_database()).unwrap();
        Subject::new(backend(store), "ann", "secret")
    })
    .await;
    report.assert_passed();
    assert_eq!(report.skipped().count(), 0, "{report}");
}
