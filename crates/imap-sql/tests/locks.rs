//! What others have locked, or damaged, is waited for by those alone who need it.

#![allow(
    clippy::unwrap_used,
    reason = "outside of a `#[test]`, clippy does not see that these are tests"
)]

mod common;

use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::time::Duration;

use common::{Home, Pieces, Then, flags, name, octets, on_every_engine, select, uid};
use imap_backend::{Append, Create, ErrorKind, Mailbox as _, Need, Session as _};
use imap_backend_test::{Mail, Selected, User};
use imap_seq::UidSet;
use imap_sql::{Options, SqlMailbox, SqlSession};
use imap_updates::Access;
use test_postgres::Server;

/// No test passes because it has waited so long.
const LONG: Duration = Duration::from_secs(60);

/// A new database of the server that the tests share, and its URL.
fn on_postgres() -> Option<(&'static Server, Home, String)> {
    let server = test_postgres::shared()?;
    let url = server.create_database();
    Some((server, Home::Server(server, url.clone()), url))
}

async fn make(user: &mut User<SqlSession>, mailbox: &str) {
    user.session
        .create(&name(mailbox), &Create::default())
        .await
        .unwrap();
}

/// Waits until it is so.
async fn until(is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, wait).await.expect("it becomes so");
}

/// Waits, as a session in IDLE does, for less time than anybody waits for a lock here.
async fn woken(selected: &mut Selected<SqlMailbox>) {
    let changed = poll_fn(|context| selected.updates.poll_changed(context));
    tokio::time::timeout(LONG / 2, changed)
        .await
        .expect("a change is told");
}

/// How many wait for a lock of the database, for rows or for whole tables.
fn waiting(home: &Home, of: &str) -> i64 {
    home.number(&format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND wait_event_type = 'Lock' AND wait_event {of} 'relation'"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_somebody_has_locked_delays_the_news_of_no_other() {
    let Some((server, home, url)) = on_postgres() else {
        return;
    };
    let patient = Options::default()
        .poll_interval(100 * LONG)
        .patience(Duration::from_secs(50));
    let process = home.process_with(&patient);
    let (mut user, mut locked) = select(&process).await;
    user.append(&name("INBOX"), Mail::new("one")).await.unwrap();
    locked.noop().await.unwrap();
    make(&mut user, "other").await;
    let mut other = user.select(&name("other"), Access::ReadWrite).await.unwrap();
    let mut writer = home.process().login().await.unwrap();
    writer.append(&name("other"), Mail::new("one")).await.unwrap();
    woken(&mut other).await; // from here on hints are heard
    other.hold().await.unwrap();

    // A message that nobody was told of, and nobody says so; whoever would claim it waits.
    home.by_hand(
        "BEGIN; SET LOCAL imap.hint_follows = on; \
         UPDATE mailboxes SET recent_from = 1, highest_modseq = highest_modseq + 1 WHERE name = 'INBOX'; COMMIT",
    )
    .unwrap();
    let inbox = home.number("SELECT id FROM mailboxes WHERE name = 'INBOX'");
    let lock = server.begin(&url, "SELECT 1 FROM mailboxes WHERE name = 'INBOX' FOR UPDATE");
    home.by_hand(&format!("SELECT pg_notify('imap_mail', '{inbox}')"))
        .unwrap();
    until(|| waiting(&home, "<>") == 1).await;
    for number in 2..=4 {
        writer.append(&name("other"), Mail::new("one")).await.unwrap();
        woken(&mut other).await;
        assert_eq!(other.hold().await.unwrap().arrived, [uid(number)]);
    }
    assert_eq!(waiting(&home, "<>"), 1);
    drop(lock);
    writer.append(&name("INBOX"), Mail::new("two")).await.unwrap();
    woken(&mut locked).await;
    assert_eq!(locked.hold().await.unwrap().arrived, [uid(2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_whose_row_is_damaged_ends_the_news_of_no_other() {
    on_every_engine(async |home| {
        let often = Options::default()
            .without_hints()
            .poll_interval(Duration::from_millis(20));
        let (mut user, _damaged) = select(&home.process_with(&often)).await;
        make(&mut user, "other").await;
        let mut other = user.select(&name("other"), Access::ReadWrite).await.unwrap();
        home.by_hand("UPDATE mailboxes SET highest_modseq = -1 WHERE name = 'INBOX'")
            .unwrap();
        let mut writer = home.process().login().await.unwrap();
        for number in 1..=3 {
            writer.append(&name("other"), Mail::new("one")).await.unwrap();
            woken(&mut other).await;
            assert_eq!(other.hold().await.unwrap().arrived, [uid(number)]);
        }
    })
    .await;
}

/// `indexed = 1` says that a text waits. This one has no message, so that no hint tells of it; and without a summary it is found
/// to have no text.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_program_leaves_to_index_waits_for_no_message_of_ours() {
    on_every_engine(async |home| {
        let often = Options::default().poll_interval(Duration::from_millis(20));
        let _server = select(&home.process_with(&often)).await;
        let left = || home.number("SELECT count(*) FROM blobs WHERE indexed = 1");
        for _ in 0..3 {
            home.by_hand("INSERT INTO blobs (size, indexed) VALUES (0, 1)")
                .unwrap();
            until(|| left() == 0).await;
        }
    })
    .await;
}

/// RFC 9051, section 6.3.4: the superiors that are missing are made. Two clients may find the same one missing.
#[tokio::test(flavor = "multi_thread")]
async fn rfc9051_6_3_4_a_superior_that_somebody_else_makes_meanwhile_refuses_no_mailbox() {
    let Some((_, home, url)) = on_postgres() else {
        return;
    };
    let process = home.process();
    let mut user = process.login().await.unwrap();
    make(&mut user, "from").await;
    let (other, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    for (superior, inferior, how) in [
        ("a", "a/b", "CREATE"),
        ("c", "c/d", "RENAME"),
        ("e", "e", "CREATE"),
    ] {
        let insert =
            format!("BEGIN; INSERT INTO mailboxes (account, name) SELECT id, '{superior}' FROM accounts");
        other.batch_execute(&insert).await.unwrap();
        let mut session = user.session.another().unwrap();
        let making = tokio::spawn(async move {
            match how {
                "RENAME" => session.rename(&name("from"), &name(inferior)).await,
                _ => session
                    .create(&name(inferior), &Create::default())
                    .await
                    .map(drop),
            }
        });
        until(|| waiting(&home, "<>") == 1).await;
        other.batch_execute("COMMIT").await.unwrap();
        let made = making.await.unwrap().map_err(|error| error.kind());
        let is_twice = superior == inferior;
        assert_eq!(
            made,
            if is_twice {
                Err(ErrorKind::AlreadyExists)
            } else {
                Ok(())
            },
            "{inferior}"
        );
        let there = format!("SELECT count(*) FROM mailboxes WHERE name = '{inferior}'");
        assert_eq!(home.number(&there), 1, "{inferior}");
    }
}

/// Copies share their octets' rows, and each transaction locks those of its messages.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn copies_of_the_same_messages_in_another_order_all_succeed() {
    on_every_engine(async |home| {
        let (one, other) = (home.process(), home.process());
        let (mut user, mut ascending) = select(&one).await;
        for subject in ["one", "two", "three"] {
            user.append(&name("INBOX"), Mail::new(subject)).await.unwrap();
        }
        ascending.noop().await.unwrap();
        for mailbox in ["turned", "first", "second"] {
            make(&mut user, mailbox).await;
        }
        for number in [3, 2, 1] {
            let one = UidSet::from_iter([uid(number)]);
            ascending.mailbox.copy(&one, &name("turned")).await.unwrap();
        }
        let mut user = other.login().await.unwrap();
        let mut descending = user.select(&name("turned"), Access::ReadWrite).await.unwrap();
        let with_a_gap = UidSet::from_iter([uid(1), uid(3)]);
        let targets = (name("first"), name("second"));
        for round in 0..100 {
            let (one, other) = tokio::join!(
                ascending.mailbox.copy(&with_a_gap, &targets.0),
                descending.mailbox.copy(&with_a_gap, &targets.1),
            );
            one.unwrap_or_else(|error| panic!("{round}: {error}"));
            other.unwrap_or_else(|error| panic!("{round}: {error}"));
        }
        let copies = "SELECT count(*) FROM messages JOIN mailboxes ON mailboxes.id = mailbox \
                      WHERE name IN ('first', 'second')";
        assert_eq!(home.number(copies), 400);
        assert_eq!(home.number("SELECT max(uses) FROM blobs"), 202);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_the_index_of_texts() {
    let Some((server, home, url)) = on_postgres() else {
        return;
    };
    let (mut user, mut selected) = select(&home.process()).await;
    make(&mut user, "other").await;
    let index = server.begin(&url, "LOCK TABLE texts IN SHARE MODE");
    for _ in 0..10 {
        user.append(&name("INBOX"), Mail::new("one")).await.unwrap();
    }
    selected.noop().await.unwrap();
    until(|| waiting(&home, "=") == 1).await;
    // What is indexed together with the last one comes before it.
    let last = "SELECT 1 FROM blobs WHERE id = (SELECT max(id) FROM blobs) FOR UPDATE";
    let last = server.begin(&url, last);
    drop(index);
    until(|| waiting(&home, "<>") == 1).await;
    let all_but_the_last = (1..10).map(uid).collect();
    let other = name("other");
    selected.mailbox.copy(&all_but_the_last, &other).await.unwrap();
    selected
        .store(&[uid(9)], &common::add("\\Deleted"))
        .await
        .unwrap();
    selected.mailbox.expunge(&all_but_the_last).await.unwrap();
    assert_eq!(waiting(&home, "<>"), 1, "the index still waits");
    drop(last);
    until(|| home.number("SELECT count(*) FROM blobs WHERE indexed = 1") == 0).await;
    assert_eq!(home.number("SELECT count(*) FROM texts"), 10);
}

/// The connections of this process to the database.
fn connections(home: &Home) -> i64 {
    home.number(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND application_name = 'imap-sql'",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_slow_client_has_no_connection_and_no_lock() {
    on_every_engine(async |home| {
        let few = |number| {
            let number = NonZeroUsize::new(number).unwrap();
            Options::default().without_hints().connections(number)
        };
        let process = home.process_with(&few(1));
        let (mut user, mut selected) = select(&process).await;
        let mut slow = user.session.another().unwrap();
        let stalled = tokio::spawn(async move {
            let message = Pieces {
                pieces: vec![b"X-Long: 1\r\n\r\n".to_vec(), vec![b'x'; 3 << 20]],
                then: Then::Stall,
            };
            slow.append(&name("INBOX"), &Append::default(), message).await
        });
        until(|| home.number("SELECT count(*) FROM chunks") > 0).await;
        user.append(&name("INBOX"), Mail::new("one")).await.unwrap();
        assert_eq!(selected.noop().await.unwrap().arrived, [uid(1)]);
        // A client that has read half of a message.
        let record = selected.fetch_one(uid(1), Need::BODY).await.unwrap();
        assert!(!record.body().unwrap().read_first(8).await.unwrap().is_empty());
        selected.store(&[uid(1)], &common::add("\\Seen")).await.unwrap();
        assert!(!octets(&mut selected, 1).await.is_empty());
        assert!(!stalled.is_finished());
        if matches!(home, Home::Server(..)) {
            assert_eq!(connections(&home), 1);
        }
        stalled.abort();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_ask_at_once_the_connections_are_as_many_as_was_said() {
    let Some((_, home, _)) = on_postgres() else {
        return;
    };
    let three = NonZeroUsize::new(3).unwrap();
    let process = home.process_with(&Options::default().without_hints().connections(three));
    let user = process.login().await.unwrap();
    let asking: Vec<_> = (0..30)
        .map(|_| {
            let session = user.session.another().unwrap();
            tokio::spawn(async move {
                let mut session = session;
                for _ in 0..5 {
                    let message = Pieces {
                        pieces: vec![b"Subject: one\r\n\r\n".to_vec()],
                        then: Then::End,
                    };
                    let append = Append::new(flags("\\Seen"));
                    session.append(&name("INBOX"), &append, message).await.unwrap();
                }
            })
        })
        .collect();
    while !asking.iter().all(tokio::task::JoinHandle::is_finished) {
        let there = connections(&home);
        assert!(there <= 3, "{there}");
    }
    for asked in asking {
        asked.await.unwrap();
    }
    assert_eq!(connections(&home), 3);
    assert_eq!(home.number("SELECT messages FROM mailboxes"), 150);
}
