//! Scenarios S54 to S71: wake-ups, the ends of mailboxes and sessions, failures.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use imap_updates::{
    Access, Closed, Drained, Echo, Ended, Followers, Ingest, Limits, MailboxHub, Origin, Recency, Release,
    UpdateBuffer, kind,
};

use crate::support::desk::{Desk, SILENCE, flags, lines, release, write};
use crate::support::{modseq, uid, uids};

/// Counts how often it was woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Bell {
    fn rings(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn poll(session: &mut UpdateBuffer, bell: &Arc<Bell>) -> Poll<()> {
    session.poll_changed(&mut Context::from_waker(&Waker::from(Arc::clone(bell))))
}

#[test]
fn s54_an_update_before_idle_is_sent_right_after_the_plus() {
    let mut desk = Desk::with(&[1, 2]);
    desk.expunge(&[1]);
    let idle = desk.a.begin(kind::Idle);
    assert_eq!(poll(&mut desk.a, &Arc::default()), Poll::Ready(()));
    let drained = desk.a.drain(idle.permit(Followers::None));
    assert_eq!(write(&mut desk.a, drained), ["1 EXPUNGE"]);
    assert_eq!(poll(&mut desk.a, &Arc::default()), Poll::Pending);
}

#[test]
fn s54_so_is_an_expunge_that_was_held_before_idle() {
    let mut desk = Desk::with(&[1, 2]);
    desk.expunge(&[1]);
    assert_eq!(desk.hold(kind::Fetch), SILENCE);
    assert_eq!(
        poll(&mut desk.a, &Arc::default()),
        Poll::Pending,
        "nothing that FETCH could release"
    );
    let idle = desk.a.begin(kind::Idle);
    assert_eq!(poll(&mut desk.a, &Arc::default()), Poll::Ready(()));
    let drained = desk.a.drain(idle.permit(Followers::None));
    assert_eq!(write(&mut desk.a, drained), ["1 EXPUNGE"]);
}

#[test]
fn s55_a_thousand_updates_wake_at_least_once_and_none_is_lost() {
    let mut desk = Desk::with(&[1]);
    let bell = Arc::<Bell>::default();
    assert_eq!(poll(&mut desk.a, &bell), Poll::Pending);
    for number in 2..=1001 {
        assert_eq!(desk.arrive(number), Ingest::Applied);
    }
    assert_eq!(bell.rings(), 1);
    assert_eq!(poll(&mut desk.a, &bell), Poll::Ready(()));
    assert_eq!(desk.noop(), ["1001 EXISTS"]);
    assert_eq!(poll(&mut desk.a, &bell), Poll::Pending);
    // What changed while the session slept with an old waker wakes the new one.
    let other = Arc::<Bell>::default();
    assert_eq!(poll(&mut desk.a, &other), Poll::Pending);
    assert_eq!(desk.arrive(2000), Ingest::Applied);
    assert_eq!((bell.rings(), other.rings()), (1, 1));
}

#[test]
fn s55_changed_is_a_future_of_no_runtime() {
    let mut desk = Desk::with(&[1]);
    let hub = desk.hub.clone();
    let bell = Waker::from(Arc::<Bell>::default());
    let mut context = Context::from_waker(&bell);
    let mut changed = pin!(desk.a.changed());
    assert_eq!(changed.as_mut().poll(&mut context), Poll::Pending);
    assert_eq!(hub.lock().arrive(uid(2), Recency::NotRecent), Ingest::Applied);
    assert_eq!(changed.as_mut().poll(&mut context), Poll::Ready(()));
}

#[test]
fn s56_after_idle_was_answered_nothing_can_lend_its_permit() {
    // That the permit cannot outlive IDLE is a compile-fail test of `CommandInProgress`. What comes after is held.
    let mut desk = Desk::with(&[1, 2]);
    let idle = desk.a.begin(kind::Idle);
    let drained = desk.a.drain(idle.permit(Followers::None));
    assert_eq!(write(&mut desk.a, drained), SILENCE);
    drop(idle);
    desk.expunge(&[1]);
    let drained = desk.a.drain(Release::hold());
    assert_eq!(write(&mut desk.a, drained), SILENCE);
    assert_eq!(desk.noop(), ["1 EXPUNGE"]);
}

#[test]
fn s57_a_session_that_leaves_in_idle_is_forgotten() {
    let Desk { hub, mut a } = Desk::with(&[1]);
    let bell = Arc::<Bell>::default();
    assert_eq!(poll(&mut a, &bell), Poll::Pending);
    assert_eq!(hub.sessions(), 1);
    drop(a);
    assert_eq!((hub.sessions(), Arc::strong_count(&bell)), (0, 1));
    assert_eq!(hub.lock().arrive(uid(2), Recency::NotRecent), Ingest::Applied);
    assert_eq!(bell.rings(), 0);
}

#[test]
fn s58_a_mailbox_deleted_during_idle_wakes_and_says_why() {
    let mut desk = Desk::with(&[1, 2]);
    let bell = Arc::<Bell>::default();
    let idle = desk.a.begin(kind::Idle);
    assert_eq!(poll(&mut desk.a, &bell), Poll::Pending);
    {
        let mut guard = desk.hub.lock();
        assert_eq!(guard.expunge(&uids(&[1])).len(), 1);
        guard.close(Closed::Deleted);
    }
    assert_eq!(bell.rings(), 1);
    let drained = desk.a.drain(idle.permit(Followers::None));
    assert_eq!(
        (lines(&drained), drained.ended()),
        (vec!["1 EXPUNGE".into()], Some(Closed::Deleted.into()))
    );
    desk.a.written(drained);
    // It stays closed, and takes nothing more.
    assert_eq!(desk.a.ended(), Some(Closed::Deleted.into()));
    assert_eq!(desk.arrive(9), Ingest::Closed);
    assert_eq!(desk.flags(2, "\\Seen"), Ingest::Closed);
    assert_eq!(desk.expunge(&[2]), 0);
    let drained = desk.a.drain(Release::hold());
    assert_eq!(
        (lines(&drained).len(), drained.ended()),
        (0, Some(Closed::Deleted.into()))
    );
}

#[test]
fn s59_a_session_goes_on_in_a_renamed_mailbox() {
    let mut desk = Desk::with(&[1]);
    desk.hub.lock().renamed("Archive");
    let command = desk.a.begin(kind::Noop);
    let drained = desk.a.drain(command.permit(Followers::None));
    assert_eq!(
        (drained.renamed(), drained.is_empty(), drained.ended()),
        (Some("Archive"), true, None)
    );
    assert_eq!(desk.arrive(2), Ingest::Applied);
    let drained = desk.a.drain(command.permit(Followers::None));
    assert_eq!(
        (drained.renamed(), lines(&drained)),
        (None, vec!["2 EXISTS".into()])
    );
    desk.a.written(drained);
}

#[test]
fn s60_a_new_uidvalidity_ends_every_session() {
    let mut desk = Desk::with(&[1]);
    let b = desk.hub.subscribe(Access::ReadWrite);
    desk.hub.lock().close(Closed::UidValidityChanged);
    assert_eq!(b.ended(), Some(Closed::UidValidityChanged.into()));
    let drained = desk.a.drain(Release::hold());
    assert_eq!(drained.ended(), Some(Closed::UidValidityChanged.into()));
}

#[test]
fn s62_the_stale_session_of_a_recreated_mailbox_leaves_without_a_trace() {
    let Desk { hub: old, a: stale } = Desk::with(&[1]);
    old.lock().close(Closed::Deleted);
    let mut new = Desk::with(&[]);
    let mut b = new.hub.subscribe(Access::ReadWrite);
    drop((stale, old));
    assert_eq!(new.hub.sessions(), 2);
    assert_eq!(new.arrive(1), Ingest::Applied);
    assert_eq!(
        (new.noop(), release(&mut b, kind::Noop)),
        (vec!["1 EXISTS".into()], vec!["1 EXISTS".into()])
    );
}

#[test]
fn s63_a_reader_that_does_not_write_delays_nobody() {
    let mut desk = Desk::with(&(1..=1000).collect::<Vec<_>>());
    let mut slow = desk.hub.subscribe(Access::ReadOnly);
    desk.expunge(&[1]);
    let command = slow.begin(kind::Noop);
    // It has its drain and is stuck in a write. No lock is held: all others go on.
    let stuck = slow.drain(command.permit(Followers::None));
    assert_eq!(desk.noop(), ["1 EXPUNGE"]);
    assert_eq!(desk.expunge(&[2]), 1);
    assert_eq!(desk.noop(), ["1 EXPUNGE"]);
    assert_eq!(write(&mut slow, stuck), ["1 EXPUNGE"]);
    assert_eq!(release(&mut slow, kind::Noop), ["1 EXPUNGE"]);
}

#[test]
fn s64_copies_in_both_directions_hold_one_lock_at_a_time() {
    let (x, y) = (Desk::with(&[1]), Desk::with(&[1]));
    let copy = |from: &MailboxHub<()>, to: &MailboxHub<()>| {
        for _ in 0..1000 {
            let found = from.lock().contains(uid(1));
            let mut guard = to.lock();
            let next = guard.highest_uid().and_then(imap_seq::Uid::next).unwrap();
            assert!(found);
            assert_eq!(guard.arrive(next, Recency::Recent), Ingest::Applied);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| copy(&x.hub, &y.hub));
        scope.spawn(|| copy(&y.hub, &x.hub));
    });
    assert_eq!((x.hub.lock().len(), y.hub.lock().len()), (1001, 1001));
}

#[test]
fn s65_what_was_rolled_back_was_never_published() {
    let hub = MailboxHub::new(vec![1_u32], [1].map(uid).into_iter().collect()).unwrap();
    let mut session = hub.subscribe(Access::ReadWrite);
    let deliver = |number, commit: Result<(), &'static str>| {
        let mut guard = hub.lock();
        commit?;
        guard.push(number);
        assert_eq!(guard.arrive(uid(number), Recency::Recent), Ingest::Applied);
        Ok(())
    };
    assert_eq!(deliver(2, Err("disk full")), Err("disk full"));
    assert_eq!(release(&mut session, kind::Noop), SILENCE);
    assert_eq!(deliver(2, Ok(())), Ok(()));
    assert_eq!(release(&mut session, kind::Noop), ["2 EXISTS", "1 RECENT"]);
}

#[test]
fn s67_what_was_answered_to_one_is_seen_by_the_next_noop_of_another() {
    let mut desk = Desk::with(&[1]);
    let hub = desk.hub.clone();
    for number in 2..200 {
        let answered = std::thread::spawn({
            let hub = hub.clone();
            move || hub.lock().arrive(uid(number), Recency::NotRecent)
        });
        assert_eq!(answered.join().unwrap(), Ingest::Applied);
        assert_eq!(desk.noop(), [format!("{number} EXISTS")]);
    }
}

#[test]
fn s68_a_hundred_thousand_flips_of_one_message_are_one_entry() {
    let mut desk = Desk::with(&[1, 2]);
    for flip in 0..100_000 {
        assert_eq!(
            desk.flags(1, if flip % 2 == 0 { "\\Seen" } else { "" }),
            Ingest::Applied
        );
    }
    assert_eq!(desk.hub.lock().flags_changed_since(modseq(1)).len(), 1);
    assert_eq!(desk.noop(), ["1 FETCH (UID 1 FLAGS ())"]);
}

#[test]
fn s68_beyond_the_bound_a_session_is_told_to_have_its_flags_restated() {
    let limits = Limits::default().with_flag_changes(10);
    let hub = MailboxHub::with_limits((), (1..=100).map(uid).collect(), limits).unwrap();
    let mut silent = hub.subscribe(Access::ReadOnly);
    for number in 1..=100 {
        let done = hub
            .lock()
            .flags_changed(uid(number), flags("\\Seen"), Origin::EXTERNAL, Echo::Tell);
        assert_eq!(done, Ingest::Applied);
    }
    assert!(hub.lock().flags_changed_since(modseq(1)).len() <= 11);
    release(&mut silent, kind::Noop);
    assert!(silent.lost_flags());
    // The server fetches the flags of the view, and the next drain tells them.
    assert_eq!(hub.lock().expunge(&uids(&[50])).len(), 1);
    silent.restate_flags((1..=100).map(|number| (uid(number), flags("\\Seen"), modseq(200))));
    assert_eq!(poll(&mut silent, &Arc::default()), Poll::Ready(()));
    let told = release(&mut silent, kind::Noop);
    assert_eq!(told.len(), 99 + 1);
    assert_eq!(
        (told[0].as_str(), told[99].as_str()),
        ("1 FETCH (UID 1 FLAGS (\\Seen))", "50 EXPUNGE")
    );
    assert!(!silent.lost_flags());
}

/// Choice: the session ends. Half of the lines may have been sent, and numbers cannot be unsaid.
#[test]
fn s69_a_drain_that_was_not_written_ends_the_session() {
    let mut desk = Desk::with(&[1, 2]);
    desk.expunge(&[1]);
    let command = desk.a.begin(kind::Noop);
    drop(desk.a.drain(command.permit(Followers::None)));
    assert_eq!(desk.arrive(3), Ingest::Applied);
    let next = desk.a.drain(command.permit(Followers::None));
    assert_eq!((lines(&next).len(), next.ended()), (0, Some(Ended::NotWritten)));
    assert_eq!(desk.a.ended(), Some(Ended::NotWritten));
    // Confirming too late does not bring it back.
    desk.a.written(Drained::default());
    assert_eq!(desk.a.ended(), Some(Ended::NotWritten));
    // The others do not notice.
    let mut b = desk.hub.subscribe(Access::ReadWrite);
    assert_eq!(desk.expunge(&[2]), 1);
    assert_eq!(release(&mut b, kind::Noop), ["1 EXPUNGE"]);
}

#[test]
fn s69_an_empty_drain_needs_no_confirmation() {
    let mut desk = Desk::with(&[1]);
    drop(desk.a.drain(Release::hold()));
    assert_eq!(
        desk.flags_by(1, "\\Seen", desk.a.origin(), Echo::Silent),
        Ingest::Applied
    );
    drop(desk.a.drain(Release::hold()));
    assert_eq!(desk.arrive(2), Ingest::Applied);
    assert_eq!(desk.noop(), ["2 EXISTS"]);
}

#[test]
fn s70_a_backend_that_panics_while_it_publishes_stops_nobody() {
    let mut desk = Desk::with(&[1, 2]);
    let hub = desk.hub.clone();
    let backend = std::thread::spawn(move || {
        let mut guard = hub.lock();
        assert_eq!(guard.expunge(&uids(&[1])).len(), 1);
        std::panic::resume_unwind(Box::new("the backend's own fault"));
    });
    assert!(backend.join().is_err());
    assert_eq!(desk.noop(), ["1 EXPUNGE"]);
    assert_eq!(desk.arrive(3), Ingest::Applied);
    assert_eq!(desk.noop(), ["2 EXISTS"]);
}

#[test]
fn s71_nonsense_is_an_answer_that_names_the_rule_and_the_client_sees_nothing() {
    let mut desk = Desk::with(&[1, 2, 3]);
    assert_eq!(desk.expunge(&[9]), 0);
    assert_eq!(desk.expunge(&[]), 0);
    assert_eq!(desk.flags(9, ""), Ingest::Unknown);
    assert_eq!(desk.arrive(3), Ingest::Duplicate);
    assert_eq!(desk.noop(), SILENCE);
    assert_eq!(desk.arrive(7), Ingest::Applied);
    assert_eq!(desk.expunge(&[2]), 1);
    assert_eq!(desk.noop(), ["2 EXPUNGE", "3 EXISTS"]);
    assert_eq!(desk.arrive(2), Ingest::Reused);
    assert_eq!(desk.arrive(5), Ingest::Late);
    desk.hub.lock().close(Closed::Deleted);
    assert_eq!(desk.arrive(8), Ingest::Closed);
}

#[test]
fn the_last_session_frees_the_history() {
    let Desk { hub, a } = Desk::with(&[1, 2, 3]);
    let b = hub.subscribe(Access::ReadOnly);
    let change = || {
        for number in 1..=3 {
            let done = hub
                .lock()
                .flags_changed(uid(number), flags("\\Seen"), Origin::EXTERNAL, Echo::Tell);
            assert_eq!(done, Ingest::Applied);
        }
    };
    change();
    drop(a);
    assert_eq!(hub.lock().flags_changed_since(modseq(1)).len(), 3);
    drop(b);
    assert_eq!(hub.lock().flags_changed_since(modseq(1)).len(), 0);
}

#[test]
fn a_session_that_left_needs_no_history_any_more() {
    let mut desk = Desk::with(&(1..=1000).collect::<Vec<_>>());
    let lagging = desk.hub.subscribe(Access::ReadOnly);
    for number in 1..=1000 {
        assert_eq!(desk.flags(number, "\\Seen"), Ingest::Applied);
        desk.noop();
    }
    let remembered = |desk: &Desk| desk.hub.lock().flags_changed_since(modseq(1)).len();
    assert_eq!(remembered(&desk), 1000, "one session has not been told");
    drop(lagging);
    // The next looks at the history are due when it has doubled.
    for number in (1..=1000).chain(1..=1000) {
        assert_eq!(desk.flags(number, "\\Draft"), Ingest::Applied);
        desk.noop();
    }
    assert!(remembered(&desk) < 300, "{}", remembered(&desk));
}

#[test]
fn a_mailbox_that_is_watched_and_not_selected_tells_its_status() {
    let desk = Desk::with(&[1]);
    let mut watch = desk.hub.watch();
    let bell = Arc::<Bell>::default();
    let waker = Waker::from(Arc::clone(&bell));
    let mut context = Context::from_waker(&waker);
    assert_eq!(watch.poll_changed(&mut context), Poll::Pending);
    assert_eq!(desk.hub.lock().arrive(uid(2), Recency::Recent), Ingest::Applied);
    assert_eq!(
        (bell.rings(), watch.poll_changed(&mut context)),
        (1, Poll::Ready(()))
    );
    let status = watch.status();
    assert_eq!((status.messages, status.recent, status.closed), (2, 1, None));
    assert_eq!(watch.poll_changed(&mut context), Poll::Pending);
    desk.hub.lock().close(Closed::Deleted);
    assert_eq!(watch.status().closed, Some(Closed::Deleted));
}
