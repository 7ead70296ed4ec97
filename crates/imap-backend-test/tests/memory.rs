//! The reference backend conforms.

use imap_backend_test::{MemoryBackend, RandomRuns, Subject, run_all};

/// Nothing but the process has the mailboxes of the reference backend: there are no other programs, and no restart. The cases
/// about these are tried on a wrapper around it (`tests/broken`).
fn subject() -> Subject<MemoryBackend> {
    let backend = MemoryBackend::new("ann", "secret");
    let limited = backend.clone();
    Subject::new(backend.clone(), "ann", "secret")
        .with_second(backend)
        .with_limits(move |messages, octets| limited.limit(Some(messages), Some(octets)))
}

#[tokio::test]
async fn the_reference_backend_passes_every_case_that_a_store_in_memory_can() {
    let report = run_all(async || subject()).await;
    report.assert_passed();
    let missing = ["other program on its store", "store that is opened again"];
    assert!(
        report.skipped().all(|(_, what)| missing.contains(&what)),
        "{report}"
    );
}

#[tokio::test]
async fn the_reference_backend_passes_random_runs() {
    let report = RandomRuns::new(1).runs(200).run(async || subject()).await;
    report.assert_passed();
    assert!(report.runs() > 0, "{report}");
}
