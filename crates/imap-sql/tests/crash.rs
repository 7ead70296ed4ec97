//! What is left when a process ends at the wrong moment.

#![allow(
    clippy::unwrap_used,
    reason = "outside of a `#[test]`, clippy does not see that these are tests"
)]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use common::{File, Pieces, Then, append, name, octets, on_every_engine, select, uid};
use imap_backend::{Append, Session};
use imap_backend_test::Mail;
use imap_updates::{Access, Flags};

/// Three MiB, which is written a part at a time.
fn long() -> Vec<Vec<u8>> {
    vec![vec![b'x'; 1 << 20]; 3]
}

/// An APPEND whose client has sent three MiB and stops.
async fn stalled(session: &mut imap_sql::SqlSession) {
    let message = Pieces {
        pieces: long(),
        then: Then::Stall,
    };
    let append = Append::new(Flags::empty());
    let answer = session.append(&name("INBOX"), &append, message).await;
    unreachable!("the client stalls: {answer:?}");
}

const CHUNKS: &str = "SELECT count(*) FROM chunks";

/// Lets the APPEND go on until the database has all that it has sent.
async fn until_written(
    chunks: impl Fn() -> i64,
    appending: &mut std::pin::Pin<Box<impl Future<Output = ()>>>,
) {
    while chunks() < 48 {
        tokio::select! {
            () = appending.as_mut() => {}
            () = tokio::task::yield_now() => {}
        }
    }
}

#[tokio::test]
async fn a_process_that_dies_in_the_middle_of_an_append_leaves_nothing_to_be_seen() {
    let file = File::new();
    let process = file.process();
    let mut user = process.login().await.unwrap();
    user.append(&name("INBOX"), Mail::new("before")).await.unwrap();
    let mut appending = Box::pin(stalled(&mut user.session));
    until_written(|| file.number(CHUNKS), &mut appending).await;

    // What the disk has at this moment, as another machine would find it.
    let found = File::new();
    for part in ["mail.db", "mail.db-wal"] {
        let (from, to) = (
            file.directory.path().join(part),
            found.directory.path().join(part),
        );
        std::fs::copy(from, to).unwrap();
    }
    let (mut after, mut selected) = select(&found.process()).await;
    assert_eq!(selected.model.uids(), [uid(1)]);
    let appended = append(&mut after.session, vec![b"Subject: after\r\n\r\n".to_vec()]).await;
    assert_eq!(appended.uid(), uid(2));
    assert_eq!(selected.noop().await.unwrap().arrived, [uid(2)]);

    // Its octets go when it is certain that nobody sends the rest.
    assert_eq!(found.number("SELECT count(*) FROM blobs WHERE uses = 0"), 1);
    found.process();
    assert_eq!(found.number("SELECT count(*) FROM blobs WHERE uses = 0"), 1);
    found
        .by_hand("UPDATE blobs SET touched = 0 WHERE uses = 0")
        .unwrap();
    found.process();
    assert_eq!(found.number("SELECT count(*) FROM blobs WHERE uses = 0"), 0);
    assert_eq!(found.number("SELECT count(*) FROM blobs"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_in_the_middle_of_an_append_leaves_nothing_in_the_database() {
    on_every_engine(async |file| {
        let process = file.process();
        let mut user = process.login().await.unwrap();
        {
            let mut appending = Box::pin(stalled(&mut user.session));
            until_written(|| file.number(CHUNKS), &mut appending).await;
        }
        while file.number("SELECT count(*) FROM blobs") > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(file.number("SELECT count(*) FROM chunks"), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_message_comes_back_whole_and_a_cr_at_the_end_of_a_piece_is_remembered() {
    on_every_engine(async |file| {
        let (mut user, mut selected) = select(&file.process()).await;
        let line = b"0123456789 ".repeat(10);
        let sent: Vec<u8> = (0..30_000)
            .flat_map(|at| [line.as_slice(), if at % 2 == 0 { b"\r\n" } else { b"\n" }].concat())
            .collect();
        let expected = imap_message::to_crlf(&sent).into_owned();
        // 112 octets are one line with CRLF: pieces end before, in and behind line ends.
        let pieces = sent.chunks(111).map(<[u8]>::to_vec).collect();
        append(&mut user.session, pieces).await;
        selected.noop().await.unwrap();
        assert!(octets(&mut selected, 1).await == expected);
        let record = selected
            .fetch_one(uid(1), imap_backend::Need::SUMMARY)
            .await
            .unwrap();
        assert_eq!(record.size(), Some(expected.len() as u64));
        assert_eq!(**record.summary().unwrap(), imap_message::Summary::of(&expected));
        // A piece from the middle, over the edges of chunks.
        let record = selected
            .fetch_one(uid(1), imap_backend::Need::BODY)
            .await
            .unwrap();
        let piece = record.body().unwrap().read_at(65_000, 200_000).await.unwrap();
        assert!(piece == expected[65_000..265_000]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uids_outlive_the_process() {
    on_every_engine(async |file| {
        let (mut user, mut selected) = select(&file.process()).await;
        for subject in ["one", "two", "three"] {
            user.append(&name("INBOX"), Mail::new(subject)).await.unwrap();
        }
        selected.noop().await.unwrap();
        selected.remove(&[uid(3)]).await.unwrap();
        let (before, modseq) = (selected.figures.clone(), selected.updates.highest_modseq());
        drop((user, selected));

        let (mut user, selected) = select(&file.process()).await;
        assert_eq!(selected.model.uids(), [uid(1), uid(2)]);
        assert_eq!(selected.figures.uid_validity, before.uid_validity);
        assert_eq!(selected.figures.uid_next, Some(uid(4)));
        assert_eq!(selected.figures.highest_modseq, Some(modseq));
        let next = user.append(&name("INBOX"), Mail::new("four")).await.unwrap();
        assert_eq!(next.uid(), uid(4));
    })
    .await;
}

const FILE: &str = "IMAP_SQL_TEST_FILE";

/// The process that the next test kills: it appends, and says each UID when it has been answered.
#[tokio::test]
#[ignore = "a_killed_process_has_lost_nothing_that_it_answered runs it"]
async fn append_until_killed() {
    let process = common::backend(imap_sql::Store::open(std::env::var(FILE).unwrap()).unwrap());
    let mut session = process.session("ann").await.unwrap();
    for number in 1_u32.. {
        let body = format!("{number}\r\n").repeat(20_000);
        let appended = append(&mut session, vec![body.into_bytes()]).await;
        println!("answered {}", appended.uid());
    }
}

#[tokio::test]
async fn a_killed_process_has_lost_nothing_that_it_answered() {
    let file = File::new();
    let mut killed = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "append_until_killed", "--ignored", "--nocapture"])
        .env(FILE, file.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(killed.stdout.take().unwrap()).lines();
    let answered = lines
        .map_while(Result::ok)
        .filter(|line| line.contains("answered "));
    let answered = answered.take(10).count();
    killed.kill().unwrap(); // SIGKILL
    killed.wait().unwrap();
    assert_eq!(answered, 10);

    let mut user = file.process().login().await.unwrap();
    let mut selected = user.select(&name("INBOX"), Access::ReadWrite).await.unwrap();
    let uids = selected.model.uids();
    assert!(uids.len() >= 10);
    for number in uids.into_iter().map(imap_seq::Uid::get) {
        let expected = format!("{number}\r\n").repeat(20_000);
        assert!(
            octets(&mut selected, number).await == expected.as_bytes(),
            "UID {number}"
        );
    }
}
