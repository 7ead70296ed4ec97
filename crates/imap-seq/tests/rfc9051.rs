//! One test for each example and rule of RFC 9051 sections 2.3.1, 7.4.1, 7.5.1, 6.4.9 and 9 that concerns numbering.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the answer")]

use imap_seq::{AppendError, Expunges, MailboxIndex, SeqNum, SequenceSet, Uid, View};

#[path = "support/numbers.rs"]
mod numbers;

use numbers::{mailbox, seq, uid};

/// The message sequence numbers that a set of them means.
fn seqs_of(view: &View, set: &str) -> Vec<u32> {
    let set: SequenceSet<SeqNum> = set.parse().unwrap();
    let ranges = view.resolve_seqs(&set).unwrap();
    view.uids_in(&ranges)
        .filter_map(|uid| view.seq_of(uid))
        .map(SeqNum::get)
        .collect()
}

/// The UIDs that a set of them means.
fn uids_of(view: &View, set: &str) -> Vec<u32> {
    let set: SequenceSet<Uid> = set.parse().unwrap();
    view.uids_in(&view.resolve_uids(&set)).map(Uid::get).collect()
}

mod section_2_3_1_1_unique_identifier {
    use super::*;

    /// "an unsigned non-zero 32-bit value".
    #[test]
    fn a_uid_is_non_zero_and_has_32_bits() {
        assert_eq!(Uid::new(0), None);
        assert_eq!((Uid::MIN.get(), Uid::MAX.get()), (1, 4_294_967_295));
    }

    /// "it is assigned a higher UID than those of all message(s) that are already in the mailbox".
    #[test]
    fn uids_ascend_strictly() {
        let mut index = mailbox([3, 5]);
        assert_eq!(index.append(uid(4)), Err(AppendError::Late));
        assert_eq!(index.append(uid(5)), Err(AppendError::Duplicate));
        assert_eq!(index.append(uid(6)), Ok(()));
    }

    /// "Unlike message sequence numbers, unique identifiers are not necessarily contiguous".
    #[test]
    fn uids_may_have_gaps_and_numbers_have_none() {
        let index = mailbox([3, 500, 70_000, u32::MAX]);
        assert_eq!(seqs_of(&index.view(), "1:*"), [1, 2, 3, 4]);
    }

    /// "When a message is expunged, its UID MUST NOT be reused", and UIDNEXT stays above it.
    #[test]
    fn the_uid_of_an_expunged_message_is_never_used_again() {
        let mut index = mailbox([3, 5]);
        index.expunge(uid(5));
        assert_eq!(index.append(uid(5)), Err(AppendError::Late));
        assert_eq!((index.last(), index.highest_ever()), (Some(uid(3)), Some(uid(5))));
    }
}

mod section_2_3_1_2_message_sequence_number {
    use super::*;

    /// "a relative position from 1 to the number of messages in the mailbox [...] ordered by ascending unique
    /// identifiers".
    #[test]
    fn numbers_run_from_1_to_exists_in_the_order_of_uids() {
        let view = mailbox([10, 20, 30]).view();
        assert_eq!(view.exists(), 3);
        assert_eq!(
            [10, 20, 30].map(|number| view.seq_of(uid(number))),
            [1, 2, 3].map(|number| Some(seq(number)))
        );
        assert_eq!(view.uid_of(seq(4)), None);
    }

    /// "As each new message is added, it is assigned a message sequence number that is 1 higher than the number of
    /// messages in the mailbox before".
    #[test]
    fn a_new_message_is_one_above_the_last() {
        let mut index = mailbox([10, 20]);
        let mut session = index.open();
        index.append(uid(30)).unwrap();
        assert_eq!(session.announce(&mut index, Expunges::Hold).exists(), Some(3));
        assert_eq!(session.sync(&mut index).uid_of(seq(3)), Some(uid(30)));
    }

    /// "when a message is permanently removed, the message sequence number for all subsequent messages is decremented.
    /// The number of messages in the mailbox is also decremented".
    #[test]
    fn an_expunge_lowers_the_numbers_behind_it_and_the_count() {
        let mut index = mailbox([10, 20, 30]);
        let mut session = index.open();
        index.expunge(uid(20));
        assert!(
            session
                .announce(&mut index, Expunges::Release)
                .expunged()
                .descending()
                .eq([seq(2)])
        );
        let view = session.sync(&mut index);
        assert_eq!(
            (view.exists(), view.seq_of(uid(10)), view.seq_of(uid(30))),
            (2, Some(seq(1)), Some(seq(2)))
        );
    }

    /// "a new message can be assigned a message sequence number that was once held by some other message".
    #[test]
    fn a_new_message_may_take_the_number_of_an_expunged_one() {
        let mut index = mailbox([10, 20, 30]);
        let mut session = index.open();
        index.expunge(uid(30));
        let _ = session.announce(&mut index, Expunges::Release);
        index.append(uid(40)).unwrap();
        let _ = session.announce(&mut index, Expunges::Release);
        assert_eq!(session.sync(&mut index).uid_of(seq(3)), Some(uid(40)));
    }

    /// "if an untagged "11 EXISTS" is received, and previously an untagged "8 EXISTS" was received, three new messages
    /// have arrived with message sequence numbers of 9, 10, and 11".
    #[test]
    fn from_8_exists_to_11_exists_the_new_ones_are_9_10_and_11() {
        let mut index = mailbox(101..=108);
        let mut session = index.open();
        assert_eq!(session.exists(), 8);
        (109..=111).for_each(|number| index.append(uid(number)).unwrap());
        let told = session.announce(&mut index, Expunges::Hold);
        assert_eq!(
            (told.exists(), told.arrived()),
            (Some(11), Some((uid(109), uid(111))))
        );
        let view = session.sync(&mut index);
        assert_eq!(
            [9, 10, 11].map(|number| view.uid_of(seq(number))),
            [109, 110, 111].map(|n| Some(uid(n)))
        );
    }

    /// "if message 287 in a 523-message mailbox has UID 12345, there are exactly 286 messages that have lesser UIDs and
    /// 236 messages that have greater UIDs".
    #[test]
    fn message_287_of_523_has_286_below_and_236_above() {
        let lesser = (1..=286).map(|step| step * 40);
        let greater = (1..=236).map(|step| 12_345 + step * 7);
        let view = mailbox(lesser.chain([12_345]).chain(greater)).view();
        assert_eq!(
            (view.exists(), view.seq_of(uid(12_345)), view.uid_of(seq(287))),
            (523, Some(seq(287)), Some(uid(12_345)))
        );
        assert_eq!(uids_of(&view, "1:12344").len(), 286);
        assert_eq!(uids_of(&view, "12346:*").len(), 236);
    }
}

mod section_7_5_1_expunge_response {
    use super::*;

    /// "if the last 5 messages in a 9-message mailbox are expunged [...] a "higher to lower" server will send
    /// successive untagged EXPUNGE responses for message sequence numbers 9, 8, 7, 6, and 5".
    #[test]
    fn the_last_five_of_nine_are_announced_from_higher_to_lower() {
        let mut index = mailbox(1..=9);
        let mut session = index.open();
        (5..=9).for_each(|number| assert!(index.expunge(uid(number))));
        let told = session.announce(&mut index, Expunges::Release);
        assert!(told.expunged().descending().map(SeqNum::get).eq([9, 8, 7, 6, 5]));
        assert_eq!((told.exists(), session.exists()), (None, 4));
    }

    /// "a "lower to higher" server will send five untagged EXPUNGE responses for message sequence number 5": what a
    /// server does that announces after each.
    #[test]
    fn announced_one_at_a_time_the_last_five_of_nine_are_five_times_number_five() {
        let mut index = mailbox(1..=9);
        let mut session = index.open();
        for number in 5..=9 {
            index.expunge(uid(number));
            assert!(
                session
                    .announce(&mut index, Expunges::Release)
                    .expunged()
                    .descending()
                    .eq([seq(5)])
            );
        }
        assert_eq!(session.exists(), 4);
    }

    /// "it is not necessary to send an EXISTS response with the new value".
    #[test]
    fn expunges_alone_need_no_exists() {
        let mut index = mailbox(1..=44);
        let mut session = index.open();
        index.expunge(uid(44));
        let told = session.announce(&mut index, Expunges::Release);
        assert!(told.expunged().descending().eq([seq(44)]));
        assert_eq!(told.exists(), None);
    }

    /// "An EXPUNGE response MUST NOT be sent when no command is in progress, nor while responding to a FETCH, STORE, or
    /// SEARCH command": held, and the numbers with it, while EXISTS may go out.
    #[test]
    fn a_held_expunge_keeps_every_number_and_lets_exists_pass() {
        let mut index = mailbox([3, 5, 8]);
        let mut session = index.open();
        index.expunge(uid(5));
        index.append(uid(13)).unwrap();
        let told = session.announce(&mut index, Expunges::Hold);
        assert!(told.expunged().is_empty());
        assert_eq!(
            told.exists(),
            Some(4),
            "what was announced and what is new, not what the mailbox has"
        );
        let view = session.sync(&mut index);
        assert!(view.uids().map(Uid::get).eq([3, 5, 8, 13]));
        assert_eq!(
            (view.uid_of(seq(2)), view.is_expunged(uid(5))),
            (Some(uid(5)), true)
        );
    }
}

mod section_9_sequence_set {
    use super::*;

    #[test]
    fn numbers_above_exists_are_an_error() {
        let view = mailbox(1..=3).view();
        for text in ["4", "1:4", "4:2", "*:9", "2,4"] {
            let set: SequenceSet<SeqNum> = text.parse().unwrap();
            assert!(view.resolve_seqs(&set).is_err(), "{text}");
        }
        let set: SequenceSet<SeqNum> = "2,9".parse().unwrap();
        assert_eq!(
            view.resolve_seqs(&set).unwrap_err().to_string(),
            "message sequence number 9 is above 3"
        );
    }

    /// "This includes "*" if the selected mailbox is empty"; for UIDs it is UIDNEXT, which is no message.
    #[test]
    fn in_an_empty_mailbox_any_number_is_an_error_and_any_uid_means_nothing() {
        let view = MailboxIndex::default().view();
        for text in ["*", "1", "1:*", "*:*"] {
            let set: SequenceSet<SeqNum> = text.parse().unwrap();
            assert!(view.resolve_seqs(&set).is_err(), "{text}");
            let set: SequenceSet<Uid> = text.parse().unwrap();
            assert!(view.resolve_uids(&set).is_empty(), "{text}");
        }
    }

    /// "2:4 and 4:2 are equivalent and indicate values 2, 3, and 4".
    #[test]
    fn a_range_may_run_backwards() {
        let view = mailbox(11..=15).view();
        assert_eq!(seqs_of(&view, "2:4"), [2, 3, 4]);
        assert_eq!(seqs_of(&view, "4:2"), [2, 3, 4]);
        assert_eq!(uids_of(&view, "14:12"), [12, 13, 14]);
    }

    /// "3291:* includes the UID of the last message in the mailbox, even if that value is less than 3291"; 6.4.9 says
    /// the same of 559:*.
    #[test]
    fn a_uid_range_to_the_star_includes_the_last_message_whatever_its_uid() {
        let view = mailbox([443, 495]).view();
        assert_eq!(uids_of(&view, "3291:*"), [495]);
        assert_eq!(uids_of(&view, "559:*"), [495]);
        assert_eq!(uids_of(&view, "*:3291"), [495]);
    }

    /// 6.4.9: "even if neither UID 443 or 557 exist, this range is valid and would include an existing UID 495".
    #[test]
    fn the_ends_of_a_uid_range_need_not_exist() {
        let view = mailbox([400, 495, 600]).view();
        assert_eq!(uids_of(&view, "443:557"), [495]);
        assert_eq!(uids_of(&view, "443"), [0; 0]);
    }

    /// "2,4:7,9,12:* for a mailbox with 15 messages is equivalent to 2,4,5,6,7,9,12,13,14,15".
    #[test]
    fn the_rfcs_set_of_fifteen_messages() {
        assert_eq!(
            seqs_of(&mailbox(101..=115).view(), "2,4:7,9,12:*"),
            [2, 4, 5, 6, 7, 9, 12, 13, 14, 15]
        );
    }

    /// "*:4,5:7 for a mailbox with 10 messages [...] MAY be reordered and overlap coalesced to be 4,5,6,7,8,9,10".
    #[test]
    fn the_rfcs_overlapping_set_of_ten_messages() {
        assert_eq!(
            seqs_of(&mailbox(101..=110).view(), "*:4,5:7"),
            [4, 5, 6, 7, 8, 9, 10]
        );
    }
}
