//! A client that has slept through more changes than are remembered is told all flags again.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use imap_backend::{Error, Fetched, Record};
use imap_seq::Uid;
use imap_updates::{Echo, Flag, Flags, Limits, MailboxHub, Origin, Snapshot};
use tokio::time::sleep;

use crate::common::stub::{Stub, StubStore};

const MESSAGES: u32 = 20_000;

/// Counts the messages that are read. All have been seen.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicUsize>);

impl Stub for Counting {
    fn fetch(&self, uids: &[Uid]) -> Result<Fetched, Error> {
        self.0.fetch_add(uids.len(), Ordering::SeqCst);
        let record = |&uid| Some(Record::new(uid, Flags::from_iter([Flag::Seen])));
        Ok(uids.iter().map(record).collect())
    }
}

#[tokio::test(start_paused = true)]
async fn flags_that_are_told_again_are_read_no_faster_than_the_client_reads() {
    let limits = Limits::default().with_flag_changes(10);
    let messages: Snapshot = (1..=MESSAGES).filter_map(Uid::new).collect();
    let hub = MailboxHub::with_limits((), messages, limits).unwrap();
    let store = StubStore {
        hub,
        stub: Counting::default(),
    };
    let mut client = store.selected().await;
    for number in 1..=100 {
        let seen = Flags::from_iter([Flag::Seen]);
        let mut changes = store.hub.lock();
        let _ = changes.flags_changed(Uid::new(number).unwrap(), seen, Origin::EXTERNAL, Echo::Tell);
    }
    let read = || store.stub.0.load(Ordering::SeqCst);
    assert_eq!(read(), 0);
    client.send("a NOOP\r\n").await;
    sleep(Duration::from_secs(2)).await;
    assert!((1..10_000).contains(&read()), "{}", read());
    let lines = client.until_tagged("a").await;
    let told = |number: u32| format!("* {number} FETCH (UID {number} FLAGS (\\Seen))");
    let mut rows: Vec<_> = lines.iter().filter(|line| line.contains(" FETCH ")).collect();
    rows.sort();
    rows.dedup();
    assert_eq!(rows.len(), 20_000);
    assert!(lines.contains(&told(1)) && lines.contains(&told(MESSAGES)));
    // It is over.
    client.ok("NOOP").await;
    assert_eq!(read(), 20_000);
}
