//! A selected mailbox whose store is slow, fails or is full: what its client is told all the same.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the answer")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use imap_backend::{Error, ErrorKind, Fetched, NewKeywords, Record};
use imap_seq::{Uid, UidSet};
use imap_updates::{Echo, Flags, Keyword, Limits, MailboxHub, Origin, Snapshot};

use crate::common::stub::{Stub, StubStore};

/// More than one fetch asks for.
const MESSAGES: u32 = 2_100;
const _: () = assert!(MESSAGES as usize > imap_backend::walk::MOST_UIDS);

/// Messages that all have `\Flagged`.
#[derive(Clone)]
struct Troubled(Arc<Trouble>);

#[derive(Default)]
struct Trouble {
    /// Looking for changes never ends.
    poll_hangs: AtomicBool,
    /// After so many fetches one fails.
    passing_fetches: AtomicUsize,
    /// No keyword can be added.
    is_full: AtomicBool,
}

/// A store whose hub remembers two changes of flags.
fn store() -> StubStore<Troubled> {
    let uids = (1..=MESSAGES).filter_map(Uid::new);
    let limits = Limits::default().with_flag_changes(2);
    let trouble = Trouble {
        passing_fetches: AtomicUsize::new(usize::MAX),
        ..Trouble::default()
    };
    StubStore {
        hub: MailboxHub::with_limits((), Snapshot::from_iter(uids), limits).unwrap(),
        stub: Troubled(Arc::new(trouble)),
    }
}

impl Stub for Troubled {
    fn fetch(&self, uids: &[Uid]) -> Result<Fetched, Error> {
        match self.0.passing_fetches.fetch_sub(1, Ordering::Relaxed) {
            0 => Err(ErrorKind::Unavailable.into()),
            _ => Ok(uids
                .iter()
                .map(|&uid| Some(Record::new(uid, flags("\\Flagged last"))))
                .collect()),
        }
    }

    fn store(&self, _: &UidSet) {
        self.0.is_full.store(true, Ordering::Relaxed);
    }

    fn new_keywords(&self) -> Option<NewKeywords> {
        Some(match self.0.is_full.load(Ordering::Relaxed) {
            true => NewKeywords::Refused,
            false => NewKeywords::Allowed,
        })
    }

    async fn poll(&self) -> Result<(), Error> {
        match self.0.poll_hangs.load(Ordering::Relaxed) {
            true => std::future::pending().await,
            false => Ok(()),
        }
    }
}

fn flags(text: &str) -> Flags {
    text.split(' ').map(|flag| flag.parse().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn b7_a_client_may_idle_before_the_store_was_looked_at() {
    let store = store();
    let mut client = store.selected().await;
    store.stub.0.poll_hangs.store(true, Ordering::Relaxed);
    client.send("a IDLE\r\n").await;
    assert_eq!(client.line().await, "+ idling");
}

#[tokio::test(start_paused = true)]
async fn b12_flags_that_could_not_be_restated_whole_are_restated_at_the_next_command() {
    let store = store();
    let mut client = store.selected().await;
    for uid in (1..=MESSAGES).filter_map(Uid::new) {
        let flags = flags("\\Flagged");
        let _ = store
            .hub
            .lock()
            .flags_changed(uid, flags, Origin::EXTERNAL, Echo::Tell);
    }
    store.stub.0.passing_fetches.store(1, Ordering::Relaxed);
    let mut told = client.ok("NOOP").await;
    assert!(
        told.len() < 100,
        "no part of what could not be read: {}",
        told.len()
    );
    told.extend(client.ok("NOOP").await);
    let told: BTreeSet<u32> = told
        .iter()
        .filter_map(|line| line.strip_prefix("* ")?.split_once(" FETCH ")?.0.parse().ok())
        .collect();
    assert_eq!(told, (1..=MESSAGES).collect());
}

#[tokio::test(start_paused = true)]
async fn c8_the_last_keyword_takes_the_offer_of_more_along() {
    let store = store();
    let (mut client, mut other) = (store.selected().await, store.selected().await);
    let answer = client.ok("STORE 1 +FLAGS (last)").await;
    let offer = |lines: &[String]| {
        let offer = lines.iter().find(|line| line.contains("PERMANENTFLAGS"));
        let offer = offer.unwrap_or_else(|| panic!("no PERMANENTFLAGS in {lines:#?}"));
        assert!(offer.contains(" last"), "{offer}");
        offer.contains("\\*")
    };
    assert!(!offer(&answer), "{answer:#?}");
    let last = Keyword::new("last").unwrap();
    store.hub.lock().keywords_changed([last.clone()]);
    assert!(!offer(&other.ok("NOOP").await));
    // A letter is free again.
    store.stub.0.is_full.store(false, Ordering::Relaxed);
    let more = Keyword::new("more").unwrap();
    store.hub.lock().keywords_changed([last, more]);
    assert!(offer(&other.ok("NOOP").await));
}
