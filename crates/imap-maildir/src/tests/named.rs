//! What other programs did, learnt from the names that events told: no directory is listed.

use super::looks::Counts;
use super::*;
use crate::disk::interference::Moment;
use crate::disk::storage::{Call, faults};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A mailbox of three messages in `cur/` that a client has selected.
async fn watched(fixture: &Fixture) -> (Client, Counts) {
    for number in 1..=3 {
        deliver(&fixture.root(), &format!("cur/{number}.a:2,"), "x");
    }
    let client = fixture.select("INBOX").await;
    let counts = Counts::of(&client.open());
    (client, counts)
}

fn rename(root: &Path, from: &str, to: &str) {
    std::fs::rename(root.join(from), root.join(to)).unwrap();
}

fn remove(root: &Path, file: &str) {
    std::fs::remove_file(root.join(file)).unwrap();
}

#[tokio::test]
async fn each_kind_of_change_is_told_without_a_listing() {
    type Change = fn(&Path);
    let changes: [(&str, Change, &[&str]); 12] = [
        ("delivery", |root| deliver(root, "new/4.d", "x"), &["EXISTS 4"]),
        (
            "into cur/",
            |root| deliver(root, "cur/4.d:2,S", "x"),
            &["EXISTS 4"],
        ),
        (
            "a file that is made there",
            |root| std::fs::write(root.join("new/4.d"), "x").unwrap(),
            &["EXISTS 4"],
        ),
        (
            "flags",
            |root| rename(root, "cur/2.a:2,", "cur/2.a:2,F"),
            &["2 (\\Flagged)"],
        ),
        (
            "back to new/",
            |root| rename(root, "cur/2.a:2,", "new/2.a:2,F"),
            &["2 (\\Flagged)"],
        ),
        ("removal", |root| remove(root, "cur/2.a:2,"), &["EXPUNGE 2"]),
        (
            "flags and removal",
            |root| {
                rename(root, "cur/2.a:2,", "cur/2.a:2,F");
                remove(root, "cur/2.a:2,F");
            },
            &["EXPUNGE 2"],
        ),
        (
            "removed and back again",
            |root| {
                remove(root, "cur/2.a:2,");
                deliver(root, "cur/2.a:2,S", "x");
            },
            &["2 (\\Seen)"],
        ),
        (
            "to and fro",
            |root| {
                rename(root, "cur/2.a:2,", "cur/2.a:2,F");
                rename(root, "cur/2.a:2,F", "cur/2.a:2,");
            },
            &[],
        ),
        (
            "another base name",
            |root| rename(root, "cur/2.a:2,", "cur/9.z:2,"),
            &["EXPUNGE 2", "EXISTS 3"],
        ),
        (
            "delivered and gone",
            |root| {
                deliver(root, "new/4.d", "x");
                remove(root, "new/4.d");
            },
            &[],
        ),
        (
            "no message",
            |root| {
                std::fs::write(root.join("cur/.dot"), "x").unwrap();
                std::fs::create_dir(root.join("cur/directory")).unwrap();
            },
            &[],
        ),
    ];
    for (what, change, expected) in changes {
        let fixture = Fixture::new();
        let (mut client, counts) = watched(&fixture).await;
        change(&fixture.root());
        assert_eq!(client.noop().await, expected, "{what}");
        client.open().let_grain_pass().await;
        assert_eq!(client.noop().await, [""; 0], "{what}, later");
        assert_eq!(counts.listings(), (0, 0), "{what}");
    }
}

#[tokio::test]
async fn a_message_that_goes_to_cur_is_told_without_a_listing() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "new/1.a", "x");
    deliver(&fixture.root(), "new/2.b", "x");
    let mut client = fixture.examine("INBOX").await;
    let counts = Counts::of(&client.open());
    rename(&fixture.root(), "new/1.a", "cur/1.a:2,S");
    remove(&fixture.root(), "new/2.b");
    assert_eq!(client.noop().await, ["1 (\\Seen)", "EXPUNGE 2"]);
    let mut writing = fixture.select("INBOX").await;
    deliver(&fixture.root(), "new/3.c", "x");
    assert_eq!(writing.noop().await, ["EXISTS 2"]);
    assert_eq!(files(&fixture.root()), ["cur/1.a:2,S", "cur/3.c:2,"]);
    assert_eq!(counts.listings(), (0, 0));
}

#[tokio::test]
async fn a_hundred_messages_that_leave_the_mailbox_are_told_without_a_listing() {
    let fixture = Fixture::new();
    for number in 1..=101 {
        deliver(&fixture.root(), &format!("cur/{number:03}.a:2,"), "x");
    }
    let mut client = fixture.select("INBOX").await;
    let counts = Counts::of(&client.open());
    std::fs::create_dir(fixture.root().join("elsewhere")).unwrap();
    for number in 2..=101 {
        let file = format!("{number:03}.a:2,");
        rename(
            &fixture.root(),
            &format!("cur/{file}"),
            &format!("elsewhere/{file}"),
        );
    }
    assert_eq!(client.noop().await.len(), 100);
    assert_eq!((client.uids(), counts.listings()), (vec![1], (0, 0)));
}

/// The system tells of the old name, and the program is interrupted before it tells of the new one.
#[tokio::test]
async fn a_rename_of_which_half_was_told_is_no_expunge() {
    let fixture = Fixture::new();
    let (mut client, counts) = watched(&fixture).await;
    rename(&fixture.root(), "cur/2.a:2,", "hidden");
    let root = fixture.root();
    let waits = AtomicUsize::new(0);
    client.open().directory.moments().set(move |moment| {
        if moment == Moment::WaitingForChanges && waits.fetch_add(1, Ordering::SeqCst) == 0 {
            rename(&root, "hidden", "cur/2.a:2,F");
        }
    });
    assert_eq!(client.noop().await, ["2 (\\Flagged)"]);
    assert_eq!(counts.listings(), (0, 0));
}

#[tokio::test]
async fn a_name_that_was_only_given_up_is_waited_for() {
    let fixture = Fixture::new();
    let (mut client, _) = watched(&fixture).await;
    let waits = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&waits);
    client.open().directory.moments().set(move |moment| {
        count.fetch_add(usize::from(moment == Moment::WaitingForChanges), Ordering::SeqCst);
    });
    remove(&fixture.root(), "cur/1.a:2,");
    assert_eq!(client.noop().await, ["EXPUNGE 1"]);
    assert_eq!(waits.load(Ordering::SeqCst), 0, "an unlink says all");
    rename(&fixture.root(), "cur/2.a:2,", "hidden");
    assert_eq!(client.noop().await, ["EXPUNGE 1"]);
    assert_eq!(waits.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_file_that_is_gone_before_its_event_comes_is_no_expunge_yet() {
    let fixture = Fixture::new();
    let (mut client, counts) = watched(&fixture).await;
    let events = fixture.backend.shared.watcher.events();
    // Of a rename the first half is told, and nothing of the second, nor of the next rename.
    rename(&fixture.root(), "cur/2.a:2,", "cur/2.a:2,F");
    client.open().watched.lock().as_ref().unwrap().has_news();
    events.are_late(true);
    rename(&fixture.root(), "cur/2.a:2,F", "cur/2.a:2,FS");
    assert_eq!(client.noop().await, [""; 0]);
    assert_eq!(client.uids(), [1, 2, 3]);
    events.are_late(false);
    assert_eq!(client.noop().await, ["2 (\\Flagged \\Seen)"]);
    assert_eq!(counts.listings(), (0, 0));
}

#[tokio::test]
async fn what_events_never_explain_is_found_by_a_listing() {
    let fixture = Fixture::new();
    let (mut client, counts) = watched(&fixture).await;
    let events = fixture.backend.shared.watcher.events();
    rename(&fixture.root(), "cur/2.a:2,", "cur/2.a:2,F");
    client.open().watched.lock().as_ref().unwrap().has_news();
    events.are_late(true);
    remove(&fixture.root(), "cur/2.a:2,F");
    for _ in 0..10 {
        let told = client.noop().await;
        if told == ["EXPUNGE 2"] {
            assert!(counts.listings().1 > 0);
            return;
        }
        assert_eq!(told, [""; 0]);
    }
    panic!("never told");
}

#[tokio::test]
async fn events_that_come_later_than_time_stamps_are_not_lost() {
    let fixture = Fixture::new();
    let (mut client, counts) = watched(&fixture).await;
    let events = fixture.backend.shared.watcher.events();
    events.are_late(true);
    rename(&fixture.root(), "cur/2.a:2,", "cur/2.a:2,F");
    assert_eq!(client.noop().await, [""; 0]);
    events.are_late(false);
    assert_eq!(
        client.noop().await,
        ["2 (\\Flagged)"],
        "although the time stamps are the same"
    );
    client.open().let_grain_pass().await;
    client.noop().await;
    assert_eq!(counts.listings(), (0, 0));
}

#[tokio::test]
async fn a_time_stamp_that_no_event_explains_is_a_reason_to_list() {
    let fixture = Fixture::new();
    let (mut client, counts) = watched(&fixture).await;
    let events = fixture.backend.shared.watcher.events();
    events.are_late(true);
    rename(&fixture.root(), "cur/2.a:2,", "cur/2.a:2,F");
    assert_eq!(client.noop().await, [""; 0]);
    client.open().let_grain_pass().await;
    assert_eq!(client.noop().await, ["2 (\\Flagged)"]);
    assert_eq!(counts.listings(), (1, 1));
}

#[tokio::test]
async fn after_events_were_lost_the_mailbox_is_listed_once() {
    let fixture = Fixture::new();
    let (mut client, counts) = watched(&fixture).await;
    rename(&fixture.root(), "cur/2.a:2,", "cur/2.a:2,F");
    fixture.backend.shared.watcher.events().lose_some();
    assert_eq!(client.noop().await, ["2 (\\Flagged)"]);
    assert_eq!(counts.listings(), (1, 1));
    rename(&fixture.root(), "cur/2.a:2,F", "cur/2.a:2,");
    assert_eq!(client.noop().await, ["2 ()"]);
    assert_eq!(counts.listings(), (0, 0));
}

#[tokio::test]
async fn more_names_than_are_kept_are_a_listing() {
    let fixture = Fixture::new();
    let (mut client, counts) = watched(&fixture).await;
    for _ in 0..5000 {
        rename(&fixture.root(), "cur/2.a:2,", "cur/2.a:2,F");
        rename(&fixture.root(), "cur/2.a:2,F", "cur/2.a:2,");
    }
    rename(&fixture.root(), "cur/2.a:2,", "cur/2.a:2,S");
    assert_eq!(client.noop().await, ["2 (\\Seen)"]);
    assert_eq!(counts.listings(), (1, 1));
}

#[tokio::test]
async fn programs_that_link_and_then_unlink_cost_no_listing() {
    let fixture = Fixture::new();
    let (mut client, counts) = watched(&fixture).await;
    let root = fixture.root();
    std::fs::hard_link(root.join("cur/2.a:2,"), root.join("cur/2.a:2,F")).unwrap();
    assert_eq!(client.noop().await, [""; 0]);
    remove(&root, "cur/2.a:2,");
    assert_eq!(client.noop().await, ["2 (\\Flagged)"]);
    assert_eq!(counts.listings(), (0, 0));
    // And one that is interrupted in between.
    std::fs::hard_link(root.join("cur/3.a:2,"), root.join("cur/3.a:2,F")).unwrap();
    for _ in 0..20 {
        client.noop().await;
    }
    assert_eq!((client.uids(), counts.listings().1), (vec![1, 2, 3], 1));
}

/// They become known in parts, and the names that were told are done with when the first part is.
#[tokio::test]
async fn messages_of_a_part_that_get_no_uid_are_found_at_the_next_look() {
    let mut known_at_first = Vec::new();
    for passing in 0..12 {
        let fixture = Fixture::new();
        let (mut client, _) = watched(&fixture).await;
        for number in 4..=8 {
            deliver(&fixture.root(), &format!("cur/{number}.a:2,"), "x");
        }
        let open = client.open();
        let mut writer = open.lock_writer().await;
        // Of the UID list, among others.
        let _ = faults::with_after(passing, Call::Open, std::io::ErrorKind::Other, || {
            open.observe(&mut writer)
        });
        drop(writer);
        client.told();
        known_at_first.push(client.uids().len());
        client.noop().await;
        assert_eq!(client.uids().len(), 8, "{passing}");
    }
    assert!(
        [3, 6, 8].iter().all(|count| known_at_first.contains(count)),
        "{known_at_first:?}"
    );
}

/// A program that links and has yet to unlink, when the directories were listed in between: what was told of the second name
/// is forgotten then.
#[tokio::test]
async fn a_message_that_has_two_files_is_not_gone_when_one_of_them_goes() {
    for (first, second) in [("cur/2.a:2,", "cur/2.a:2,F"), ("cur/2.a:2,F", "cur/2.a:2,")] {
        let fixture = Fixture::new();
        let (mut client, counts) = watched(&fixture).await;
        let root = fixture.root();
        std::fs::hard_link(root.join("cur/2.a:2,"), root.join("cur/2.a:2,F")).unwrap();
        while counts.listings().1 == 0 {
            client.noop().await;
        }
        remove(&root, first);
        for _ in 0..20 {
            let told = client.noop().await;
            assert!(!told.iter().any(|told| told.contains("EX")), "{told:?}");
        }
        assert_eq!(client.uids(), [1, 2, 3]);
        remove(&root, second);
        client.noop().await;
        assert_eq!(client.uids(), [1, 3]);
    }
}

#[tokio::test]
async fn a_directory_that_is_replaced_is_listed_and_watched_from_then_on() {
    let fixture = Fixture::new();
    let (mut client, counts) = watched(&fixture).await;
    let root = fixture.root();
    rename(&root, "cur", "old");
    std::fs::create_dir(root.join("cur")).unwrap();
    for file in ["1.a:2,", "3.a:2,F"] {
        std::fs::write(root.join("cur").join(file), "x").unwrap();
    }
    std::fs::remove_dir_all(root.join("old")).unwrap();
    client.noop().await;
    client.noop().await;
    assert_eq!(client.uids(), [1, 3]);
    assert!(counts.listings().1 > 0);
    rename(&root, "cur/1.a:2,", "cur/1.a:2,S");
    assert_eq!(client.noop().await, ["1 (\\Seen)"]);
    assert_eq!(counts.listings(), (0, 0));
}

#[tokio::test]
async fn changes_of_our_own_cost_no_listing() {
    let fixture = Fixture::new();
    for number in 1..=3000 {
        deliver(&fixture.root(), &format!("cur/{number:04}.a:2,"), "x");
    }
    let mut session = fixture.session().await;
    create(&mut session, "other").await.unwrap();
    let (mut client, mut other) = (fixture.select("INBOX").await, fixture.select("other").await);
    let (counts, there) = (Counts::of(&client.open()), Counts::of(&other.open()));
    let all: Vec<u32> = (1..=3000).collect();
    client.store(&all, FlagAction::Add, "\\Seen").await.unwrap();
    client.store(&all, FlagAction::Add, "\\Flagged").await.unwrap();
    client.store(&all, FlagAction::Remove, "\\Flagged").await.unwrap();
    append(&mut session, "INBOX", "x", "\\Deleted").await.unwrap();
    client
        .mailbox()
        .move_to(&set(&all[..10]), &name("other"))
        .await
        .unwrap();
    client
        .mailbox()
        .copy(&set(&all[10..20]), &name("other"))
        .await
        .unwrap();
    client.told();
    client.expunge().await;
    client.told();
    other.told();
    let open = client.open();
    assert!(!open.watched.lock().as_ref().unwrap().has_news());
    for client in [&mut client, &mut other] {
        client.open().let_grain_pass().await;
        client.noop().await;
    }
    assert_eq!((client.uids().len(), other.uids().len()), (2990, 20));
    assert_eq!((counts.listings().1, there.listings().1), (0, 0));
}

#[tokio::test]
async fn what_another_program_does_in_the_moment_of_our_own_change_is_told() {
    let fixture = Fixture::new();
    let (mut client, counts) = watched(&fixture).await;
    let root = fixture.root();
    let count = counts.clone();
    client.open().directory.moments().set(move |moment| {
        if moment == Moment::BeforeRename {
            rename(&root, "cur/2.a:2,", "cur/2.a:2,F");
        }
    });
    client.store(&[1], FlagAction::Add, "\\Seen").await.unwrap();
    assert_eq!(client.noop().await, ["2 (\\Flagged)"]);
    assert_eq!(count.listings(), (0, 0));
}

#[tokio::test]
async fn a_message_that_another_program_recorded_keeps_its_uid_without_a_listing() {
    let fixture = Fixture::new();
    let (mut client, counts) = watched(&fixture).await;
    let list = fixture.root().join("dovecot-uidlist");
    let record = |line: &str| std::fs::write(&list, std::fs::read_to_string(&list).unwrap() + line).unwrap();
    deliver(&fixture.root(), "cur/4.d:2,S", "x");
    record("70 :4.d\n");
    client.noop().await;
    assert_eq!((client.uids(), counts.listings()), (vec![1, 2, 3, 70], (0, 0)));
    let root = fixture.root();
    let (into, line) = (list.clone(), AtomicUsize::new(0));
    deliver(&fixture.root(), "new/5.ours", "x");
    client.open().directory.moments().set(move |moment| {
        if moment == Moment::LookedAtNamed && line.fetch_add(1, Ordering::SeqCst) == 0 {
            deliver(&root, "cur/6.theirs:2,", "y");
            std::fs::write(&into, std::fs::read_to_string(&into).unwrap() + "80 :6.theirs\n").unwrap();
        }
    });
    client.noop().await;
    assert_eq!(
        client.uids(),
        [1, 2, 3, 70, 80, 81],
        "a record that came after the look"
    );
}

#[tokio::test]
async fn a_message_that_another_program_recorded_and_removed_costs_no_listing() {
    let fixture = Fixture::new();
    let (mut client, counts) = watched(&fixture).await;
    let list = fixture.root().join("dovecot-uidlist");
    deliver(&fixture.root(), "cur/4.d:2,S", "x");
    std::fs::write(&list, std::fs::read_to_string(&list).unwrap() + "70 :4.d\n").unwrap();
    remove(&fixture.root(), "cur/4.d:2,S");
    assert_eq!(client.noop().await, [""; 0]);
    deliver(&fixture.root(), "new/5.e", "x");
    client.noop().await;
    assert_eq!((client.uids(), counts.listings()), (vec![1, 2, 3, 71], (0, 0)));
}

/// Dovecot gives a message a new UID when it missed the file while that was renamed.
#[tokio::test]
async fn a_second_uid_for_a_known_message_replaces_the_first() {
    let fixture = Fixture::new();
    let (mut client, _) = watched(&fixture).await;
    let list = fixture.root().join("dovecot-uidlist");
    std::fs::write(&list, std::fs::read_to_string(&list).unwrap() + "9 :2.a\n").unwrap();
    rename(&fixture.root(), "cur/2.a:2,", "cur/2.a:2,S");
    client.noop().await;
    client.noop().await;
    assert_eq!(client.uids(), [1, 3, 9]);
}

#[tokio::test]
async fn a_message_that_waits_for_another_programs_lock_is_told_without_a_listing() {
    let fixture = Fixture::new();
    let (mut client, counts) = watched(&fixture).await;
    let lock = fixture.root().join("dovecot-uidlist.lock");
    std::fs::write(&lock, "").unwrap();
    deliver(&fixture.root(), "cur/4.d:2,", "x");
    assert_eq!(client.noop().await, [""; 0]);
    rename(&fixture.root(), "cur/1.a:2,", "cur/1.a:2,S");
    assert_eq!(
        client.noop().await,
        ["1 (\\Seen)"],
        "what needs no UID waits for nobody"
    );
    std::fs::remove_file(&lock).unwrap();
    assert_eq!(client.noop().await, ["EXISTS 4"]);
    assert_eq!(counts.listings(), (0, 0));
}

/// What a listing misses because it is renamed meanwhile is told by events: nobody has to look for it again and again.
#[tokio::test]
async fn what_a_listing_misses_while_it_is_renamed_is_not_expunged() {
    let fixture = Fixture::new();
    let (mut client, _) = watched(&fixture).await;
    let root = fixture.root();
    fixture.backend.shared.watcher.events().lose_some();
    let passes = AtomicUsize::new(0);
    client.open().directory.moments().set(move |moment| {
        // Away before every listing of cur/ and back after it.
        match moment {
            Moment::ListedNew => rename(&root, "cur/2.a:2,", "hidden"),
            Moment::Listed => {
                passes.fetch_add(1, Ordering::SeqCst);
                rename(&root, "hidden", "cur/2.a:2,");
            }
            _ => {}
        }
    });
    assert_eq!(client.noop().await, [""; 0]);
    client.open().directory.moments().clear();
    assert_eq!(client.noop().await, [""; 0]);
    assert_eq!(client.uids(), [1, 2, 3]);
}
