//! SEARCH: what the database decides is what the evaluation over every store decides.

#![allow(
    clippy::unwrap_used,
    reason = "outside of a `#[test]`, clippy does not see that these are tests"
)]

mod common;

use common::{Process, name, on_every_engine, select};
use imap_backend::{Mailbox as _, ObjectId, Query, SearchKey, Session as _, search};
use imap_backend_test::Mail;
use imap_message::Needle;
use imap_seq::UidSet;
use imap_updates::{Flag, Flags};

fn flag(text: &str) -> SearchKey {
    let flags: Flags = text.parse().unwrap();
    let flag: Flag = flags.iter().next().unwrap();
    SearchKey::Flag(flag)
}

fn not(key: SearchKey) -> SearchKey {
    SearchKey::Not(Box::new(key))
}

fn subject(text: &str) -> SearchKey {
    SearchKey::Header("subject".to_owned(), Needle::new(text))
}

fn keys() -> Vec<SearchKey> {
    let day = |day| chrono::NaiveDate::from_ymd_opt(2020, 1, day).unwrap();
    let or_chain = |number: u64| SearchKey::Or((0..number).map(SearchKey::Larger).collect());
    vec![
        SearchKey::All,
        flag("\\Seen"),
        not(flag("\\Seen")),
        flag("wORK"),
        flag("Wor"),
        not(flag("Work")),
        SearchKey::Before(day(2)),
        SearchKey::On(day(1)),
        SearchKey::On(day(2)),
        SearchKey::Since(day(2)),
        SearchKey::On(chrono::NaiveDate::MAX),
        SearchKey::Larger(60),
        SearchKey::Smaller(60),
        SearchKey::Larger(u64::MAX),
        SearchKey::And(vec![]),
        SearchKey::Or(vec![]),
        not(SearchKey::Or(vec![])),
        SearchKey::Or(vec![
            flag("\\Flagged"),
            SearchKey::And(vec![flag("Work"), flag("\\Seen")]),
        ]),
        SearchKey::And(vec![flag("\\Seen"), subject("two")]),
        SearchKey::And(vec![flag("\\Seen"), SearchKey::Uids(uids(&[1, 2]))]),
        SearchKey::And(vec![
            SearchKey::Or(vec![flag("\\Seen"), subject("four")]),
            not(flag("Work")),
        ]),
        not(SearchKey::And(vec![flag("\\Seen"), subject("two")])),
        SearchKey::SavedBefore(day(2)),
        SearchKey::SavedOn(day(2)),
        SearchKey::SavedSince(day(2)),
        SearchKey::SavedOn(chrono::NaiveDate::MAX),
        SearchKey::SaveDateSupported,
        SearchKey::EmailId(ObjectId::of_email(2)),
        not(SearchKey::EmailId(ObjectId::of_email(2))),
        SearchKey::EmailId(ObjectId::of_mailbox(2)),
        SearchKey::Or(vec![
            SearchKey::EmailId(ObjectId::of_email(1)),
            SearchKey::EmailId(ObjectId::of_email(4)),
        ]),
        SearchKey::ThreadId(ObjectId::of_thread(7)),
        not(SearchKey::ThreadId(ObjectId::of_thread(7))),
        or_chain(1000),
        SearchKey::And(vec![or_chain(1000), flag("\\Seen")]),
    ]
}

fn uids(numbers: &[u32]) -> UidSet {
    numbers.iter().map(|number| common::uid(*number)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_criterion_finds_what_the_evaluation_finds() {
    on_every_engine(async |file| {
        let process: Process = file.process();
        let (mut user, mut selected) = select(&process).await;
        for (text, flags, date) in [
            ("one", "", "2020-01-01T23:30:00-05:00"),
            ("two", "\\Seen Work", "2020-01-02T00:30:00+05:00"),
            (
                "three of a longer subject, so that sizes differ",
                "Work Wo",
                "2020-01-01T00:00:00+00:00",
            ),
            ("four", "\\Seen \\Flagged work2", "2020-01-03T00:00:00+00:00"),
        ] {
            let flags: Flags = flags.parse().unwrap();
            let mail = Mail::new(text).flagged(flags.iter()).dated(date);
            user.append(&name("INBOX"), mail).await.unwrap();
        }
        // Noon of the first day, and every half day after that.
        file.by_hand("UPDATE messages SET saved = 1577836800 + uid * 43200")
            .unwrap();
        file.by_hand("UPDATE messages SET thread_id = 'T7' WHERE uid = 3")
            .unwrap();
        selected.noop().await.unwrap();
        let mut found_something = 0;
        for key in keys() {
            let query = Query::new(key.clone(), selected.updates.view().clone());
            let ours = selected.mailbox.search(&query).await.unwrap();
            let theirs = search::evaluate(&mut selected.mailbox, &query).await.unwrap();
            assert_eq!(ours, theirs, "{key:?}");
            found_something += usize::from(!ours.uids().is_empty());
        }
        assert!(found_something > 22, "{found_something}");
        user.session.logout().await;
    })
    .await;
}
