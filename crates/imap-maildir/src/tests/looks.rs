//! What looks cost: counted in looks and listings, never in time.

use super::*;
use crate::disk::interference::Moment;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts of what was done since the last question.
#[derive(Clone, Default)]
pub(super) struct Counts(Arc<[AtomicUsize; 3]>);

impl Counts {
    pub(super) fn of(open: &OpenMailbox) -> Self {
        let counts = Self::default();
        let counted = counts.clone();
        open.directory.moments().set(move |moment| {
            let which = match moment {
                Moment::Looking => 0,
                Moment::ListedNew => 1,
                Moment::Listed => 2,
                _ => return,
            };
            counted.0[which].fetch_add(1, Ordering::SeqCst);
        });
        counts
    }

    fn take(&self, which: usize) -> usize {
        self.0[which].swap(0, Ordering::SeqCst)
    }

    /// Looks that went to another thread.
    fn looks(&self) -> usize {
        self.take(0)
    }

    /// Listings of `new/` and of `cur/`.
    pub(super) fn listings(&self) -> (usize, usize) {
        (self.take(1), self.take(2))
    }
}

/// A mailbox of three messages that a client has selected, as if all had been quiet for a while.
async fn quiet(fixture: &Fixture) -> (Client, Counts) {
    for number in 1..=3 {
        deliver(&fixture.root(), &format!("cur/{number}.a:2,"), "x");
    }
    let client = fixture.select("INBOX").await;
    client.open().forget_grain().await;
    let counts = Counts::of(&client.open());
    (client, counts)
}

#[tokio::test]
async fn a_command_that_comes_while_nothing_has_changed_goes_to_no_other_thread() {
    let fixture = Fixture::new();
    let (mut client, counts) = quiet(&fixture).await;
    for reason in [PollReason::Asked, PollReason::Passing, PollReason::Idling] {
        client.mailbox().poll(reason).await.unwrap();
    }
    status(&mut fixture.session().await, "INBOX").await;
    drop(fixture.examine("INBOX").await);
    assert_eq!(counts.looks(), 0);
    client.store(&[1], FlagAction::Add, "\\Seen").await.unwrap();
    client.noop().await;
    assert_eq!(counts.looks(), 0, "what this process changed is known");
}

#[tokio::test]
async fn each_kind_of_change_on_disk_is_seen_by_a_glance() {
    let fixture = Fixture::new();
    let (mut client, counts) = quiet(&fixture).await;
    let root = fixture.root();
    let list = root.join("dovecot-uidlist");
    let changes: [&dyn Fn(); 5] = [
        &|| deliver(&root, "new/4.d", "x"),
        &|| std::fs::rename(root.join("cur/1.a:2,"), root.join("cur/1.a:2,F")).unwrap(),
        &|| std::fs::write(root.join("dovecot-keywords"), "0 todo\n").unwrap(),
        &|| std::fs::write(&list, std::fs::read_to_string(&list).unwrap() + "99 :9.gone\n").unwrap(),
        &|| std::fs::remove_file(&list).unwrap(),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        client.open().forget_grain().await;
        client.noop().await;
        counts.looks();
        change();
        client.mailbox().poll(PollReason::Passing).await.unwrap();
        assert_eq!(counts.looks(), 1, "change {number}");
    }
}

/// C17.
#[tokio::test]
async fn what_another_program_delivered_is_told_at_the_end_of_any_command() {
    let fixture = Fixture::new();
    let (mut client, _) = quiet(&fixture).await;
    deliver(&fixture.root(), "new/4.d", "x");
    client.mailbox().poll(PollReason::Passing).await.unwrap();
    assert_eq!(client.told(), ["EXISTS 4"]);
}

#[tokio::test]
async fn a_command_that_did_not_ask_waits_for_nobody() {
    let fixture = Fixture::new();
    let (mut client, counts) = quiet(&fixture).await;
    deliver(&fixture.root(), "new/4.d", "x");
    let writer = client.open().lock_writer().await;
    // Would not end before the writer is given back.
    client.mailbox().poll(PollReason::Passing).await.unwrap();
    assert_eq!((client.told(), counts.looks()), (vec![], 0));
    drop(writer);
    client.mailbox().poll(PollReason::Passing).await.unwrap();
    assert_eq!(client.told(), ["EXISTS 4"]);
}

#[tokio::test]
async fn a_command_that_did_not_ask_leaves_what_is_due_by_time_to_the_watcher() {
    let fixture = Fixture::on_a_network();
    let (mut client, counts) = quiet(&fixture).await;
    client.store(&[1], FlagAction::Add, "\\Seen").await.unwrap();
    client.open().let_grain_pass().await;
    client.mailbox().poll(PollReason::Passing).await.unwrap();
    assert_eq!(counts.listings(), (0, 0));
    client.noop().await;
    assert_eq!(counts.listings(), (1, 1));
}

#[tokio::test]
async fn sessions_that_idle_look_at_nothing_while_the_watch_works() {
    let fixture = Fixture::new();
    let (mut client, counts) = quiet(&fixture).await;
    assert!(client.open().is_watched());
    deliver(&fixture.root(), "new/4.d", "x");
    client.mailbox().poll(PollReason::Idling).await.unwrap();
    assert_eq!(counts.looks(), 0);
    // Without a watch nobody else would look for a while.
    client.open().watched.lock().take();
    client.mailbox().poll(PollReason::Idling).await.unwrap();
    assert_eq!(client.told(), ["EXISTS 4"]);
}

#[tokio::test]
async fn a_delivery_lists_new_alone() {
    let fixture = Fixture::on_a_network();
    let (mut client, counts) = quiet(&fixture).await;
    deliver(&fixture.root(), "new/4.d", "x");
    assert_eq!(client.noop().await, ["EXISTS 4"]);
    deliver(&fixture.root(), "new/5.e", "x");
    assert_eq!(client.noop().await, ["EXISTS 5"], "after our own moves to cur/");
    assert_eq!(counts.listings(), (2, 0));
    assert!(files(&fixture.root()).contains(&"cur/5.e:2,".to_owned()));
    client.open().let_grain_pass().await;
    client.noop().await;
    assert_eq!(counts.listings().1, 1, "and cur/ once more after our changes");
}

#[tokio::test]
async fn a_delivery_that_another_program_recorded_lists_new_alone() {
    let fixture = Fixture::on_a_network();
    let (mut client, counts) = quiet(&fixture).await;
    deliver(&fixture.root(), "new/4.d", "x");
    let list = fixture.root().join("dovecot-uidlist");
    std::fs::write(&list, std::fs::read_to_string(&list).unwrap() + "70 :4.d\n").unwrap();
    let uid = append(&mut fixture.session().await, "INBOX", "y", "")
        .await
        .unwrap();
    assert_eq!(counts.listings(), (1, 0), "APPEND");
    client.told();
    assert_eq!((uid, client.uids()), (71, vec![1, 2, 3, 70, 71]));
    deliver(&fixture.root(), "cur/5.e:2,S", "x");
    std::fs::write(&list, std::fs::read_to_string(&list).unwrap() + "80 :5.e\n").unwrap();
    client.noop().await;
    assert_eq!(client.uids(), [1, 2, 3, 70, 71, 80], "a record of a file in cur/");
    assert_eq!(counts.listings().1, 1);
}

#[tokio::test]
async fn a_removal_from_new_lists_new_alone_where_cur_is_known_to_be_the_same() {
    let fixture = Fixture::on_a_network();
    deliver(&fixture.root(), "new/1.a", "x");
    deliver(&fixture.root(), "new/2.b", "x");
    deliver(&fixture.root(), "cur/3.c:2,", "x");
    let mut client = fixture.examine("INBOX").await;
    client.open().forget_grain().await;
    let counts = Counts::of(&client.open());
    std::fs::remove_file(fixture.root().join("new/1.a")).unwrap();
    assert_eq!(client.noop().await, ["EXPUNGE 1"]);
    assert_eq!(counts.listings().1, 0);
    // Into cur/: its time stamp has changed.
    std::fs::rename(fixture.root().join("new/2.b"), fixture.root().join("cur/2.b:2,S")).unwrap();
    assert_eq!(client.noop().await, ["2 (\\Seen)"]);
}

#[tokio::test]
async fn a_message_that_went_to_cur_within_one_time_stamp_is_not_expunged() {
    let fixture = Fixture::on_a_network();
    deliver(&fixture.root(), "new/1.a", "x");
    deliver(&fixture.root(), "cur/2.b:2,", "x");
    let mut client = fixture.examine("INBOX").await;
    let open = client.open();
    open.forget_grain().await;
    // The time stamp of cur/ after the move is the one it was listed with: no longer proof of anything.
    std::fs::rename(fixture.root().join("new/1.a"), fixture.root().join("cur/1.a:2,S")).unwrap();
    open.pretend_cur_was_listed_now().await;
    assert_eq!(client.noop().await, ["1 (\\Seen)"]);
}

#[tokio::test]
async fn a_file_in_new_of_a_message_that_is_known_in_cur_is_a_reason_to_list_both() {
    let fixture = Fixture::new();
    let (mut client, counts) = quiet(&fixture).await;
    let before = client.uids();
    deliver(&fixture.root(), "new/1.a", "another text");
    client.noop().await;
    client.noop().await;
    assert_eq!(
        client.uids().len(),
        before.len() + 1,
        "two messages of one base name"
    );
    assert!(counts.listings().1 > 0);
}

/// T12.
#[tokio::test]
async fn a_batch_of_messages_that_another_program_renamed_is_one_listing() {
    const COUNT: u32 = 200;
    let fixture = Fixture::new();
    for number in 1..=COUNT {
        deliver(&fixture.root(), &format!("cur/{number:03}.a:2,"), "x");
    }
    create(&mut fixture.session().await, "target").await.unwrap();
    let mut client = fixture.select("INBOX").await;
    let all: Vec<u32> = (1..=COUNT).collect();
    let rename_all = |to: &str| {
        for file in files(&fixture.root()) {
            let base = file.split(":2,").next().unwrap();
            std::fs::rename(
                fixture.root().join(&file),
                fixture.root().join(format!("{base}:2,{to}")),
            )
            .unwrap();
        }
    };
    let counts = Counts::of(&client.open());

    rename_all("F");
    client.store(&all, FlagAction::Add, "\\Seen").await.unwrap();
    assert_eq!(counts.listings().1, 1, "STORE");
    rename_all("R");
    client.mailbox().copy(&set(&all), &name("target")).await.unwrap();
    assert_eq!(counts.listings().1, 1, "COPY");
    let uids: Vec<_> = all.iter().filter_map(|&uid| Uid::new(uid)).collect();
    client.mailbox().fetch(&uids, Need::BODY).await.unwrap();
    assert!(
        counts.listings().1 <= 2,
        "FETCH, and a look so that the next batch needs none"
    );
    client.mailbox().fetch(&uids, Need::BODY).await.unwrap();
    assert_eq!(counts.listings().1, 0, "FETCH of the next batch");
    client.store(&all, FlagAction::Add, "\\Deleted").await.unwrap();
    rename_all("FT");
    counts.listings();
    client.expunge().await;
    assert_eq!(counts.listings().1, 1, "EXPUNGE");
    assert!(files(&fixture.root()).is_empty());
}

/// B14.
#[tokio::test]
async fn status_of_many_mailboxes_again_and_again_lists_none_of_them() {
    const COUNT: usize = 40;
    let fixture = Fixture::new();
    let mut session = fixture.session().await;
    let names: Vec<_> = (0..COUNT).map(|number| format!("m{number}")).collect();
    for mailbox in &names {
        create(&mut session, mailbox).await.unwrap();
        let path = fixture.root().join(format!(".{mailbox}"));
        deliver(&path, "new/1.a", "x");
        deliver(&path, "cur/2.b:2,S", "x");
        // Opened, and closed when others are opened; by then its time stamps are old.
        fixture.examine(mailbox).await.open().forget_grain().await;
    }
    let opened = fixture.backend.shared.watcher.opened();
    for mailbox in &names {
        let found = status(&mut session, mailbox).await;
        let figures = (found.messages(), found.recent(), found.unseen());
        assert_eq!((figures, found.uid_next()), ((2, 2, 1), Uid::new(3)), "{mailbox}");
    }
    assert_eq!(
        fixture.backend.shared.watcher.opened(),
        opened,
        "none was opened again"
    );
    // And what has changed is seen.
    deliver(&fixture.root().join(".m3"), "new/3.c", "x");
    assert_eq!(status(&mut session, "m3").await.messages(), 3);
    std::fs::remove_dir_all(fixture.root().join(".m4")).unwrap();
    assert!(session.status(&name("m4"), StatusQuery::ALL).await.is_err());
}
