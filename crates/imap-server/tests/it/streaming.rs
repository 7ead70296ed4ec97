//! Messages are written while they are read: what is held of them, what is read of them, and what becomes of a message
//! that is not what it said.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "in tests a panic is the answer, and the sizes are small"
)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use imap_backend::{Body, Error, ErrorKind, Fetched, ReadBody, Record};
use imap_message::Summary;
use imap_seq::{Uid, UidSet};
use imap_updates::Flags;
use tokio::io::AsyncReadExt;

use crate::common::Client;
use crate::common::stub::{Stub, StubStore};

/// Messages that are these bodies.
#[derive(Clone)]
struct Bodies {
    bodies: Arc<Vec<Body>>,
    stored: Arc<Mutex<UidSet>>,
    /// What the store has kept of its messages, right or wrong.
    summary: Option<Arc<Summary>>,
}

impl Bodies {
    fn new(bodies: Vec<Body>) -> Self {
        Self {
            bodies: Arc::new(bodies),
            stored: Arc::default(),
            summary: None,
        }
    }
}

impl Stub for Bodies {
    fn fetch(&self, uids: &[Uid]) -> Result<Fetched, Error> {
        let record = |uid: &Uid| {
            let body = self.bodies.get(uid.get() as usize - 1)?;
            let record = Record::new(*uid, Flags::empty()).with_body(body.clone());
            Some(match &self.summary {
                Some(summary) => record.with_summary(Arc::clone(summary)),
                None => record,
            })
        };
        Ok(uids.iter().map(record).collect())
    }

    fn store(&self, uids: &UidSet) {
        let mut stored = self.stored.lock().unwrap();
        *stored = stored.union(uids);
    }
}

/// What a body was asked for, and how far.
#[derive(Default)]
struct Log {
    reads: Mutex<Vec<(u64, usize)>>,
    furthest: AtomicU64,
}

/// A message of `x` behind a header, as long as is wanted, that never exists as a whole.
struct Endless {
    size: u64,
    log: Arc<Log>,
}

const HEADER: &[u8] = b"Subject: endless\r\n\r\n";

impl ReadBody for Endless {
    async fn size(&self) -> Result<u64, Error> {
        Ok(self.size)
    }

    async fn read_at(&self, offset: u64, at_most: usize) -> Result<Bytes, Error> {
        self.log.reads.lock().unwrap().push((offset, at_most));
        let end = self.size.min(offset + at_most as u64);
        self.log.furthest.fetch_max(end, Ordering::Relaxed);
        let octet = |at: u64| HEADER.get(at as usize).copied().unwrap_or(b'a' + (at % 26) as u8);
        Ok((offset..end).map(octet).collect())
    }
}

fn endless(size: u64) -> (Body, Arc<Log>) {
    let log = Arc::new(Log::default());
    let body = Body::new(Endless {
        size,
        log: Arc::clone(&log),
    });
    (body, log)
}

async fn selected(bodies: Vec<Body>) -> Client {
    selected_in(Bodies::new(bodies)).await
}

async fn selected_in(mailbox: Bodies) -> Client {
    let uids = (1..).take(mailbox.bodies.len());
    StubStore::new(mailbox, uids).selected().await
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_holds_back_the_reading_of_a_message_of_a_gibibyte() {
    const SIZE: u64 = 1 << 30;
    let (body, log) = endless(SIZE);
    let mut client = selected(vec![body]).await;
    client.send("a FETCH 1 BODY.PEEK[]\r\n").await;
    assert_eq!(client.line().await, format!("* 1 FETCH (BODY[] {{{SIZE}}}"));
    let mut taken = 0;
    let mut piece = vec![0; 16 << 10];
    while taken < 32 << 20 {
        taken += client.stream.read(&mut piece).await.unwrap() as u64;
        let ahead = log.furthest.load(Ordering::Relaxed).saturating_sub(taken);
        assert!(ahead < 512 << 10, "{ahead} octets were read ahead of the client");
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_message_arrives_octet_for_octet() {
    const SIZE: u64 = 3 << 20;
    let (body, _) = endless(SIZE);
    let expected = body.read_at(0, SIZE as usize).await.unwrap();
    let mut client = selected(vec![body]).await;
    client.send("a FETCH 1 (BODY.PEEK[TEXT] BODY.PEEK[])\r\n").await;
    let text = SIZE - HEADER.len() as u64;
    assert_eq!(client.line().await, format!("* 1 FETCH (BODY[TEXT] {{{text}}}"));
    assert_eq!(client.octets(text as usize).await, expected[HEADER.len()..]);
    assert_eq!(client.line().await, format!(" BODY[] {{{SIZE}}}"));
    assert_eq!(client.octets(SIZE as usize).await, expected);
    assert_eq!(client.line().await, ")");
}

#[tokio::test(start_paused = true)]
async fn a_piece_is_read_without_what_lies_before_it() {
    let (body, log) = endless(1 << 30);
    let mut client = selected(vec![body]).await;
    for (piece, reads) in [
        ("BODY.PEEK[]<700000000.1000>", vec![(700_000_000, 1000)]),
        ("BODY.PEEK[]<0.10>", vec![(0, 10)]),
        ("BODY.PEEK[]<2000000000.10>", vec![(2_000_000_000, 10)]),
        ("BODY.PEEK[]<1000.100000>", vec![(1000, 65_536), (66_536, 34_464)]),
    ] {
        log.reads.lock().unwrap().clear();
        client.send(format!("a FETCH 1 {piece}\r\n")).await;
        let row = client.line().await;
        let octets = row.trim_end_matches('}').rsplit('{').next().unwrap();
        client.octets(octets.parse().unwrap()).await;
        assert_eq!(client.line().await, ")");
        assert_eq!(client.line().await, "a OK FETCH completed");
        assert_eq!(*log.reads.lock().unwrap(), reads, "{piece}");
    }
}

/// A body that is not what it says.
#[derive(Clone, Copy)]
enum Lie {
    /// `size` is larger than the message.
    Shorter,
    /// It cannot be read at all.
    Unreadable,
    /// It may not be read.
    Forbidden,
    /// It cannot be read from its middle on.
    TornInTheMiddle,
    /// The message is gone.
    Gone,
}

const CLAIMED: u64 = 300_000;

impl ReadBody for Lie {
    async fn size(&self) -> Result<u64, Error> {
        match self {
            Self::Gone => Err(ErrorKind::ExpungeIssued.into()),
            Self::Unreadable => Err(ErrorKind::Corruption.into()),
            Self::Forbidden => Err(ErrorKind::NoPermission.into()),
            _ => Ok(CLAIMED),
        }
    }

    async fn read_at(&self, offset: u64, at_most: usize) -> Result<Bytes, Error> {
        let (size, error) = match self {
            Self::Shorter => (200_000, None),
            Self::Unreadable => (0, Some(ErrorKind::Corruption)),
            Self::Forbidden => (0, Some(ErrorKind::NoPermission)),
            Self::TornInTheMiddle => (CLAIMED, (offset > 100_000).then_some(ErrorKind::Corruption)),
            Self::Gone => (0, Some(ErrorKind::ExpungeIssued)),
        };
        if let Some(kind) = error {
            return Err(kind.into());
        }
        let end = offset.saturating_add(at_most as u64).min(size);
        Ok(vec![b'x'; end.saturating_sub(offset) as usize].into())
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_follows_a_literal_that_cannot_be_completed() {
    for lie in [Lie::Shorter, Lie::TornInTheMiddle] {
        let mut client = selected(vec![Body::new(lie)]).await;
        client.send("a FETCH 1 BODY.PEEK[]\r\n").await;
        assert_eq!(client.line().await, format!("* 1 FETCH (BODY[] {{{CLAIMED}}}"));
        let mut rest = client.unread();
        client.stream.read_to_end(&mut rest).await.unwrap();
        assert!((rest.len() as u64) < CLAIMED);
        assert!(
            rest.iter().all(|&octet| octet == b'x'),
            "octets of the message and no others"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_read_has_no_row_and_hides_no_other() {
    let bodies = vec![
        Body::from("one\r\n"),
        Body::new(Lie::Unreadable),
        Body::from("three\r\n"),
    ];
    let mut client = selected(bodies).await;
    let lines = client.command("UID FETCH 1:3 BODY.PEEK[]<0.3>").await;
    assert_eq!(
        lines,
        [
            "* 1 FETCH (UID 1 BODY[]<0> {3}",
            "one)",
            "* 3 FETCH (UID 3 BODY[]<0> {3}",
            "thr)",
            "NO [CORRUPTION] some of the messages cannot be read"
        ]
    );
    let lines = client.command("FETCH 2 (UID ENVELOPE)").await;
    assert_eq!(lines, ["NO [CORRUPTION] some of the messages cannot be read"]);
}

#[tokio::test(start_paused = true)]
async fn rfc5530_3_a_message_that_may_not_be_read_is_noperm_and_hides_no_other() {
    let bodies = vec![
        Body::from("one\r\n"),
        Body::new(Lie::Forbidden),
        Body::from("three\r\n"),
        Body::new(Lie::Unreadable),
        Body::new(Lie::Forbidden),
    ];
    let mut client = selected(bodies).await;
    let refused = "NO [NOPERM] some of the messages may not be read";
    let lines = client.command("UID FETCH 1:3 BODY.PEEK[]<0.3>").await;
    assert_eq!(
        lines,
        [
            "* 1 FETCH (UID 1 BODY[]<0> {3}",
            "one)",
            "* 3 FETCH (UID 3 BODY[]<0> {3}",
            "thr)",
            refused
        ]
    );
    for items in [
        "ENVELOPE",
        "BODYSTRUCTURE",
        "(UID RFC822.SIZE)",
        "BODY.PEEK[HEADER.FIELDS (SUBJECT)]",
        "BODY[TEXT]",
        "INTERNALDATE",
    ] {
        assert_eq!(
            client.command(&format!("FETCH 2 {items}")).await,
            [refused],
            "{items}"
        );
    }
    // Damage matters more, whichever comes first.
    let lines = client.command("FETCH 2,4,5 BODY.PEEK[]").await;
    assert_eq!(lines, ["NO [CORRUPTION] some of the messages cannot be read"]);
    client.ok("NOOP").await;
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_size_or_date_cannot_be_had_has_no_row() {
    // The store has answered neither: the size is asked of the body, and no body tells a date.
    let bodies = vec![
        Body::from("one\r\n"),
        Body::new(Lie::Unreadable),
        Body::from("three\r\n"),
    ];
    let mut client = selected(bodies).await;
    let lines = client.command("UID FETCH 1:3 (UID RFC822.SIZE)").await;
    assert_eq!(
        lines,
        [
            "* 1 FETCH (UID 1 RFC822.SIZE 5)",
            "* 3 FETCH (UID 3 RFC822.SIZE 7)",
            "NO [CORRUPTION] some of the messages cannot be read"
        ]
    );
    for command in ["FETCH 2 INTERNALDATE", "FETCH 2 FAST", "FETCH 1:3 (INTERNALDATE)"] {
        let lines = client.command(command).await;
        assert_eq!(
            lines,
            ["NO [CORRUPTION] some of the messages cannot be read"],
            "{command}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_summary_of_another_message_never_makes_a_literal_that_cannot_be_completed() {
    let parts =
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n";
    for body in [Body::from("short\r\n"), endless(60).0] {
        let mut store = Bodies::new(vec![body]);
        store.summary = Some(Arc::new(Summary::of(parts.as_bytes())));
        let mut client = selected_in(store).await;
        let lines = client.command("FETCH 1 (BODY.PEEK[2])").await;
        assert_eq!(lines, ["NO [CORRUPTION] some of the messages cannot be read"]);
        client.ok("NOOP").await;
    }
}

#[tokio::test(start_paused = true)]
async fn many_selections_from_a_long_header_are_refused_and_some_are_served() {
    let header = format!("A: {}\r\n", "x".repeat(1000)).repeat(500);
    let mut client = selected(vec![Body::from(format!("{header}B: b\r\n\r\n"))]).await;
    let items = |count: usize| {
        let items = (1..=count).map(|at| format!("BODY.PEEK[HEADER.FIELDS (B C{at})]<0.1>"));
        items.collect::<Vec<_>>().join(" ")
    };
    let lines = client.command(&format!("FETCH 1 ({})", items(8))).await;
    assert_eq!(lines.last().unwrap(), "OK FETCH completed");
    assert_eq!(
        lines.iter().filter(|line| line.contains("HEADER.FIELDS")).count(),
        8
    );
    let lines = client.command(&format!("FETCH 1 ({})", items(100))).await;
    assert_eq!(lines, ["NO [LIMIT] the header of a message is too long"]);
}

#[tokio::test(start_paused = true)]
async fn only_a_message_that_can_be_read_is_marked_as_seen() {
    let bodies = vec![
        Body::from("one\r\n"),
        Body::new(Lie::Unreadable),
        endless(100_000).0,
    ];
    let store = Bodies::new(bodies);
    let stored = Arc::clone(&store.stored);
    let mut client = selected_in(store).await;
    let lines = client.command("FETCH 1:3 BODY[]<0.3>").await;
    assert_eq!(
        lines,
        [
            "* 1 FETCH (BODY[]<0> {3}",
            "one FLAGS (\\Seen))",
            "* 3 FETCH (BODY[]<0> {3}",
            "Sub FLAGS (\\Seen))",
            "NO [CORRUPTION] some of the messages cannot be read"
        ]
    );
    assert_eq!(stored.lock().unwrap().to_string(), "1,3");
}

#[tokio::test(start_paused = true)]
async fn rfc2180_4_1_2_a_body_that_is_gone_is_an_expunged_message() {
    let bodies = vec![Body::new(Lie::Gone), Body::from("two\r\n")];
    let mut client = selected(bodies).await;
    let lines = client.command("FETCH 1:2 BODY.PEEK[]").await;
    assert_eq!(
        lines,
        [
            "* 2 FETCH (BODY[] {5}",
            "two",
            ")",
            "NO [EXPUNGEISSUED] some of the messages no longer exist"
        ]
    );
    let lines = client.command("UID FETCH 1 BODY.PEEK[]").await;
    assert_eq!(lines, ["OK FETCH completed"]);
}

#[tokio::test(start_paused = true)]
async fn the_size_beside_a_literal_is_the_literals() {
    // The store claims no size of its own here: what was read decides.
    let mut client = selected(vec![Body::from("a\r\nbody\r\n")]).await;
    let lines = client.command("FETCH 1 (BODY.PEEK[] RFC822.SIZE)").await;
    assert_eq!(lines[0], "* 1 FETCH (BODY[] {9}");
    assert_eq!(lines[3], " RFC822.SIZE 9)");
}

/// T1: what a stranger's mail makes long is written piece by piece, and is the same as written at once.
#[tokio::test(start_paused = true)]
async fn a_long_envelope_is_written_in_pieces_and_is_whole() {
    let header = format!("From: {}a\r\nSubject: x\r\n\r\n", "a,".repeat(9_999));
    let mut client = selected(vec![Body::from(header)]).await;
    let from = format!("({})", "(NIL NIL \"a\" \"\")".repeat(10_000));
    for (item, others) in [("ENVELOPE", ""), ("(ENVELOPE BODY)", " BODY (\"text\" ")] {
        let lines = client.ok(&format!("FETCH 1 {item}")).await;
        let row = format!("* 1 FETCH (ENVELOPE (NIL \"x\" {from} {from} {from} NIL NIL NIL NIL NIL){others}");
        assert!(row.len() > 256 << 10, "it takes several pieces");
        assert!(lines[0].starts_with(&row), "{item}");
    }
}
