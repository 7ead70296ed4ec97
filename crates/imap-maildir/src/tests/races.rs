//! Another program acts between two steps of ours.

use super::*;
use crate::disk::interference::Moment;
use imap_backend::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs `act` at the first `count` occurrences of a moment, with the number of the occurrence.
fn at(client: &Client, moment: Moment, count: usize, act: impl Fn(usize) + Send + Sync + 'static) {
    let seen = AtomicUsize::new(0);
    client.open().directory.moments().set(move |now| {
        if now == moment {
            let occurrence = seen.fetch_add(1, Ordering::SeqCst);
            if occurrence < count {
                act(occurrence);
            }
        }
    });
}

fn rename(root: &Path, from: &str, to: &str) {
    std::fs::rename(root.join(from), root.join(to)).unwrap();
}

#[tokio::test]
async fn store_finds_a_message_that_is_renamed_under_its_hands() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,", "x");
    let (mut client, mut other) = (fixture.select("INBOX").await, fixture.select("INBOX").await);
    let root = fixture.root();
    at(&client, Moment::BeforeRename, 3, move |occurrence| {
        let names = ["cur/1.a:2,", "cur/1.a:2,F", "cur/1.a:2,", "cur/1.a:2,R"];
        rename(&root, names[occurrence], names[occurrence + 1]);
    });
    client.store(&[1], FlagAction::Add, "\\Seen").await.unwrap();
    assert_eq!(files(&fixture.root()), ["cur/1.a:2,RS"]);
    assert_eq!(
        client.told(),
        ["1 (\\Answered \\Seen)"],
        "the other program's flag is news to the one that stored, too"
    );
    assert_eq!(other.told(), ["1 (\\Answered \\Seen)"]);
}

#[tokio::test]
async fn store_on_a_message_that_vanishes_is_an_expunge() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,", "x");
    deliver(&fixture.root(), "cur/2.b:2,", "x");
    let mut client = fixture.select("INBOX").await;
    let root = fixture.root();
    at(&client, Moment::BeforeRename, 1, move |_| {
        std::fs::remove_file(root.join("cur/1.a:2,")).unwrap()
    });
    client.store(&[1, 2], FlagAction::Add, "\\Seen").await.unwrap();
    assert_eq!(client.told(), ["EXPUNGE 1"]);
    assert_eq!(files(&fixture.root()), ["cur/2.b:2,S"]);
}

#[tokio::test]
async fn a_program_that_renames_for_ever_ends_in_an_error_not_in_an_expunge() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,", "x");
    let mut client = fixture.select("INBOX").await;
    let root = fixture.root();
    at(&client, Moment::BeforeRename, usize::MAX, move |occurrence| {
        let names = ["cur/1.a:2,", "cur/1.a:2,F"];
        rename(&root, names[occurrence % 2], names[(occurrence + 1) % 2]);
    });
    assert_eq!(
        client
            .store(&[1], FlagAction::Add, "\\Seen")
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::InUse
    );
    assert!(!client.noop().await.iter().any(|line| line.starts_with("EXPUNGE")));
}

#[tokio::test]
async fn expunge_spares_a_message_whose_deleted_flag_was_just_taken_away() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,T", "x");
    deliver(&fixture.root(), "cur/2.b:2,T", "x");
    let mut client = fixture.select("INBOX").await;
    let root = fixture.root();
    at(&client, Moment::BeforeRename, 1, move |_| {
        rename(&root, "cur/1.a:2,T", "cur/1.a:2,S")
    });
    client.expunge().await;
    assert_eq!(files(&fixture.root()), ["cur/1.a:2,S"]);
    assert_eq!(client.told(), ["1 (\\Seen)", "EXPUNGE 2"]);
}

#[tokio::test]
async fn fetch_follows_a_message_that_was_renamed_since_it_was_looked_up() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,", "text");
    let mut client = fixture.select("INBOX").await;
    rename(&fixture.root(), "cur/1.a:2,", "cur/1.a:2,FRS");
    assert_eq!(client.body(1).await.unwrap(), "text");
    std::fs::remove_file(fixture.root().join("cur/1.a:2,FRS")).unwrap();
    assert_eq!(client.body(1).await, None, "gone, and no error");
    assert_eq!(client.noop().await, ["EXPUNGE 1"]);
}

#[tokio::test]
async fn a_move_from_new_to_cur_between_the_listings_loses_nothing() {
    let fixture = Fixture::on_a_network();
    let mut client = fixture.select("INBOX").await;
    deliver(&fixture.root(), "new/1.a", "x");
    let root = fixture.root();
    at(&client, Moment::ListedNew, 1, move |_| {
        rename(&root, "new/1.a", "cur/1.a:2,S")
    });
    client.noop().await;
    client.noop().await;
    assert_eq!(client.uids(), [1]);
    assert_eq!(client.flags(1).await, "(\\Seen)");
}

#[tokio::test]
async fn a_listing_that_misses_messages_expunges_none_of_them() {
    let fixture = Fixture::on_a_network();
    for number in 1..=3 {
        deliver(&fixture.root(), &format!("cur/{number}.a:2,"), "x");
    }
    let mut client = fixture.select("INBOX").await;
    // While new/ is listed the file is nowhere; once cur/ has been listed it is back: a readdir miss made certain.
    let root = fixture.root();
    deliver(&fixture.root(), "new/4.a", "x");
    client.open().let_grain_pass().await;
    let passed = AtomicUsize::new(0);
    client.open().directory.moments().set(move |moment| {
        if matches!(moment, Moment::Looking | Moment::ReadList) {
            return;
        }
        match (moment, passed.fetch_add(1, Ordering::SeqCst)) {
            (Moment::ListedNew, 0) => rename(&root, "cur/2.a:2,", "hidden"),
            (Moment::Listed, 1) => rename(&root, "hidden", "cur/2.a:2,F"),
            _ => {}
        }
    });
    assert_eq!(client.noop().await, ["2 (\\Flagged)", "EXISTS 4"]);
    assert_eq!(client.uids(), [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_change_within_one_time_stamp_is_found_a_little_later() {
    let fixture = Fixture::on_a_network();
    deliver(&fixture.root(), "cur/1.a:2,", "x");
    let mut client = fixture.select("INBOX").await;
    let open = client.open();
    open.forget_grain().await;
    // A rename by another program in the very moment of our own: the time stamps after it are ours.
    let root = fixture.root();
    deliver(&fixture.root(), "cur/2.b:2,", "x");
    client.noop().await;
    open.forget_grain().await;
    at(&client, Moment::BeforeRename, 1, move |_| {
        rename(&root, "cur/2.b:2,", "cur/2.b:2,F")
    });
    client.store(&[1], FlagAction::Add, "\\Seen").await.unwrap();
    open.let_grain_pass().await;
    assert_eq!(client.noop().await, ["2 (\\Flagged)"]);
}

#[tokio::test]
async fn copy_of_a_message_that_vanishes_copies_nothing() {
    let fixture = Fixture::new();
    create(&mut fixture.session().await, "target").await.unwrap();
    deliver(&fixture.root(), "cur/1.a:2,", "x");
    deliver(&fixture.root(), "cur/2.b:2,", "x");
    let mut client = fixture.select("INBOX").await;
    std::fs::remove_file(fixture.root().join("cur/2.b:2,")).unwrap();
    let error = client
        .mailbox()
        .copy(&set(&[1, 2]), &name("target"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ExpungeIssued);
    assert_eq!(files(&fixture.root().join(".target")), [""; 0]);
    assert_eq!(
        std::fs::read_dir(fixture.root().join(".target/tmp"))
            .unwrap()
            .count(),
        0
    );
}

#[tokio::test]
async fn move_takes_the_flags_that_a_message_has_at_that_moment() {
    let fixture = Fixture::new();
    create(&mut fixture.session().await, "target").await.unwrap();
    deliver(&fixture.root(), "cur/1.a:2,", "x");
    deliver(&fixture.root(), "cur/2.b:2,", "x");
    let mut client = fixture.select("INBOX").await;
    rename(&fixture.root(), "cur/1.a:2,", "cur/1.a:2,F");
    std::fs::remove_file(fixture.root().join("cur/2.b:2,")).unwrap();
    let moved = client
        .mailbox()
        .move_to(&set(&[1, 2]), &name("target"))
        .await
        .unwrap();
    assert_eq!(
        (moved.from().to_string(), moved.to().to_string()),
        ("1".to_owned(), "1".to_owned())
    );
    assert_eq!(infos(&fixture.root().join(".target")), ["2,F"]);
    client.noop().await;
    assert_eq!(client.uids(), [0u32; 0]);
    let file = files(&fixture.root().join(".target")).remove(0);
    assert!(
        !file.contains("1.a"),
        "a new base name in the new mailbox: {file}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_and_another_program_at_once_lose_and_double_nothing() {
    let fixture = Fixture::watching(home());
    let mut session = fixture.session().await;
    create(&mut session, "other").await.unwrap();
    for number in 0..20 {
        append(&mut session, "INBOX", &format!("n: {number}\r\n\r\n"), "")
            .await
            .unwrap();
    }
    let root = fixture.root();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let outside = std::thread::spawn(move || {
        while !stopped.load(Ordering::SeqCst) {
            for file in files(&root) {
                let base = file
                    .split(':')
                    .next()
                    .unwrap()
                    .rsplit('/')
                    .next()
                    .unwrap()
                    .to_owned();
                let info = if file.ends_with('F') { "" } else { "F" };
                let _ = std::fs::rename(root.join(&file), root.join(format!("cur/{base}:2,{info}")));
            }
        }
    });
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(fixture.select("INBOX").await);
    }
    let mut here: Vec<u32> = (1..=20).collect();
    for round in 0u32..10 {
        for client in &mut clients {
            client.noop().await;
            let stored = client.store(&[round + 1], FlagAction::Add, "\\Seen").await;
            assert_outdone_or_done(stored);
            client.noop().await;
            assert_eq!(
                client.uids(),
                here,
                "nobody else removes a message, or brings one"
            );
        }
        let last = 20 - round;
        let moved = clients[0].mailbox().move_to(&set(&[last]), &name("other")).await;
        if assert_outdone_or_done(moved) {
            here.retain(|&uid| uid != last);
        }
    }
    stop.store(true, Ordering::SeqCst);
    outside.join().unwrap();
    let there = files(&fixture.root().join(".other")).len();
    assert_eq!(
        (files(&fixture.root()).len(), there),
        (here.len(), 20 - here.len())
    );
    clients[1].noop().await;
    assert_eq!(clients[1].uids(), here);
}

/// Whether it was done. The other program may win ten times in a row against one message; then the command fails, says so,
/// and nothing was done.
fn assert_outdone_or_done<T>(result: Result<T, Error>) -> bool {
    match result {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InUse, "{error}");
            false
        }
    }
}

#[tokio::test]
async fn a_message_that_another_program_records_after_the_listing_keeps_its_uid() {
    let fixture = Fixture::on_a_network();
    let mut client = fixture.select("INBOX").await;
    deliver(&fixture.root(), "new/1.ours", "x");
    let root = fixture.root();
    at(&client, Moment::ListedNew, 1, move |_| {
        deliver(&root, "cur/2.theirs:2,", "y");
        let list = root.join("dovecot-uidlist");
        std::fs::write(&list, std::fs::read_to_string(&list).unwrap() + "50 :2.theirs\n").unwrap();
    });
    client.noop().await;
    client.noop().await;
    assert_eq!(client.uids(), [50, 51]);
    assert_eq!(client.body(50).await.unwrap(), "y");
}

#[tokio::test]
async fn with_the_uid_list_unwritable_known_messages_can_still_be_read_and_removed() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,T", "x");
    drop(fixture.select("INBOX").await);
    // A directory where the list's temporary file should be: nobody can write the list anew, not even root.
    let fixture = fixture.restarted();
    std::fs::create_dir(fixture.root().join("dovecot-uidlist.tmp")).unwrap();
    let list = fixture.root().join("dovecot-uidlist");
    std::fs::write(&list, std::fs::read_to_string(&list).unwrap() + "rubbish\n").unwrap();
    deliver(&fixture.root(), "new/2.b", "y");
    let mut client = fixture.select("INBOX").await;
    assert_eq!(
        client.uids(),
        [1],
        "the list must be written anew for the second, and cannot be"
    );
    client.expunge().await;
    assert_eq!(client.told(), ["EXPUNGE 1"]);
    std::fs::remove_dir(fixture.root().join("dovecot-uidlist.tmp")).unwrap();
    assert_eq!(client.noop().await, ["EXISTS 1"]);
    let uid = client.uids()[0];
    assert_eq!(client.body(uid).await.unwrap(), "y");
}

/// Dovecot lists `cur/` under this lock and gives new UIDs to files that it missed because they were being renamed.
#[tokio::test]
async fn flags_change_under_the_lock_that_dovecot_lists_under() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,", "x");
    let mut client = fixture.select("INBOX").await;
    let lock = fixture.root().join("dovecot-uidlist.lock");
    let (seen, held) = (Arc::new(AtomicUsize::new(0)), lock.clone());
    let count = Arc::clone(&seen);
    at(&client, Moment::BeforeRename, usize::MAX, move |_| {
        count.fetch_add(usize::from(held.exists()), Ordering::SeqCst);
    });
    client.store(&[1], FlagAction::Add, "\\Seen").await.unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 1);
    assert!(!lock.exists());
}
