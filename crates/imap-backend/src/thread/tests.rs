//! Threads by the RFC's own steps, and mail that is written to be threaded badly.

mod model;

use std::fmt::Write as _;

use chrono::DateTime;
use imap_message::Summary;
use imap_seq::Uid;
use imap_updates::Flags;
use proptest::prelude::*;

use super::builder::Builder;
use super::*;
use crate::Record;
use crate::search::pace::Pace;
use crate::search::pace::tests::turns;
use crate::sort::Sortable;

/// What a message has in its header, and when it came.
#[derive(Debug, Clone, Default)]
struct Mail {
    id: String,
    references: String,
    subject: String,
    date: i64,
}

fn mail(id: &str, references: &str, subject: &str, date: i64) -> Mail {
    let ids = |names: &str| {
        names
            .split_whitespace()
            .map(|name| format!("<{name}@x> "))
            .collect()
    };
    Mail {
        id: ids(id),
        references: ids(references),
        subject: subject.to_owned(),
        date,
    }
}

fn threads_of(algorithm: Algorithm, mailbox: impl IntoIterator<Item = Mail>) -> (Threads, usize) {
    let mut builder = Builder::new(algorithm);
    for (number, mail) in (1..).zip(mailbox) {
        let date = DateTime::from_timestamp(mail.date, 0).unwrap().fixed_offset();
        let record = Record::new(Uid::new(number).unwrap(), Flags::empty()).with_internal_date(date);
        let header = format!(
            "Message-ID: {}\r\nReferences: {}\r\nSubject: {}\r\n\r\n",
            mail.id, mail.references, mail.subject
        );
        let summary = Summary::of_header(header.as_bytes());
        builder.add(&Sortable::of(&record, Some(summary.header())));
    }
    turns(async { builder.finish(&mut Pace::new()).await })
}

fn threads(algorithm: Algorithm, mailbox: &[Mail]) -> String {
    shown(&threads_of(algorithm, mailbox.iter().cloned()).0)
}

/// As nested lists: `[1 [2 []] [3 []]]`.
fn shown(threads: &Threads) -> String {
    let mut out = String::new();
    let mut due: Vec<u32> = Vec::new();
    for entry in threads.entries() {
        match entry.uid() {
            Some(uid) => write!(out, "({uid}").unwrap(),
            None => out.push_str("(-"),
        }
        due.push(entry.children());
        while due.last() == Some(&0) {
            out.push(')');
            due.pop();
            if let Some(due) = due.last_mut() {
                *due -= 1;
            }
        }
    }
    assert!(due.is_empty());
    out
}

#[test]
fn rfc5256_3_ordered_subject_has_the_first_message_of_each_subject_above_the_others() {
    let mailbox = [
        mail("1", "", "Re: a", 30),
        mail("2", "", "b", 20),
        mail("3", "", "[x] A", 10),
        mail("4", "", "c", 20),
        mail("5", "", "RE: b", 5),
        mail("6", "", "a", 30),
    ];
    assert_eq!(threads(Algorithm::OrderedSubject, &mailbox), "(5(2))(3(1)(6))(4)");
}

#[test]
fn rfc5256_3_references_are_answers_below_what_they_answer() {
    let mailbox = [
        mail("a", "", "s", 1),
        mail("b", "a", "Re: s", 4),
        mail("c", "a gone", "Re: s", 2),
        mail("d", "a gone c", "Re: s", 3),
        // Of a thread whose beginning is gone.
        mail("e", "lost", "t", 6),
        mail("f", "lost", "Re: t", 5),
        mail("g", "alone", "u", 7),
        // The same ID again is another message.
        mail("a", "", "v", 8),
        mail("h", "a", "w", 9),
    ];
    assert_eq!(
        threads(Algorithm::References, &mailbox),
        "(1(3(4))(2)(9))(-(6)(5))(7)(8)"
    );
}

#[test]
fn rfc5256_3_threads_of_one_subject_are_joined_by_references_alone() {
    let mailbox = [
        mail("1", "", "Re: a", 1),
        mail("2", "", "a", 2),
        mail("3", "", "b", 3),
        mail("4", "", "b", 4),
        mail("5", "x", "c", 5),
        mail("6", "x", "c", 6),
        mail("7", "y", "c", 7),
        mail("8", "y", "c", 8),
        mail("9", "", "c", 9),
        mail("10", "", "", 10),
        mail("11", "", "Re:", 11),
    ];
    assert_eq!(
        threads(Algorithm::References, &mailbox),
        "(2(1))(-(3)(4))(-(5)(6)(7)(8)(9))(10)(11)"
    );
    assert_eq!(
        threads(Algorithm::Refs, &mailbox),
        "(1)(2)(3)(4)(-(5)(6))(-(7)(8))(9)(10)(11)"
    );
}

#[test]
fn draft_inthread_refs_has_the_thread_with_the_newest_message_last() {
    let mailbox = [
        mail("a", "", "", 1),
        mail("b", "", "", 2),
        mail("c", "b a", "", 3),
        mail("d", "", "", 2),
    ];
    assert_eq!(threads(Algorithm::Refs, &mailbox), "(4)(2(1(3)))");
    assert_eq!(threads(Algorithm::References, &mailbox), "(2(1(3)))(4)");
}

fn mailbox() -> impl Strategy<Value = Vec<Mail>> {
    let mail = (
        0..9_u32,
        prop::collection::vec(0..9_u32, 0..5),
        0..6_usize,
        0..6_i64,
    )
        .prop_map(|(id, references, subject, date)| {
            let subjects = ["", "a", "Re: a", "b", "re: B", "Re:"];
            let references: Vec<_> = references.iter().map(u32::to_string).collect();
            let id = if id == 8 { String::new() } else { id.to_string() };
            mail(&id, &references.join(" "), subjects[subject], date)
        });
    prop::collection::vec(mail, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rfc5256_3_threads_are_what_its_steps_give(mailbox in mailbox()) {
        prop_assert_eq!(threads(Algorithm::References, &mailbox), model::references(&mailbox));
        prop_assert_eq!(threads(Algorithm::OrderedSubject, &mailbox), model::ordered_subject(&mailbox));
    }

    #[test]
    fn what_is_not_wanted_leaves_its_children_in_its_place(mailbox in mailbox(), wanted in prop::collection::vec(any::<bool>(), 12)) {
        let (mut threads, _) = threads_of(Algorithm::References, mailbox);
        let wanted = |uid: Uid| wanted[uid.get() as usize - 1];
        let model = model::without(&shown(&threads), |number| wanted(Uid::new(number).unwrap()));
        threads.retain(wanted);
        prop_assert_eq!(shown(&threads), model);
    }
}

const MANY: u32 = 100_000;

/// Each of these would not be over if some step looked at a thread as a whole for each of its messages, and would overflow
/// the stack if some step went down it by recursion.
#[test]
fn no_references_are_too_odd() {
    let chain = |number: u32| mail(&number.to_string(), &(number + 1).to_string(), "s", 1);
    let backwards = |number: u32| {
        mail(
            &(MANY - number).to_string(),
            &(MANY - number + 1).to_string(),
            "s",
            1,
        )
    };
    let loops = |number: u32| match number {
        0 => mail(
            "0",
            &(0..9_000).map(|n| n.to_string()).collect::<Vec<_>>().join(" "),
            "",
            1,
        ),
        _ => mail("x", &format!("{} 1", 7_000 + number % 1_000), "", 1),
    };
    let strangers = |number: u32| {
        mail(
            "",
            &(0..20).map(|n| format!("{number}-{n} ")).collect::<String>(),
            "s",
            1,
        )
    };
    let below_a_gap = |number: u32| match number {
        0 => mail(
            "",
            &(0..9_000).map(|n| n.to_string()).collect::<Vec<_>>().join(" "),
            "",
            1,
        ),
        _ => mail("", &(number % 9_000).to_string(), "", 1),
    };
    let all: [&dyn Fn(u32) -> Mail; 7] = [
        &chain,
        &backwards,
        &loops,
        &strangers,
        &below_a_gap,
        &|_| mail("same", "same", "s", 1),
        &|number| {
            mail(
                &number.to_string(),
                &format!("{} {number} {}", MANY - number, number / 2),
                "s",
                1,
            )
        },
    ];
    for algorithm in [Algorithm::References, Algorithm::Refs] {
        for (number, mails) in all.iter().enumerate() {
            let (mut threads, turns) = threads_of(algorithm, (0..MANY).map(mails));
            let there = threads.entries().iter().filter(|entry| entry.uid().is_some());
            assert_eq!(there.count(), MANY as usize, "{number}");
            assert!(turns > 20, "{turns}");
            threads.retain(|uid| uid.get() % 2 == 0);
            let there = threads.entries().iter().filter(|entry| entry.uid().is_some());
            assert_eq!(there.count(), MANY as usize / 2, "{number}");
        }
    }
}
