//! Other programs change a mailbox that is selected.

use super::*;
use imap_updates::Closed;
use std::time::Duration;

#[tokio::test]
async fn deliveries_renames_and_removals_reach_every_session_at_noop() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,S", "x");
    deliver(&fixture.root(), "cur/2.b:2,", "x");
    let (mut one, mut two) = (fixture.select("INBOX").await, fixture.select("INBOX").await);
    assert_eq!(one.uids(), [1, 2]);
    deliver(&fixture.root(), "new/3.c", "x");
    std::fs::rename(
        fixture.root().join("cur/1.a:2,S"),
        fixture.root().join("cur/1.a:2,FS"),
    )
    .unwrap();
    std::fs::remove_file(fixture.root().join("cur/2.b:2,")).unwrap();
    let expected = ["1 (\\Flagged \\Seen)", "EXPUNGE 2", "EXISTS 2"];
    assert_eq!(one.noop().await, expected);
    assert_eq!(two.told(), expected, "one look serves both");
    assert_eq!(two.uids(), [1, 3]);
    assert_eq!(files(&fixture.root()), ["cur/1.a:2,FS", "cur/3.c:2,"]);
}

/// What a session is told until it has these messages.
async fn until(client: &mut Client, uids: &[u32]) -> Vec<String> {
    let mut told = client.noop().await;
    for _ in 0..200 {
        if client.uids() == uids {
            return told;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        told.extend(client.noop().await);
    }
    panic!("{told:?}, {:?} instead of {uids:?}", client.uids());
}

#[tokio::test]
async fn a_restored_backup_in_the_place_of_cur_is_what_sessions_have_with_and_without_events() {
    for fixture in [Fixture::new(), Fixture::watching(home())] {
        let root = fixture.root();
        deliver(&root, "cur/1.a:2,S", "x");
        deliver(&root, "cur/2.b:2,", "x");
        let mut client = fixture.select("INBOX").await;
        std::fs::create_dir(root.join("restored")).unwrap();
        deliver(&root, "restored/2.b:2,F", "x");
        std::fs::rename(root.join("cur"), root.join("cur.damaged")).unwrap();
        std::fs::rename(root.join("restored"), root.join("cur")).unwrap();
        let told = until(&mut client, &[2]).await;
        assert_eq!(told, ["2 (\\Flagged)", "EXPUNGE 1"]);
        deliver(&root, "new/3.c", "x");
        until(&mut client, &[2, 3]).await;
        assert_eq!(files(&root), ["cur/2.b:2,F", "cur/3.c:2,"]);
    }
}

#[tokio::test]
async fn an_idle_session_is_woken_by_a_delivery() {
    let fixture = Fixture::watching(home());
    let mut client = fixture.select("INBOX").await;
    deliver(&fixture.root(), "new/1.a", "x");
    tokio::time::timeout(Duration::from_secs(20), client.updates().changed())
        .await
        .expect("pushed");
    assert_eq!(client.told(), ["EXISTS 1"]);
}

#[tokio::test]
async fn an_idle_session_is_woken_after_its_mailbox_was_renamed() {
    let fixture = Fixture::watching(home());
    let mut session = fixture.session().await;
    create(&mut session, "a").await.unwrap();
    let mut client = fixture.select("a").await;
    session.rename(&name("a"), &name("b")).await.unwrap();
    client.told();
    deliver(&fixture.root().join(".b"), "new/1.a", "x");
    tokio::time::timeout(Duration::from_secs(20), async {
        while client.told().is_empty() {
            client.updates().changed().await;
        }
    })
    .await
    .expect("pushed");
}

#[tokio::test]
async fn uids_follow_the_times_in_the_file_names() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "new/200.M5P1.h", "third");
    deliver(&fixture.root(), "cur/100.M9P1.h:2,S", "first");
    deliver(&fixture.root(), "new/200.M4P1.h", "second");
    let mut client = fixture.select("INBOX").await;
    for (uid, text) in [(1, "first"), (2, "second"), (3, "third")] {
        assert_eq!(client.body(uid).await.unwrap(), text.as_bytes());
    }
}

#[tokio::test]
async fn an_existing_dovecot_maildir_keeps_its_uids() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,Sa", "x");
    deliver(&fixture.root(), "cur/2.b:2,", "x");
    let list = "3 V1700000000 N50 G0123456789abcdef0123456789abcdef\n7 :2.b\n40 :1.a\n44 :gone\n";
    std::fs::write(fixture.root().join("dovecot-uidlist"), list).unwrap();
    std::fs::write(fixture.root().join("dovecot-keywords"), "0 $Junk\n").unwrap();
    let mut client = fixture.select("INBOX").await;
    assert_eq!(client.uid_validity.get(), 1_700_000_000);
    assert_eq!(client.uid_next.unwrap().get(), 50);
    assert_eq!(client.uids(), [7, 40]);
    assert_eq!(client.flags(40).await, "(\\Seen $Junk)");
    assert_eq!(
        std::fs::read_to_string(fixture.root().join("dovecot-uidlist")).unwrap(),
        list,
        "nothing to write"
    );
}

#[tokio::test]
async fn a_record_that_another_program_adds_is_announced_under_its_uid_and_before_ours() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    append(&mut session, "INBOX", "x", "\\Seen").await.unwrap();
    let mut client = fixture.select("INBOX").await;
    deliver(&fixture.root(), "cur/1.theirs:2,S", "x");
    let list = fixture.root().join("dovecot-uidlist");
    std::fs::write(&list, std::fs::read_to_string(&list).unwrap() + "777 :1.theirs\n").unwrap();
    assert_eq!(append(&mut session, "INBOX", "y", "").await.unwrap(), 778);
    client.told();
    assert_eq!(client.uids(), [1, 777, 778]);
}

#[tokio::test]
async fn another_process_of_ours_sees_what_this_one_does() {
    let fixture = Fixture::new();
    let other = Fixture::on(Arc::clone(&fixture.home));
    append(&mut fixture.session().await, "INBOX", "x", "")
        .await
        .unwrap();
    let (mut here, mut there) = (fixture.select("INBOX").await, other.select("INBOX").await);
    append(&mut other.session().await, "INBOX", "y", "\\Seen")
        .await
        .unwrap();
    here.noop().await;
    assert_eq!(here.uids(), [1, 2]);
    here.store(&[1], FlagAction::Add, "\\Deleted").await.unwrap();
    here.expunge().await;
    assert_eq!(there.noop().await, ["EXPUNGE 1", "EXISTS 1"]);
}

#[tokio::test]
async fn a_uid_list_with_another_uidvalidity_closes_the_mailbox() {
    let fixture = Fixture::new();
    let mut client = fixture.select("INBOX").await;
    let list = "3 V5 N1 G0123456789abcdef0123456789abcdef\n";
    std::fs::write(fixture.root().join("dovecot-uidlist"), list).unwrap();
    client.mailbox().poll(PollReason::Asked).await.unwrap();
    assert_eq!(client.updates().ended(), Some(Closed::UidValidityChanged.into()));
    assert_eq!(
        fixture.select("INBOX").await.uid_validity.get(),
        5,
        "and it can be opened anew"
    );
}

/// Another server has deleted it, and could not remove all of it.
#[tokio::test]
async fn a_mailbox_of_which_something_is_left_without_its_name_is_closed() {
    let fixture = Fixture::new();
    create(&mut fixture.session().await, "a").await.unwrap();
    let mut client = fixture.select("a").await;
    let left = fixture.root().join("..imap-maildir.left");
    std::fs::rename(fixture.root().join(".a"), &left).unwrap();
    for subdirectory in ["cur", "new", "tmp"] {
        std::fs::remove_dir_all(left.join(subdirectory)).unwrap();
    }
    client.mailbox().poll(PollReason::Asked).await.unwrap();
    assert_eq!(client.updates().ended(), Some(Closed::Deleted.into()));
}

#[tokio::test]
async fn a_mailbox_that_another_program_removes_is_closed() {
    let fixture = Fixture::new();
    create(&mut fixture.session().await, "a").await.unwrap();
    let mut client = fixture.select("a").await;
    std::fs::remove_dir_all(fixture.root().join(".a")).unwrap();
    client.mailbox().poll(PollReason::Asked).await.unwrap();
    assert_eq!(client.updates().ended(), Some(Closed::Deleted.into()));
}

#[tokio::test]
async fn a_removed_uid_list_is_written_again_while_the_mailbox_is_open() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,", "x");
    let mut client = fixture.select("INBOX").await;
    std::fs::remove_file(fixture.root().join("dovecot-uidlist")).unwrap();
    deliver(&fixture.root(), "cur/2.b:2,", "x");
    assert_eq!(client.noop().await, ["EXISTS 2"]);
    let before = client.uid_validity;
    let again = fixture.restarted().select("INBOX").await;
    assert_eq!((again.uid_validity, again.uids()), (before, vec![1, 2]));
}

#[tokio::test]
async fn only_a_session_that_may_write_empties_new_and_takes_recent() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "new/1.a:2,F", "x");
    let looking = fixture.examine("INBOX").await;
    assert_eq!(looking.updates.recent(), 1);
    assert_eq!(files(&fixture.root()), ["new/1.a:2,F"]);
    let mut session = fixture.session().await;
    assert_eq!(status(&mut session, "INBOX").await.recent(), 1);
    let mut first = fixture.select("INBOX").await;
    assert_eq!(first.updates.recent(), 1);
    assert_eq!(first.flags(1).await, "(\\Flagged)");
    assert_eq!(files(&fixture.root()), ["cur/1.a:2,F"]);
    assert_eq!(fixture.select("INBOX").await.updates.recent(), 0);
}

#[tokio::test]
async fn status_is_right_for_a_mailbox_that_nobody_has_open() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    create(&mut session, "a").await.unwrap();
    deliver(&fixture.root().join(".a"), "new/1.a", "x");
    deliver(&fixture.root().join(".a"), "cur/2.b:2,S", "x");
    let found = status(&mut session, "a").await;
    assert_eq!(
        (found.messages(), found.unseen(), found.uid_next().unwrap().get()),
        (2, 1, 3)
    );
    deliver(&fixture.root().join(".a"), "new/3.c", "x");
    assert_eq!(status(&mut session, "a").await.messages(), 3);
}

#[tokio::test]
async fn a_message_that_comes_back_gets_a_new_uid() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,", "x");
    deliver(&fixture.root(), "cur/2.b:2,", "y");
    let mut client = fixture.select("INBOX").await;
    let (here, away) = (fixture.root().join("cur/1.a:2,"), fixture.root().join("away"));
    std::fs::rename(&here, &away).unwrap();
    assert_eq!(client.noop().await, ["EXPUNGE 1"]);
    std::fs::rename(&away, &here).unwrap();
    assert_eq!(client.noop().await, ["EXISTS 2"]);
    assert_eq!(client.uids(), [2, 3]);
    let again = fixture.restarted().select("INBOX").await;
    assert_eq!(again.uids(), [2, 3]);
}

#[tokio::test]
async fn a_message_that_comes_back_after_the_list_was_read_anew_gets_a_new_uid() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,", "x");
    let mut client = fixture.select("INBOX").await;
    let (here, away) = (fixture.root().join("cur/1.a:2,"), fixture.root().join("away"));
    std::fs::rename(&here, &away).unwrap();
    assert_eq!(client.noop().await, ["EXPUNGE 1"]);
    // Another program writes the list anew, with the record of the missing file.
    let (list, copy) = (
        fixture.root().join("dovecot-uidlist"),
        fixture.root().join("copy"),
    );
    std::fs::copy(&list, &copy).unwrap();
    std::fs::rename(&copy, &list).unwrap();
    std::fs::rename(&away, &here).unwrap();
    assert_eq!(client.noop().await, ["EXISTS 1"]);
    assert_eq!(client.uids(), [2], "a client was told that UID 1 is gone");
}

#[tokio::test]
async fn two_messages_with_one_base_name_become_two() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,S", "one");
    deliver(&fixture.root(), "cur/1.a:2,F", "two");
    let mut client = fixture.select("INBOX").await;
    client.noop().await;
    assert_eq!(client.uids().len(), 2);
    let mut texts = Vec::new();
    for uid in client.uids() {
        texts.push(client.body(uid).await.unwrap());
    }
    texts.sort();
    assert_eq!(texts, ["one", "two"]);
}

#[tokio::test]
async fn a_symbolic_link_is_never_served() {
    let fixture = Fixture::new();
    let client = fixture.select("INBOX").await;
    drop(client);
    std::fs::write(fixture.root().join("secret"), "x").unwrap();
    std::os::unix::fs::symlink(fixture.root().join("secret"), fixture.root().join("cur/1.a:2,")).unwrap();
    assert_eq!(fixture.select("INBOX").await.uids(), [0u32; 0]);
}

#[tokio::test]
async fn an_emptied_letter_table_and_a_new_one_change_the_flags_shown() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,a", "x");
    std::fs::write(fixture.root().join("dovecot-keywords"), "0 todo\n").unwrap();
    let mut client = fixture.select("INBOX").await;
    assert_eq!(client.flags(1).await, "(todo)");
    std::fs::write(fixture.root().join("dovecot-keywords"), "0 other\n").unwrap();
    assert_eq!(client.noop().await, ["1 (other)"]);
}

#[tokio::test]
async fn a_look_without_a_change_lists_nothing() {
    let fixture = Fixture::new();
    deliver(&fixture.root(), "cur/1.a:2,", "x");
    let mut client = fixture.select("INBOX").await;
    // Until the change is old enough that its time stamp proves something.
    let open = client.open();
    open.forget_grain().await;
    let lists = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&lists);
    open.directory.moments().set(move |moment| {
        if moment == crate::disk::interference::Moment::Listed {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    });
    client.noop().await;
    client.store(&[1], FlagAction::Add, "\\Seen").await.unwrap();
    client.noop().await;
    assert_eq!(
        lists.load(std::sync::atomic::Ordering::SeqCst),
        0,
        "own changes are no news"
    );
    deliver(&fixture.root(), "new/2.b", "x");
    assert_eq!(client.noop().await, ["EXISTS 2"]);
}

#[tokio::test]
async fn a_mailbox_that_another_program_renamed_is_not_served_under_its_old_name() {
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    create(&mut session, "a").await.unwrap();
    deliver(&fixture.root().join(".a"), "cur/1.old:2,", "x");
    let kept_open = fixture.select("a").await;
    std::fs::rename(fixture.root().join(".a"), fixture.root().join(".b")).unwrap();
    let gone = session
        .select(&name("a"), &Select::new(Access::ReadOnly))
        .await
        .unwrap_err();
    assert_eq!(gone.kind(), imap_backend::ErrorKind::NonExistent);
    create(&mut session, "a").await.unwrap();
    assert!(fixture.select("a").await.uids().is_empty());
    session.delete(&name("a")).await.unwrap();
    assert_eq!(fixture.select("b").await.uids(), [1], "what was renamed is whole");
    assert_eq!(kept_open.uids(), [1], "and whoever has it open goes on");
}
