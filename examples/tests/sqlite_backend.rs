//! The smallest backend on an SQL database behaves as a server relies on, and follows what others write into the database.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the answer")]

mod common;
#[path = "../sqlite_backend/main.rs"]
#[allow(dead_code, reason = "its `main` is for the example")]
mod sqlite_backend;

use imap_backend::*;
use imap_backend_test::{Outside, OutsideMessage, RandomRuns, Subject, run_all};
use imap_seq::{Uid, UidSet};
use imap_updates::{Access, Closed, Flag, Flags, UpdateBuffer};
use rusqlite::Connection;
use sqlite_backend::mailbox::Selected;
use sqlite_backend::node::Node;
use std::rc::Rc;

/// With another program that writes SQL, a second server on the same file, and a restart.
fn subject() -> Subject<Node> {
    let file = Rc::new(File::new());
    let reopened = Rc::clone(&file);
    Subject::new(file.node(), "demo", "demo")
        .with_second(file.node())
        .with_reopen(async move || reopened.node())
        .with_outside(Administrator(file))
}

#[tokio::test]
async fn the_smallest_backend_on_a_database_passes_the_kit() {
    let report = run_all(async || subject()).await;
    common::passed(&report, &[("outside", 8), ("second_process", 3), ("restart", 3)]);
}

#[tokio::test]
async fn sessions_servers_and_an_administrator_agree_at_random() {
    let report = RandomRuns::new(1).runs(10).run(async || subject()).await;
    report.assert_passed();
    assert_eq!(report.missing().count(), 0, "{report}");
}

/// Somebody with the `sqlite3` program.
struct Administrator(Rc<File>);

impl Administrator {
    fn run(&self, sql: &str) -> Result<(), Error> {
        let done = self.0.connection().execute_batch(sql);
        done.map_err(|error| Error::new(ErrorKind::ServerBug).with_source(error))
    }
}

fn insert(mailbox: &MailboxName, octets: &[u8]) -> String {
    let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    format!(
        "INSERT INTO messages (mailbox, octets) SELECT id, x'{hex}' FROM mailboxes WHERE name = '{mailbox}';"
    )
}

fn row(mailbox: &MailboxName, message: &OutsideMessage) -> String {
    let uid = message.uid;
    format!("uid = {uid} AND mailbox = (SELECT id FROM mailboxes WHERE name = '{mailbox}')")
}

impl Outside for Administrator {
    async fn deliver(&self, mailbox: &MailboxName, octets: &[u8]) -> Result<(), Error> {
        self.run(&insert(mailbox, octets))
    }

    async fn remove(&self, mailbox: &MailboxName, message: &OutsideMessage) -> Result<(), Error> {
        self.run(&format!("DELETE FROM messages WHERE {}", row(mailbox, message)))
    }

    async fn set_flags(
        &self,
        mailbox: &MailboxName,
        message: &OutsideMessage,
        flags: &Flags,
    ) -> Result<(), Error> {
        let words: Vec<_> = flags.iter().map(|flag| flag.to_string()).collect();
        self.run(&format!(
            "UPDATE messages SET flags = '{}' WHERE {}",
            words.join(" "),
            row(mailbox, message)
        ))
    }

    async fn roll_back(&self, mailbox: &MailboxName, octets: &[u8]) -> Result<(), Error> {
        self.run(&format!("BEGIN; DELETE FROM messages; {} ROLLBACK;", insert(mailbox, octets)))
    }
}

/// A database in a file, where every connection is another program's.
struct File(tempfile::TempDir);

impl File {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    fn connection(&self) -> Connection {
        Connection::open(self.0.path().join("mail.db")).unwrap()
    }
    /// A server of its own.
    fn node(&self) -> Node {
        Node::new(self.connection()).unwrap()
    }
    /// What an administrator writes, with another program.
    fn by_hand(&self, sql: &str) {
        self.connection().execute_batch(sql).unwrap();
    }
}

/// A session that has INBOX selected.
struct Client(Selected, UpdateBuffer);

impl Client {
    async fn select(node: &Node, access: Access) -> Result<Self, Error> {
        let opened = node.clone().select(&MailboxName::inbox(), &Select::new(access)).await?;
        let (mailbox, updates) = opened.into_parts();
        Ok(Self(mailbox, updates))
    }
    async fn of(file: &File) -> Self {
        Self::select(&file.node(), Access::ReadWrite).await.unwrap()
    }
    /// What the client hears at NOOP, and whether the mailbox has ended.
    async fn noop(&mut self) -> (Vec<String>, Option<Closed>) {
        common::noop(&mut self.0, &mut self.1).await
    }
    async fn hears(&mut self, wanted: &[&str]) {
        assert_eq!(self.noop().await.0, wanted);
    }
}

const DELIVER: &str =
    "INSERT INTO messages (mailbox, octets) VALUES (1, CAST('A: b' || x'0d0a0d0a' AS BLOB))";

#[tokio::test]
async fn what_an_administrator_writes_is_heard_at_noop() {
    let file = File::new();
    let mut client = Client::of(&file).await;
    file.by_hand(DELIVER);
    client.hears(&["1 EXISTS", "1 RECENT"]).await;
    file.by_hand(&format!("{DELIVER}; {DELIVER}; UPDATE messages SET flags = '\\Flagged' WHERE uid = 1"));
    client.hears(&["1 FETCH (\\Flagged)", "3 EXISTS", "3 RECENT"]).await;
    file.by_hand("DELETE FROM messages WHERE uid = 2");
    client.hears(&["2 EXPUNGE", "2 RECENT"]).await;
    // A message without a summary is read.
    let three = [Uid::new(3).unwrap()];
    let record = client.0.fetch(&three, Need::SUMMARY).await.unwrap().into_records().next().unwrap();
    assert_eq!(record.body().unwrap().read_first(100).await.unwrap(), "A: b\r\n\r\n");
}

#[tokio::test]
async fn an_administrators_flags_are_not_taken_for_those_of_the_last_session() {
    let file = File::new();
    let mut client = Client::of(&file).await;
    file.by_hand(DELIVER);
    client.hears(&["1 EXISTS", "1 RECENT"]).await;
    let seen = FlagChange::new(FlagAction::Add, Flags::from_iter([Flag::Seen]));
    client.0.store(&UidSet::from_iter([Uid::MIN]), &seen).await.unwrap();
    client.hears(&[]).await;
    file.by_hand("UPDATE messages SET flags = '\\Flagged'");
    client.hears(&["1 FETCH (\\Flagged)"]).await;
}

#[tokio::test]
async fn one_server_tells_what_another_one_did() {
    let file = File::new();
    let (mut one, mut other) = (Client::of(&file).await, Client::of(&file).await);
    file.by_hand(DELIVER);
    one.hears(&["1 EXISTS", "1 RECENT"]).await;
    other.hears(&["1 EXISTS"]).await;
    let deleted = FlagChange::new(FlagAction::Add, Flags::from_iter([Flag::Deleted]));
    let all = UidSet::from_iter([Uid::MIN]);
    one.0.store(&all, &deleted).await.unwrap();
    other.hears(&["1 FETCH (\\Deleted)"]).await;
    other.0.expunge(&all).await.unwrap();
    one.hears(&["1 EXPUNGE", "0 RECENT"]).await;
}

#[tokio::test]
async fn recent_is_for_one_session_of_all_servers() {
    let file = File::new();
    let (near, far) = (file.node(), file.node());
    file.by_hand(DELIVER);
    // EXAMINE sees it and takes nothing.
    let looks = Client::select(&far, Access::ReadOnly).await.unwrap();
    let first = Client::select(&near, Access::ReadWrite).await.unwrap();
    let second = Client::select(&far, Access::ReadWrite).await.unwrap();
    assert_eq!([looks.1.recent(), first.1.recent(), second.1.recent()], [1, 1, 0]);
}

#[tokio::test]
async fn a_uid_that_is_allocated_in_another_transaction_can_hide_its_message() {
    let file = File::new();
    let mut client = Client::of(&file).await;
    file.by_hand("UPDATE mailboxes SET uid_next = uid_next + 1 WHERE id = 1"); // UID 1, to be used later
    file.by_hand(DELIVER);
    client.hears(&["1 EXISTS", "1 RECENT"]).await; // UID 2
    file.by_hand("UPDATE mailboxes SET modseq = modseq + 1 WHERE id = 1");
    file.by_hand("INSERT INTO messages (mailbox, uid, modseq, octets) SELECT id, 1, modseq, x'' FROM mailboxes WHERE id = 1");
    client.hears(&[]).await;
    assert_eq!(client.0.hub.hidden(), UidSet::from_iter([Uid::MIN]));
}

#[tokio::test]
async fn a_mailbox_that_an_administrator_deletes_ends_and_opens_no_more() {
    let file = File::new();
    let node = file.node();
    let mut client = Client::select(&node, Access::ReadWrite).await.unwrap();
    file.by_hand("DELETE FROM mailboxes WHERE id = 1");
    assert_eq!(client.noop().await.1, Some(Closed::Deleted));
    let again = Client::select(&node, Access::ReadWrite).await;
    assert_eq!(again.err().unwrap().kind(), ErrorKind::NonExistent);
}
