//! The index beside the mail: what is in it is what is in the mail, and without it nothing is lost but time.

use std::ffi::OsStr;
use std::os::fd::AsFd as _;

use super::*;
use crate::disk::directory::Location;
use crate::disk::storage::{self, CWD};
use imap_backend::ErrorKind;

const FILE: &str = "imap-index";

/// Nine messages in three pages, some of them flagged, and one that is gone.
async fn nine(fixture: &Fixture) {
    let mut session = fixture.session().await;
    for number in 1..=10 {
        let with = ["", "\\Seen", "todo"][number % 3];
        let text = format!("Subject: number {number}\n\nx\n");
        append(&mut session, "INBOX", &text, with).await.unwrap();
    }
    let mut client = fixture.select("INBOX").await;
    client.store(&[5], FlagAction::Add, "\\Deleted").await.unwrap();
    client.mailbox().expunge(&set(&[5])).await.unwrap();
    client.noop().await;
}

/// All that a client can see.
async fn seen(fixture: &Fixture) -> Result<Vec<String>, Error> {
    let need = Need::MODSEQ
        .and(Need::SIZE)
        .and(Need::INTERNAL_DATE)
        .and(Need::HEADER_SUMMARY);
    let mut client = fixture.select("INBOX").await;
    let mut seen = Vec::new();
    for uid in client.uids() {
        let uids = [Uid::new(uid).unwrap()];
        let mut records = client.mailbox().fetch(&uids, need).await?.into_iter();
        seen.push(format!("{uid} {:?}", records.next()));
    }
    client.mailbox().poll(PollReason::Asked).await?;
    if client.open().hub.closed().is_some() {
        return Err(ErrorKind::Unavailable.into());
    }
    seen.push(client.updates().highest_modseq().to_string());
    Ok(seen)
}

/// The index, such that the next process need not list the mailbox.
async fn whole_index(fixture: Fixture) -> (Arc<tempfile::TempDir>, Vec<u8>) {
    let client = fixture.select("INBOX").await;
    client.open().forget_grain().await;
    drop(client);
    let home = Arc::clone(&fixture.home);
    drop(fixture);
    let octets = std::fs::read(home.path().join("u").join(FILE)).unwrap();
    (home, octets)
}

/// The mailbox as its index knows it.
fn kept(fixture: &Fixture) -> Option<OpenMailbox> {
    let shared = &fixture.backend.shared;
    let path = fixture.root();
    let root = storage::open_directory(CWD, &path).unwrap();
    OpenMailbox::kept(
        Location {
            root: root.as_fd(),
            name: OsStr::new("."),
            path: &path,
            hold: &shared.holds.take(&path, shared.sharing).unwrap().into(),
        },
        &shared.names,
        &shared.cache,
        &shared.boot,
        shared.indexing,
    )
}

#[tokio::test]
async fn what_a_client_sees_is_the_same_with_the_index_and_without_it() {
    let fixture = Fixture::new();
    nine(&fixture).await;
    let before = seen(&fixture).await.unwrap();
    let client = fixture.select("INBOX").await;
    client.open().forget_grain().await;
    drop(client);
    let fixture = fixture.restarted();
    let index = kept(&fixture).unwrap();
    assert_eq!(index.hub.lock().len(), 9);
    let writer = index.writer_if_free().unwrap();
    assert!(writer.traces().is_some(), "it needs no listing");
    drop((writer, index));
    assert_eq!(seen(&fixture).await.unwrap(), before);
    let fixture = fixture.restarted();
    std::fs::remove_file(fixture.root().join(FILE)).unwrap();
    assert_eq!(seen(&fixture).await.unwrap(), before);
}

/// What was saved within the time stamp of the latest change is no proof later; what is saved when the mailbox is closed is.
#[tokio::test]
async fn a_mailbox_that_is_closed_when_its_last_change_is_old_need_not_be_listed_by_the_next_process() {
    let fixture = Fixture::new();
    nine(&fixture).await;
    let client = fixture.select("INBOX").await;
    let open = client.open();
    let writer = open.lock_writer().await;
    open.save(&writer);
    drop(writer);
    open.forget_grain().await;
    assert_eq!(open.hub.lock().pages.changed(), 0);
    drop(client);
    open.rest();
    drop(open);
    let fixture = fixture.restarted();
    let index = kept(&fixture).unwrap();
    assert!(
        index.writer_if_free().unwrap().traces().is_some(),
        "it needs no listing"
    );
}

#[tokio::test]
async fn a_mailbox_that_nobody_has_open_holds_no_message_in_memory() {
    let fixture = Fixture::new();
    nine(&fixture).await;
    let fixture = fixture.restarted();
    let _account = fixture.session().await;
    let open = fixture.select("INBOX").await.open();
    open.rest();
    let uids: Vec<Uid> = (1..=10).filter_map(Uid::new).collect();
    let held = |open: &OpenMailbox| -> Vec<bool> {
        let hub = open.hub.lock();
        uids.iter().map(|uid| hub.pages.are_held(&[*uid])).collect()
    };
    assert_eq!(held(&open), [false; 10]);
    seen(&fixture).await.unwrap();
    let held = held(&open);
    assert!(held.contains(&true) && held.contains(&false), "{held:?}");
}

#[tokio::test]
async fn an_index_that_is_damaged_anywhere_is_dropped_and_nothing_is_lost() {
    let fixture = Fixture::new();
    nine(&fixture).await;
    let before = seen(&fixture).await.unwrap();
    let (home, whole) = whole_index(fixture).await;
    let file = home.path().join("u").join(FILE);
    let (mut dropped, mut used) = (0, 0);
    for place in (0..whole.len()).step_by(97) {
        let mut octets = whole.clone();
        octets[place] ^= 0x21;
        std::fs::write(&file, octets).unwrap();
        let fixture = Fixture::on(Arc::clone(&home));
        match seen(&fixture).await {
            Ok(seen) => assert_eq!(seen, before, "octet {place}"),
            Err(_) => dropped += 1,
        }
        used += usize::from(kept(&Fixture::on(Arc::clone(&home))).is_some());
        assert_eq!(seen(&fixture).await.unwrap(), before, "octet {place}, once more");
    }
    assert!(dropped > 0 && used > 0, "{dropped} {used}");
}

#[tokio::test]
async fn an_index_that_is_cut_short_is_dropped() {
    let fixture = Fixture::new();
    nine(&fixture).await;
    let before = seen(&fixture).await.unwrap();
    let (home, whole) = whole_index(fixture).await;
    let file = home.path().join("u").join(FILE);
    for length in [0, 1, 100, 4096, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&file, &whole[..length]).unwrap();
        let fixture = Fixture::on(Arc::clone(&home));
        if let Ok(seen) = seen(&fixture).await {
            assert_eq!(seen, before, "{length} octets");
        }
        assert_eq!(
            seen(&fixture).await.unwrap(),
            before,
            "{length} octets, once more"
        );
    }
}

#[tokio::test]
async fn an_index_of_another_version_or_another_kind_is_made_anew() {
    let fixture = Fixture::new();
    nine(&fixture).await;
    let before = seen(&fixture).await.unwrap();
    let mut fixture = fixture;
    for spoil in [
        "PRAGMA user_version = 99",
        "PRAGMA application_id = 7",
        "DROP TABLE page",
    ] {
        fixture = fixture.restarted();
        let file = fixture.root().join(FILE);
        rusqlite::Connection::open(&file)
            .unwrap()
            .execute_batch(spoil)
            .unwrap();
        if let Ok(seen) = seen(&fixture).await {
            assert_eq!(seen, before, "{spoil}");
        }
        assert_eq!(seen(&fixture).await.unwrap(), before, "{spoil}");
        fixture = fixture.restarted();
        assert!(kept(&fixture).is_some(), "{spoil}");
    }
}

/// Whoever may write into a mailbox must not make the server write elsewhere.
#[tokio::test]
async fn an_index_that_is_a_link_or_a_directory_is_not_followed_and_stops_nothing() {
    let fixture = Fixture::new();
    let elsewhere = fixture.home.path().join("elsewhere");
    std::fs::create_dir_all(fixture.root()).unwrap();
    std::os::unix::fs::symlink(&elsewhere, fixture.root().join(FILE)).unwrap();
    nine(&fixture).await;
    let before = seen(&fixture).await.unwrap();
    let fixture = fixture.restarted();
    assert_eq!(seen(&fixture).await.unwrap(), before);
    assert!(!elsewhere.exists());
    let fixture = fixture.restarted();
    std::fs::remove_file(fixture.root().join(FILE)).unwrap();
    std::fs::create_dir(fixture.root().join(FILE)).unwrap();
    assert_eq!(seen(&fixture).await.unwrap(), before);
}

#[tokio::test]
async fn a_list_with_another_uidvalidity_makes_the_index_worthless() {
    let fixture = Fixture::new();
    nine(&fixture).await;
    let validity = fixture.select("INBOX").await.open().uid_validity;
    let fixture = fixture.restarted();
    let list = fixture.root().join("dovecot-uidlist");
    std::fs::write(&list, "3 V77 N1 G0123456789abcdef0123456789abcdef\n").unwrap();
    let client = fixture.select("INBOX").await;
    assert_ne!(client.open().uid_validity, validity);
    assert_eq!(client.uids().len(), 9);
}

#[tokio::test]
async fn a_second_process_goes_on_without_an_index() {
    let fixture = Fixture::new();
    nine(&fixture).await;
    let before = seen(&fixture).await.unwrap();
    let client = fixture.select("INBOX").await;
    let other = Fixture::on(Arc::clone(&fixture.home));
    assert!(kept(&other).is_none());
    assert_eq!(seen(&other).await.unwrap(), before);
    drop(client);
}

#[tokio::test]
async fn an_index_follows_its_mailbox_to_another_name_and_is_no_other_mailboxs() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    session.create(&name("one"), &Create::default()).await.unwrap();
    for number in 0..9 {
        append(&mut session, "one", &format!("Subject: {number}\n\nx"), "")
            .await
            .unwrap();
    }
    session.rename(&name("one"), &name("two")).await.unwrap();
    session.create(&name("one"), &Create::default()).await.unwrap();
    for number in 0..5 {
        append(&mut session, "one", &format!("Subject: other {number}\n\nx"), "")
            .await
            .unwrap();
    }
    drop(session);
    let mut fixture = fixture;
    for _ in 0..3 {
        fixture = fixture.restarted();
        for (mailbox, count) in [("one", 5), ("two", 9)] {
            let mut client = fixture.select(mailbox).await;
            assert_eq!(client.uids().len(), count, "{mailbox}");
            assert!(client.record(1, Need::HEADER_SUMMARY).await.is_some());
        }
    }
}

/// Subjects and addresses are in it.
#[tokio::test]
async fn the_index_is_read_by_those_who_may_read_the_mail() {
    use std::os::unix::fs::PermissionsExt;
    for folder in [0o700, 0o770, 0o755] {
        let fixture = Fixture::new();
        for part in ["", "cur", "new", "tmp"] {
            let path = fixture.root().join(part);
            std::fs::create_dir_all(&path).unwrap();
            std::fs::set_permissions(path, PermissionsExt::from_mode(folder)).unwrap();
        }
        nine(&fixture).await;
        let _client = fixture.select("INBOX").await;
        let mode = |name| {
            std::fs::metadata(fixture.root().join(name))
                .unwrap()
                .permissions()
                .mode()
                & 0o777
        };
        for name in ["imap-index", "imap-index-wal"] {
            assert_eq!(
                mode(name),
                mode("dovecot-uidlist"),
                "{name} in a folder of {folder:o}"
            );
            assert_eq!(mode(name) & !folder, 0, "{name} in a folder of {folder:o}");
        }
    }
}

#[tokio::test]
async fn a_list_whose_first_line_is_damaged_is_made_good_from_the_index() {
    let fixture = Fixture::new();
    nine(&fixture).await;
    let validity = fixture.select("INBOX").await.open().uid_validity;
    let before = seen(&fixture).await.unwrap();
    let fixture = fixture.restarted();
    let list = fixture.root().join("dovecot-uidlist");
    let text = std::fs::read_to_string(&list).unwrap();
    std::fs::write(&list, text.replacen('3', "x", 1)).unwrap();
    let client = fixture.select("INBOX").await;
    assert_eq!(client.open().uid_validity, validity);
    drop(client);
    assert_eq!(seen(&fixture).await.unwrap(), before);
    let fixture = fixture.restarted();
    std::fs::remove_file(fixture.root().join(FILE)).unwrap();
    assert_eq!(
        fixture.select("INBOX").await.open().uid_validity,
        validity,
        "it is in the list again"
    );
}

/// Closing writes, on a thread of its own; whoever comes meanwhile must not have the mailbox without its index.
#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_is_opened_while_it_is_being_closed_has_its_index() {
    let fixture = Fixture::new();
    nine(&fixture).await;
    for round in 0..50 {
        let client = fixture.select("INBOX").await;
        assert!(client.open().has_index(), "round {round}");
    }
}
