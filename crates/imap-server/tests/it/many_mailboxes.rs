//! Commands about very many mailboxes: a search of them (RFC 7377, sections 2.4 and 5) and NOTIFY (RFC 5465). A mailbox at a
//! time, as fast as the client reads, and as long as it is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use imap_backend::{Error, ErrorKind, Found, MailboxName, Query};
use imap_seq::{Uid, UidSet};
use imap_updates::Access;
use tokio::time::sleep;

use crate::common::stub::{Stub, StubStore};

/// How long the store looks for something in one mailbox.
const A_WHILE: Duration = Duration::from_millis(100);

const MAILBOXES: u32 = 1000;

/// A thousand mailboxes with the same messages.
#[derive(Clone)]
struct Many {
    /// What there is to say against opening the n-th.
    fails: fn(u32) -> Option<ErrorKind>,
    open: Arc<AtomicU32>,
    most_open: Arc<AtomicU32>,
    searched: Arc<AtomicU32>,
    /// Of one that is open.
    _place: Option<Arc<Place>>,
}

/// One of those that are open.
struct Place(Arc<AtomicU32>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Many {
    fn store(messages: impl Iterator<Item = u32>, fails: fn(u32) -> Option<ErrorKind>) -> StubStore<Self> {
        let many = Self {
            fails,
            open: Arc::default(),
            most_open: Arc::default(),
            searched: Arc::default(),
            _place: None,
        };
        StubStore::new(many, messages)
    }

    fn searched(&self) -> u32 {
        self.searched.load(Ordering::SeqCst)
    }
}

impl Stub for Many {
    fn names(&self) -> Vec<MailboxName> {
        let names = (0..MAILBOXES).filter_map(|number| MailboxName::new(&format!("m{number:03}")));
        names.collect()
    }

    fn open(&self, name: &MailboxName, access: Access) -> Result<Self, Error> {
        let number = name.as_str().trim_start_matches('m').parse();
        if let Some(kind) = (self.fails)(number.unwrap_or_default()) {
            return Err(kind.into());
        }
        assert_eq!(access, Access::ReadOnly);
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_open.fetch_max(open, Ordering::SeqCst);
        let place = Arc::new(Place(Arc::clone(&self.open)));
        Ok(Self {
            _place: Some(place),
            ..self.clone()
        })
    }

    async fn search(mailbox: &mut StubStore<Self>, query: &Query) -> Result<Found, Error> {
        sleep(A_WHILE).await;
        mailbox.stub.searched.fetch_add(1, Ordering::SeqCst);
        Ok(Found::new(query.view().uids().collect()))
    }
}

fn all_fine(_: u32) -> Option<ErrorKind> {
    None
}

#[tokio::test(start_paused = true)]
async fn a_thousand_mailboxes_are_searched_one_at_a_time_and_each_is_told() {
    let many = Many::store(1..=3, all_fine);
    let mut client = many.client().await;
    let lines = client.ok("ESEARCH IN (personal) TEXT x").await;
    let told = lines
        .iter()
        .filter(|line| line.starts_with("* ESEARCH (TAG "))
        .count();
    assert_eq!(told, 1000);
    assert_eq!(
        many.stub.most_open.load(Ordering::SeqCst),
        1,
        "open at the same time"
    );
    assert_eq!(many.stub.open.load(Ordering::SeqCst), 0, "left open");
}

/// Each search is over before its client would be looked after; all of them are not.
#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_a_search_of_many_mailboxes_is_missed_within_a_second() {
    let many = Many::store(std::iter::empty(), all_fine);
    let mut client = many.client().await;
    client.send("a ESEARCH IN (personal) ALL\r\n").await;
    sleep(Duration::from_secs(5)).await;
    let gone = client.closed();
    sleep(Duration::from_secs(1)).await;
    assert!(
        gone.is_finished() && many.stub.searched() < 100,
        "{}",
        many.stub.searched()
    );
    assert_eq!(many.stub.open.load(Ordering::SeqCst), 0, "left open");
}

/// RFC 9585, section 4. The whole search takes 100 s.
#[tokio::test(start_paused = true)]
async fn a_client_that_waits_for_a_search_of_many_mailboxes_hears_that_it_goes_on() {
    let many = Many::store(std::iter::empty(), all_fine);
    let mut client = many.client().await;
    let lines = client.ok("ESEARCH IN (personal) ALL").await;
    let (last, words) = lines
        .split_last()
        .unwrap_or_else(|| unreachable!("a tagged line"));
    assert_eq!(last, "OK ESEARCH completed");
    let searched: Vec<u32> = words.iter().filter_map(|line| mailboxes_searched(line)).collect();
    assert_eq!(searched.len(), words.len(), "{words:#?}");
    assert!(searched.is_sorted(), "{words:#?}");
    // Ten mailboxes a second, four times a minute.
    let each = [152, 302, 452, 602, 752, 902];
    let near = |(is, should): (&u32, &u32)| is.abs_diff(*should) < 5;
    assert!(
        searched.len() == 6 && searched.iter().zip(&each).all(near),
        "{words:#?}"
    );
}

/// How many of the thousand mailboxes have been searched, as the client is told.
fn mailboxes_searched(line: &str) -> Option<u32> {
    let state = line
        .strip_prefix("* OK [INPROGRESS (\"t")?
        .strip_suffix(" 1000)] still at work")?;
    state.split_once("\" ")?.1.parse().ok()
}

/// What was found is not heaped up for a client that does not read it.
#[tokio::test(start_paused = true)]
async fn a_search_goes_no_faster_than_its_client_reads() {
    let scattered = (1..20_000).step_by(2);
    let many = Many::store(scattered, all_fine);
    let mut client = many.client().await;
    client.send("a ESEARCH IN (personal) ALL\r\n").await;
    sleep(Duration::from_secs(30)).await;
    let before = many.stub.searched();
    assert!((1..10).contains(&before), "{before}");
    sleep(Duration::from_secs(20)).await;
    assert_eq!(many.stub.searched(), before);
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_that_cannot_be_searched_does_not_spoil_the_others() {
    let many = Many::store(1..=1, |number| match number {
        1 => Some(ErrorKind::NonExistent),
        3 => Some(ErrorKind::NoPermission),
        5 => Some(ErrorKind::Corruption),
        _ => None,
    });
    let mut client = many.client().await;
    let lines = client.ok("ESEARCH IN (personal) RETURN (COUNT) ALL").await;
    let others: Vec<_> = lines
        .iter()
        .filter(|line| !line.starts_with("* ESEARCH (TAG "))
        .collect();
    let (words, others): (Vec<&String>, Vec<&String>) = others
        .into_iter()
        .partition(|line| mailboxes_searched(line).is_some());
    assert_eq!(words.len(), 6);
    assert_eq!(
        others,
        [
            "* NO [CORRUPTION] m005 was not searched: the stored mail is damaged",
            "OK ESEARCH completed"
        ]
    );
    assert_eq!(lines.len() - words.len() - others.len(), 997);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_is_not_asked_a_thousand_times() {
    let many = Many::store(1..=1, |_| Some(ErrorKind::Unavailable));
    let mut client = many.client().await;
    let lines = client.command("ESEARCH IN (personal) ALL").await;
    assert_eq!(lines.len(), 16, "{lines:#?}");
    assert_eq!(
        lines.last().map(String::as_str),
        Some("NO [UNAVAILABLE] a part of the mail store is unavailable")
    );
}

/// RFC 5465, section 3.1: with STATUS the figures of each are told at once. Nothing is queued later.
#[tokio::test(start_paused = true)]
async fn a_notify_on_a_thousand_mailboxes_tells_each_and_holds_one_open() {
    let many = Many::store(1..=3, all_fine);
    let mut client = many.client().await;
    let lines = client
        .ok("NOTIFY SET STATUS (personal (MessageNew MessageExpunge FlagChange MailboxName))")
        .await;
    assert_eq!(lines.len(), 1001);
    assert_eq!(
        lines[7],
        "* STATUS m007 (MESSAGES 3 UIDNEXT 4294967295 UIDVALIDITY 1)"
    );
    assert_eq!(
        many.stub.most_open.load(Ordering::SeqCst),
        1,
        "open at the same time"
    );
    let changed: UidSet = [Uid::MIN].into_iter().collect();
    many.hub.lock().expunge(&changed);
    let lines = client.ok("NOOP").await;
    assert_eq!(lines.len(), 1001);
    assert_eq!(lines[7], "* STATUS m007 (MESSAGES 2 UIDNEXT 4294967295)");
    assert_eq!(client.ok("NOOP").await.len(), 1, "nothing twice");
}
