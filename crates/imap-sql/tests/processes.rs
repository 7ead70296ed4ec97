//! Several processes on one file: nothing connects them but the database.

mod common;

use common::{Process, add, flags, name, on_every_engine, select, uid};
use imap_backend::{Create, Mailbox as _, Need, Session as _, StatusQuery};
use imap_backend_test::Mail;
use imap_updates::{Access, Closed};

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_does_another_sees_at_noop() {
    on_every_engine(async |file| {
        let (one, other): (Process, Process) = (file.process(), file.process());
        let (mut writer, mut writing) = select(&one).await;
        let (_reader, mut reading) = select(&other).await;

        for subject in ["one", "two", "three"] {
            writer.append(&name("INBOX"), Mail::new(subject)).await.unwrap();
        }
        assert_eq!(reading.noop().await.unwrap().arrived, [uid(1), uid(2), uid(3)]);
        writing.noop().await.unwrap();

        writing.store(&[uid(2)], &add("\\Seen Work")).await.unwrap();
        assert_eq!(
            reading.noop().await.unwrap().flags,
            [(uid(2), flags("\\Seen Work"))]
        );

        writing.remove(&[uid(1)]).await.unwrap();
        assert_eq!(reading.noop().await.unwrap().expunged, [uid(1)]);
        assert_eq!(reading.model.uids(), writing.model.uids());

        // And back: it knows what is its own.
        reading.store(&[uid(3)], &add("\\Flagged")).await.unwrap();
        assert_eq!(
            writing.noop().await.unwrap().flags,
            [(uid(3), flags("\\Flagged"))]
        );
        assert!(reading.noop().await.unwrap().is_silent());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_this_process_is_told_without_a_noop() {
    on_every_engine(async |file| {
        let process = file.process();
        let (mut user, mut selected) = select(&process).await;
        user.append(&name("INBOX"), Mail::new("one")).await.unwrap();
        // `hold` polls in passing only, which reads nothing.
        assert_eq!(selected.hold().await.unwrap().arrived, [uid(1)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_another_process_deletes_ends_and_a_new_one_of_its_name_is_another() {
    on_every_engine(async |file| {
        let (one, other) = (file.process(), file.process());
        let (mut user, _) = select(&one).await;
        user.session
            .create(&name("kit"), &Create::default())
            .await
            .unwrap();
        let mut reader = other.login().await.unwrap();
        let mut selected = reader.select(&name("kit"), Access::ReadWrite).await.unwrap();
        user.session.delete(&name("kit")).await.unwrap();
        user.session
            .create(&name("kit"), &Create::default())
            .await
            .unwrap();
        assert_eq!(selected.noop().await.unwrap().closed, Some(Closed::Deleted));
        let again = reader.select(&name("kit"), Access::ReadWrite).await.unwrap();
        assert!(again.figures.uid_validity > selected.figures.uid_validity);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recent_is_claimed_in_the_database() {
    on_every_engine(async |file| {
        let one = file.process();
        let mut user = one.login().await.unwrap();
        user.append(&name("INBOX"), Mail::new("one")).await.unwrap();
        let (_first, selected) = select(&one).await;
        assert_eq!(selected.figures.recent, 1);
        let (mut other, second) = select(&file.process()).await;
        assert_eq!(second.figures.recent, 0);
        // What arrives while a session is there is claimed when it was told.
        let mut first = selected;
        user.append(&name("INBOX"), Mail::new("two")).await.unwrap();
        first.noop().await.unwrap();
        let (_third, third) = select(&file.process()).await;
        assert_eq!(third.figures.recent, 0);
        let status = other
            .session
            .status(&name("INBOX"), StatusQuery::ALL)
            .await
            .unwrap();
        assert_eq!(status.messages(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unchanged_since_holds_across_processes() {
    on_every_engine(async |file| {
        let (one, other) = (file.process(), file.process());
        let (mut user, mut mine) = select(&one).await;
        user.append(&name("INBOX"), Mail::new("one")).await.unwrap();
        mine.noop().await.unwrap();
        let record = mine.fetch_one(uid(1), Need::MODSEQ).await.unwrap();
        let (_user, mut theirs) = select(&other).await;
        theirs.store(&[uid(1)], &add("\\Flagged")).await.unwrap();

        let change = add("\\Deleted").with_unchanged_since(record.modseq().unwrap());
        let stored = mine
            .mailbox
            .store(&[uid(1)].into_iter().collect(), &change)
            .await
            .unwrap();
        assert_eq!(stored.modified(), &[uid(1)].into_iter().collect());
        let now = mine.fetch_one(uid(1), Need::FLAGS).await.unwrap();
        assert_eq!(now.flags(), &flags("\\Flagged"));
    })
    .await;
}
