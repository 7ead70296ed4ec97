//! Every interleaving of three sessions on a small mailbox, to a small depth. `examples/exhaustive.rs` goes deeper.
//!
//! The strict client of `imap-backend-test` is the judge; it is read from there, so that this crate needs none above it.

#[path = "exhaustive/mod.rs"]
mod exhaustive;

use exhaustive::fault::{FAULTS, Fault};
use exhaustive::search::{Found, Search};
use exhaustive::setting::{SETTINGS, Setting};

fn search(setting: Setting, depth: usize, merge: bool) -> Found {
    let search = Search {
        setting,
        fault: None,
        depth,
        merge,
        threads: 2,
        tells: false,
    };
    search.run(|_, _| ())
}

fn search_for(fault: Fault) -> Found {
    Search::for_fault(fault, 2).run(|_, _| ())
}

#[test]
fn no_short_trace_breaks_a_law() {
    for setting in SETTINGS {
        let found = search(*setting, setting.depths.0, true);
        println!(
            "{}: {} states, {} traces",
            setting.name, found.states, found.traces
        );
        if let Some(broken) = found.broken {
            panic!("{}\n{broken}", setting.name);
        }
    }
}

/// Nothing is hidden by taking two states for the same one.
#[test]
fn no_short_trace_breaks_a_law_where_every_one_is_played() {
    for setting in SETTINGS {
        let found = search(*setting, 2, false);
        assert_eq!(found.states, found.traces + 1);
        if let Some(broken) = found.broken {
            panic!("{}\n{broken}", setting.name);
        }
    }
}

#[test]
fn every_seeded_fault_is_found() {
    let unfound: Vec<&Fault> = FAULTS
        .iter()
        .filter(|fault| search_for(**fault).broken.is_none())
        .collect();
    assert!(unfound.is_empty(), "{unfound:?}");
}

#[test]
fn a_broken_law_is_shown_as_a_short_trace() {
    let found = search_for(Fault::ExpungeDuringFetch);
    let broken = found.broken.expect("it is found");
    assert_eq!(broken.trace.len(), 2, "{broken}");
    assert!(broken.law.contains("RFC 9051, section 7.5.1"), "{broken}");
    assert!(broken.to_string().contains("S: * 1 EXPUNGE"), "{broken}");
}
