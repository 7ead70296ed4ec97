//! The backend on a database behaves as a server relies on, and several servers on one database tell each other's changes.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the answer")]

#[path = "../log_backend/main.rs"]
#[allow(dead_code, reason = "its `main` is for the example")]
mod log_backend;

use imap_backend::*;
use imap_backend_test::{Subject, run_all};
use imap_seq::UidSet;
use imap_updates::{Access, Closed, Ended, Flag, Flags, Followers, Untagged, UpdateBuffer, kind};
use log_backend::database::{Database, MessageRow};
use log_backend::mailbox::Selected;
use log_backend::node::Node;

const INBOX: i64 = 1;

#[tokio::test]
async fn the_backend_on_a_database_passes_the_kit() {
    let report = run_all(async || Subject::new(Node::new(Database::new()), "demo", "demo")).await;
    report.assert_passed();
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

/// What a client hears at NOOP, and whether the mailbox has ended.
async fn noop(mailbox: &mut impl Mailbox, updates: &mut UpdateBuffer) -> (Vec<String>, Option<Closed>) {
    let command = updates.begin(kind::Noop);
    mailbox.poll(PollReason::Asked).await.unwrap();
    let drained = updates.drain(command.permit(Followers::None));
    let text = |response: Untagged<'_>| match response {
        Untagged::Exists(messages) => format!("{messages} EXISTS"),
        Untagged::Recent(messages) => format!("{messages} RECENT"),
        Untagged::Expunge(seq) => format!("{seq} EXPUNGE"),
        Untagged::Fetch { seq, flags, .. } => format!("{seq} FETCH {flags}"),
        other => panic!("{other:?}"),
    };
    let heard = (drained.iter().map(text).collect(), drained.ended().and_then(Ended::mailbox));
    updates.written(drained);
    heard
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
