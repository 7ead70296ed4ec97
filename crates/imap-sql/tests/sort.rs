//! SORT: what the database sorts is in the order in which the evaluation over every store has it.

#![allow(
    clippy::unwrap_used,
    reason = "outside of a `#[test]`, clippy does not see that these are tests"
)]

mod common;

use common::{Home, name, on_every_engine, select, uid};
use imap_backend::{Algorithm, Mailbox as _, Query, SearchKey, SortBy, SortKey, sort, thread};
use imap_backend_test::{Mail, Selected};
use imap_message::Needle;
use imap_seq::Uid;
use imap_sql::SqlMailbox;
use imap_updates::Flag;

/// Numbers that look random and are always the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Mail that others have stored: many messages have the same date, or zone, or size, as others.
fn fill(home: &Home, dice: &mut Dice, messages: u64) {
    let mut sql = String::from("BEGIN;");
    for _ in 0..messages {
        let (size, received) = (dice.below(40), dice.below(50) * 3_600);
        let (zone, flags) = (60 * i64::try_from(dice.below(25)).unwrap() - 720, dice.below(32));
        sql += &format!(
            "INSERT INTO blobs (size) VALUES ({size});
             INSERT INTO messages (mailbox, blob, received, zone, flags)
                 SELECT m.id, max(b.id), {received} + 1, {zone}, {flags}
                 FROM mailboxes m, blobs b WHERE m.name = 'INBOX' GROUP BY m.id;"
        );
    }
    home.by_hand(&(sql + "COMMIT;")).unwrap();
}

fn orders() -> Vec<Vec<SortKey>> {
    let [arrival, size, date] = [SortBy::Arrival, SortBy::Size, SortBy::Date].map(SortKey::new);
    let subject = SortKey::new(SortBy::Subject);
    vec![
        vec![arrival],
        vec![arrival.reversed()],
        vec![size],
        vec![size.reversed()],
        vec![arrival, size],
        vec![size, arrival.reversed()],
        vec![size.reversed(), arrival, size],
        vec![date],
        vec![size, date.reversed()],
        vec![subject, arrival],
    ]
}

fn criteria() -> Vec<SearchKey> {
    let seen = || SearchKey::Flag(Flag::Seen);
    let some = (1..400).step_by(3).map(uid).collect();
    vec![
        SearchKey::All,
        seen(),
        SearchKey::Not(Box::new(seen())),
        SearchKey::Larger(17),
        SearchKey::And(vec![SearchKey::Smaller(30), seen()]),
        SearchKey::Uids(some),
        SearchKey::And(vec![
            SearchKey::Uids([uid(7), uid(9)].into_iter().collect()),
            seen(),
        ]),
        SearchKey::Not(Box::new(SearchKey::Header(
            "subject".to_owned(),
            Needle::new("none"),
        ))),
        SearchKey::Or(vec![]),
    ]
}

/// RFC 5256, section 3, SORT: messages that are equal by all keys are in the order of the mailbox.
async fn compare(selected: &mut Selected<SqlMailbox>) -> usize {
    let mut sorted = 0;
    for key in criteria() {
        let query = Query::new(key, selected.updates.view().clone());
        for by in orders() {
            let ours = selected.mailbox.sort(&query, &by).await.unwrap();
            let theirs = sort::evaluate(&mut selected.mailbox, &query, &by).await.unwrap();
            assert_eq!(ours, theirs, "{by:?} of {:?}", query.key());
            sorted += ours.len();
        }
        for algorithm in [Algorithm::OrderedSubject, Algorithm::References] {
            let ours = selected.mailbox.thread(&query, algorithm).await.unwrap();
            let theirs = thread::evaluate(&mut selected.mailbox, &query, algorithm)
                .await
                .unwrap();
            assert_eq!(ours, theirs, "{algorithm:?} of {:?}", query.key());
        }
    }
    sorted
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc5256_3_the_database_sorts_as_the_evaluation_does() {
    on_every_engine(async |home| {
        let (mut user, mut selected) = select(&home.process()).await;
        let mut dice = Dice(5_256);
        fill(&home, &mut dice, 300);
        selected.noop().await.unwrap();
        assert!(compare(&mut selected).await > 8_000);
        // What is gone, and what has come, and neither was told.
        let mail = Mail::new("with a date of its own").dated("2020-01-01T00:00:00+00:00");
        user.append(&name("INBOX"), mail).await.unwrap();
        fill(&home, &mut dice, 50);
        home.by_hand("DELETE FROM messages WHERE uid BETWEEN 100 AND 150")
            .unwrap();
        compare(&mut selected).await;
        let query = Query::new(SearchKey::All, selected.updates.view().clone());
        let by = [SortKey::new(SortBy::Arrival)];
        let sorted: Vec<Uid> = selected.mailbox.sort(&query, &by).await.unwrap();
        assert_eq!(sorted.len(), 249);
    })
    .await;
}

/// Mail whose texts, dates and sizes are often those of others.
fn mail(dice: &mut Dice) -> Mail {
    let name = |dice: &mut Dice| match dice.below(5) {
        0 => String::new(),
        1 => "=?utf-8?q?=C3=84nne?= <x@example.org>".to_owned(),
        number => format!("Name {number} <n{}@example.org>, y@z", dice.below(3)),
    };
    let (from, to, cc) = (name(dice), name(dice), name(dice));
    let (day, subject) = (1 + dice.below(28), dice.below(9));
    let prefix = ["", "Re: ", "[list] Fwd: "][usize::try_from(dice.below(3)).unwrap()];
    let date = match dice.below(4) {
        0 => String::new(),
        _ => format!("Date: {day} Nov 2024 10:00:00 +0{}00\r\n", dice.below(3)),
    };
    let text = format!(
        "From: {from}\r\nTo: {to}\r\nCc: {cc}\r\n{date}Subject: {prefix}subject {subject}\r\n\r\n.\r\n"
    );
    Mail::raw(text).dated(&format!("2024-11-{:02}T00:00:00+00:00", 1 + dice.below(28)))
}

fn text_orders() -> Vec<Vec<SortKey>> {
    let [subject, date] = [SortBy::Subject, SortBy::Date].map(SortKey::new);
    let mut orders = vec![
        vec![subject],
        vec![date],
        vec![subject, date.reversed()],
        vec![SortKey::new(SortBy::From), SortKey::new(SortBy::Size).reversed()],
    ];
    for by in [
        SortBy::From,
        SortBy::To,
        SortBy::Cc,
        SortBy::DisplayFrom,
        SortBy::DisplayTo,
    ] {
        orders.push(vec![SortKey::new(by).reversed()]);
    }
    orders
}

/// All orders, each of which is new to the process.
async fn compare_texts(selected: &mut Selected<SqlMailbox>, first: First) {
    let query = Query::new(SearchKey::All, selected.updates.view().clone());
    for by in text_orders() {
        let mut kept = Vec::new();
        if first == First::Evaluation {
            kept = sort::evaluate(&mut selected.mailbox, &query, &by).await.unwrap();
        }
        let ours = selected.mailbox.sort(&query, &by).await.unwrap();
        let theirs = sort::evaluate(&mut selected.mailbox, &query, &by).await.unwrap();
        assert_eq!(ours, theirs, "{by:?}");
        assert!(kept.is_empty() || kept == ours);
        assert_eq!(ours.len(), 120);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    /// No summary is in memory.
    Database,
    /// All summaries are.
    Evaluation,
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc5256_3_keys_are_the_same_from_rows_from_memory_and_from_messages_without_a_summary() {
    on_every_engine(async |home| {
        let (mut user, _) = select(&home.process()).await;
        let mut dice = Dice(5_957);
        for _ in 0..120 {
            user.append(&name("INBOX"), mail(&mut dice)).await.unwrap();
        }
        for first in [First::Database, First::Evaluation] {
            let (_user, mut selected) = select(&home.process()).await;
            compare_texts(&mut selected, first).await;
        }
        // Nobody made one; another version did; this one, and a part of it is lost.
        let (other, lost) = (home.octets("020000010000000000000001"), home.octets("01"));
        for (of, summary) in [(0, "NULL"), (1, other.as_str()), (2, lost.as_str())] {
            home.by_hand(&format!(
                "UPDATE blobs SET summary = {summary} WHERE id % 7 = {of}"
            ))
            .unwrap();
        }
        let (_user, mut selected) = select(&home.process()).await;
        compare_texts(&mut selected, First::Database).await;
    })
    .await;
}
