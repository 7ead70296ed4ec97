//! Every interleaving of publish, subscribe, drain, wake and leave, by loom:
//! `RUSTFLAGS="--cfg loom" cargo test -p imap-updates --release --test loom`.
#![cfg(loom)]

use imap_seq::Uid;
use imap_updates::{Access, Closed, Followers, Ingest, MailboxHub, Recency, UpdateBuffer, kind};
use loom::future::block_on;
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
        while session.closed().is_none() {
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
