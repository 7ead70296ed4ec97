//! Each rule is broken on purpose, and found; a history that keeps them all is not complained of.

use super::*;

const INBOX: Mailbox = Mailbox::Inbox;

fn view(messages: &[(u32, &str)]) -> View {
    let flags = |flags: &str| flags.split_whitespace().map(str::to_owned).collect();
    messages.iter().map(|(uid, words)| (*uid, flags(words))).collect()
}

/// At rest: UIDs of INBOX with name and flags, which everybody agrees on.
fn rest(messages: &[(u32, &str, &str)]) -> Rest {
    let stored = view(
        &messages
            .iter()
            .map(|(uid, _, flags)| (*uid, *flags))
            .collect::<Vec<_>>(),
    );
    let names = messages
        .iter()
        .map(|(uid, name, _)| ((INBOX, *uid), (*name).to_owned()));
    Rest {
        names: names.collect(),
        views: vec![("c1".to_owned(), INBOX, stored.clone())],
        stored: [(INBOX, stored)].into(),
    }
}

fn append(name: &str, flags: &[&str]) -> Event {
    Event::Began(Attempt::Append {
        to: INBOX,
        name: name.to_owned(),
        flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
    })
}

fn store(uid: u32, flag: &str, set: bool) -> Event {
    let (at, uids, flag) = (INBOX, vec![uid], flag.to_owned());
    Event::Began(Attempt::Store { at, uids, flag, set })
}

fn done(attempt: Number, uid: u32) -> Event {
    let uids = vec![(uid, uid)];
    Event::Done { attempt, uids }
}

fn saw(since: Number, uids: &[u32]) -> Event {
    Event::Saw {
        who: "c1".to_owned(),
        at: INBOX,
        since,
        uids: uids.iter().copied().collect(),
    }
}

fn is(uid: u32, name: &str) -> Event {
    let (place, name) = ((INBOX, uid), name.to_owned());
    Event::Is { place, name }
}

fn told_expunge(uid: u32) -> Event {
    let (who, place) = ("c1".to_owned(), (INBOX, uid));
    Event::Expunged { who, place }
}

fn sample(highest_modseq: i64, uid_next: i64, modseqs: &[(u32, i64)]) -> Event {
    Event::Sample {
        at: INBOX,
        highest_modseq,
        uid_next,
        modseqs: modseqs.iter().copied().collect(),
    }
}

/// The rules that are found broken.
fn broken(events: &[Event], rest: &Rest) -> Vec<Rule> {
    let mut rules: Vec<Rule> = judge(events, rest)
        .into_iter()
        .map(|finding| finding.rule)
        .collect();
    rules.dedup();
    rules
}

#[test]
fn a_history_that_keeps_its_promises_is_not_complained_of() {
    let events = [
        append("one", &["\\Seen"]),
        done(0, 1),
        append("two", &[]),
        done(2, 2),
        store(1, "c1", true),
        done(4, 1),
        store(2, DELETED, true),
        done(6, 2),
        Event::Began(Attempt::Expunge {
            at: INBOX,
            uids: vec![1, 2],
        }),
        done(8, 0),
        told_expunge(2),
        saw(10, &[1]),
        sample(9, 3, &[(1, 5)]),
        sample(9, 3, &[(1, 5)]),
    ];
    assert_eq!(broken(&events, &rest(&[(1, "one", "\\Seen c1")])), []);
}

#[test]
fn an_acknowledged_message_that_is_not_there_is_lost() {
    let stored = [append("one", &[]), done(0, 1)];
    assert_eq!(broken(&stored, &rest(&[])), [Rule::MessageLost]);
    let mut seen_without = stored.to_vec();
    seen_without.push(saw(2, &[]));
    assert_eq!(
        broken(&seen_without, &rest(&[(1, "one", "")])),
        [Rule::MessageLost]
    );
    // Who began to look before it was acknowledged need not see it.
    seen_without[2] = saw(1, &[]);
    assert_eq!(broken(&seen_without, &rest(&[(1, "one", "")])), []);
}

#[test]
fn one_that_was_not_acknowledged_may_be_there_once() {
    let asked = [append("one", &[])];
    assert_eq!(broken(&asked, &rest(&[])), []);
    assert_eq!(broken(&asked, &rest(&[(1, "one", "")])), []);
    let twice = rest(&[(1, "one", ""), (2, "one", "")]);
    assert_eq!(broken(&asked, &twice), [Rule::FromNowhere]);
}

#[test]
fn a_message_that_nobody_stored_is_from_nowhere() {
    assert_eq!(broken(&[is(1, "strange")], &rest(&[])), [Rule::FromNowhere]);
}

#[test]
fn a_uid_has_one_message_and_a_mailbox_one_uidvalidity() {
    let twice = [append("one", &[]), append("two", &[]), is(1, "one"), is(1, "two")];
    assert_eq!(broken(&twice, &rest(&[(1, "one", "")])), [Rule::UidTwice]);
    let acknowledged = [append("one", &[]), append("two", &[]), done(0, 1), done(1, 1)];
    assert_eq!(broken(&acknowledged, &rest(&[(1, "one", "")])), [Rule::UidTwice]);
    let at_rest = [append("one", &[]), append("two", &[]), done(0, 1)];
    assert_eq!(broken(&at_rest, &rest(&[(1, "two", "")])), [Rule::UidTwice]);
    let validity = [1, 2].map(|uid_validity| Event::Validity {
        at: INBOX,
        uid_validity,
    });
    assert_eq!(broken(&validity, &rest(&[])), [Rule::UidTwice]);
}

#[test]
fn an_expunge_of_what_nobody_removed_is_a_phantom() {
    let events = [append("one", &[]), done(0, 1), told_expunge(1)];
    assert_eq!(broken(&events, &rest(&[(1, "one", "")])), [Rule::PhantomExpunge]);
    let gone = broken(&events, &rest(&[]));
    assert_eq!(gone, [Rule::MessageLost, Rule::PhantomExpunge]);
}

/// COPY copies `\Deleted` as well.
#[test]
fn a_copy_of_what_was_marked_as_deleted_may_be_expunged_and_another_may_not() {
    let copied = [
        append("one", &[]),
        done(0, 1),
        Event::Began(Attempt::Copy {
            from: INBOX,
            uids: vec![1],
            to: INBOX,
            moves: false,
        }),
        Event::Done {
            attempt: 2,
            uids: vec![(1, 2)],
        },
        told_expunge(2),
    ];
    let one = rest(&[(1, "one", DELETED)]);
    let both = [Rule::MessageLost, Rule::PhantomExpunge];
    assert_eq!(broken(&copied, &one), both);
    let mut marked = copied.to_vec();
    marked.insert(2, store(1, DELETED, true));
    marked[4] = Event::Done {
        attempt: 3,
        uids: vec![(1, 2)],
    };
    assert_eq!(broken(&marked, &one), []);
}

#[test]
fn what_was_removed_does_not_come_back() {
    let mut events = vec![
        append("one", &[]),
        done(0, 1),
        store(1, DELETED, true),
        told_expunge(1),
    ];
    assert_eq!(broken(&events, &rest(&[])), []);
    assert_eq!(broken(&events, &rest(&[(1, "one", DELETED)])), [Rule::CameBack]);
    events.push(saw(4, &[1]));
    assert_eq!(broken(&events, &rest(&[])), [Rule::CameBack]);
    let acknowledged = [
        append("one", &[]),
        done(0, 1),
        store(1, DELETED, true),
        done(2, 1),
        Event::Began(Attempt::Expunge {
            at: INBOX,
            uids: vec![1],
        }),
        done(4, 0),
    ];
    assert_eq!(
        broken(&acknowledged, &rest(&[(1, "one", DELETED)])),
        [Rule::CameBack]
    );
    // Of one whose `\Deleted` nobody acknowledged nobody knows.
    let unknown = [0, 1, 2, 4].map(|at| acknowledged[at].clone());
    assert_eq!(broken(&unknown, &rest(&[(1, "one", DELETED)])), []);
}

#[test]
fn what_was_moved_is_there_and_no_longer_here() {
    let moved = [
        append("one", &[]),
        done(0, 1),
        Event::Began(Attempt::Copy {
            from: INBOX,
            uids: vec![1],
            to: Mailbox::Archive,
            moves: true,
        }),
        Event::Done {
            attempt: 2,
            uids: vec![(1, 7)],
        },
    ];
    assert_eq!(broken(&moved, &rest(&[])), [Rule::MessageLost]);
    let mut there = rest(&[]);
    there.stored.insert(Mailbox::Archive, view(&[(7, "")]));
    there.names.insert((Mailbox::Archive, 7), "one".to_owned());
    assert_eq!(broken(&moved, &there), []);
    there.stored.insert(INBOX, view(&[(1, "")]));
    there.views.clear();
    assert_eq!(broken(&moved, &there), [Rule::CameBack]);
}

#[test]
fn an_acknowledged_flag_stays_and_one_that_was_cleared_stays_away() {
    let set = [
        append("one", &["\\Seen"]),
        done(0, 1),
        store(1, "c1", true),
        done(2, 1),
    ];
    assert_eq!(broken(&set, &rest(&[(1, "one", "\\Seen")])), [Rule::FlagLost]);
    assert_eq!(broken(&set, &rest(&[(1, "one", "c1")])), [Rule::FlagLost]);
    let mut cleared = set.to_vec();
    cleared.extend([store(1, "c1", false), done(4, 1)]);
    assert_eq!(
        broken(&cleared, &rest(&[(1, "one", "\\Seen c1")])),
        [Rule::FlagLost]
    );
    // What was not answered may have happened, or may yet.
    cleared.pop();
    assert_eq!(broken(&cleared, &rest(&[(1, "one", "\\Seen c1")])), []);
    assert_eq!(broken(&cleared, &rest(&[(1, "one", "\\Seen")])), []);
}

#[test]
fn mod_sequences_and_uids_never_go_back() {
    for back in [
        sample(8, 3, &[]),
        sample(9, 2, &[]),
        sample(9, 3, &[(1, 4)]),
        sample(9, 3, &[(1, 10)]),
        sample(9, 3, &[(3, 9)]),
    ] {
        let events = [append("one", &[]), sample(9, 3, &[(1, 5)]), back];
        assert_eq!(broken(&events, &rest(&[])), [Rule::WentBack], "{events:?}");
    }
    let next = |since, uid_next| {
        let (who, at) = ("c1".to_owned(), INBOX);
        [
            append("one", &[]),
            done(0, 1),
            Event::Next {
                who,
                at,
                since,
                uid_next,
            },
        ]
    };
    assert_eq!(broken(&next(2, 1), &rest(&[(1, "one", "")])), [Rule::WentBack]);
    assert_eq!(broken(&next(1, 1), &rest(&[(1, "one", "")])), []);
    assert_eq!(broken(&next(2, 2), &rest(&[(1, "one", "")])), []);
}

#[test]
fn at_rest_all_have_the_same_messages_and_flags() {
    let events = [append("one", &[]), done(0, 1)];
    let mut differs = rest(&[(1, "one", "")]);
    differs
        .views
        .push(("c2".to_owned(), INBOX, view(&[(1, "\\Seen")])));
    assert_eq!(broken(&events, &differs), [Rule::Disagreement]);
    differs.views[1].2 = view(&[]);
    assert_eq!(broken(&events, &differs), [Rule::Disagreement]);
}

#[test]
fn what_a_client_could_not_follow_is_a_finding() {
    let (who, what) = ("c1".to_owned(), "EXPUNGE 3 in a mailbox of 2 messages".to_owned());
    assert_eq!(
        broken(&[Event::Broken { who, what }], &rest(&[])),
        [Rule::ImpossibleView]
    );
}
