//! Every interleaving of publish, subscribe, drain, wake and leave, by loom:
//! `RUSTFLAGS="--cfg loom" cargo test -p imap-updates --release --test loom`.
#![cfg(loom)]

use imap_seq::{ModSeq, Uid};
use imap_updates::{
    Access, Closed, Flags, Followers, Ingest, Limits, LogHub, MailboxHub, Page, Recency, UpdateBuffer, kind,
};
use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

fn mailbox() -> MailboxHub<()> {
    MailboxHub::new((), [uid(1)].into_iter().collect()).unwrap()
}

fn arrive(hub: &MailboxHub<()>, number: u32) {
    assert_eq!(
        hub.lock().arrive(uid(number), Recency::NotRecent),
        Ingest::Applied
    );
}

fn drain(session: &mut UpdateBuffer) {
    let command = session.begin(kind::Idle);
    let drained = session.drain(command.permit(Followers::None));
    session.written(drained);
}

/// A lost wake is a deadlock, which loom reports.
#[test]
fn a_sleeper_is_woken_whenever_the_change_comes() {
    loom::model(|| {
        let hub = mailbox();
        let mut session = hub.subscribe(Access::ReadOnly);
        let publisher = thread::spawn({
            let hub = hub.clone();
            move || arrive(&hub, 2)
        });
        block_on(session.changed());
        drain(&mut session);
        assert_eq!(session.exists(), 2);
        publisher.join().unwrap();
    });
}

#[test]
fn a_sleeper_hears_two_publishers_to_the_end() {
    // Three threads have more interleavings than anybody waits for: those with at most four preemptions.
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(4);
    model.check(|| {
        let hub = mailbox();
        let mut session = hub.subscribe(Access::ReadOnly);
        let publishers = [false, true].map(|close| {
            let hub = hub.clone();
            thread::spawn(move || {
                if close {
                    hub.lock().close(Closed::Deleted);
                } else {
                    let _maybe_closed_already = hub.lock().arrive(uid(2), Recency::NotRecent);
                }
            })
        });
        while session.ended().is_none() {
            block_on(session.changed());
            drain(&mut session);
        }
        for publisher in publishers {
            publisher.join().unwrap();
        }
    });
}

#[test]
fn a_subscriber_has_each_message_in_the_snapshot_or_in_a_later_drain() {
    loom::model(|| {
        let hub = mailbox();
        let publisher = thread::spawn({
            let hub = hub.clone();
            move || arrive(&hub, 2)
        });
        let mut session = hub.subscribe(Access::ReadOnly);
        let at_first = session.exists();
        publisher.join().unwrap();
        let command = session.begin(kind::Noop);
        let drained = session.drain(command.permit(Followers::None));
        let told = drained.iter().count();
        assert_eq!(told, 2 - at_first as usize);
        session.written(drained);
        assert_eq!(session.exists(), 2);
    });
}

#[test]
fn what_is_published_before_a_noop_is_told_by_it() {
    loom::model(|| {
        let hub = mailbox();
        let mut session = hub.subscribe(Access::ReadOnly);
        let publishers = [2, 3].map(|number| {
            let hub = hub.clone();
            // UID 2 may be late: then it is hidden, and the store was told so.
            thread::spawn(move || hub.lock().arrive(uid(number), Recency::NotRecent))
        });
        drain(&mut session);
        let done = publishers.map(|publisher| publisher.join().unwrap());
        drain(&mut session);
        let applied = done.iter().filter(|done| **done == Ingest::Applied).count();
        assert_eq!(session.exists() as usize, 1 + applied);
    });
}

#[test]
fn the_last_session_may_leave_while_somebody_publishes() {
    loom::model(|| {
        let hub = mailbox();
        let session = hub.subscribe(Access::ReadOnly);
        let publisher = thread::spawn({
            let hub = hub.clone();
            move || arrive(&hub, 2)
        });
        drop(session);
        publisher.join().unwrap();
        assert_eq!(hub.subscribe(Access::ReadOnly).exists(), 2);
        assert_eq!(hub.sessions(), 0);
    });
}

/// The guard takes the history's lock late; a subscriber that reads the storage takes both.
#[test]
fn a_subscriber_that_reads_the_storage_has_storage_and_history_of_one_moment() {
    loom::model(|| {
        let hub = MailboxHub::new(1_usize, [uid(1)].into_iter().collect()).unwrap();
        let publisher = thread::spawn({
            let hub = hub.clone();
            move || {
                let mut guard = hub.lock();
                *guard += 1;
                assert_eq!(guard.len(), 1);
                assert_eq!(guard.arrive(uid(2), Recency::NotRecent), Ingest::Applied);
            }
        });
        let (session, stored) = hub.subscribe_with(Access::ReadOnly, |stored, _| *stored);
        assert_eq!(session.exists() as usize, stored);
        publisher.join().unwrap();
    });
}

/// What one guard publishes is one step, also for a drain that comes between two publications.
#[test]
fn a_drain_has_all_that_a_guard_published_or_nothing() {
    loom::model(|| {
        let hub = mailbox();
        let mut session = hub.subscribe(Access::ReadOnly);
        let publisher = thread::spawn({
            let hub = hub.clone();
            move || {
                let mut guard = hub.lock();
                for number in [2, 3] {
                    assert_eq!(guard.arrive(uid(number), Recency::NotRecent), Ingest::Applied);
                }
            }
        });
        drain(&mut session);
        assert_eq!(session.exists() % 2, 1);
        publisher.join().unwrap();
        drain(&mut session);
        assert_eq!(session.exists(), 3);
    });
}

fn version(number: u64) -> ModSeq {
    ModSeq::new(number).unwrap()
}

fn log() -> LogHub {
    LogHub::open(Page::whole(version(10)), Limits::default()).unwrap()
}

/// UID 1 arrives with 11, UID 2 with 12, and so on.
fn arrivals(after: u64, upto: u64) -> Page {
    (after + 1..=upto).fold(Page::changes(version(after), version(upto)), |page, at| {
        page.present(version(at), uid(u32::try_from(at - 10).unwrap()), Flags::empty())
    })
}

#[test]
fn two_appliers_with_overlapping_pages_tell_everything_once_and_in_order() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let hub = log();
        let mut session = hub.select(Access::ReadOnly).updates;
        let appliers = [(10, 12), (11, 13)].map(|(after, upto)| {
            let hub = hub.clone();
            thread::spawn(move || drop(hub.apply(arrivals(after, upto))))
        });
        drain(&mut session);
        assert!([0, 2, 3].contains(&session.exists()));
        assert!(session.highest_modseq().get() <= 10 + u64::from(session.exists()));
        for applier in appliers {
            applier.join().unwrap();
        }
        drain(&mut session);
        assert_eq!((session.exists(), session.highest_modseq()), (3, version(13)));
        assert!(hub.hidden().is_empty());
    });
}

/// Whether the page comes before the claim is revoked or after: the session hears of it in the end.
#[test]
fn a_claim_that_is_revoked_while_a_page_comes_hides_nothing() {
    loom::model(|| {
        let whole = Page::whole(version(10)).present(version(1), uid(1), Flags::empty());
        let hub = LogHub::open(whole, Limits::default()).unwrap();
        let mut session = hub.select(Access::ReadOnly).updates;
        let claim = hub.claim(version(10), version(11), session.origin());
        let applier = thread::spawn({
            let hub = hub.clone();
            move || {
                let page = Page::changes(version(10), version(11));
                drop(hub.apply(page.present(version(11), uid(1), Flags::empty())));
            }
        });
        drop(claim);
        applier.join().unwrap();
        let drained = session.drain(imap_updates::Release::hold());
        assert_eq!(drained.iter().count(), 1);
        session.written(drained);
    });
}

/// Two who want to catch up after a commit: whoever reads, both have seen it; a lost hand-over is a deadlock.
#[test]
fn whoever_catches_up_has_seen_what_was_committed_before() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let hub = log();
        let store = Arc::new(AtomicU64::new(10));
        let work = |hub: LogHub, store: Arc<AtomicU64>| {
            let mine = store.fetch_add(1, Ordering::SeqCst) + 1;
            let cursor = block_on(hub.catch_up(|after: ModSeq| {
                let now = store.load(Ordering::SeqCst);
                std::future::ready(Ok::<_, ()>(arrivals(after.get(), now)))
            }));
            assert!(cursor.unwrap().cursor() >= version(mine));
        };
        let other = thread::spawn({
            let (hub, store) = (hub.clone(), Arc::clone(&store));
            move || work(hub, store)
        });
        work(hub.clone(), store);
        other.join().unwrap();
        assert_eq!(hub.cursor(), version(12));
    });
}
