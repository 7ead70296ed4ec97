//! The reference backend conforms.

use imap_backend_test::{MemoryBackend, Subject, run_all};

#[tokio::test]
async fn the_reference_backend_passes_every_case_and_skips_none() {
    let report = run_all(async || Subject::new(MemoryBackend::new("ann", "secret"), "ann", "secret")).await;
    report.assert_passed();
    assert_eq!(report.skipped().count(), 0, "{report}");
}
