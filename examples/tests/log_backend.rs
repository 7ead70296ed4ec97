//! The backend on a database behaves as a server relies on, and several servers on one database tell each other's changes.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the answer")]

mod common;
#[path = "../log_backend/main.rs"]
#[allow(dead_code, reason = "its `main` is for the example")]
mod log_backend;

use common::noop;
use imap_backend::*;
use imap_backend_test::{Outside, OutsideMessage, RandomRuns, Subject, run_all};
use imap_seq::UidSet;
use imap_updates::{Access, Closed, Flag, Flags, UpdateBuffer};
use log_backend::database::{Database, MessageRow, Transaction};
use log_backend::mailbox::Selected;
use log_backend::node::Node;

const INBOX: i64 = 1;

/// With another program that writes to the database, a second server on it, and a restart. No server gets hints.
fn subject() -> Subject<Node> {
    let database = Database::new();
    let reopened = database.clone();
    Subject::new(Node::new(database.clone()), "demo", "demo")
        .with_second(Node::new(database.clone()))
        .with_reopen(async move || Node::new(reopened.clone()))
        .with_outside(Administrator(database))
}

#[tokio::test]
async fn the_backend_on_a_database_passes_the_kit() {
    let report = run_all(async || subject()).await;
    common::passed(&report, &[("outside", 9), ("second_process", 3), ("restart", 3)]);
}

#[tokio::test]
async fn sessions_servers_and_an_administrator_agree_at_random() {
    let report = RandomRuns::new(1).runs(10).run(async || subject()).await;
    report.assert_passed();
    assert_eq!(report.missing().count(), 0, "{report}");
}

/// Somebody with a connection to the database.
struct Administrator(Database);

impl Administrator {
    /// The mailbox's key, and a transaction.
    fn begin(&self, mailbox: &MailboxName) -> Result<(i64, Transaction<'_>), Error> {
        let transaction = self.0.begin();
        let id = transaction.find(mailbox.as_str()).ok_or(ErrorKind::NonExistent)?;
        Ok((id, transaction))
    }
}

fn row(octets: &[u8]) -> MessageRow {
    MessageRow { octets: octets.to_vec().into(), flags: "()".into(), ..MessageRow::default() }
}

impl Outside for Administrator {
    async fn deliver(&self, mailbox: &MailboxName, octets: &[u8]) -> Result<(), Error> {
        let (id, mut transaction) = self.begin(mailbox)?;
        transaction.insert(id, row(octets))?;
        transaction.commit();
        Ok(())
    }

    async fn remove(&self, mailbox: &MailboxName, message: &OutsideMessage) -> Result<(), Error> {
        let (id, mut transaction) = self.begin(mailbox)?;
        transaction.remove(id, message.uid.into())?;
        transaction.commit();
        Ok(())
    }

    async fn set_flags(
        &self,
        mailbox: &MailboxName,
        message: &OutsideMessage,
        flags: &Flags,
    ) -> Result<(), Error> {
        let (id, mut transaction) = self.begin(mailbox)?;
        transaction.set_flags(id, message.uid.into(), flags.to_string(), 0)?;
        transaction.commit();
        Ok(())
    }

    async fn delete(&self, mailbox: &MailboxName) -> Result<(), Error> {
        let (id, mut transaction) = self.begin(mailbox)?;
        transaction.delete(id)?;
        transaction.commit();
        Ok(())
    }

    async fn roll_back(&self, mailbox: &MailboxName, octets: &[u8]) -> Result<(), Error> {
        let (id, mut transaction) = self.begin(mailbox)?;
        for uid in transaction.mailbox(id)?.messages.keys().copied().collect::<Vec<_>>() {
            transaction.remove(id, uid)?;
        }
        transaction.insert(id, row(octets))?;
        Ok(()) // it was never committed
    }
}

/// Stores so many messages in one transaction.
fn deliver(database: &Database, messages: usize) {
    let mut transaction = database.begin();
    for _ in 0..messages {
        transaction.insert(INBOX, MessageRow::default()).unwrap();
    }
    transaction.commit();
}

/// A node that gets no hints, with a session that has INBOX selected.
async fn selected(database: &Database) -> (Node, Selected, UpdateBuffer) {
    let mut node = Node::new(database.clone());
    let (mailbox, updates) = select(&mut node).await;
    (node, mailbox, updates)
}

async fn select(node: &mut Node) -> (Selected, UpdateBuffer) {
    let opened = node.select(&MailboxName::inbox(), &Select::new(Access::ReadWrite)).await.unwrap();
    opened.into_parts()
}

#[tokio::test]
async fn lost_hints_are_made_up_for_at_noop() {
    let database = Database::new();
    let (_node, mut mailbox, mut updates) = selected(&database).await;
    deliver(&database, 2);
    let (heard, _) = noop(&mut mailbox, &mut updates).await;
    assert_eq!(heard, ["2 EXISTS", "2 RECENT"]);
}

#[tokio::test]
async fn a_transaction_larger_than_a_page_and_many_small_ones_are_told_at_once() {
    let database = Database::new();
    let (_node, mut mailbox, mut updates) = selected(&database).await;
    deliver(&database, 2_500);
    for _ in 0..1_500 {
        deliver(&database, 1);
    }
    let (heard, _) = noop(&mut mailbox, &mut updates).await;
    assert_eq!(heard, ["4000 EXISTS", "4000 RECENT"]);
}

#[tokio::test]
async fn a_log_that_was_cleared_is_made_up_for_by_a_listing() {
    let database = Database::new();
    deliver(&database, 3);
    let (_node, mut mailbox, mut updates) = selected(&database).await;
    let since = database.read(|tables| tables.mailbox(INBOX).unwrap().version);
    let mut transaction = database.begin();
    transaction.remove(INBOX, 2).unwrap();
    transaction.clear_tombstones(INBOX).unwrap();
    transaction.commit();
    let (heard, _) = noop(&mut mailbox, &mut updates).await;
    assert_eq!(heard, ["2 EXPUNGE", "2 RECENT"]);
    assert_eq!(mailbox.vanished_since(since.try_into().unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn a_session_hears_of_flags_that_its_own_change_would_hide_in_the_log() {
    let database = Database::new();
    deliver(&database, 1);
    let (_, mut mailbox, mut updates) = selected(&database).await;
    let (_, mut other, mut others) = selected(&database).await;
    let add = |flag| FlagChange::new(FlagAction::Add, Flags::from_iter([flag]));
    let one: UidSet = [imap_seq::Uid::MIN].into_iter().collect();
    other.store(&one, &add(Flag::Flagged)).await.unwrap();
    mailbox.store(&one, &add(Flag::Seen)).await.unwrap();
    for (mailbox, updates) in [(&mut mailbox, &mut updates), (&mut other, &mut others)] {
        let (heard, _) = noop(mailbox, updates).await;
        assert_eq!(heard, ["1 FETCH (\\Flagged \\Seen)"]);
    }
}

#[tokio::test]
async fn a_session_does_not_hear_of_its_own_flags_and_every_other_one_does() {
    let database = Database::new();
    deliver(&database, 1);
    let (mut node, mut mailbox, mut updates) = selected(&database).await;
    let (mut near, mut nears) = select(&mut node).await;
    let (_, mut far, mut fars) = selected(&database).await;
    let seen = FlagChange::new(FlagAction::Add, Flags::from_iter([Flag::Seen]));
    mailbox.store(&[imap_seq::Uid::MIN].into_iter().collect(), &seen).await.unwrap();
    assert_eq!(noop(&mut mailbox, &mut updates).await.0, Vec::<String>::new());
    assert_eq!(noop(&mut near, &mut nears).await.0, ["1 FETCH (\\Seen)"]);
    assert_eq!(noop(&mut far, &mut fars).await.0, ["1 FETCH (\\Seen)"]);
}

#[tokio::test]
async fn a_mailbox_that_another_server_deleted_ends_and_opens_no_more() {
    let database = Database::new();
    let (mut node, mut mailbox, mut updates) = selected(&database).await;
    let mut transaction = database.begin();
    transaction.delete(INBOX).unwrap();
    transaction.commit();
    assert_eq!(noop(&mut mailbox, &mut updates).await.1, Some(Closed::Deleted));
    let again = node.select(&MailboxName::inbox(), &Select::new(Access::ReadWrite)).await;
    assert_eq!(again.err().unwrap().kind(), ErrorKind::NonExistent);
}

#[tokio::test]
async fn recent_is_for_one_server_and_outlives_it() {
    let database = Database::new();
    deliver(&database, 2);
    let (_, _, first) = selected(&database).await;
    let (_, _, second) = selected(&database).await;
    assert_eq!((first.recent(), second.recent()), (2, 0));
}
