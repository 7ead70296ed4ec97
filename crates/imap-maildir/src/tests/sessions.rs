//! What one session waits for keeps the user's other sessions from nothing.

use super::*;
use crate::disk::interference::Moment;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Nothing here takes long. What takes longer waits for what it is not to wait for.
const LIMIT: Duration = Duration::from_secs(20);

/// The list of UIDs of a mailbox can be neither read nor written any more.
fn spoil_list(mailbox: &Path) {
    std::fs::remove_file(mailbox.join("dovecot-uidlist")).unwrap();
    std::fs::create_dir_all(mailbox.join("dovecot-uidlist.tmp/x")).unwrap();
}

/// What is made at this path is spoilt, once.
fn spoil_when_inbox_is_looked_at(inbox: &Client, target: &Path) {
    let (spoilt, is_spoilt) = (target.to_owned(), AtomicBool::new(false));
    inbox.open().directory.moments().set(move |moment| {
        if moment == Moment::Looking && spoilt.exists() && !is_spoilt.swap(true, Ordering::SeqCst) {
            spoil_list(&spoilt);
        }
    });
}

/// The first mailbox that is opened from now on is held in the middle of that, until the sender says otherwise. The receiver hears
/// when it has begun.
fn hold_first_opening(session: &MaildirSession) -> (oneshot::Receiver<()>, mpsc::Sender<()>) {
    let (begun, is_begun) = oneshot::channel();
    let (release, released) = mpsc::channel::<()>();
    let first = Mutex::new(Some((begun, released)));
    session.account().moments().set(move |moment| {
        let is_first = moment == Moment::Opening;
        let first = is_first.then(|| first.lock().take()).flatten();
        if let Some((begun, released)) = first {
            begun.send(()).unwrap();
            let _ = released.recv_timeout(4 * LIMIT);
        }
    });
    (is_begun, release)
}

/// Tasks that were spawned come as far as they can without waiting for the disk.
async fn let_others_begin() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

async fn soon<T>(what: &str, doing: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(LIMIT, doing).await;
    done.unwrap_or_else(|_| panic!("{what} waits"))
}

/// A large mailbox takes seconds to be removed.
#[tokio::test]
async fn names_are_free_while_what_is_left_of_a_deleted_mailbox_is_removed() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    create(&mut session, "a").await.unwrap();
    append(&mut session, "a", "x", "").await.unwrap();
    let other = Mutex::new(Some(fixture.session().await));
    let runtime = tokio::runtime::Handle::current();
    session.account().moments().set(move |moment| {
        if moment == Moment::TakenAway {
            let mut other = other.lock().take().unwrap();
            runtime.block_on(soon("another session", async {
                create(&mut other, "a").await.unwrap();
                append(&mut other, "a", "y", "").await.unwrap();
                create(&mut other, "b").await.unwrap();
                other.rename(&name("b"), &name("c")).await.unwrap();
            }));
        }
    });
    session.delete(&name("a")).await.unwrap();
    session.account().moments().clear();
    assert_eq!(status(&mut session, "a").await.messages(), 1, "the new one");
    let mut left = std::fs::read_dir(fixture.root()).unwrap();
    assert!(!left.any(|entry| entry.unwrap().file_name().to_string_lossy().starts_with("..")));
}

/// A large mailbox that has no index takes seconds to be opened.
#[tokio::test]
async fn other_mailboxes_are_opened_and_made_while_one_is_opened() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    for mailbox in ["large", "small", "old"] {
        create(&mut session, mailbox).await.unwrap();
    }
    let (is_begun, release) = hold_first_opening(&session);
    let mut opener = fixture.session().await;
    let opening = tokio::spawn(async move { append(&mut opener, "large", "x", "").await });
    is_begun.await.unwrap();
    let mut maker = fixture.session().await;
    let making = tokio::spawn(async move { create(&mut maker, "new").await });
    let_others_begin().await;
    soon("SELECT", fixture.select("small")).await;
    soon("CREATE", making).await.unwrap().unwrap();
    soon("DELETE", session.delete(&name("old"))).await.unwrap();
    // Of the one that is being opened, it waits.
    let mut deleter = fixture.session().await;
    let deleting = tokio::spawn(async move { deleter.delete(&name("large")).await });
    let_others_begin().await;
    assert!(!deleting.is_finished() && !opening.is_finished());
    release.send(()).unwrap();
    deleting.await.unwrap().unwrap();
    let _ = opening.await.unwrap();
    assert!(!fixture.root().join(".large").exists());
}

/// Two mailboxes of one directory would know nothing of each other.
#[tokio::test]
async fn a_mailbox_that_is_renamed_while_it_is_opened_is_open_once() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    create(&mut session, "a").await.unwrap();
    let (is_begun, release) = hold_first_opening(&session);
    let mut opener = fixture.session().await;
    let select = Select::new(Access::ReadWrite);
    let opening = tokio::spawn(async move { opener.select(&name("a"), &select).await });
    is_begun.await.unwrap();
    let mut renamer = fixture.session().await;
    let renaming = tokio::spawn(async move { renamer.rename(&name("a"), &name("b")).await });
    let_others_begin().await;
    assert!(!renaming.is_finished());
    release.send(()).unwrap();
    let client = Client::of(opening.await.unwrap().unwrap());
    renaming.await.unwrap().unwrap();
    let other = fixture.select("b").await;
    assert!(Arc::ptr_eq(&client.open(), &other.open()));
    assert_eq!(client.open().path(), fixture.root().join(".b"));
}

/// Closing writes the index; a thread that serves connections must not wait for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_that_is_closed_for_another_one_is_closed_on_a_thread_of_its_own() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    let names: Vec<String> = (0..=16).map(|number| format!("m{number}")).collect();
    for mailbox in &names {
        create(&mut session, mailbox).await.unwrap();
    }
    let client = fixture.select("m0").await;
    let (closing, closed) = mpsc::channel();
    client.open().directory.moments().set(move |moment| {
        if moment == Moment::Closing {
            let _ = closing.send(std::thread::current().id());
        }
    });
    let open = Arc::downgrade(&client.open());
    drop(client);
    soon("the session's end", async {
        while open.strong_count() > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    for mailbox in &names[1..] {
        status(&mut session, mailbox).await;
    }
    let by = closed.recv_timeout(LIMIT).unwrap();
    assert_ne!(by, std::thread::current().id());
}

#[tokio::test]
async fn rename_of_inbox_behind_a_foreign_lock_keeps_no_other_session_waiting() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    create(&mut session, "a").await.unwrap();
    append(&mut session, "INBOX", "x", "").await.unwrap();
    let lock = fixture.root().join("dovecot-uidvalidity.lock");
    std::fs::write(&lock, "1:elsewhere").unwrap();
    let mut renamer = fixture.session().await;
    let renaming = tokio::spawn(async move { renamer.rename(&name("INBOX"), &name("old")).await });
    let_others_begin().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    soon("DELETE", session.delete(&name("a"))).await.unwrap();
    soon("SELECT", fixture.select("INBOX")).await;
    assert!(!renaming.is_finished());
    std::fs::remove_file(&lock).unwrap();
    renaming.await.unwrap().unwrap();
    assert_eq!(status(&mut session, "old").await.messages(), 1);
    assert_eq!(status(&mut session, "INBOX").await.messages(), 0);
}

/// RFC 9051, section 6.3.6: what failed may be tried again.
#[tokio::test]
async fn s6_3_6_a_rename_of_inbox_that_fails_leaves_no_mailbox_and_can_be_repeated() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    append(&mut session, "INBOX", "x", "").await.unwrap();
    let mut client = fixture.select("INBOX").await;
    // So that INBOX has to be looked at.
    deliver(&fixture.root(), "new/1.a", "y");
    let target = fixture.root().join(".old");
    spoil_when_inbox_is_looked_at(&client, &target);
    assert!(session.rename(&name("INBOX"), &name("old")).await.is_err());
    client.open().directory.moments().clear();
    assert!(!target.exists());
    client.noop().await;
    assert_eq!(client.uids(), [1, 2]);
    assert_eq!(client.body(1).await.unwrap(), "x");
    session.rename(&name("INBOX"), &name("old")).await.unwrap();
    client.noop().await;
    assert_eq!(client.uids(), [0u32; 0]);
    assert_eq!(status(&mut session, "old").await.messages(), 2);
}

/// Somebody may have put a message into the new mailbox by then.
#[tokio::test]
async fn s6_3_6_a_rename_of_inbox_that_fails_removes_no_message() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    append(&mut session, "INBOX", "x", "").await.unwrap();
    let client = fixture.select("INBOX").await;
    deliver(&fixture.root(), "new/1.a", "y");
    let target = fixture.root().join(".old");
    let spoilt = target.clone();
    client.open().directory.moments().set(move |moment| {
        if moment == Moment::Looking && spoilt.join("dovecot-uidlist").exists() {
            deliver(&spoilt, "new/2.b", "z");
            spoil_list(&spoilt);
        }
    });
    assert!(session.rename(&name("INBOX"), &name("old")).await.is_err());
    client.open().directory.moments().clear();
    assert_eq!(files(&target), ["new/2.b"]);
}

/// Another program may have put one there in the last moment before the mailbox lost its name.
#[tokio::test]
async fn s6_3_6_a_rename_of_inbox_that_fails_gives_back_what_was_delivered_meanwhile() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    append(&mut session, "INBOX", "x", "").await.unwrap();
    let client = fixture.select("INBOX").await;
    deliver(&fixture.root(), "new/1.a", "y");
    let (root, target) = (fixture.root(), fixture.root().join(".old"));
    spoil_when_inbox_is_looked_at(&client, &target);
    session.account().moments().set(move |moment| {
        if moment == Moment::TakenAway {
            let all = std::fs::read_dir(&root)
                .unwrap()
                .map(|entry| entry.unwrap().path());
            let is_taken =
                |path: &PathBuf| path.join("new").exists() && path.to_string_lossy().contains("/..");
            let taken = all.into_iter().find(is_taken).unwrap();
            deliver(&taken, "new/2.b", "z");
        }
    });
    assert!(session.rename(&name("INBOX"), &name("old")).await.is_err());
    session.account().moments().clear();
    client.open().directory.moments().clear();
    assert_eq!(std::fs::read_to_string(target.join("new/2.b")).unwrap(), "z");
}
