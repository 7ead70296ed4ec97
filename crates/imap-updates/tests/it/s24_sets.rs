//! Scenarios S24 to S35: sets, resolved in the view that the client was told.

use imap_seq::UidSet;
use imap_updates::{Ingest, kind};

use crate::support::desk::{Desk, SILENCE};
use crate::support::uids;

#[test]
fn s24_star_with_a_pending_expunge_is_the_clients_last_message() {
    let mut desk = Desk::with(&[1, 2, 3]);
    desk.expunge(&[1]);
    assert_eq!(desk.seqs("*"), Some(vec![3]));
    assert_eq!(desk.seqs("2"), Some(vec![2]));
}

#[test]
fn s25_star_with_an_unannounced_message_is_the_clients_last_message() {
    let mut desk = Desk::with(&[1, 2]);
    assert_eq!(desk.arrive(3), Ingest::Applied);
    assert_eq!(desk.seqs("*"), Some(vec![2]));
    assert_eq!(desk.uids("*"), [2]);
}

#[test]
fn s26_uid_star_is_a_message_that_exists() {
    let mut desk = Desk::with(&[1, 2, 3]);
    desk.expunge(&[3]);
    assert_eq!(desk.noop(), ["3 EXPUNGE"]);
    assert_eq!(desk.uids("*"), [2]);
}

#[test]
fn s27_a_uid_range_past_the_end_is_the_last_message() {
    let mut desk = Desk::with(&[10, 50]);
    assert_eq!(desk.uids("559:*"), [50]);
    assert_eq!(desk.uids("*:559"), [50]);
    assert_eq!(Desk::with(&[]).uids("1:*"), []);
}

#[test]
fn s28_ranges_mean_the_same_in_both_directions() {
    let mut desk = Desk::with(&[1, 2, 3, 4, 5]);
    assert_eq!(desk.seqs("4:2"), desk.seqs("2:4"));
    assert_eq!(desk.uids("*:2"), desk.uids("2:*"));
    assert_eq!(desk.uids("4:2"), [2, 3, 4]);
}

#[test]
fn s29_overlapping_sets_name_each_message_once() {
    let mut desk = Desk::with(&(1..=10).collect::<Vec<_>>());
    assert_eq!(desk.seqs("1,1:2"), Some(vec![1, 2]));
    assert_eq!(desk.seqs("*:4,5:7"), Some(vec![4, 5, 6, 7, 8, 9, 10]));
}

#[test]
fn s30_a_number_beyond_the_view_is_the_clients_error() {
    let mut desk = Desk::with(&[7]);
    assert_eq!(desk.seqs("99"), None);
    assert_eq!(desk.seqs("2:*"), None);
    assert_eq!(Desk::with(&[]).seqs("1"), None);
    assert_eq!(Desk::with(&[]).seqs("*"), None);
}

#[test]
fn s31_zero_is_no_number() {
    assert!("0".parse::<imap_seq::SequenceSet<imap_seq::SeqNum>>().is_err());
    assert!("0:5".parse::<imap_seq::SequenceSet<imap_seq::Uid>>().is_err());
}

#[test]
fn s32_a_saved_result_loses_what_was_expunged_and_never_means_a_stranger() {
    let mut desk = Desk::with(&[1, 2, 3]);
    let saved = uids(&[2, 3]);
    desk.expunge(&[2]);
    assert_eq!(desk.noop(), ["2 EXPUNGE"]);
    assert_eq!(desk.arrive(4), Ingest::Applied);
    let means = |desk: &mut Desk, saved: &UidSet| {
        let view = desk.a.view().clone();
        view.uids_in(&view.resolve_saved(saved)).collect::<UidSet>()
    };
    assert_eq!(means(&mut desk, &saved), uids(&[3]));
    assert_eq!(means(&mut desk, &uids(&[4])), uids(&[]), "not announced");
    assert_eq!(
        means(&mut desk, &uids(&[])),
        uids(&[]),
        "emptied by a failed SEARCH"
    );
}

#[test]
fn s33_numbers_and_uids_together_are_an_intersection() {
    let mut desk = Desk::with(&[10, 20, 30]);
    let by_number = desk.seqs("1").unwrap();
    let both: Vec<u32> = desk
        .uids("30")
        .into_iter()
        .filter(|uid| by_number.contains(uid))
        .collect();
    assert_eq!(both, []);
}

#[test]
fn s34_a_set_of_50_000_ranges_costs_by_ranges() {
    let mut desk = Desk::with(&(1..=1_000_000).collect::<Vec<_>>());
    let set: Vec<String> = (0..50_000)
        .map(|range| format!("{}:{}", range * 20 + 1, range * 20 + 10))
        .collect();
    let resolved = desk.uids(&set.join(","));
    assert_eq!((resolved.len(), resolved[10]), (500_000, 21));
}

#[test]
fn s35_star_inside_a_set_keeps_the_result_sorted() {
    let mut desk = Desk::with(&[1, 50]);
    assert_eq!(desk.uids("60:70,100:*"), [50]);
    assert_eq!(desk.uids("100:*,1"), [1, 50]);
}

#[test]
fn a_resolved_set_tells_the_living_from_the_expunged() {
    let mut desk = Desk::with(&[1, 2, 3]);
    desk.expunge(&[2]);
    let command = desk.a.begin(kind::Fetch);
    let resolved = desk.a.resolve_seqs(&"1:2".parse().unwrap()).unwrap();
    assert_eq!(
        (resolved.live().to_string(), resolved.expunged().to_string()),
        ("1".into(), "2".into())
    );
    let numbered: Vec<_> = resolved.iter().map(|(seq, uid)| (seq.get(), uid.get())).collect();
    assert_eq!(numbered, [(1, 1), (2, 2)]);
    drop(command);
    assert_eq!(desk.hold(kind::Fetch), SILENCE);
}
