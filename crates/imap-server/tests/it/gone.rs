//! Clients that leave while a command is at work: it stops, and their place is free. Clients that only stop sending get
//! their answer.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use imap_backend::{
    Append, Appended, Backend, Body, Copied, Credentials, Error, ErrorKind, Fetched, FlagChange, Found,
    ListEntry, ListQuery, LoginError, Mailbox, MailboxName, MessageSource, Need, Opened, Peer, Query,
    ReadBody, Record, Select, Session, Status, StatusQuery, Stored,
};
use imap_seq::{Uid, UidSet, UidValidity};
use imap_server::Server;
use imap_updates::{Flags, MailboxHub, Snapshot};
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use crate::common::{Client, selected};

/// How long the store is at work on anything.
const LONG: Duration = Duration::from_secs(20);

/// A store of one message where everything takes long and pauses often.
#[derive(Clone)]
struct Slow {
    hub: MailboxHub<()>,
    at_work: Arc<AtomicUsize>,
}

/// One that is at work, until it is done or dropped.
struct AtWork(Arc<AtomicUsize>);

impl AtWork {
    fn begin(at_work: &Arc<AtomicUsize>) -> Self {
        at_work.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(at_work))
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Slow {
    fn new() -> Self {
        Self {
            hub: MailboxHub::new((), Snapshot::from_iter([Uid::MIN])).unwrap(),
            at_work: Arc::default(),
        }
    }

    /// Is at work for long, however often it is asked how far it is.
    async fn work(at_work: &Arc<AtomicUsize>) {
        let _counted = AtWork::begin(at_work);
        for _ in 0..2000 {
            sleep(LONG / 2000).await;
        }
    }
}

impl Backend for Slow {
    type Session = Self;

    async fn login(&self, _: &Peer, _: Credentials) -> Result<Self, LoginError> {
        Ok(self.clone())
    }
}

impl Session for Slow {
    type Mailbox = Self;

    async fn list(&mut self, _: &ListQuery) -> Result<Vec<ListEntry>, Error> {
        Ok(vec![ListEntry::mailbox(MailboxName::inbox())])
    }

    async fn select(&mut self, name: &MailboxName, how: &Select) -> Result<Opened<Self>, Error> {
        if !name.is_inbox() {
            Self::work(&self.at_work).await;
        }
        let updates = self.hub.subscribe(how.access());
        Ok(Opened::new(self.clone(), updates, UidValidity::MIN))
    }

    async fn status(&mut self, _: &MailboxName, _: StatusQuery) -> Result<Status, Error> {
        Self::work(&self.at_work).await;
        Ok(Status::new(UidValidity::MIN))
    }

    async fn append(
        &mut self,
        _: &MailboxName,
        _: &Append,
        mut message: impl MessageSource,
    ) -> Result<Appended, Error> {
        // One that asks more often than it has to.
        for _ in 0..3 {
            while message.chunk().await?.is_some() {}
        }
        Self::work(&self.at_work).await;
        Err(ErrorKind::TryCreate.into())
    }
}

/// A message without an end, each piece of which takes a while.
struct Endless {
    _counted: AtWork,
}

impl ReadBody for Endless {
    async fn size(&self) -> Result<u64, Error> {
        Ok(1 << 40)
    }

    async fn read_at(&self, _: u64, at_most: usize) -> Result<Bytes, Error> {
        sleep(Duration::from_millis(5)).await;
        Ok(vec![b'x'; at_most].into())
    }
}

impl Mailbox for Slow {
    async fn fetch(&mut self, uids: &[Uid], _: Need) -> Result<Fetched, Error> {
        let body = || {
            let _counted = AtWork::begin(&self.at_work);
            Body::new(Endless { _counted })
        };
        Ok(uids
            .iter()
            .map(|&uid| Some(Record::new(uid, Flags::empty()).with_body(body())))
            .collect())
    }

    async fn store(&mut self, _: &UidSet, _: &FlagChange) -> Result<Stored, Error> {
        Self::work(&self.at_work).await;
        Ok(Stored::default())
    }

    async fn copy(&mut self, _: &UidSet, _: &MailboxName) -> Result<Copied, Error> {
        Self::work(&self.at_work).await;
        Err(ErrorKind::TryCreate.into())
    }

    async fn expunge(&mut self, _: &UidSet) -> Result<(), Error> {
        Self::work(&self.at_work).await;
        Ok(())
    }

    async fn search(&mut self, _: &Query) -> Result<Found, Error> {
        Self::work(&self.at_work).await;
        Ok(Found::default())
    }
}

/// Commands that are at work for long.
const COMMANDS: [&str; 12] = [
    "SEARCH TEXT x",
    "UID SEARCH SEEN",
    "FETCH 1 BODYSTRUCTURE",
    "FETCH 1 (BODY[1.2])",
    "STORE 1 +FLAGS.SILENT (\\Seen)",
    "COPY 1 other",
    "UID EXPUNGE 1",
    "SELECT other",
    "CLOSE",
    "STATUS other (UNSEEN)",
    "APPEND other {4+}\r\nx: y",
    "ESEARCH IN (mailboxes other) ALL",
];

async fn at_work(slow: &Slow, command: &str) -> Client {
    let mut client = selected(&Server::builder(slow.clone()).build()).await;
    client.send(format!("a {command}\r\n")).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(slow.at_work.load(Ordering::SeqCst), 1, "{command}");
    client
}

/// T9, and a scan of a gibibyte that ran to its end (attack report): for each command that can take long.
#[tokio::test(start_paused = true)]
async fn a_command_whose_client_has_gone_stops_within_a_second_and_frees_its_place() {
    for command in COMMANDS {
        let slow = Slow::new();
        let client = at_work(&slow, command).await;
        let gone = client.closed();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(slow.at_work.load(Ordering::SeqCst), 0, "{command}");
        assert!(gone.is_finished(), "{command}");
    }
}

/// Its end cannot be seen behind what it has sent.
#[tokio::test(start_paused = true)]
async fn a_client_that_has_gone_is_missed_also_behind_commands_that_wait() {
    for command in COMMANDS {
        let slow = Slow::new();
        let mut client = at_work(&slow, command).await;
        client.send("b NOOP\r\n".repeat(12_000)).await;
        assert_eq!(slow.at_work.load(Ordering::SeqCst), 1, "{command}");
        let gone = client.closed();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(slow.at_work.load(Ordering::SeqCst), 0, "{command}");
        assert!(gone.is_finished(), "{command}");
    }
}

/// `printf ... | nc -N`: the client's side is closed, and it reads to the end.
#[tokio::test(start_paused = true)]
async fn a_client_that_has_only_stopped_sending_gets_its_answer() {
    let slow = Slow::new();
    let mut client = at_work(&slow, "SEARCH TEXT x").await;
    client.stream.shutdown().await.unwrap();
    let lines = client.rest().await;
    let (words, answer) = lines.split_at(lines.len() - 2);
    assert_eq!(answer, ["* SEARCH", "a OK SEARCH completed"]);
    assert!(
        words
            .iter()
            .all(|line| line == "* OK [INPROGRESS (\"a\" NIL NIL)] still at work"),
        "{lines:#?}"
    );
    assert!((1..12).contains(&words.len()), "{lines:#?}");
}

/// A client that is there and says nothing hears that it goes on, every 15 s, and nothing else.
#[tokio::test(start_paused = true)]
async fn rfc9585_4_a_client_that_waits_for_its_answer_is_told_that_it_goes_on() {
    let slow = Slow::new();
    let mut client = at_work(&slow, "SEARCH TEXT x").await;
    client.send("b NOOP\r\n").await;
    assert_eq!(
        client.line().await,
        "* OK [INPROGRESS (\"a\" NIL NIL)] still at work"
    );
    assert_eq!(client.line().await, "* SEARCH");
    assert_eq!(client.line().await, "a OK SEARCH completed");
    assert_eq!(client.line().await, "b OK NOOP completed");
}

/// The tag where it cannot be taken for the end of the code.
#[tokio::test(start_paused = true)]
async fn rfc9585_4_a_tag_with_a_bracket_is_not_repeated() {
    let slow = Slow::new();
    let mut client = selected(&Server::builder(slow.clone()).build()).await;
    client.send("a]b SEARCH TEXT x\r\n").await;
    assert_eq!(
        client.line().await,
        "* OK [INPROGRESS (NIL NIL NIL)] still at work"
    );
    assert_eq!(client.line().await, "* SEARCH");
    assert_eq!(client.line().await, "a]b OK SEARCH completed");
}

/// What was answered before a long command does not wait for it.
#[tokio::test(start_paused = true)]
async fn earlier_answers_are_sent_while_a_command_is_at_work() {
    let slow = Slow::new();
    let mut client = selected(&Server::builder(slow.clone()).build()).await;
    client.send("a NOOP\r\nb SEARCH TEXT x\r\n").await;
    assert_eq!(client.line().await, "a OK NOOP completed");
    assert_eq!(slow.at_work.load(Ordering::SeqCst), 1, "the search goes on");
}
