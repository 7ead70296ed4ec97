//! Scenarios S36 to S53, as far as they are the helper's: which command may say what, and in which numbering.

use imap_seq::{Uid, UidSet};
use imap_updates::{
    Access, Closed, Echo, ExpungeForm, Followers, Ingest, MailboxHub, Origin, Recency, Release, Untagged,
    UpdateBuffer, kind,
};

use crate::support::desk::{Desk, SILENCE, flags, hold, lines, release, write};
use crate::support::{modseq, seq, uid, uids};

#[test]
fn s36_a_fetch_of_an_expunged_message_knows_that_it_was_expunged() {
    let mut desk = Desk::with(&[1, 2, 3]);
    desk.expunge(&[2]);
    let _command = desk.a.begin(kind::Fetch);
    let resolved = desk.a.resolve_seqs(&"2".parse().unwrap()).unwrap();
    // Not silence: the server answers NO or OK [EXPUNGEISSUED] (RFC 2180 section 4.1).
    assert_eq!((resolved.live(), resolved.expunged()), (uids(&[]), uids(&[2])));
}

#[test]
fn s37_a_store_of_living_and_expunged_messages_tells_them_apart() {
    let mut desk = Desk::with(&[1, 2, 3]);
    desk.expunge(&[2]);
    let _command = desk.a.begin(kind::Store);
    let resolved = desk.a.resolve_seqs(&"1:3".parse().unwrap()).unwrap();
    assert_eq!(
        (resolved.live(), resolved.expunged()),
        (uids(&[1, 3]), uids(&[2]))
    );
}

#[test]
fn s38_a_copy_returns_the_pending_expunges() {
    let mut desk = Desk::with(&[1, 2, 3]);
    desk.expunge(&[2]);
    {
        let _command = desk.a.begin(kind::Copy);
        let resolved = desk.a.resolve_seqs(&"2".parse().unwrap()).unwrap();
        assert_eq!(resolved.expunged(), uids(&[2]));
    }
    assert_eq!(release(&mut desk.a, kind::Copy), ["2 EXPUNGE"]);
}

#[test]
fn s39_a_uid_command_without_a_match_means_no_message() {
    let mut desk = Desk::with(&[1, 2]);
    let _command = desk.a.begin(kind::UidMove);
    assert!(desk.a.resolve_uids(&"7:9".parse().unwrap()).is_empty());
}

#[test]
fn s40_a_move_with_another_expunge_pending_leaves_the_client_in_step() {
    let mut desk = Desk::with(&[1, 2, 3, 4, 5]);
    desk.expunge(&[2]);
    let command = desk.a.begin(kind::Move);
    let moved = desk.a.resolve_seqs(&"4".parse().unwrap()).unwrap().live();
    assert_eq!(moved, uids(&[4]));
    assert_eq!(desk.hub.lock().expunge(&moved), moved);
    let drained = desk.a.drain(command.permit(Followers::None));
    assert_eq!(write(&mut desk.a, drained), ["4 EXPUNGE", "2 EXPUNGE"]);
    drop(command);
    assert_eq!(desk.view(), [1, 3, 5]);
}

#[test]
fn s41_a_search_in_a_stale_view_speaks_of_announced_numbers_only() {
    let mut desk = Desk::with(&[1, 2, 3]);
    desk.expunge(&[1]);
    assert_eq!(desk.arrive(4), Ingest::Applied);
    let _command = desk.a.begin(kind::Search);
    let view = desk.a.view().clone();
    // The backend found the messages 1 to 4; the writer numbers what the client has and what is there.
    let hits: Vec<u32> = [1, 2, 3, 4]
        .into_iter()
        .map(uid)
        .filter(|&uid| !view.is_expunged(uid))
        .filter_map(|uid| view.seq_of(uid).map(imap_seq::SeqNum::get))
        .collect();
    assert_eq!(hits, [2, 3]);
}

#[test]
fn s42_a_uid_that_was_not_announced_means_nothing() {
    let mut desk = Desk::with(&[1]);
    assert_eq!(desk.arrive(2), Ingest::Applied);
    assert_eq!(desk.uids("2"), []);
    assert_eq!(release(&mut desk.a, kind::UidFetch), ["2 EXISTS"]);
    assert_eq!(desk.uids("2"), [2]);
}

#[test]
fn s43_a_uid_search_with_numbers_speaks_the_old_view_and_holds() {
    let mut desk = Desk::with(&[1, 2, 3]);
    desk.expunge(&[1]);
    assert_eq!(desk.seqs("2:3"), Some(vec![2, 3]));
    assert_eq!(desk.hold(kind::UidSearchWithSeqs), SILENCE);
    assert_eq!(release(&mut desk.a, kind::UidSearch), ["1 EXPUNGE"]);
}

#[test]
fn s44_a_pipelined_store_by_number_holds_the_expunge() {
    let mut desk = Desk::with(&[1, 2, 3]);
    desk.expunge(&[1]);
    let command = desk.a.begin(kind::UidFetch);
    let drained = desk.a.drain(command.permit(Followers::UseSequenceNumbers));
    assert_eq!(write(&mut desk.a, drained), SILENCE);
    drop(command);
    assert_eq!(desk.seqs("2"), Some(vec![2]));
    assert_eq!(desk.hold(kind::Store), SILENCE);
    assert_eq!(desk.noop(), ["1 EXPUNGE"]);
}

#[test]
fn s45_close_says_nothing_because_the_session_is_gone() {
    let mut desk = Desk::with(&[1, 2]);
    desk.expunge(&[1]);
    assert_eq!(desk.hold(kind::Close), SILENCE);
    let Desk { hub, a } = desk;
    drop(a);
    assert_eq!(hub.sessions(), 0);
}

#[test]
fn s47_a_failed_command_tells_new_messages_and_keeps_the_rest() {
    let mut desk = Desk::with(&[1, 2]);
    desk.expunge(&[1]);
    assert_eq!(desk.arrive(3), Ingest::Applied);
    assert_eq!(desk.hold(kind::Unparsed), ["3 EXISTS"]);
    assert_eq!(desk.noop(), ["1 EXPUNGE"]);
}

#[test]
fn s48_nothing_is_expunged_while_a_literal_arrives() {
    let mut desk = Desk::with(&[1, 2]);
    desk.expunge(&[1]);
    // No command is in progress, so nothing can lend a permit.
    let drained = desk.a.drain(Release::hold());
    assert_eq!(write(&mut desk.a, drained), SILENCE);
    assert_eq!(release(&mut desk.a, kind::Append), ["1 EXPUNGE"]);
}

/// STORE by number answers MODIFIED in numbers, UID STORE in UIDs: both from the one resolved set.
#[test]
fn s49_a_conditional_store_names_what_was_modified_in_its_own_number_space() {
    let mut desk = Desk::with(&[10, 20, 30]);
    desk.expunge(&[10]);
    let unchanged_since = desk.a.highest_modseq();
    assert_eq!(desk.flags(20, "\\Flagged"), Ingest::Applied);
    let _command = desk.a.begin(kind::Store);
    let changed: UidSet = desk
        .hub
        .lock()
        .flags_changed_since(unchanged_since)
        .into_iter()
        .map(|(uid, _, _)| uid)
        .collect();
    let resolved = desk.a.resolve_seqs(&"1:3".parse().unwrap()).unwrap();
    let modified: Vec<_> = resolved
        .iter()
        .filter(|(_, uid)| changed.contains(*uid))
        .collect();
    assert_eq!(modified, [(seq(2), uid(20))]);
}

#[test]
fn s50_highestmodseq_stays_below_a_held_expunge() {
    let mut desk = Desk::with(&[1, 2, 3]);
    let before = desk.a.highest_modseq();
    assert_eq!(desk.flags(2, "\\Seen"), Ingest::Applied);
    let flagged = desk.hub.lock().highest_modseq();
    desk.expunge(&[1]);
    assert_eq!(desk.flags(3, "\\Seen"), Ingest::Applied);
    let latest = desk.hub.lock().highest_modseq();
    assert_eq!(
        [flagged.get(), latest.get()],
        [before.get() + 1, before.get() + 3]
    );
    desk.hold(kind::Fetch);
    assert_eq!(desk.a.highest_modseq(), flagged);
    desk.hold(kind::Fetch);
    assert_eq!(desk.a.highest_modseq(), flagged);
    assert_eq!(desk.a.held().map(|held| (held.count, held.drains)), Some((1, 1)));
    desk.noop();
    assert_eq!(desk.a.highest_modseq(), latest);
    assert_eq!(desk.a.held(), None);
}

#[test]
fn the_age_of_the_oldest_held_expunge_is_known_in_commands() {
    let mut desk = Desk::with(&[1, 2, 3]);
    desk.expunge(&[1]);
    desk.hold(kind::Fetch);
    desk.expunge(&[2]);
    desk.hold(kind::Fetch);
    assert_eq!(desk.a.held().map(|held| (held.count, held.drains)), Some((2, 2)));
    desk.noop();
    assert_eq!(desk.a.held(), None);
    desk.expunge(&[3]);
    desk.hold(kind::Fetch);
    assert_eq!(desk.a.held().map(|held| (held.count, held.drains)), Some((1, 1)));
}

/// The example of RFC 7162 section 6: an expunge with 100 is held while 101, 103 and 104 are told as MODSEQ.
#[test]
fn s50_the_example_of_the_rfc() {
    let start: imap_updates::Snapshot = (6..=9).map(uid).collect();
    let start = start.with_highest_modseq(modseq(99));
    let hub = MailboxHub::new((), start).unwrap();
    let mut session = hub.subscribe(Access::ReadWrite);
    let store = |number: u32, at| {
        let done = hub
            .lock()
            .flags_changed(uid(number), flags("\\Seen"), Origin::EXTERNAL, Echo::Tell);
        assert_eq!((done, hub.lock().highest_modseq()), (Ingest::Applied, modseq(at)));
    };
    assert_eq!(hub.lock().expunge(&uids(&[8])).len(), 1);
    assert_eq!(hub.lock().highest_modseq(), modseq(100));
    store(7, 101);
    store(9, 102);
    store(6, 103);
    hold(&mut session, kind::Store);
    assert_eq!(session.highest_modseq(), modseq(99));
    store(9, 104);
    hold(&mut session, kind::Store);
    assert_eq!(session.highest_modseq(), modseq(99));
    session.report_expunges_as(ExpungeForm::Vanished);
    assert_eq!(release(&mut session, kind::Noop), ["VANISHED 8"]);
    assert_eq!(session.highest_modseq(), modseq(104));
}

#[test]
fn s51_vanished_names_announced_uids_only_in_ranges() {
    let mut desk = Desk::with(&[1, 2, 3, 4, 9]);
    desk.a.report_expunges_as(ExpungeForm::Vanished);
    assert_eq!(desk.arrive(10), Ingest::Applied);
    desk.expunge(&[2, 3, 4, 9, 10]);
    assert_eq!(desk.noop(), ["VANISHED 2:4,9"]);
    assert_eq!(desk.a.exists(), 1);
}

#[test]
fn s51_what_was_pending_at_enable_is_told_in_one_form() {
    let mut desk = Desk::with(&[1, 2, 3]);
    desk.expunge(&[1]);
    assert_eq!(release(&mut desk.a, kind::Enable), ["1 EXPUNGE"]);
    desk.a.report_expunges_as(ExpungeForm::Vanished);
    desk.expunge(&[2]);
    assert_eq!(desk.noop(), ["VANISHED 2"]);
}

#[test]
fn vanished_earlier_comes_from_the_history_as_far_as_it_reaches() {
    let desk = Desk::with(&[1, 2, 3, 4, 5]);
    let start = desk.hub.lock().highest_modseq();
    desk.expunge(&[2]);
    let middle = desk.hub.lock().highest_modseq();
    desk.expunge(&[3, 5]);
    assert_eq!(desk.hub.lock().vanished_since(start), Some(uids(&[2, 3, 5])));
    assert_eq!(desk.hub.lock().vanished_since(middle), Some(uids(&[3, 5])));

    let limits = imap_updates::Limits::default().with_expunge_records(1);
    let hub = MailboxHub::with_limits((), (1..=5).map(uid).collect(), limits).unwrap();
    for number in [1, 2] {
        assert_eq!(hub.lock().expunge(&uids(&[number])).len(), 1);
    }
    assert_eq!(hub.lock().vanished_since(start), None);
}

fn recent(session: &UpdateBuffer) -> Vec<u32> {
    session.recent_uids().iter().map(Uid::get).collect()
}

/// Choice: a session that only reads sees `\Recent` on what no read-write session was told of, and takes it from
/// nobody (RFC 3501 sections 2.3.2 and 6.3.2).
#[test]
fn s52_recent_goes_to_one_read_write_session_and_goes_down() {
    let hub = MailboxHub::new((), [1].map(uid).into_iter().collect()).unwrap();
    let mut reader = hub.subscribe(Access::ReadOnly);
    let mut first = hub.subscribe(Access::ReadWrite);
    let mut second = hub.subscribe(Access::ReadWrite);
    let deliver = |number| assert_eq!(hub.lock().arrive(uid(number), Recency::Recent), Ingest::Applied);
    deliver(2);
    assert_eq!(release(&mut reader, kind::Noop), ["2 EXISTS", "1 RECENT"]);
    assert_eq!(release(&mut first, kind::Noop), ["2 EXISTS", "1 RECENT"]);
    assert_eq!(release(&mut second, kind::Noop), ["2 EXISTS"]);
    deliver(3);
    assert_eq!(release(&mut second, kind::Noop), ["3 EXISTS", "1 RECENT"]);
    assert_eq!(release(&mut first, kind::Noop), ["3 EXISTS"]);
    assert_eq!((recent(&first), recent(&second)), (vec![2], vec![3]));
    // A late reader finds none left.
    assert_eq!(hub.subscribe(Access::ReadOnly).recent(), 0);
    assert_eq!(hub.lock().expunge(&uids(&[2, 3])).len(), 2);
    assert_eq!(hold(&mut first, kind::Fetch), SILENCE);
    assert_eq!(first.recent(), 1);
    assert_eq!(
        release(&mut first, kind::Noop),
        ["3 EXPUNGE", "2 EXPUNGE", "0 RECENT"]
    );
    assert_eq!(
        release(&mut second, kind::Noop),
        ["3 EXPUNGE", "2 EXPUNGE", "0 RECENT"]
    );
}

#[test]
fn s52_messages_that_are_recent_at_select_are_the_first_read_write_sessions() {
    let snapshot = imap_updates::Snapshot::new((1..=3).map(uid).collect()).with_recent(uids(&[2, 3]));
    let hub = MailboxHub::new((), snapshot).unwrap();
    assert_eq!(hub.subscribe(Access::ReadOnly).recent(), 2);
    assert_eq!(hub.subscribe(Access::ReadWrite).recent(), 2);
    assert_eq!(hub.subscribe(Access::ReadWrite).recent(), 0);
}

#[test]
fn a_fetch_of_flags_says_whether_the_message_is_recent() {
    let hub = MailboxHub::new((), [1].map(uid).into_iter().collect()).unwrap();
    let mut session = hub.subscribe(Access::ReadWrite);
    assert_eq!(hub.lock().arrive(uid(2), Recency::Recent), Ingest::Applied);
    release(&mut session, kind::Noop);
    for number in [1, 2] {
        let done = hub
            .lock()
            .flags_changed(uid(number), flags("\\Seen"), Origin::EXTERNAL, Echo::Tell);
        assert_eq!(done, Ingest::Applied);
    }
    let command = session.begin(kind::Noop);
    let drained = session.drain(command.permit(Followers::None));
    let recencies: Vec<_> = drained
        .iter()
        .filter_map(|line| {
            if let Untagged::Fetch { recent, .. } = line {
                Some(recent)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(recencies, [Recency::NotRecent, Recency::Recent]);
    session.written(drained);
}

#[test]
fn s53_another_select_drops_what_the_old_mailbox_had_to_tell() {
    let mut desk = Desk::with(&[1, 2]);
    desk.expunge(&[1]);
    let other = Desk::with(&[7]);
    // The old session ends before the new one begins, so nothing of it can follow `[CLOSED]`.
    desk.a = other.hub.subscribe(Access::ReadWrite);
    assert_eq!(desk.hub.sessions(), 0);
    assert_eq!(desk.noop(), SILENCE);
    assert_eq!(desk.view(), [7]);
}

#[test]
fn the_view_after_a_drain_is_the_new_numbering_within_the_same_command_too() {
    let mut desk = Desk::with(&[1, 2]);
    let command = desk.a.begin(kind::UidFetch);
    assert_eq!(desk.a.view().exists(), 2);
    desk.expunge(&[1]);
    assert_eq!(desk.a.view().exists(), 2);
    let drained = desk.a.drain(command.permit(Followers::None));
    assert_eq!(write(&mut desk.a, drained), ["1 EXPUNGE"]);
    assert_eq!(desk.a.view().uids().collect::<Vec<_>>(), [uid(2)]);
}

#[test]
fn a_permit_of_another_session_only_holds() {
    let mut desk = Desk::with(&[1, 2]);
    let mut b = desk.hub.subscribe(Access::ReadWrite);
    desk.expunge(&[1]);
    let command = b.begin(kind::Noop);
    let drained = desk.a.drain(command.permit(Followers::None));
    assert_eq!(lines(&drained), SILENCE);
    desk.a.written(drained);
    assert_eq!(desk.noop(), ["1 EXPUNGE"]);
}

#[test]
fn after_notify_selected_an_expunge_needs_no_command() {
    use imap_updates::SelectedEvents;
    let mut desk = Desk::with(&[1, 2, 3]);
    let drain = |session: &mut UpdateBuffer| {
        let drained = session.drain(Release::after_notify_selected());
        write(session, drained)
    };
    desk.expunge(&[1]);
    assert_eq!(drain(&mut desk.a), SILENCE, "NOTIFY was not given");
    desk.a.notify(SelectedEvents::AtAnyTimeButExpunge);
    assert_eq!(desk.arrive(4), Ingest::Applied);
    assert_eq!(drain(&mut desk.a), ["4 EXISTS"], "SELECTED-DELAYED");
    desk.a.notify(SelectedEvents::AtAnyTime);
    assert_eq!(drain(&mut desk.a), ["1 EXPUNGE"], "SELECTED");
    desk.a.notify(SelectedEvents::DuringCommands);
    desk.expunge(&[2]);
    assert_eq!(drain(&mut desk.a), SILENCE, "no NOTIFY");
}

/// RFC 5465, sections 3.1 and 5: without SELECTED, the mailbox is a snapshot until NOTIFY says otherwise.
#[test]
fn a_client_that_asked_for_silence_is_told_only_what_it_removed_itself() {
    use imap_updates::SelectedEvents;
    let mut desk = Desk::with(&[1, 2, 3]);
    desk.a.notify(SelectedEvents::Never);
    desk.expunge(&[1]);
    assert_eq!(desk.arrive(4), Ingest::Applied);
    assert_eq!(desk.noop(), SILENCE);
    assert_eq!(desk.a.view().uids().map(Uid::get).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(!is_woken(&mut desk.a), "IDLE would never sleep");
    desk.a.removed_by_client();
    desk.expunge(&[2]);
    let drained = desk.a.drain(Release::hold());
    assert_eq!(write(&mut desk.a, drained), SILENCE, "commands with numbers wait");
    assert_eq!(desk.noop(), ["2 EXPUNGE", "1 EXPUNGE", "2 EXISTS"]);
    desk.expunge(&[3]);
    assert_eq!(desk.noop(), SILENCE);
    desk.a.notify(SelectedEvents::AtAnyTime);
    assert!(is_woken(&mut desk.a));
    assert_eq!(desk.noop(), ["1 EXPUNGE"]);
}

#[test]
fn a_client_that_asked_for_silence_hears_of_the_end() {
    use imap_updates::SelectedEvents;
    let mut desk = Desk::with(&[1]);
    desk.a.notify(SelectedEvents::Never);
    assert!(!is_woken(&mut desk.a));
    desk.hub.lock().close(Closed::Deleted);
    assert!(is_woken(&mut desk.a));
    assert!(desk.a.drain(Release::hold()).ended().is_some());
}

/// Whether IDLE would look now.
fn is_woken(session: &mut UpdateBuffer) -> bool {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    session.poll_changed(&mut context).is_ready()
}
