//! An administrator at work beside a server: what is done is told to the sessions, and refused where IMAP would refuse it.

#![allow(
    clippy::unwrap_used,
    reason = "outside of a `#[test]`, clippy does not see that these are tests"
)]

mod common;

use common::{Home, Pieces, Then, flags, name, octets, on_every_engine, select, uid};
use imap_backend::{
    Append, Backend, Credentials, FlagAction, FlagChange, LoginError, Peer, Session, StatusQuery, Transport,
};
use imap_backend_test::Selected;
use imap_seq::{SequenceSet, Uid, UidSet};
use imap_sql::admin::{Admin, AdminError, Delivered, Delivery, MailboxFigures, Place, Secrets};
use imap_sql::{Options, SqlBackend, SqlMailbox};
use imap_updates::{Access, Closed};

/// The administrator of a database, in a process of its own.
fn admin(file: &Home) -> Admin {
    Admin::new(&file.open(&Options::default()))
}

fn place(account: &str, mailbox: &str) -> Place {
    Place {
        account: account.to_owned(),
        mailbox: name(mailbox),
    }
}

fn inbox() -> Place {
    place("ann", "INBOX")
}

fn set(text: &str) -> SequenceSet<Uid> {
    text.parse().unwrap()
}

fn uids(numbers: impl IntoIterator<Item = u32>) -> UidSet {
    numbers.into_iter().map(uid).collect()
}

async fn deliver(admin: &Admin, to: &Place, item: Option<&str>) -> Delivered {
    let delivery = Delivery {
        append: Append::new(flags("\\Flagged")),
        item: item.map(str::to_owned),
    };
    let message = Pieces {
        pieces: vec![
            b"Subject: =?UTF-8?Q?h=C3=A9llo?=\r\n".to_vec(),
            b"\r\nhi\r\n".to_vec(),
        ],
        then: Then::End,
    };
    admin.deliver(to, &delivery, message).await.unwrap()
}

/// An INBOX of so many messages, an administrator of it, and a session in another process that has it selected.
async fn staged(file: &Home, messages: u32) -> (Admin, Selected<SqlMailbox>) {
    let admin = admin(file);
    admin.create_account("ann", None).await.unwrap();
    for _ in 0..messages {
        deliver(&admin, &inbox(), None).await;
    }
    let (_user, selected) = select(&file.process()).await;
    (admin, selected)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_administrator_does_is_told_to_sessions_of_other_processes() {
    on_every_engine(async |file| {
        let (admin, mut selected) = staged(&file, 1).await;
        assert_eq!(deliver(&admin, &inbox(), None).await, Delivered::Stored(uid(2)));
        let news = selected.noop().await.unwrap();
        assert_eq!(news.arrived, [uid(2)]);
        assert!(octets(&mut selected, 2).await.ends_with(b"\r\n\r\nhi\r\n"));

        let changes = [
            FlagChange::new(FlagAction::Add, flags("\\Seen Work")),
            FlagChange::new(FlagAction::Remove, flags("\\Flagged")),
        ];
        let changed = admin.change_flags(&inbox(), &set("2:*"), &changes).await.unwrap();
        assert_eq!(changed, uids([2]));
        let news = selected.noop().await.unwrap();
        assert_eq!(news.flags, [(uid(2), flags("\\Seen Work"))]);
        let again = admin.change_flags(&inbox(), &set("2"), &changes).await.unwrap();
        assert!(again.is_empty() && selected.noop().await.unwrap().is_silent());

        let removed = admin.remove(&inbox(), &set("1,7")).await.unwrap();
        assert_eq!(removed, uids([1]));
        assert_eq!(selected.noop().await.unwrap().expunged, [uid(1)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_means_what_it_means_in_uid_commands() {
    on_every_engine(async |file| {
        let (admin, _selected) = staged(&file, 3).await;
        for (text, meant) in [
            ("1:*", uids(1..=3)),
            ("*", uids([3])),
            ("*:2", uids([2, 3])),
            ("100:*", uids([3])),
            ("3:2,9", uids([2, 3])),
            ("4294967295", uids([])),
        ] {
            assert_eq!(admin.uids(&inbox(), &set(text)).await.unwrap(), meant, "{text}");
        }
        admin.remove(&inbox(), &set("1:*")).await.unwrap();
        assert!(admin.uids(&inbox(), &set("*")).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_listed_with_what_their_headers_say() {
    on_every_engine(async |file| {
        let (admin, _selected) = staged(&file, 2).await;
        let found = admin.messages(&inbox(), &uids([2, 3])).await.unwrap();
        let [message] = &found[..] else {
            panic!("{found:?}");
        };
        assert_eq!((message.uid, &message.flags), (uid(2), &flags("\\Flagged")));
        assert_eq!(message.subject.as_deref(), Some("h\u{e9}llo"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_is_taken_once_in_each_mailbox() {
    on_every_engine(async |file| {
        let (admin, mut selected) = staged(&file, 0).await;
        assert_eq!(
            deliver(&admin, &inbox(), Some("a")).await,
            Delivered::Stored(uid(1))
        );
        assert_eq!(deliver(&admin, &inbox(), Some("a")).await, Delivered::TakenBefore);
        assert_eq!(
            deliver(&admin, &inbox(), Some("b")).await,
            Delivered::Stored(uid(2))
        );
        assert_eq!(selected.noop().await.unwrap().arrived.len(), 2);
        assert_eq!(admin.taken(&inbox()).await.unwrap().len(), 2);
        admin.create_mailbox(&place("ann", "kit")).await.unwrap();
        assert_eq!(
            deliver(&admin, &place("ann", "kit"), Some("a")).await,
            Delivered::Stored(uid(1))
        );
        // It is gone with its mailbox.
        admin.drop_mailbox(&place("ann", "kit")).await.unwrap();
        admin.create_mailbox(&place("ann", "kit")).await.unwrap();
        assert_eq!(
            deliver(&admin, &place("ann", "kit"), Some("a")).await,
            Delivered::Stored(uid(1))
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mailboxes_are_made_renamed_and_dropped() {
    on_every_engine(async |file| {
        let (admin, _selected) = staged(&file, 1).await;
        let mut user = file.process().login().await.unwrap();
        admin.create_mailbox(&place("ann", "a/b")).await.unwrap();
        deliver(&admin, &place("ann", "a/b"), None).await;
        admin
            .rename_mailbox(&place("ann", "a"), &name("c"))
            .await
            .unwrap();
        assert_eq!(listed(&admin).await, ["INBOX 1", "c 0", "c/b 1"]);
        let mut selected = user.select(&name("c/b"), Access::ReadWrite).await.unwrap();
        admin.drop_mailbox(&place("ann", "c/b")).await.unwrap();
        assert_eq!(selected.noop().await.unwrap().closed, Some(Closed::Deleted));
        // Its messages go, and INBOX stays.
        admin.rename_mailbox(&inbox(), &name("old")).await.unwrap();
        assert_eq!(listed(&admin).await, ["INBOX 0", "c 0", "old 1"]);
    })
    .await;
}

/// Each mailbox with its number of messages.
async fn listed(admin: &Admin) -> Vec<String> {
    let list = admin.mailboxes("ann").await.unwrap();
    let line = |mailbox: &MailboxFigures| format!("{} {}", mailbox.name, mailbox.messages);
    list.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_made_once_listed_and_dropped_with_what_is_in_it() {
    on_every_engine(async |file| {
        let (admin, mut selected) = staged(&file, 2).await;
        let secrets = Secrets {
            password: "phc".to_owned(),
            scram_sha_256: "keys".to_owned(),
        };
        admin.create_account("bob", Some(secrets.clone())).await.unwrap();
        assert_eq!(admin.password("bob").await.unwrap().as_deref(), Some("phc"));
        assert_eq!(admin.password("ann").await.unwrap(), None);
        let list = admin.accounts().await.unwrap();
        let list: Vec<_> = list
            .iter()
            .map(|account| {
                (
                    account.name.as_str(),
                    account.may_log_in,
                    account.mailboxes,
                    account.messages,
                )
            })
            .collect();
        assert_eq!(list, [("ann", false, 1, 2), ("bob", true, 1, 0)]);
        admin.set_secrets("ann", secrets).await.unwrap();
        assert!(admin.accounts().await.unwrap()[0].may_log_in);
        admin.drop_account("ann").await.unwrap();
        assert_eq!(selected.noop().await.unwrap().closed, Some(Closed::Deleted));
        assert_eq!(admin.accounts().await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_and_named() {
    on_every_engine(async |file| {
        let (admin, _selected) = staged(&file, 1).await;
        let secrets = Secrets {
            password: String::new(),
            scram_sha_256: String::new(),
        };
        let said = |result: Result<(), AdminError>| result.unwrap_err().to_string();
        assert!(said(admin.create_account("ann", None).await).contains("there is an account ann already"));
        assert!(said(admin.create_account("a\nb", None).await).contains("cannot be the name of an account"));
        assert!(said(admin.set_secrets("eve", secrets).await).contains("no account eve"));
        assert!(said(admin.drop_account("eve").await).contains("no account eve"));
        assert!(said(admin.create_mailbox(&place("eve", "x")).await).contains("no account eve"));
        assert!(said(admin.create_mailbox(&inbox()).await).contains("INBOX of ann is there already"));
        assert!(said(admin.create_mailbox(&place("ann", "a//b")).await).contains("cannot be done"));
        assert!(said(admin.drop_mailbox(&inbox()).await).contains("cannot be done"));
        assert!(said(admin.drop_mailbox(&place("ann", "x")).await).contains("the mailbox x of ann"));
        let renamed = admin.rename_mailbox(&place("ann", "x"), &name("y")).await;
        assert!(matches!(renamed, Err(AdminError::NoMailbox(of)) if of == place("ann", "x")));
        let nowhere = admin.remove(&place("ann", "x"), &set("1")).await.map(drop);
        assert!(said(nowhere).contains("the mailbox x of ann"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_an_account_is_refused_where_accounts_are_not_to_be_made() {
    on_every_engine(async |file| {
        let store = file.open(&Options::default());
        let admin = Admin::new(&store);
        let login = async |backend: SqlBackend<common::Secret>| {
            let peer = Peer::new(None, Transport::Tls);
            backend
                .login(&peer, Credentials::new("ann".to_owned(), "secret".to_owned()))
                .await
        };
        let backend = || common::backend(store.clone()).without_new_accounts();
        assert!(matches!(login(backend()).await, Err(LoginError::Refused)));
        assert!(admin.accounts().await.unwrap().is_empty());
        admin.create_account("ann", None).await.unwrap();
        // Somebody has removed INBOX by hand: it comes back.
        file.by_hand("DELETE FROM mailboxes").unwrap();
        let mut session = login(backend()).await.unwrap();
        let status = session.status(&name("INBOX"), StatusQuery::ALL).await.unwrap();
        assert_eq!(status.messages(), 0);
    })
    .await;
}
