//! Two nodes over one database (a pretended PostgreSQL), each with its own hub. Writers take the mailbox's row lock, so its
//! versions become visible in their order. A commit notifies the nodes; notifications are lost, doubled and reordered.
//!
//! Red on the first version: the cursor was kept twice, own changes that came back had to be looked up in a table of one's
//! own, and a task that published its commit directly hid the mail of the others.
#![allow(clippy::unwrap_used)]
#![cfg(not(loom))]

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use imap_seq::{ModSeq, Uid};
use imap_updates::{Access, Event, Flags, Limits, LogHub, Origin, Page, UpdateBuffer, kind};

use crate::support::desk::{SILENCE, flags, release};
use crate::support::{modseq, uid};

#[derive(Clone, Debug)]
struct Row {
    version: ModSeq,
    uid: Uid,
    /// `None`: expunged.
    flags: Option<Flags>,
    /// `BIGINT`, the session that did it.
    maker: i64,
}

/// `changes(mailbox_id, version, uid, flags, maker)`
#[derive(Clone, Default)]
struct Database(Arc<Mutex<Vec<Row>>>);

const START: u64 = 100;

impl Database {
    /// `SELECT .. WHERE mailbox_id = $1 AND version > $2 ORDER BY version LIMIT 50`
    async fn since(&self, after: ModSeq) -> Result<Page, Infallible> {
        tokio::task::yield_now().await;
        let rows = self.0.lock().unwrap().clone();
        tokio::task::yield_now().await; // the answer travels, and others commit
        let later: Vec<_> = rows.iter().filter(|row| row.version > after).take(50).collect();
        let upto = later.last().map_or(after, |row| row.version);
        let mut page = Page::changes(after, upto);
        page.extend(later.into_iter().map(|row| {
            let event = match &row.flags {
                Some(flags) => Event::present(row.version, row.uid, flags.clone()),
                None => Event::gone(row.version, row.uid),
            };
            event.by(Origin::from_i64(row.maker))
        }));
        let more = rows.last().is_some_and(|row| row.version > upto);
        Ok(if more { page.more_follows() } else { page })
    }

    /// `BEGIN; UPDATE mailboxes ..; INSERT INTO changes ..; COMMIT`
    async fn commit(&self, uid: Option<Uid>, flags: Option<Flags>, maker: Origin) {
        tokio::task::yield_now().await;
        let mut rows = self.0.lock().unwrap();
        let version = modseq(START + 1 + rows.len() as u64);
        let highest = rows.iter().map(|row| row.uid).max();
        let uid = uid.unwrap_or_else(|| highest.map_or(Uid::MIN, |uid| uid.next().unwrap()));
        let maker = maker.to_i64();
        rows.push(Row {
            version,
            uid,
            flags,
            maker,
        });
    }
}

#[derive(Clone)]
struct Node {
    database: Database,
    hub: LogHub,
    reads: Arc<AtomicUsize>,
}

impl Node {
    fn new(database: &Database) -> Self {
        Self {
            database: database.clone(),
            hub: LogHub::open(Page::whole(modseq(START)), Limits::default()).unwrap(),
            reads: Arc::default(),
        }
    }

    /// At a notification, at NOOP, and after each commit of its own.
    async fn catch_up(&self) -> ModSeq {
        let read = async |after| {
            self.reads.fetch_add(1, Ordering::Relaxed);
            self.database.since(after).await
        };
        let Ok(cursor) = self.hub.catch_up(read).await;
        cursor.cursor()
    }

    async fn append(&self) {
        self.database
            .commit(None, Some(flags("")), Origin::EXTERNAL)
            .await;
        self.catch_up().await;
    }

    async fn store(&self, number: u32, text: &str, session: &UpdateBuffer) {
        let origin = session.origin();
        self.database
            .commit(Some(uid(number)), Some(flags(text)), origin)
            .await;
        self.catch_up().await;
    }

    async fn expunge(&self, number: u32) {
        self.database
            .commit(Some(uid(number)), None, Origin::EXTERNAL)
            .await;
        self.catch_up().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_agree_whatever_becomes_of_the_notifications() {
    let database = Database::default();
    let (one, two) = (Node::new(&database), Node::new(&database));
    let mut a = one.hub.select(Access::ReadWrite).updates;
    let mut b = two.hub.select(Access::ReadWrite).updates;
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let (here, there) = if number % 2 == 0 {
                (&one, &two)
            } else {
                (&two, &one)
            };
            let (here, there) = (here.clone(), there.clone());
            tokio::spawn(async move {
                here.append().await;
                // The other node's notification is lost, or comes twice.
                for _ in 0..number % 3 {
                    there.catch_up().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(one.catch_up().await, two.catch_up().await);
    for (session, node) in [(&mut a, &one), (&mut b, &two)] {
        assert_eq!(release(session, kind::Noop), ["200 EXISTS"]);
        assert!(node.hub.hidden().is_empty());
        assert!(session.view().uids().map(Uid::get).eq(1..=200));
    }

    one.store(7, "\\Seen", &a).await;
    two.expunge(3).await;
    one.catch_up().await;
    // A knows what it did itself; both hear of the rest.
    assert_eq!(release(&mut a, kind::Noop), ["3 EXPUNGE"]);
    let told = ["7 FETCH (UID 7 FLAGS (\\Seen))", "3 EXPUNGE"];
    assert_eq!(release(&mut b, kind::Noop), told);
    assert_eq!(a.highest_modseq(), b.highest_modseq());
    assert_eq!(release(&mut a, kind::Noop), SILENCE);
}

/// A hundred tasks that want to catch up at once share a few reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_shares_the_next_read() {
    let node = Node::new(&Database::default());
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let node = node.clone();
            tokio::spawn(async move { node.catch_up().await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let reads = node.reads.load(Ordering::Relaxed);
    assert!((1..=100).contains(&reads), "{reads}");
}
