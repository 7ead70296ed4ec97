//! Laws that hold of every view, whatever happened before.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the answer")]

use imap_seq::{Expunges, MailboxIndex, SeqMapper, SeqNum, SequenceSet, Uid, UidRanges, UidSet, View};
use proptest::prelude::*;

fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

/// UIDs with gaps of every size up to `widest`.
fn uids(widest: u32) -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(1..=widest, 1..600).prop_map(|steps| {
        steps
            .into_iter()
            .scan(0, |sum, step| {
                *sum += step;
                Some(*sum)
            })
            .collect()
    })
}

/// A mailbox, a session that lags, and its view: some messages are pending, some not announced.
fn lagging() -> impl Strategy<Value = (MailboxIndex, SeqMapper, View)> {
    let shapes = prop_oneof![uids(2), uids(40), uids(100_000)];
    (shapes, prop::collection::vec(any::<bool>(), 600), 0..5_u32).prop_map(|(numbers, gone, arrivals)| {
        let mut index = MailboxIndex::from_ascending(numbers.iter().copied().map(uid)).unwrap();
        let mut session = index.open();
        let gone: UidSet = numbers
            .iter()
            .zip(gone)
            .filter(|(_, gone)| *gone)
            .map(|(&number, _)| uid(number))
            .collect();
        index.expunge_all(&gone);
        (0..arrivals).for_each(|_| {
            index
                .append(index.highest_ever().unwrap().next().unwrap())
                .unwrap()
        });
        let view = session.sync(&mut index);
        (index, session, view)
    })
}

fn resolve(view: &View, text: &str) -> UidRanges {
    view.resolve_seqs(&text.parse().unwrap()).unwrap()
}

proptest! {
    #[test]
    fn seq_of_inverts_uid_of((_, _, view) in lagging()) {
        for number in 1..=view.exists() {
            let seq = SeqNum::new(number).unwrap();
            prop_assert_eq!(view.uid_of(seq).and_then(|uid| view.seq_of(uid)), Some(seq));
        }
        prop_assert_eq!(view.exists().checked_add(1).and_then(SeqNum::new).and_then(|seq| view.uid_of(seq)), None);
    }

    #[test]
    fn numbers_ascend_with_uids((_, _, view) in lagging()) {
        let numbers: Vec<u32> = view.uids().filter_map(|uid| view.seq_of(uid)).map(SeqNum::get).collect();
        prop_assert!(numbers.into_iter().eq(1..=view.exists()));
    }

    #[test]
    fn one_to_star_is_the_view((_, _, view) in lagging()) {
        prop_assert!(view.uids_in(&resolve(&view, "1:*")).eq(view.uids()));
        let all: SequenceSet<Uid> = "1:*".parse().unwrap();
        prop_assert!(view.uids_in(&view.resolve_uids(&all)).eq(view.uids()));
    }

    #[test]
    fn a_set_means_the_same_by_number_and_by_uid((_, _, view) in lagging(), from in any::<u32>(), to in any::<u32>()) {
        let (from, to) = (from % view.exists() + 1, to % view.exists() + 1);
        let uid_of = |number| view.uid_of(SeqNum::new(number).unwrap()).unwrap();
        let by_uid: SequenceSet<Uid> = format!("{}:{}", uid_of(from), uid_of(to)).parse().unwrap();
        prop_assert_eq!(resolve(&view, &format!("{from}:{to}")), view.resolve_uids(&by_uid));
    }

    #[test]
    fn an_announcement_applied_to_a_pretend_client_gives_the_mailbox((mut index, mut session, view) in lagging()) {
        let mut client: Vec<Uid> = view.uids().collect();
        let told = session.announce(&mut index, Expunges::Release);
        for seq in told.expunged().descending() {
            client.remove(seq.get() as usize - 1);
        }
        if let Some((first, last)) = told.arrived() {
            client.extend(index.view().uids().filter(|&uid| first <= uid && uid <= last));
        }
        prop_assert!(index.view().uids().eq(client));
        prop_assert_eq!(session.exists(), index.len());
        prop_assert!(session.announce(&mut index, Expunges::Release).is_empty());
    }

    #[test]
    fn a_vanished_set_says_the_same_as_the_numbers((mut index, mut session, view) in lagging()) {
        let told = session.announce(&mut index, Expunges::Release);
        let by_number: UidSet = told.expunged().descending().filter_map(|seq| view.uid_of(seq)).collect();
        prop_assert_eq!(told.expunged().uids(), by_number);
        let numbers: Vec<SeqNum> = told.expunged().descending().collect();
        prop_assert!(numbers.is_sorted_by(|higher, lower| higher > lower));
    }

    #[test]
    fn holding_then_releasing_tells_what_releasing_at_once_tells((mut index, mut session, _) in lagging()) {
        let mut other = index.open();
        let _ = other.announce(&mut index, Expunges::Release);
        let before = session.exists();
        let arrived = session.announce(&mut index, Expunges::Hold).exists().map_or(0, |exists| exists - before);
        let told = session.announce(&mut index, Expunges::Release);
        prop_assert_eq!(told.exists(), None);
        prop_assert_eq!(before + arrived - told.expunged().len(), other.exists());
    }

    #[test]
    fn sessions_at_one_place_see_one_view((mut index, _, _) in lagging(), lag in prop::collection::vec(any::<u16>(), 1..20)) {
        let (mut first, mut second) = (index.open(), index.open());
        let members: Vec<Uid> = index.view().uids().collect();
        lag.iter().filter_map(|&place| members.get(usize::from(place) % members.len().max(1))).for_each(|&uid| {
            index.expunge(uid);
        });
        // The second comes by the memo.
        let (one, two) = (first.sync(&mut index), second.sync(&mut index));
        prop_assert!(one.uids().eq(two.uids()) && one.uids().eq(members.iter().copied()));
        let (one, two) = (first.announce(&mut index, Expunges::Release), second.announce(&mut index, Expunges::Release));
        prop_assert!(one.expunged().descending().eq(two.expunged().descending()));
    }

    #[test]
    fn a_set_is_read_back_as_it_prints(numbers in prop::collection::vec((any::<u32>(), any::<u32>()), 1..9)) {
        let text: Vec<String> = numbers.iter().map(|&(from, to)| match (from % 5, to % 5) {
            (0, _) => "*".to_owned(),
            (1, _) => format!("{}", from.max(1)),
            (_, 0) => format!("{}:*", from.max(1)),
            _ => format!("{}:{}", from.max(1), to.max(1)),
        }).collect();
        let text = text.join(",");
        prop_assert_eq!(text.parse::<SequenceSet<Uid>>().unwrap().to_string(), text);
    }

    #[test]
    fn the_runs_of_a_uid_set_are_its_members(numbers in prop::collection::btree_set(1..400_000_u32, 0..300)) {
        let set: UidSet = numbers.iter().copied().map(uid).collect();
        let expanded = set.ranges().flat_map(|(first, last)| first.get()..=last.get());
        prop_assert!(expanded.eq(numbers.iter().copied()));
        let runs: Vec<_> = set.ranges().collect();
        prop_assert!(runs.windows(2).all(|pair| pair[0].1.get() + 1 < pair[1].0.get()));
    }
}
