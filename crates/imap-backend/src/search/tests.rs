//! What a search reads, and that it gives way while it does.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use imap_message::{Needle, Summary};
use imap_seq::{Uid, UidSet, View};
use imap_updates::{Access, Flag, Flags, MailboxHub, Snapshot};

use super::*;
use crate::{
    Body, Copied, Error, ErrorKind, Fetched, FlagChange, Mailbox, MailboxName, Need, ReadBody, Record, Stored,
};

/// What a store gives besides attributes.
#[derive(Clone, Copy, PartialEq)]
enum Gives {
    /// The octets, in memory.
    Octets,
    /// A body to read.
    Body,
    /// A body to read, and a summary that it keeps.
    Summary,
    /// A body that cannot be read.
    Nothing,
}

/// A store that writes down what is read from it: message, offset, octets asked for.
#[derive(Clone)]
struct Store {
    gives: Gives,
    messages: Arc<Vec<Bytes>>,
    reads: Arc<Mutex<Vec<(Uid, u64, usize)>>>,
}

struct Logged {
    store: Store,
    uid: Uid,
}

impl ReadBody for Logged {
    async fn size(&self) -> Result<u64, Error> {
        Ok(self.store.octets(self.uid).len() as u64)
    }

    async fn read_at(&self, offset: u64, at_most: usize) -> Result<Bytes, Error> {
        self.store.reads.lock().unwrap().push((self.uid, offset, at_most));
        match self.store.gives {
            Gives::Nothing => Err(ErrorKind::Corruption.into()),
            _ => {
                Body::from(self.store.octets(self.uid))
                    .read_at(offset, at_most)
                    .await
            }
        }
    }
}

impl Store {
    fn of(gives: Gives, messages: impl IntoIterator<Item = String>) -> Self {
        Self {
            gives,
            messages: Arc::new(messages.into_iter().map(Bytes::from).collect()),
            reads: Arc::default(),
        }
    }

    fn octets(&self, uid: Uid) -> Bytes {
        self.messages[uid.get() as usize - 1].clone()
    }

    fn record(&self, uid: Uid, need: Need) -> Record {
        let octets = self.octets(uid);
        let record = Record::new(uid, Flags::empty()).with_size(octets.len() as u64);
        let record = match self.gives {
            Gives::Summary if need.includes(Need::HEADER_SUMMARY) => {
                record.with_summary(Arc::new(Summary::of(&octets)))
            }
            _ => record,
        };
        match self.gives {
            Gives::Octets => record.with_body(octets),
            _ => record.with_body(Body::new(Logged {
                store: self.clone(),
                uid,
            })),
        }
    }

    fn query(&self, key: SearchKey) -> Query {
        let uids = (1..).map(|uid| Uid::new(uid).unwrap()).take(self.messages.len());
        let hub = MailboxHub::new((), Snapshot::new(uids.collect())).unwrap();
        let view: View = hub.subscribe(Access::ReadOnly).view().clone();
        Query::new(key, view)
    }

    fn find(&self, key: SearchKey) -> Vec<u32> {
        let (found, _) = run(evaluate(&mut self.clone(), &self.query(key)));
        found.unwrap().uids().iter().map(Uid::get).collect()
    }

    fn reads(&self) -> Vec<(Uid, u64, usize)> {
        std::mem::take(&mut *self.reads.lock().unwrap())
    }
}

impl Mailbox for Store {
    async fn fetch(&mut self, uids: &[Uid], need: Need) -> Result<Fetched, Error> {
        Ok(uids.iter().map(|uid| Some(self.record(*uid, need))).collect())
    }

    async fn store(&mut self, _: &UidSet, _: &FlagChange) -> Result<Stored, Error> {
        Err(ErrorKind::Unsupported.into())
    }

    async fn copy(&mut self, _: &UidSet, _: &MailboxName) -> Result<Copied, Error> {
        Err(ErrorKind::Unsupported.into())
    }

    async fn expunge(&mut self, _: &UidSet) -> Result<(), Error> {
        Err(ErrorKind::Unsupported.into())
    }
}

/// Counts how often it was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs a future whose store never waits. Returns how often it gave way.
fn run<F: Future>(future: F) -> (F::Output, usize) {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut future = pin!(future);
    for pauses in 0.. {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return (output, pauses),
            Poll::Pending => assert_eq!(
                woken.0.load(Ordering::Relaxed),
                pauses + 1,
                "nobody would poll again"
            ),
        }
    }
    unreachable!("it is ready at last")
}

const ALL: [Gives; 3] = [Gives::Octets, Gives::Body, Gives::Summary];

/// A multipart of text, an attachment of a mebibyte, and text.
fn with_attachment(text: &str) -> String {
    let attachment = "QUFB\r\n".repeat(1 << 18);
    format!(
        "Subject: outer\r\nX-Other: y\r\nDate: Mon, 4 Nov 2024 23:30:00 -0800\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n{text}\r\n\
         --b\r\nContent-Type: image/png; name=p.png\r\nContent-Transfer-Encoding: base64\r\n\r\n{attachment}\r\n\
         --b\r\n\r\nlast\r\n--b--\r\n"
    )
}

fn body(text: &str) -> SearchKey {
    SearchKey::Body(Needle::new(text))
}

fn text(text: &str) -> SearchKey {
    SearchKey::Text(Needle::new(text))
}

fn header(name: &str, text: &str) -> SearchKey {
    SearchKey::Header(name.to_owned(), Needle::new(text))
}

fn not(key: SearchKey) -> SearchKey {
    SearchKey::Not(Box::new(key))
}

#[test]
fn every_store_is_searched_alike() {
    let messages = [
        with_attachment("first"),
        "Subject: small\r\n\r\nfirst".into(),
        "Subject: outer\r\n\r\n".into(),
    ];
    let day = "2024-11-04".parse().unwrap();
    for gives in ALL {
        let store = Store::of(gives, messages.clone());
        for (key, found) in [
            (body("FIRST"), &[1, 2][..]),
            (body("outer"), &[]),
            (text("outer"), &[1, 3]),
            (text("p.png"), &[1]),
            (not(body("last")), &[2, 3]),
            (header("subject", "outer"), &[1, 3]),
            (header("x-other", ""), &[1]),
            (SearchKey::SentOn(day), &[1]),
            (SearchKey::And(vec![header("x-other", "y"), body("last")]), &[1]),
            (
                SearchKey::Or(vec![header("subject", "small"), body("last"), text("nowhere")]),
                &[1, 2],
            ),
            (
                SearchKey::And(vec![SearchKey::SentOn(day), not(text("nowhere"))]),
                &[1],
            ),
            (
                SearchKey::And(vec![SearchKey::Flag(Flag::Seen), body("first")]),
                &[],
            ),
            (SearchKey::All, &[1, 2, 3]),
        ] {
            let what = format!("{key:?}");
            assert_eq!(store.find(key), found, "{what}");
        }
    }
}

#[test]
fn what_lies_behind_64_mib_is_found_too() {
    let store = Store::of(
        Gives::Summary,
        [format!("\r\n{}needle", "line\r\n".repeat((64 << 20) / 6 + 1))],
    );
    assert_eq!(store.find(body("needle")), [1]);
    assert!(store.reads().iter().all(|&(_, _, asked)| asked <= 64 << 10));
}

#[test]
fn a_search_in_text_reads_no_attachments_and_no_more_than_64_kib_at_once() {
    let text_len = 200_000;
    let store = Store::of(Gives::Summary, [with_attachment(&"x".repeat(text_len))]);
    assert_eq!(store.find(text("nowhere")), []);
    let reads = store.reads();
    assert!(reads.iter().all(|&(_, _, asked)| asked <= 64 << 10));
    let asked: usize = reads.iter().map(|read| read.2).sum();
    assert!((text_len..text_len + 2_000).contains(&asked), "{asked}");
    // What the header decides is read no further, and what the summary decides not at all.
    assert_eq!(
        store.find(SearchKey::Or(vec![header("x-other", "y"), body("nowhere")])),
        [1]
    );
    assert!(store.reads().iter().all(|&(_, at, _)| at == 0));
    assert_eq!(
        store.find(SearchKey::And(vec![header("subject", "nowhere"), body("x")])),
        []
    );
    assert_eq!(store.reads(), []);
    assert_eq!(store.find(header("x-other", "nowhere")), []);
    let header_only = store.reads();
    assert!(header_only.iter().all(|&(_, _, asked)| asked <= 16 << 10) && header_only.len() == 1);
}

#[test]
fn without_a_summary_a_message_is_read_once_more_and_a_small_one_once() {
    let large = with_attachment("x");
    let store = Store::of(Gives::Body, [large.clone(), "Subject: s\r\n\r\nsmall".into()]);
    assert_eq!(store.find(body("last")), [1]);
    let reads = store.reads();
    assert!(reads.iter().all(|&(_, _, asked)| asked <= 64 << 10));
    let of = |uid| reads.iter().filter(move |read| read.0.get() == uid);
    // The end of a message shows only when nothing more comes.
    assert!(of(1).count() <= large.len() / (64 << 10) + 4, "{reads:?}");
    assert_eq!(of(2).filter(|read| read.1 == 0).count(), 1);
    assert_eq!(store.find(header("x-other", "y")), [1]);
    assert!(
        store
            .reads()
            .iter()
            .all(|&(_, at, asked)| at + asked as u64 <= 32 << 10)
    );
}

#[test]
fn a_search_gives_way_for_every_64_kib_and_for_every_batch_of_records() {
    let large = format!("Subject: s\r\n\r\n{}", "line\r\n".repeat(500_000));
    for gives in ALL {
        let store = Store::of(gives, [large.clone()]);
        let (found, pauses) = run(evaluate(&mut store.clone(), &store.query(body("nowhere"))));
        assert!(
            found.unwrap().uids().is_empty() && pauses >= large.len() / (64 << 10),
            "{pauses}"
        );
    }
    let store = Store::of(Gives::Octets, (0..2_000).map(|_| "Subject: s\r\n\r\n".to_owned()));
    let keys = || (0..100).map(|_| SearchKey::Flag(Flag::Seen)).collect();
    for (key, least) in [
        (SearchKey::Flag(Flag::Seen), 2_000 / 256),
        (SearchKey::Or(keys()), 2_000 * 100 / 4_096),
        (header("subject", "nowhere"), 2_000 / 256),
        (SearchKey::All, 0),
    ] {
        let what = format!("{key:?}");
        let (found, pauses) = run(evaluate(&mut store.clone(), &store.query(key)));
        assert!(found.is_ok() && pauses >= least, "{pauses} {what}");
    }
}

#[test]
fn a_search_that_is_dropped_reads_no_further() {
    let large = format!("Subject: s\r\n\r\n{}", "line\r\n".repeat(500_000));
    for gives in [Gives::Body, Gives::Summary] {
        let store = Store::of(gives, [large.clone(), large.clone()]);
        let (mut mailbox, query) = (store.clone(), store.query(body("nowhere")));
        {
            let mut search = Box::pin(evaluate(&mut mailbox, &query));
            for _ in 0..3 {
                assert!(
                    search
                        .as_mut()
                        .poll(&mut Context::from_waker(Waker::noop()))
                        .is_pending()
                );
            }
        }
        let reads = store.reads();
        assert!((1..=4).contains(&reads.len()), "{reads:?}");
    }
}

#[test]
fn a_message_that_cannot_be_read_does_not_match_and_hides_no_other() {
    let store = Store::of(
        Gives::Nothing,
        ["Subject: s\r\n\r\nhello".to_owned(), String::new()],
    );
    for key in [body("hello"), not(body("hello")), header("x", "y"), text("")] {
        let what = format!("{key:?}");
        assert_eq!(store.find(key), [], "{what}");
    }
}
