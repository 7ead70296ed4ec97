//! Several servers on one database: what connects them is the log; hints make it faster, and nothing depends on them.

#![allow(
    clippy::unwrap_used,
    reason = "outside of a `#[test]`, clippy does not see that these are tests"
)]

mod common;

use std::future::poll_fn;
use std::time::Duration;

use common::{Home, add, flags, name, on_every_engine, select, uid};
use imap_backend::{ErrorKind, Mailbox as _, Need, PollReason, Session as _, StatusQuery};
use imap_backend_test::{Mail, Selected};
use imap_seq::UidSet;
use imap_sql::{Options, SqlMailbox};
use test_postgres::Server;
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, NoTls, Notification};

/// No test passes because it has waited so long.
const LONG: Duration = Duration::from_secs(60);

/// Waits as a session in IDLE does, and asks nobody.
async fn woken(selected: &mut Selected<SqlMailbox>) {
    let changed = poll_fn(|context| selected.updates.poll_changed(context));
    tokio::time::timeout(LONG, changed)
        .await
        .expect("a change is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_does_wakes_a_session_that_asks_nothing() {
    on_every_engine(async |home| {
        let never = Options::default().poll_interval(100 * LONG);
        let (_idle, mut idling) = select(&home.process_with(&never)).await;
        let mut writer = home.process_with(&never).login().await.unwrap();
        for number in 1..=3 {
            writer.append(&name("INBOX"), Mail::new("one")).await.unwrap();
            woken(&mut idling).await;
            assert_eq!(idling.hold().await.unwrap().arrived, [uid(number)]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_hints_it_does_so_at_the_next_poll() {
    on_every_engine(async |home| {
        let deaf = Options::default()
            .without_hints()
            .poll_interval(Duration::from_millis(20));
        let (_idle, mut idling) = select(&home.process_with(&deaf)).await;
        let mut writer = home.process().login().await.unwrap();
        writer.append(&name("INBOX"), Mail::new("one")).await.unwrap();
        woken(&mut idling).await;
        assert_eq!(idling.hold().await.unwrap().arrived, [uid(1)]);
    })
    .await;
}

/// RFC 3501, section 2.3.2.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_session_of_all_servers_has_a_message_as_recent() {
    on_every_engine(async |home| {
        let processes: Vec<_> = (0..3).map(|_| home.process()).collect();
        let mut selected = Vec::new();
        for process in &processes {
            selected.push(select(process).await);
        }
        let mut writer = home.process().login().await.unwrap();
        for _ in 0..20 {
            writer.append(&name("INBOX"), Mail::new("one")).await.unwrap();
            // All at once: whoever claims it first has it.
            let looks: Vec<_> = selected
                .into_iter()
                .map(|(user, mut selected)| {
                    tokio::spawn(async move {
                        selected.noop().await.unwrap();
                        (user, selected)
                    })
                })
                .collect();
            selected = Vec::new();
            for look in looks {
                selected.push(look.await.unwrap());
            }
        }
        let mut seen = UidSet::new();
        for (_, selected) in &selected {
            let recent = selected.updates.recent_uids();
            assert!(seen.intersection(recent).is_empty(), "two have {recent:?}");
            seen = seen.union(recent);
        }
        assert_eq!(seen, (1..=20).map(uid).collect());
    })
    .await;
}

/// A server of this test's own: it is stopped.
fn own_server() -> Option<(&'static Server, Home)> {
    let server = Server::start()?;
    let url = server.create_database();
    // The test that has it drops neither before its end.
    let server: &'static Server = Box::leak(Box::new(server));
    server.end_with_this_process();
    Some((server, Home::Server(server, url)))
}

#[tokio::test(flavor = "multi_thread")]
async fn with_hints_a_noop_asks_nothing_of_the_database() {
    let Some((server, home)) = own_server() else {
        return;
    };
    let process = home.process_with(&Options::default());
    let (mut user, mut selected) = select(&process).await;
    user.append(&name("INBOX"), Mail::new("one")).await.unwrap();
    woken(&mut selected).await;
    selected.noop().await.unwrap();
    // Hints are heard from some moment on.
    let asks = async |selected: &mut Selected<SqlMailbox>| {
        server.pause();
        let asked = tokio::time::timeout(
            Duration::from_millis(200),
            selected.mailbox.poll(PollReason::Asked),
        )
        .await;
        server.resume();
        asked.is_err()
    };
    let until_heard = async {
        while asks(&mut selected).await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, until_heard)
        .await
        .expect("hints are heard");
    server.pause();
    for _ in 0..100 {
        selected.mailbox.poll(PollReason::Asked).await.unwrap();
    }
    server.resume();
}

/// What whoever listens hears, as long as the client is there.
async fn listen(url: &str) -> (tokio_postgres::Client, mpsc::UnboundedReceiver<Notification>) {
    let (client, mut connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let (sender, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message {
                let _ = sender.send(notification);
            }
        }
    });
    client.batch_execute("LISTEN imap_mail").await.unwrap();
    (client, heard)
}

/// A transaction that notifies has a lock of the whole server of PostgreSQL until its commit is on the disk: such commits share
/// no sync.
#[tokio::test(flavor = "multi_thread")]
async fn the_hint_of_a_process_that_listens_follows_its_commit_and_every_other_comes_with_it() {
    let Some(server) = test_postgres::shared() else {
        return;
    };
    let url = server.create_database();
    let home = Home::Server(server, url.clone());
    let listening = home.process_with(&Options::default().poll_interval(100 * LONG));
    let mut user = listening.login().await.unwrap();
    let (_client, mut heard) = listen(&url).await;
    let mut next = async || {
        let next = tokio::time::timeout(LONG, heard.recv()).await;
        next.expect("a hint").unwrap()
    };
    let upto = || home.number("SELECT highest_modseq FROM mailboxes WHERE id = 1");
    // From some moment on there is a connection that listens.
    let listener = loop {
        user.append(&name("INBOX"), Mail::new("one")).await.unwrap();
        let sender = next().await.process_id();
        let sends =
            format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {sender} AND query LIKE '%AS owed%'");
        if home.number(&sends) == 1 {
            break sender;
        }
    };
    for _ in 0..3 {
        user.append(&name("INBOX"), Mail::new("one")).await.unwrap();
        let hint = next().await;
        assert_eq!(hint.process_id(), listener);
        assert_eq!(hint.payload(), format!("1 {}", upto()));
    }
    let mut once = home.process().login().await.unwrap();
    once.append(&name("INBOX"), Mail::new("one")).await.unwrap();
    home.by_hand("UPDATE messages SET flags = 8 WHERE uid = 1")
        .unwrap();
    for behind in [1, 0] {
        let hint = next().await;
        assert_ne!(hint.process_id(), listener);
        assert_eq!(hint.payload(), format!("1 {}", upto() - behind));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_loses_the_database_keeps_its_clients_and_catches_up() {
    let Some((server, home)) = own_server() else {
        return;
    };
    let often = Options::default().poll_interval(Duration::from_millis(100));
    let process = home.process_with(&often);
    let (mut user, mut selected) = select(&process).await;
    user.append(&name("INBOX"), Mail::new("one")).await.unwrap();
    woken(&mut selected).await;
    selected.noop().await.unwrap();

    for round in 0..2 {
        match round {
            0 => server.stop(),
            _ => server.kill(),
        }
        let fetched = selected.mailbox.fetch(&[uid(1)], Need::FLAGS).await;
        assert_eq!(fetched.unwrap_err().kind(), ErrorKind::Unavailable);
        let stored = selected
            .mailbox
            .store(&[uid(1)].into_iter().collect(), &add("\\Seen"))
            .await;
        assert_eq!(stored.unwrap_err().kind(), ErrorKind::Unavailable);
        let status = user.session.status(&name("INBOX"), StatusQuery::ALL).await;
        assert_eq!(status.unwrap_err().kind(), ErrorKind::Unavailable);

        server.run();
        // Nothing was asked of it since; somebody else changes the mailbox.
        let mut other = home.process().login().await.unwrap();
        other.append(&name("INBOX"), Mail::new("two")).await.unwrap();
        woken(&mut selected).await;
        assert_eq!(selected.hold().await.unwrap().arrived, [uid(2 + round)]);
        // Every connection was cut; the first command gets a new one.
        let record = selected.fetch_one(uid(1), Need::FLAGS).await.unwrap();
        assert!(record.flags().is_empty(), "what was refused was not done");
        user.append(&name("elsewhere"), Mail::new("three"))
            .await
            .unwrap_err();
    }
}

/// Has every commit wait after it is on the disk, for a standby that never comes; or for nobody any more.
fn hold_commits(server: &Server, are_held: bool) {
    let set = match are_held {
        true => "ALTER SYSTEM SET synchronous_standby_names = 'nobody'",
        false => "ALTER SYSTEM RESET synchronous_standby_names",
    };
    server.sql("postgres", set).unwrap();
    server.sql("postgres", "SELECT pg_reload_conf()").unwrap();
}

/// Ends the connection of a commit that is held, once there is one: it has happened, and nobody is told so.
fn cut_held_commit(server: &Server) {
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    while server.sql("postgres", cut).unwrap() == "0" {
        std::thread::yield_now();
    }
}

/// The answer to STORE is NO where the database was lost during the commit, or between it and the look at the new flags. So
/// the client has not been told, and its own change is news to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_told_of_flags_that_it_changed_without_hearing_so() {
    let Some((server, home)) = own_server() else {
        return;
    };
    let (mut user, mut selected) = select(&home.process()).await;
    user.append(&name("INBOX"), Mail::new("one")).await.unwrap();
    selected.noop().await.unwrap();
    let one: UidSet = [uid(1)].into_iter().collect();

    hold_commits(server, true);
    // From when on commits are held only one that is held can tell.
    let probe = std::thread::spawn(|| {
        let write = "CREATE TABLE probe (); DROP TABLE probe";
        while server.sql("postgres", write).is_ok() {}
    });
    cut_held_commit(server);
    probe.join().unwrap();
    let cutter = std::thread::spawn(|| cut_held_commit(server));
    let stored = selected.mailbox.store(&one, &add("\\Seen")).await;
    assert_eq!(stored.unwrap_err().kind(), ErrorKind::Unavailable);
    cutter.join().unwrap();
    hold_commits(server, false);
    let told = selected.noop().await.unwrap();
    assert_eq!(told.flags, [(uid(1), flags("\\Seen"))]);
    assert!(selected.noop().await.unwrap().is_silent(), "once");

    selected.mailbox.store(&one, &add("\\Flagged")).await.unwrap();
    server.stop();
    selected.mailbox.fetch(&[uid(1)], Need::FLAGS).await.unwrap_err();
    server.run();
    let told = selected.noop().await.unwrap();
    assert_eq!(told.flags, [(uid(1), flags("\\Seen \\Flagged"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_after_the_database_is_killed() {
    let Some((server, home)) = own_server() else {
        return;
    };
    for round in 0..3 {
        let process = home.process();
        let mut answered = Vec::new();
        let (say, said) = std::sync::mpsc::channel();
        let killer = std::thread::spawn(move || {
            // In the middle of one that nobody has answered.
            said.iter().take(5 + round).for_each(drop);
            server.kill();
        });
        let mut user = process.login().await.unwrap();
        while let Ok(appended) = user.append(&name("INBOX"), Mail::new("one")).await {
            answered.push(appended.uid());
            let _ = say.send(());
        }
        killer.join().unwrap();
        server.run();
        let (_user, mut selected) = select(&home.process()).await;
        let there = selected.model.uids();
        for uid in &answered {
            assert!(there.contains(uid), "{uid} of {}", answered.len());
        }
        let record = selected
            .fetch_one(*answered.last().unwrap(), Need::BODY)
            .await
            .unwrap();
        assert!(record.body().unwrap().size().await.unwrap() > 0);
    }
}

/// By hand, locks are taken in the other order: messages first. Whoever is ended for it says so, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_and_sql_by_hand_that_wait_for_each_other_lose_nothing() {
    on_every_engine(async |home| {
        let (mut user, mut selected) = select(&home.process()).await;
        for _ in 0..10 {
            user.append(&name("INBOX"), Mail::new("one")).await.unwrap();
        }
        selected.noop().await.unwrap();
        let sql = "UPDATE messages SET keywords = CASE keywords WHEN 'Work' THEN '' ELSE 'Work' END";
        std::thread::scope(|scope| {
            let by_hand = scope.spawn(|| (0..20).filter(|_| home.by_hand(sql).is_ok()).count());
            let all: UidSet = (1..=10).map(uid).collect();
            let store = async {
                for flag in ["\\Seen", "\\Flagged"].into_iter().cycle().take(40) {
                    match selected.mailbox.store(&all, &add(flag)).await {
                        Ok(_) => {}
                        Err(error) => assert_eq!(error.kind(), ErrorKind::InUse, "{error}"),
                    }
                    let clear = imap_backend::FlagChange::new(
                        imap_backend::FlagAction::Remove,
                        flag.parse().unwrap(),
                    );
                    let _ = selected.mailbox.store(&all, &clear).await;
                }
            };
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(store));
            assert!(by_hand.join().unwrap() > 0);
        });
        selected.noop().await.unwrap();
        let counted = home.number("SELECT unseen FROM mailboxes WHERE id = 1");
        let there = home.number("SELECT count(*) FROM messages WHERE flags & 8 = 0");
        assert_eq!(counted, there);
    })
    .await;
}
