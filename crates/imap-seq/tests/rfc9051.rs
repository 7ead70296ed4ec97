//! One test for each example and rule of RFC 9051 sections 2.3.1 and 7.5.1 that concerns numbering.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the answer")]

use imap_seq::{AppendError, Expunges, MailboxIndex, SeqNum, SequenceSet, Uid};

fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

fn seq(number: u32) -> SeqNum {
    SeqNum::new(number).unwrap()
}

fn mailbox(uids: impl IntoIterator<Item = u32>) -> MailboxIndex {
    MailboxIndex::from_ascending(uids.into_iter().map(uid)).unwrap()
}

/// 7.5.1: "if the last 5 messages in a 9-message mailbox are expunged, a lower-to-higher server sends five untagged
/// EXPUNGE responses for message sequence number 5, whereas a higher-to-lower server sends [...] 9, 8, 7, 6, and 5".
#[test]
fn the_last_five_of_nine_are_announced_from_higher_to_lower() {
    let mut index = mailbox(1..=9);
    let mut session = index.open();
    (5..=9).for_each(|number| assert!(index.expunge(uid(number))));
    let told = session.announce(&mut index, Expunges::Release);
    assert!(told.expunged().descending().map(SeqNum::get).eq([9, 8, 7, 6, 5]));
    assert_eq!((told.exists(), session.exists()), (None, 4));
}

/// 7.5.1: "EXPUNGE MUST NOT be sent when no command is in progress, nor while responding to FETCH, STORE, SEARCH": the
/// numbers stay, and a new message may still be announced behind them.
#[test]
fn a_held_expunge_keeps_every_number() {
    let mut index = mailbox([3, 5, 8]);
    let mut session = index.open();
    index.expunge(uid(5));
    index.append(uid(13)).unwrap();
    let told = session.announce(&mut index, Expunges::Hold);
    assert!(told.expunged().is_empty());
    assert_eq!(told.exists(), Some(4));
    let view = session.sync(&mut index);
    assert!(view.uids().map(Uid::get).eq([3, 5, 8, 13]));
    assert_eq!(
        (view.uid_of(seq(2)), view.is_expunged(uid(5))),
        (Some(uid(5)), true)
    );
}

/// 2.3.1.1: UIDs ascend strictly, and are not used again.
#[test]
fn a_uid_is_never_used_again() {
    let mut index = mailbox([3, 5]);
    assert_eq!(index.append(uid(5)), Err(AppendError::Duplicate));
    index.expunge(uid(5));
    assert_eq!(index.append(uid(5)), Err(AppendError::Late));
    assert_eq!(index.append(uid(4)), Err(AppendError::Late));
    assert_eq!(index.append(uid(6)), Ok(()));
}

/// 9, `seq-range`: "2:4 and 4:2 are equivalent"; "3:*" past the end means the last message.
#[test]
fn a_uid_range_past_the_end_means_the_last_message() {
    let index = mailbox([3, 5, 8]);
    let set: SequenceSet<Uid> = "559:*".parse().unwrap();
    assert!(
        index
            .view()
            .uids_in(&index.view().resolve_uids(&set))
            .eq([uid(8)])
    );
    let set: SequenceSet<SeqNum> = "4:2".parse().unwrap();
    assert!(index.view().resolve_seqs(&set).is_err());
    let set: SequenceSet<SeqNum> = "3:2".parse().unwrap();
    let ranges = index.view().resolve_seqs(&set).unwrap();
    assert!(index.view().uids_in(&ranges).eq([uid(5), uid(8)]));
}
