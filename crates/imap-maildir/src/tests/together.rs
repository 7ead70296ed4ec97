//! What several sessions do to one mailbox at once is made durable together, and each is answered for itself.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use imap_backend::ErrorKind;

use super::*;
use crate::disk::interference::Moment;
use crate::disk::storage::recording::{Recorder, Step};
use crate::disk::storage::{Call, change::Scope, faults};

/// Nothing takes so long, if it ends at all.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs `work` while the mailbox's writer is held, until so many operations wait for it.
async fn queued<T>(open: &OpenMailbox, count: usize, work: impl Future<Output = T>) -> T {
    let writer = open.lock_writer().await;
    let release = async {
        while open.arrivals.len() + open.changes.len() < count {
            tokio::task::yield_now().await;
        }
        drop(writer);
    };
    let both = async { tokio::join!(work, release).0 };
    tokio::time::timeout(LIMIT, both)
        .await
        .expect("all of them wait, and then all are answered")
}

/// Sessions that append these texts at once, in this order.
async fn append_all(fixture: &Fixture, mailbox: &str, texts: &[String]) -> Vec<Result<u32, Error>> {
    let mut tasks = Vec::new();
    for text in texts {
        let (mut session, mailbox, text) = (fixture.session().await, mailbox.to_owned(), text.clone());
        tasks.push(tokio::spawn(async move {
            append(&mut session, &mailbox, &text, "").await
        }));
    }
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

/// Appends texts while something else adds messages to the mailbox, all in one batch. Gives the UIDs of the texts, and what
/// the other had.
pub(super) async fn append_beside<T>(
    fixture: &Fixture,
    mailbox: &str,
    texts: &[String],
    other: impl Future<Output = T>,
) -> (Vec<u32>, T) {
    // Somebody has the mailbox selected, so that all mean the same one.
    let client = fixture.select(mailbox).await;
    let open = client.open();
    let batches = count(&open, Moment::Recorded);
    let all = async { tokio::join!(append_all(fixture, mailbox, texts), other) };
    let (answers, other) = queued(&open, texts.len() + 1, all).await;
    open.directory.moments().clear();
    assert_eq!(batches.load(Ordering::SeqCst), 1, "they were not together");
    (answers.into_iter().map(Result::unwrap).collect(), other)
}

/// How often a moment comes.
fn count(open: &OpenMailbox, counted: Moment) -> Arc<AtomicUsize> {
    let count: Arc<AtomicUsize> = Arc::default();
    let counter = Arc::clone(&count);
    open.directory.moments().set(move |moment| {
        counter.fetch_add(usize::from(moment == counted), Ordering::SeqCst);
    });
    count
}

/// Lets a call fail where that moment comes for the `nth` time, from 0.
pub(super) fn fail_at(open: &OpenMailbox, at: Moment, nth: usize, call: Call) {
    let seen = AtomicUsize::new(0);
    open.directory.moments().set(move |moment| {
        if moment == at && seen.fetch_add(1, Ordering::SeqCst) == nth {
            faults::fail_next(call, std::io::ErrorKind::StorageFull);
        }
    });
}

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("message {number}\r\n")).collect()
}

async fn there(fixture: &Fixture) -> Vec<(u32, String)> {
    let mut client = fixture.select("INBOX").await;
    let mut there = Vec::new();
    for uid in client.uids() {
        let octets = client.body(uid).await.unwrap();
        there.push((uid, String::from_utf8(octets.to_vec()).unwrap()));
    }
    there
}

#[tokio::test]
async fn messages_of_several_sessions_are_one_sync_of_the_directory_and_one_of_the_list() {
    let fixture = Fixture::new();
    let mut client = fixture.select("INBOX").await;
    let texts = texts(8);
    append(&mut fixture.session().await, "INBOX", "before\r\n", "")
        .await
        .unwrap();
    client.noop().await;
    let recorder = Recorder::start(&fixture.root());
    let answers = queued(&client.open(), 8, append_all(&fixture, "INBOX", &texts)).await;
    let steps = recorder.finish().steps;
    let syncs = |of: Scope| {
        let is_of = |step: &&Step| matches!(step, Step::Synced { scope, .. } if *scope == of);
        steps.iter().filter(is_of).count()
    };
    assert_eq!(syncs(Scope::ContentAndTimes), 8, "the messages");
    assert_eq!(syncs(Scope::Names), 1, "the directory");
    assert_eq!(syncs(Scope::Content), 1, "the list");
    let mut expected = vec![(1, "before\r\n".to_owned())];
    expected.extend(answers.into_iter().map(Result::unwrap).zip(texts));
    expected.sort();
    assert_eq!(there(&fixture).await, expected);
    assert_eq!(client.noop().await, ["EXISTS 9"]);
    assert_eq!(there(&fixture.restarted()).await, expected);
}

#[tokio::test]
async fn one_who_is_alone_waits_for_nobody() {
    let fixture = Fixture::new();
    let client = fixture.select("INBOX").await;
    let batches = count(&client.open(), Moment::Recorded);
    for text in texts(3) {
        append(&mut fixture.session().await, "INBOX", &text, "")
            .await
            .unwrap();
    }
    assert_eq!(batches.load(Ordering::SeqCst), 3);
}

/// The sync of the directory, then that of the list.
#[tokio::test]
async fn a_sync_that_fails_fails_all_who_share_it_and_the_next_succeeds() {
    for at in [Moment::Placed, Moment::PlacedDurably] {
        let fixture = Fixture::new();
        let client = fixture.select("INBOX").await;
        let nth = if at == Moment::Placed { 3 } else { 0 };
        fail_at(&client.open(), at, nth, Call::Sync);
        let answers = queued(&client.open(), 4, append_all(&fixture, "INBOX", &texts(4))).await;
        client.open().directory.moments().clear();
        for answer in answers {
            assert_eq!(answer.unwrap_err().kind(), ErrorKind::OverQuota, "{at:?}");
        }
        assert_eq!(files(&fixture.root()), [""; 0], "{at:?}");
        let answers = queued(&client.open(), 4, append_all(&fixture, "INBOX", &texts(4))).await;
        let mut uids: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        let told = there(&fixture).await;
        uids.sort_unstable();
        let found: Vec<_> = told.iter().map(|(uid, _)| *uid).collect();
        assert_eq!(found, uids, "{at:?}");
        assert_eq!(there(&fixture.restarted()).await, told, "{at:?}");
    }
}

#[tokio::test]
async fn what_fails_for_one_session_concerns_no_other() {
    let fixture = Fixture::new();
    let client = fixture.select("INBOX").await;
    // The message behind the first does not get its name.
    fail_at(&client.open(), Moment::Placed, 0, Call::Rename);
    let texts = texts(4);
    let answers = queued(&client.open(), 4, append_all(&fixture, "INBOX", &texts)).await;
    let failed = answers.iter().filter(|answer| answer.is_err()).count();
    assert_eq!(failed, 1);
    let stored = answers
        .into_iter()
        .zip(texts)
        .filter_map(|(uid, text)| Some((uid.ok()?, text)));
    let mut stored: Vec<_> = stored.collect();
    stored.sort();
    assert_eq!(there(&fixture).await, stored);
    assert_eq!(std::fs::read_dir(fixture.root().join("tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_panic_while_several_are_worked_on_answers_all_and_stops_nobody() {
    let fixture = Fixture::new();
    let client = fixture.select("INBOX").await;
    let directory = Arc::clone(&client.open().directory);
    client.open().directory.moments().set(move |moment| {
        if moment == Moment::PlacedDurably {
            directory.moments().clear();
            panic!("on purpose");
        }
    });
    let answers = queued(&client.open(), 3, append_all(&fixture, "INBOX", &texts(3))).await;
    for answer in answers {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::ServerBug);
    }
    assert_eq!(there(&fixture).await, []);
    append(&mut fixture.session().await, "INBOX", "after\r\n", "")
        .await
        .unwrap();
    assert_eq!(there(&fixture).await.len(), 1);
}

#[tokio::test]
async fn what_nobody_has_begun_goes_with_its_session() {
    let fixture = Fixture::new();
    let client = fixture.select("INBOX").await;
    let open = client.open();
    let writer = open.lock_writer().await;
    let mut session = fixture.session().await;
    let waiting = tokio::spawn(async move { append(&mut session, "INBOX", "gone\r\n", "").await });
    let queued = async {
        while open.arrivals.len() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, queued).await.expect("it waits");
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    assert_eq!(open.arrivals.len(), 0);
    drop(writer);
    assert_eq!(std::fs::read_dir(fixture.root().join("tmp")).unwrap().count(), 0);
    assert_eq!(there(&fixture).await, []);
}

#[tokio::test]
async fn more_than_are_worked_on_together_are_several_batches() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,", "x\r\n");
    let mut session = fixture.session().await;
    create(&mut session, "target").await.unwrap();
    for _ in 0..10 {
        // 1, 2, 4 … 512 messages more.
        let mut client = fixture.select("INBOX").await;
        let all = client.updates().view().uids().collect();
        client.mailbox().copy(&all, &name("INBOX")).await.unwrap();
    }
    let target = fixture.select("target").await;
    let batches = count(&target.open(), Moment::Recorded);
    let (mut one, mut other) = (fixture.select("INBOX").await, fixture.select("INBOX").await);
    let all: UidSet = one.updates().view().uids().collect();
    assert_eq!(all.iter().count(), 1024);
    let to = name("target");
    let both = async { tokio::join!(one.mailbox().copy(&all, &to), other.mailbox().copy(&all, &to)) };
    let (first, second) = queued(&target.open(), 2, both).await;
    let uids = [first.unwrap(), second.unwrap()].map(|copied| copied.to().to_string());
    assert!(uids.contains(&"1:1024".to_owned()) && uids.contains(&"1025:2048".to_owned()));
    assert_eq!(batches.load(Ordering::SeqCst), 2);
}

/// Sessions that add these flags to these messages at once, in this order.
async fn store_all(clients: Vec<Client>, stores: &[(u32, &'static str)]) -> Vec<Result<(), Error>> {
    let mut tasks = Vec::new();
    for (mut client, &(uid, flags)) in clients.into_iter().zip(stores) {
        tasks.push(tokio::spawn(async move {
            client.store(&[uid], FlagAction::Add, flags).await
        }));
    }
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

/// Does [`store_all`] and an EXPUNGE of one message in one batch.
pub(super) async fn change_beside(
    fixture: &Fixture,
    mailbox: &str,
    stores: &[(u32, &'static str)],
    expunged: u32,
) {
    let mut client = fixture.select(mailbox).await;
    let open = client.open();
    let mut clients = Vec::new();
    for _ in stores {
        clients.push(fixture.select(mailbox).await);
    }
    let uids = set(&[expunged]);
    let expunge = client.mailbox().expunge(&uids);
    let both = async { tokio::join!(store_all(clients, stores), expunge) };
    let (stored, removed) = queued(&open, stores.len() + 1, both).await;
    assert!(stored.iter().all(Result::is_ok));
    removed.unwrap();
}

/// A mailbox with the messages 1 to `count`, somebody who looks at it, and so many others.
async fn with_clients(count: u32, others: usize) -> (Fixture, Client, Vec<Client>) {
    let fixture = Fixture::new();
    for number in 1..=count {
        deliver(&fixture.root(), &format!("cur/{number:03}.a:2,"), "x\r\n");
    }
    let client = fixture.select("INBOX").await;
    let mut clients = Vec::new();
    for _ in 0..others {
        clients.push(fixture.select("INBOX").await);
    }
    (fixture, client, clients)
}

/// How often directories are synced meanwhile.
async fn directory_syncs<T>(fixture: &Fixture, work: impl Future<Output = T>) -> (usize, T) {
    let recorder = Recorder::start(&fixture.root());
    let done = work.await;
    let steps = recorder.finish().steps;
    let is_sync = |step: &&Step| matches!(step, Step::Synced { scope, .. } if *scope == Scope::Names);
    (steps.iter().filter(is_sync).count(), done)
}

#[tokio::test]
async fn flags_of_several_sessions_are_one_sync_of_each_directory() {
    let (fixture, mut client, clients) = with_clients(8, 8).await;
    let stores: Vec<_> = (1..=8).map(|uid| (uid, "\\Seen")).collect();
    let open = client.open();
    let work = queued(&open, 8, store_all(clients, &stores));
    let (syncs, answers) = directory_syncs(&fixture, work).await;
    assert_eq!(syncs, 2, "of new/ and of cur/");
    assert!(answers.iter().all(Result::is_ok));
    client.noop().await;
    for uid in 1..=8 {
        assert!(client.flags(uid).await.contains("\\Seen"), "{uid}");
    }
    assert_eq!(
        files(&fixture.root())
            .iter()
            .filter(|file| file.ends_with('S'))
            .count(),
        8
    );
}

#[tokio::test]
async fn changes_of_one_message_come_one_after_the_other() {
    let (fixture, mut client, clients) = with_clients(2, 3).await;
    let stores = [(1, "\\Seen"), (1, "\\Flagged"), (2, "\\Seen")];
    let open = client.open();
    let work = queued(&open, 3, store_all(clients, &stores));
    let (syncs, answers) = directory_syncs(&fixture, work).await;
    assert_eq!(syncs, 4, "two batches");
    assert!(answers.iter().all(Result::is_ok));
    client.noop().await;
    let flags = client.flags(1).await;
    assert!(flags.contains("\\Seen") && flags.contains("\\Flagged"), "{flags}");
    assert_eq!(fixture.restarted().select("INBOX").await.uids(), [1, 2]);
}

#[tokio::test]
async fn flags_and_removals_share_a_sync_and_its_failure() {
    let (fixture, mut client, mut clients) = with_clients(4, 3).await;
    client.store(&[1, 2], FlagAction::Add, "\\Deleted").await.unwrap();
    let mut expunging = clients.pop().unwrap();
    let stores = [(3, "\\Seen"), (4, "\\Seen")];
    let open = client.open();
    // Three files are renamed or removed; then the sync.
    fail_at(&open, Moment::BeforeRename, 2, Call::Sync);
    let uids = set(&[1]);
    let both = async { tokio::join!(store_all(clients, &stores), expunging.mailbox().expunge(&uids)) };
    let (stored, removed) = queued(&open, 3, both).await;
    open.directory.moments().clear();
    for answer in stored {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::OverQuota);
    }
    assert_eq!(removed.unwrap_err().kind(), ErrorKind::OverQuota);
    client.noop().await;
    assert_eq!(client.uids(), [2, 3, 4], "what is gone is gone");
    let again = client.store(&[3, 4], FlagAction::Add, "\\Seen");
    let (syncs, again) = directory_syncs(&fixture, again).await;
    again.unwrap();
    assert_eq!(syncs, 2, "the names were there, and nobody has synced them");
    let mut restarted = fixture.restarted().select("INBOX").await;
    assert_eq!(restarted.uids(), [2, 3, 4]);
    assert!(restarted.flags(3).await.contains("\\Seen"));
}

#[tokio::test]
async fn what_cannot_be_renamed_for_one_session_concerns_no_other() {
    let (_fixture, mut client, clients) = with_clients(3, 3).await;
    let stores = [(1, "\\Seen"), (2, "\\Seen"), (3, "\\Seen")];
    fail_at(&client.open(), Moment::BeforeRename, 1, Call::Rename);
    let answers = queued(&client.open(), 3, store_all(clients, &stores)).await;
    let failed: Vec<_> = answers.iter().map(Result::is_err).collect();
    assert_eq!(failed.iter().filter(|failed| **failed).count(), 1);
    client.noop().await;
    for ((uid, _), failed) in stores.into_iter().zip(failed) {
        assert_eq!(client.flags(uid).await.contains("\\Seen"), !failed, "{uid}");
    }
}

#[tokio::test]
async fn a_panic_while_several_change_flags_answers_all_and_stops_nobody() {
    let (_fixture, mut client, clients) = with_clients(3, 3).await;
    let directory = Arc::clone(&client.open().directory);
    client.open().directory.moments().set(move |moment| {
        if moment == Moment::BeforeRename {
            directory.moments().clear();
            panic!("on purpose");
        }
    });
    let stores = [(1, "\\Seen"), (2, "\\Seen"), (3, "\\Seen")];
    for answer in queued(&client.open(), 3, store_all(clients, &stores)).await {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::ServerBug);
    }
    client.store(&[1], FlagAction::Add, "\\Flagged").await.unwrap();
    assert!(client.flags(1).await.contains("\\Flagged"));
}

#[tokio::test]
async fn a_change_that_nobody_has_begun_goes_with_its_session() {
    let (fixture, client, mut clients) = with_clients(1, 1).await;
    let open = client.open();
    let writer = open.lock_writer().await;
    let mut session = clients.pop().unwrap();
    let waiting = tokio::spawn(async move { session.store(&[1], FlagAction::Add, "\\Seen").await });
    let queued = async {
        while open.changes.len() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, queued).await.expect("it waits");
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    assert_eq!(open.changes.len(), 0);
    drop(writer);
    assert_eq!(files(&fixture.root()), ["cur/001.a:2,"]);
}

/// Each session's keyword is new: each gets a letter before its flags are changed.
#[tokio::test]
async fn new_keywords_of_several_sessions_get_letters_of_their_own() {
    let (fixture, mut client, clients) = with_clients(3, 3).await;
    let stores = [(1, "red"), (2, "green"), (3, "blue")];
    let answers = store_all(clients, &stores).await;
    assert!(answers.iter().all(Result::is_ok));
    client.noop().await;
    for (uid, keyword) in stores {
        assert!(client.flags(uid).await.contains(keyword), "{keyword}");
    }
    let mut restarted = fixture.restarted().select("INBOX").await;
    for (uid, keyword) in stores {
        assert!(restarted.flags(uid).await.contains(keyword), "{keyword}");
    }
}
