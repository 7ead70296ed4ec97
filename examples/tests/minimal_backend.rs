//! The smallest backend behaves as a server relies on: it passes the conformance kit.

#[path = "../minimal_backend.rs"]
#[allow(dead_code, reason = "its `main` is for the example")]
mod minimal_backend;

use imap_backend_test::{Subject, run_all};
use minimal_backend::Account;

#[tokio::test]
async fn the_smallest_backend_passes_the_kit() {
    let report = run_all(async || Subject::new(Account::new(), "demo", "demo")).await;
    report.assert_passed();
}
