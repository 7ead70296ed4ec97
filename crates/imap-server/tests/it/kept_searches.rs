//! Searches that a client keeps up to date (RFC 5267): what that costs, and whom it holds up.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use imap_backend::{Error, ErrorKind, Found, Query};
use imap_seq::Uid;
use imap_server::Server;
use imap_updates::{Echo, Flag, Flags, Origin};
use tokio::time::sleep;

use crate::common::stub::{Stub, StubStore};
use crate::common::{Client, selected};

/// Counts its searches and the messages that they look at. All of them match.
#[derive(Clone, Default)]
struct Counting {
    searches: Arc<AtomicUsize>,
    messages: Arc<AtomicUsize>,
}

impl Counting {
    fn counts(&self) -> (usize, usize) {
        let count = |counted: &AtomicUsize| counted.swap(0, Ordering::SeqCst);
        (count(&self.searches), count(&self.messages))
    }
}

impl Stub for Counting {
    async fn search(mailbox: &mut StubStore<Self>, query: &Query) -> Result<Found, Error> {
        let found = query.candidates().collect::<imap_seq::UidSet>();
        let counting = &mailbox.stub;
        counting.searches.fetch_add(1, Ordering::SeqCst);
        counting
            .messages
            .fetch_add(query.candidates().count(), Ordering::SeqCst);
        Ok(Found::new(found))
    }
}

async fn keep(client: &mut Client, keys: &str) {
    client.ok(&format!("SEARCH RETURN (UPDATE COUNT) {keys}")).await;
}

/// 16 searches in texts, and a STORE of all messages, read the whole mailbox 16 times (a report of this server).
#[tokio::test(start_paused = true)]
async fn rfc5267_4_3_a_change_of_flags_costs_only_searches_that_ask_for_flags() {
    let counting = Counting::default();
    let mut client = StubStore::new(counting.clone(), 1..=100).selected().await;
    for _ in 0..8 {
        keep(&mut client, "BODY x").await;
    }
    keep(&mut client, "OR (NOT FROM y) (LARGER 5 SINCE 1-Jan-2020)").await;
    assert_eq!(counting.counts(), (9, 900));
    client.ok("STORE 1:* +FLAGS.SILENT (\\Seen)").await;
    assert_eq!(counting.counts(), (0, 0));
    keep(&mut client, "OR BODY x NOT (UNSEEN)").await;
    keep(&mut client, "KEYWORD k").await;
    assert_eq!(counting.counts(), (2, 200));
    client.ok("STORE 2:5 +FLAGS.SILENT (\\Seen)").await;
    assert_eq!(counting.counts(), (2, 8));
}

/// What reads messages is looked at in parts, one with each command; the last of them are not forgotten.
#[tokio::test(start_paused = true)]
async fn rfc5267_4_3_a_large_change_is_looked_at_in_parts() {
    let counting = Counting::default();
    let mut client = StubStore::new(counting.clone(), 1..=1000).selected().await;
    keep(&mut client, "UNSEEN BODY x").await;
    keep(&mut client, "UNSEEN BODY y").await;
    keep(&mut client, "UNSEEN").await;
    assert_eq!(counting.counts(), (3, 3000));
    client.ok("STORE 1:* +FLAGS.SILENT (\\Seen)").await;
    let (_, messages) = counting.counts();
    assert!((1001..2000).contains(&messages), "{messages}");
    let mut all = messages;
    for _ in 0..10 {
        client.ok("NOOP").await;
        let (_, messages) = counting.counts();
        assert!(messages < 1000, "{messages}");
        all += messages;
    }
    assert_eq!(all, 3000);
}

/// The first search of a mailbox is over at once, the others take long, and pause often.
#[derive(Clone, Default)]
struct SlowLater {
    begun: Arc<AtomicUsize>,
    at_work: Arc<AtomicUsize>,
    done: Arc<AtomicUsize>,
}

/// One that is at work, until it is done or dropped.
struct AtWork(Arc<AtomicUsize>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Stub for SlowLater {
    async fn search(mailbox: &mut StubStore<Self>, _: &Query) -> Result<Found, Error> {
        let slow = mailbox.stub.clone();
        if slow.begun.fetch_add(1, Ordering::SeqCst) > 0 {
            slow.at_work.fetch_add(1, Ordering::SeqCst);
            let _counted = AtWork(Arc::clone(&slow.at_work));
            for _ in 0..2000 {
                sleep(Duration::from_millis(10)).await;
            }
            slow.done.fetch_add(1, Ordering::SeqCst);
        }
        Ok(Found::default())
    }
}

#[tokio::test(start_paused = true)]
async fn rfc5267_4_3_kept_searches_are_not_looked_at_for_a_client_that_has_gone() {
    let slow = SlowLater::default();
    let mut client = StubStore::new(slow.clone(), 1..=3).selected().await;
    keep(&mut client, "UNSEEN BODY x").await;
    client.send("a STORE 1:* +FLAGS.SILENT (\\Seen)\r\n").await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(slow.at_work.load(Ordering::SeqCst), 1);
    let gone = client.closed();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(slow.at_work.load(Ordering::SeqCst), 0);
    assert!(gone.is_finished());
}

/// Somebody else changes flags while a client waits, in IDLE or with NOTIFY; what it sends then is answered at once.
async fn answered_at_once(waits: &str, sends: &str, answer: &str) {
    let slow = SlowLater::default();
    let store = StubStore::new(slow.clone(), 1..=3);
    let mut client = store.selected().await;
    keep(&mut client, "UNSEEN BODY x").await;
    client.send(format!("{waits}\r\n")).await;
    client.line().await;
    let seen = Flags::from_iter([Flag::Seen]);
    let mut hub = store.hub.lock();
    let _ = hub.flags_changed(Uid::MIN, seen, Origin::EXTERNAL, Echo::Tell);
    drop(hub);
    let row = client.line().await;
    assert!(row.contains("FETCH (UID 1 FLAGS (\\Seen))"), "{row}");
    sleep(Duration::from_secs(2)).await;
    assert_eq!(slow.at_work.load(Ordering::SeqCst), 1, "{waits}");
    client.send(format!("{sends}\r\n")).await;
    assert_eq!(client.line().await, answer);
    assert_eq!(slow.done.load(Ordering::SeqCst), 0, "{waits}");
    // What was not looked at is, as soon as there is time.
    client.ok("NOOP").await;
    assert_eq!(slow.done.load(Ordering::SeqCst), 1, "{waits}");
}

#[tokio::test(start_paused = true)]
async fn rfc5267_4_3_the_look_at_kept_searches_ends_with_done() {
    answered_at_once("a IDLE", "DONE", "a OK IDLE completed").await;
}

#[tokio::test(start_paused = true)]
async fn rfc5267_4_3_the_look_at_kept_searches_does_not_hold_up_the_next_command() {
    let notify = "a NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))";
    answered_at_once(notify, "b CHECK", "b OK CHECK completed").await;
}

/// The first search is over at once; the second goes on, without ever giving way, until somebody lets it end.
#[derive(Clone)]
struct EndlessLater {
    begun: Arc<AtomicUsize>,
    end: Arc<Mutex<Receiver<()>>>,
    given_up: Arc<AtomicUsize>,
}

impl Stub for EndlessLater {
    async fn search(mailbox: &mut StubStore<Self>, _: &Query) -> Result<Found, Error> {
        let endless = &mailbox.stub;
        if endless.begun.fetch_add(1, Ordering::SeqCst) == 0 {
            return Ok(Found::default());
        }
        let end = endless.end.lock().map_err(|_| ErrorKind::ServerBug)?;
        match end.recv_timeout(Duration::from_secs(20)) {
            Err(RecvTimeoutError::Timeout) => {
                endless.given_up.fetch_add(1, Ordering::SeqCst);
                Err(ErrorKind::ServerBug.into())
            }
            _ => Ok(Found::default()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn rfc5267_4_3_the_other_clients_of_the_only_thread_are_served_during_the_look_at_kept_searches() {
    let (done, end) = channel();
    let (begun, given_up) = (Arc::new(AtomicUsize::new(0)), Arc::default());
    let endless = EndlessLater {
        begun: Arc::clone(&begun),
        end: Arc::new(Mutex::new(end)),
        given_up: Arc::clone(&given_up),
    };
    let server = Server::builder(StubStore::new(endless, 1..=3)).build();
    let (mut keeping, mut other) = (selected(&server).await, selected(&server).await);
    keep(&mut keeping, "UNSEEN BODY x").await;
    keeping.send("a STORE 1:* +FLAGS.SILENT (\\Seen)\r\n").await;
    while begun.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        other.ok("NOOP").await;
    }
    // Had the search held the thread, nobody else would have been served before it gave up.
    assert_eq!(given_up.load(Ordering::SeqCst), 0);
    assert!(done.send(()).is_ok());
    assert_eq!(keeping.line().await, "a OK STORE completed");
}
