//! SQL that somebody writes by hand while servers run: it is followed, or refused, and never half understood.

#![allow(
    clippy::unwrap_used,
    reason = "outside of a `#[test]`, clippy does not see that these are tests"
)]

mod common;

use common::{Home, append, flags, name, octets, on_every_engine, select, uid};
use imap_backend::{Create, ErrorKind, Mailbox, Need, Rights, Session, StatusQuery, Usage};
use imap_backend_test::Mail;
use imap_seq::Uid;
use imap_updates::{Access, Closed};

/// An INBOX of so many messages.
async fn with_messages(file: &Home, number: u32) {
    let mut user = file.process().login().await.unwrap();
    for at in 1..=number {
        let mail = Mail::new(&format!("message {at}"));
        user.append(&name("INBOX"), mail).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_and_expunges_are_told_and_have_mod_sequences() {
    on_every_engine(async |file| {
        with_messages(&file, 3).await;
        let (mut user, mut selected) = select(&file.process()).await;
        let before = selected.figures.highest_modseq.unwrap();
        file.by_hand("UPDATE messages SET flags = flags | 8, keywords = 'Work' WHERE uid = 2")
            .unwrap();
        assert_eq!(
            selected.noop().await.unwrap().flags,
            [(uid(2), flags("\\Seen Work"))]
        );
        file.by_hand("DELETE FROM messages WHERE uid <> 2").unwrap();
        let news = selected.noop().await.unwrap();
        assert_eq!(news.expunged.len(), 2);
        let vanished = selected.mailbox.vanished_since(before).await.unwrap().unwrap();
        assert_eq!(vanished, [uid(1), uid(3)].into_iter().collect());
        let record = selected.fetch_one(uid(2), Need::MODSEQ).await.unwrap();
        assert!(record.modseq().unwrap() > before);
        let status = user
            .session
            .status(&name("INBOX"), StatusQuery::ALL)
            .await
            .unwrap();
        assert_eq!((status.messages(), status.unseen()), (1, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_hand_after_a_sessions_own_is_told_to_that_session() {
    on_every_engine(async |file| {
        with_messages(&file, 1).await;
        let (_user, mut selected) = select(&file.process()).await;
        selected.store(&[uid(1)], &common::add("\\Seen")).await.unwrap();
        file.by_hand("UPDATE messages SET flags = 0").unwrap();
        assert_eq!(selected.noop().await.unwrap().flags, [(uid(1), flags(""))]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_inserted_gets_its_uid_and_can_be_read() {
    on_every_engine(async |file| {
        with_messages(&file, 1).await;
        let (_user, mut selected) = select(&file.process()).await;
        let text = file.octets("5375626a6563743a2068616e640d0a0d0a686921");
        file.by_hand(&format!(
            "BEGIN;
             INSERT INTO blobs (size) VALUES (20);
             INSERT INTO chunks (blob, number, octets) SELECT max(id), 0, {text} FROM blobs;
             INSERT INTO messages (mailbox, blob) SELECT 1, max(id) FROM blobs;
             COMMIT;"
        ))
        .unwrap();
        assert_eq!(selected.noop().await.unwrap().arrived, [uid(2)]);
        assert_eq!(octets(&mut selected, 2).await, b"Subject: hand\r\n\r\nhi!");
        // Nobody has made its summary: there is a body instead, also where only the summary is wanted.
        let record = selected.fetch_one(uid(2), Need::SUMMARY).await.unwrap();
        assert!(record.summary().is_none() && record.body().is_some());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_break_a_clients_cache_is_refused() {
    on_every_engine(async |file| {
        with_messages(&file, 2).await;
        for sql in [
            "INSERT INTO messages (mailbox, uid, blob) VALUES (1, 1000, 1)",
            "UPDATE messages SET uid = 1000 WHERE uid = 2",
            "UPDATE messages SET blob = 1 WHERE uid = 2",
            "UPDATE messages SET keywords = 'Gr\u{fc}n'",
        ] {
            assert!(file.by_hand(sql).is_err(), "{sql}");
        }
        assert_eq!(file.number("SELECT max(uid) FROM messages"), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_uidvalidity_ends_the_sessions() {
    on_every_engine(async |file| {
        with_messages(&file, 1).await;
        let (mut user, mut selected) = select(&file.process()).await;
        file.by_hand("UPDATE mailboxes SET uid_validity = uid_validity + 1")
            .unwrap();
        let news = selected.noop().await.unwrap();
        assert_eq!(news.closed, Some(Closed::UidValidityChanged));
        let again = user.select(&name("INBOX"), Access::ReadWrite).await.unwrap();
        assert!(again.figures.uid_validity > selected.figures.uid_validity);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_deleted_takes_everything_along() {
    on_every_engine(async |file| {
        with_messages(&file, 2).await;
        file.by_hand("DELETE FROM accounts").unwrap();
        for table in ["mailboxes", "messages", "expunged"] {
            assert_eq!(
                file.number(&format!("SELECT count(*) FROM {table}")),
                0,
                "{table}"
            );
        }
        let _process = file.process();
        until_gone(&file).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_in_columns_is_damage_of_one_message_or_passed_over_and_never_a_panic() {
    on_every_engine(async |file| {
        with_messages(&file, 3).await;
        let (mut user, mut selected) = select(&file.process()).await;
        let noise = file.octets("00ff");
        file.by_hand(&format!(
            "UPDATE messages SET flags = 1099511627776, keywords = 'ok \\bad (x)' WHERE uid = 1;
             UPDATE blobs SET summary = {noise} WHERE id = 2;
             DELETE FROM chunks WHERE blob = 3;"
        ))
        .unwrap();
        selected.noop().await.unwrap();
        let first = selected.fetch_one(uid(1), Need::FLAGS).await.unwrap();
        assert_eq!(first.flags(), &flags("ok"));
        let second = selected.fetch_one(uid(2), Need::SUMMARY).await.unwrap();
        assert!(second.summary().is_none() && second.body().is_some());
        let third = selected.fetch_one(uid(3), Need::BODY).await.unwrap();
        let read = third.body().unwrap().read_at(0, 10).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::ExpungeIssued);

        file.by_hand("UPDATE messages SET zone = 100000 WHERE uid = 2")
            .unwrap();
        let answer = selected.mailbox.fetch(&[uid(2)], Need::INTERNAL_DATE).await;
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Corruption);
        file.by_hand("INSERT INTO mailboxes (account, name) VALUES (1, 'a\nb')")
            .unwrap();
        assert_eq!(user.list().await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn octets_that_are_damaged_hide_no_other_message_of_the_same_fetch() {
    on_every_engine(async |file| {
        with_messages(&file, 6).await;
        let (_user, mut selected) = select(&file.process()).await;
        let short = file.octets("616263");
        // SQLite takes any type in any column.
        let text = if matches!(file, Home::File(_)) {
            "'a text'"
        } else {
            &short
        };
        file.by_hand(&format!(
            "DELETE FROM chunks WHERE blob = 2;
             UPDATE chunks SET octets = {short} WHERE blob = 3;
             UPDATE chunks SET octets = {text} WHERE blob = 4;
             UPDATE chunks SET number = 1 WHERE blob = 5"
        ))
        .unwrap();
        let all: Vec<_> = (1..=6).map(uid).collect();
        let fetched = selected.mailbox.fetch(&all, Need::BODY).await.unwrap();
        for record in fetched.into_records() {
            let read = record.body().unwrap().read_at(0, 1000).await;
            let kind = read.map(|octets| octets.len()).map_err(|error| error.kind());
            match record.uid().get() {
                1 | 6 => assert_eq!(kind.unwrap() as u64, record.size().unwrap()),
                2 | 5 => assert_eq!(kind, Err(ErrorKind::ExpungeIssued)),
                _ => assert_eq!(kind, Err(ErrorKind::Corruption)),
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_octets_go_with_the_last_message_that_has_them() {
    on_every_engine(async |file| {
        let (mut user, mut selected) = select(&file.process()).await;
        append(&mut user.session, vec![vec![b'x'; 200_000]]).await;
        selected.noop().await.unwrap();
        let one = [uid(1)].into_iter().collect();
        selected.mailbox.copy(&one, &name("INBOX")).await.unwrap();
        assert_eq!(file.number("SELECT uses FROM blobs"), 2);
        file.by_hand("DELETE FROM messages WHERE uid = 1").unwrap();
        selected.noop().await.unwrap();
        assert_eq!(octets(&mut selected, 2).await.len(), 200_000);
        file.by_hand("DELETE FROM messages WHERE uid = 2").unwrap();
        until_gone(&file).await;
    })
    .await;
}

/// Waits until no message's octets are there.
async fn until_gone(file: &Home) {
    while file.number("SELECT count(*) FROM blobs") + file.number("SELECT count(*) FROM chunks") > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_octets_of_expunged_messages_go_behind_the_expunge_or_when_the_database_is_opened() {
    on_every_engine(async |file| {
        with_messages(&file, 100).await;
        let (user, mut selected) = select(&file.process()).await;
        let some: Vec<Uid> = (1..=90).map(uid).collect();
        selected.store(&some, &common::add("\\Deleted")).await.unwrap();
        let all = (1..=100).map(uid).collect();
        selected.mailbox.expunge(&all).await.unwrap();
        while file.number("SELECT count(*) FROM blobs") > 10 {
            tokio::task::yield_now().await;
        }
        assert_eq!(file.number("SELECT sum(uses) FROM blobs"), 10);
        drop((user, selected));
        file.by_hand("DELETE FROM messages").unwrap();
        let _process = file.process();
        until_gone(&file).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_that_was_read_is_not_read_again_and_is_that_of_its_message() {
    on_every_engine(async |file| {
        with_messages(&file, 2).await;
        let (mut user, mut selected) = select(&file.process()).await;
        let first = selected.fetch_one(uid(1), Need::SUMMARY).await.unwrap();
        user.session
            .create(&name("Other"), &Create::default())
            .await
            .unwrap();
        let second = [uid(2)].into_iter().collect();
        selected.mailbox.copy(&second, &name("Other")).await.unwrap();
        let mut other = user.select(&name("Other"), Access::ReadWrite).await.unwrap();
        let copy = other.fetch_one(uid(1), Need::SUMMARY).await.unwrap();
        assert_ne!(copy.summary().unwrap(), first.summary().unwrap());
        file.by_hand("UPDATE blobs SET summary = NULL").unwrap();
        let again = selected.fetch_one(uid(1), Need::SUMMARY).await.unwrap();
        assert_eq!(again.summary().unwrap(), first.summary().unwrap());
        let unread = selected.fetch_one(uid(2), Need::SUMMARY).await.unwrap();
        assert!(unread.summary().is_none() && unread.body().is_some());
    })
    .await;
}

/// RFC 9208: a message is refused where a limit would be exceeded, whatever the way it comes; a MOVE takes no room.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_holds_no_more_than_its_quota_says() {
    on_every_engine(async |file| {
        with_messages(&file, 2).await;
        let (mut user, mut selected) = select(&file.process()).await;
        let other = name("other");
        user.session.create(&other, &Create::default()).await.unwrap();
        assert_eq!(user.session.quotas(None).await.unwrap(), []);
        file.by_hand("INSERT INTO quotas (account, resource, most) SELECT id, 'MESSAGE', 3 FROM accounts")
            .unwrap();
        let quotas = user.session.quotas(None).await.unwrap();
        assert_eq!(quotas[0].messages(), Some(Usage::new(2, 3)));
        let both = [uid(1), uid(2)].into_iter().collect();
        let refused = selected.mailbox.copy(&both, &other).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::OverQuota);
        selected.mailbox.move_to(&both, &other).await.unwrap();
        file.by_hand("UPDATE quotas SET resource = 'STORAGE', most = 1")
            .unwrap();
        let storage = user.session.quotas(None).await.unwrap()[0].storage().unwrap();
        assert!(storage.used() > 0 && storage.limit() == 1024);
        let mail = Mail::new(&"long ".repeat(300));
        let refused = user.append(&other, mail).await.unwrap_err();
        assert!(format!("{refused:?}").contains("OverQuota"), "{refused:?}");
    })
    .await;
}

/// A row that takes a right away counts, whatever else it says; rows go with their mailbox.
#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_written_by_hand_count_and_nonsense_grants_nothing() {
    on_every_engine(async |file| {
        let mut user = file.process().login().await.unwrap();
        let other = name("other");
        user.session.create(&other, &Create::default()).await.unwrap();
        file.by_hand(
            "INSERT INTO acl (mailbox, identifier, rights) SELECT id, 'owner', 'lr Z9' FROM mailboxes WHERE name = 'other';
             INSERT INTO acl (mailbox, identifier, rights) SELECT id, '', 'lrswi' FROM mailboxes WHERE name = 'other';
             INSERT INTO acl (mailbox, identifier, rights) SELECT id, 'anyone', '' FROM mailboxes WHERE name = 'INBOX'",
        )
        .unwrap();
        let rights = user.session.my_rights(&other).await.unwrap();
        assert_eq!(rights, Rights::LOOKUP.and(Rights::READ));
        assert_eq!(user.session.acl(&other).await.unwrap().iter().count(), 1);
        assert_eq!(user.session.my_rights(&name("INBOX")).await.unwrap(), Rights::ALL);
        let listed = user.list().await.unwrap();
        let listed: Vec<_> = listed.iter().map(|entry| entry.my_rights().unwrap()).collect();
        assert_eq!(listed, [Rights::ALL, rights]);
        file.by_hand("DELETE FROM mailboxes WHERE name = 'other'").unwrap();
        assert_eq!(file.number("SELECT count(*) FROM acl"), 1);
    })
    .await;
}
