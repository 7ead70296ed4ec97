//! The reading loop: one reader at a time, and whoever asked has seen everything that was committed before.
#![allow(clippy::unwrap_used)]
#![cfg(not(loom))]

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, poll_fn, ready};
use std::pin::{Pin, pin};
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use imap_seq::ModSeq;
use imap_updates::{Access, CaughtUp, Closed, Ended, Limits, LogHub, Outcome, Page};

use crate::support::desk::{flags, release};
use crate::support::log::changes;
use crate::support::{PATIENCE, modseq, uid, uids};

fn hub() -> LogHub {
    LogHub::open(Page::whole(modseq(10)), Limits::default()).unwrap()
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn arrival(after: u64) -> Page {
    let number = u32::try_from(after).unwrap();
    changes(after, after + 1).present(modseq(after + 1), uid(number), flags(""))
}

/// Waits once.
async fn pause() {
    let mut waited = false;
    poll_fn(|_| {
        if std::mem::replace(&mut waited, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

type Answer = Result<CaughtUp, Infallible>;

/// What a read says that went well, or did not.
trait Cursor {
    type Cursor;
    fn cursor(self) -> Self::Cursor;
}

impl<E> Cursor for Result<CaughtUp, E> {
    type Cursor = Result<ModSeq, E>;
    fn cursor(self) -> Self::Cursor {
        self.map(|caught_up| caught_up.cursor())
    }
}

impl<E> Cursor for Poll<Result<CaughtUp, E>> {
    type Cursor = Poll<Result<ModSeq, E>>;
    fn cursor(self) -> Self::Cursor {
        self.map(Cursor::cursor)
    }
}

#[test]
fn pages_are_read_until_the_log_ends() {
    let hub = hub();
    let asked = RefCell::new(Vec::new());
    let read = |after: ModSeq| {
        asked.borrow_mut().push(after.get());
        let page = arrival(after.get());
        ready(Ok(if after.get() < 13 {
            page.more_follows()
        } else {
            page
        }))
    };
    let answer: Poll<Answer> = poll(pin!(hub.catch_up(read)));
    assert_eq!(answer.cursor(), Poll::Ready(Ok(modseq(14))));
    assert_eq!(asked.into_inner(), [10, 11, 12, 13]);
    assert_eq!(hub.status().messages, 4);
}

#[test]
fn who_asks_during_a_read_is_served_by_one_that_begins_later() {
    let hub = hub();
    let slow = async |after: ModSeq| {
        let page = arrival(after.get()); // read now, and answered later
        pause().await;
        Ok::<_, Infallible>(page)
    };
    let mut first = pin!(hub.catch_up(slow));
    let (mut second, mut third) = (pin!(hub.catch_up(slow)), pin!(hub.catch_up(slow)));
    assert!(poll(first.as_mut()).is_pending());
    assert!(poll(second.as_mut()).is_pending() && poll(third.as_mut()).is_pending());
    assert_eq!(poll(first).cursor(), Poll::Ready(Ok(modseq(11))));
    // The first one's read began before they asked: it does not serve them. One of them reads for both.
    assert!(poll(third.as_mut()).is_pending());
    assert!(poll(second.as_mut()).is_pending());
    assert_eq!(poll(third).cursor(), Poll::Ready(Ok(modseq(12))));
    assert_eq!(poll(second).cursor(), Poll::Ready(Ok(modseq(12))));
}

#[test]
fn a_reader_that_fails_or_is_dropped_hands_over() {
    let hub = hub();
    let fails = async |_: ModSeq| {
        pause().await;
        Err::<Page, _>("offline")
    };
    let works = |after: ModSeq| ready(Ok::<_, &str>(arrival(after.get())));
    let mut failing = pin!(hub.catch_up(fails));
    let mut waiting = pin!(hub.catch_up(works));
    assert!(poll(failing.as_mut()).is_pending() && poll(waiting.as_mut()).is_pending());
    assert_eq!(poll(failing).cursor(), Poll::Ready(Err("offline")));
    assert_eq!(poll(waiting).cursor(), Poll::Ready(Ok(modseq(11))));

    let mut dropped = Box::pin(hub.catch_up(fails));
    let mut waiting = pin!(hub.catch_up(works));
    assert!(poll(dropped.as_mut()).is_pending() && poll(waiting.as_mut()).is_pending());
    drop(dropped);
    assert_eq!(poll(waiting).cursor(), Poll::Ready(Ok(modseq(12))));
}

#[test]
fn a_log_that_no_longer_reaches_back_answers_with_a_listing() {
    let hub = hub();
    let read = |_| {
        let whole = Page::whole(modseq(500)).present(modseq(400), uid(9), flags(""));
        ready(Ok::<_, Infallible>(whole))
    };
    assert_eq!(
        poll(pin!(hub.catch_up(read))).cursor(),
        Poll::Ready(Ok(modseq(500)))
    );
    assert_eq!(hub.status().messages, 1);
}

/// A store that says that more follows, and gives none, is not asked for ever; nor is one of a closed mailbox asked.
#[test]
fn it_ends_with_a_store_that_does_not_and_with_a_mailbox_that_is_closed() {
    let hub = hub();
    let read = |after| ready(Ok::<_, Infallible>(Page::changes(after, after).more_follows()));
    assert_eq!(
        poll(pin!(hub.catch_up(read))).cursor(),
        Poll::Ready(Ok(modseq(10)))
    );
    hub.close(Closed::Deleted);
    let never = |_| -> std::future::Ready<Result<Page, Infallible>> { panic!("read a closed mailbox") };
    assert_eq!(
        poll(pin!(hub.catch_up(never))).cursor(),
        Poll::Ready(Ok(modseq(10)))
    );
}

/// A pool of one thread. A future reads, and its read needs that thread; but the thread is at a commit of its own and
/// catches up. If it waited for the future, this test would not end.
#[test]
fn a_thread_does_not_wait_for_a_future_that_waits_for_the_threads_pool() {
    let hub = hub();
    let (pool, jobs) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
    let (told, tells) = mpsc::channel();
    std::thread::scope(|scope| {
        // Dropped at the end of this closure: then the pool ends.
        let pool = pool;
        scope.spawn(move || jobs.into_iter().for_each(|job| job()));
        let (pages, answers) = mpsc::channel();
        let read = |after: ModSeq| {
            let pages = pages.clone();
            let job = move || pages.send(arrival(after.get())).unwrap();
            pool.send(Box::new(job)).unwrap();
            poll_fn(|_| {
                answers
                    .try_recv()
                    .map_or(Poll::Pending, |page| Poll::Ready(Ok(page)))
            })
        };
        let blocking = {
            let hub = hub.clone();
            move || {
                let cursor = hub.catch_up_blocking(|after| Ok::<_, Infallible>(arrival(after.get())));
                told.send(cursor).unwrap();
            }
        };
        let mut first = pin!(hub.catch_up(async |after| {
            // The pool gets the commit between the beginning of the turn and that of the read.
            pause().await;
            read(after).await
        }));
        assert!(poll(first.as_mut()).is_pending());
        pool.send(Box::new(blocking)).unwrap();
        let answer: Answer = loop {
            if let Poll::Ready(answer) = poll(first.as_mut()) {
                break answer;
            }
            std::thread::yield_now();
        };
        assert_eq!(answer.cursor(), Ok(modseq(11)));
        assert_eq!(tells.recv().unwrap().cursor(), Ok(modseq(11)));
    });
}

/// Whoever reads serves all who asked before, whatever they are.
#[test]
fn a_thread_that_reads_serves_futures_that_wait() {
    let hub = hub();
    let slow = async |after: ModSeq| {
        pause().await;
        Ok::<_, Infallible>(arrival(after.get()))
    };
    let never = async |_: ModSeq| -> Result<Page, Infallible> { panic!("it was served") };
    let (mut first, mut second) = (pin!(hub.catch_up(slow)), pin!(hub.catch_up(never)));
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    let cursor = hub.catch_up_blocking(|after| Ok::<_, Infallible>(arrival(after.get())));
    assert_eq!(cursor.cursor(), Ok(modseq(11)));
    assert_eq!(poll(second).cursor(), Poll::Ready(Ok(modseq(11))));
    assert_eq!(poll(first).cursor(), Poll::Ready(Ok(modseq(11))));
}

/// One thread waits for another.
#[test]
fn the_blocking_form_waits_and_reads_after() {
    let hub = hub();
    let (begun, begin) = mpsc::channel();
    let (finish, finished) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let hub = &hub;
        let slow = scope.spawn(move || {
            hub.catch_up_blocking(|after| {
                begun.send(()).unwrap();
                finished.recv_timeout(PATIENCE).unwrap();
                Ok::<_, Infallible>(arrival(after.get()))
            })
        });
        begin.recv_timeout(PATIENCE).unwrap();
        let waiting =
            scope.spawn(|| hub.catch_up_blocking(|after| Ok::<_, Infallible>(arrival(after.get()))));
        finish.send(()).unwrap();
        // The other may have read before this one looks at the cursor.
        assert!(slow.join().unwrap().cursor() >= Ok(modseq(11)));
        assert_eq!(waiting.join().unwrap().cursor(), Ok(modseq(12)));
    });
}

/// What a server's handler does: a future with a borrowed store, behind a trait that promises `Send`.
#[test]
fn its_future_is_send_with_borrows_and_behind_a_trait() {
    struct Store;
    impl Store {
        async fn page(&self, after: ModSeq) -> Result<Page, Infallible> {
            ready(()).await;
            Ok(arrival(after.get()))
        }
    }
    trait Mailbox {
        fn poll(&mut self) -> impl Future<Output = Answer> + Send;
    }
    struct Mine {
        hub: LogHub,
        store: Store,
    }
    impl Mailbox for Mine {
        async fn poll(&mut self) -> Answer {
            let store = &self.store;
            self.hub.catch_up(async |after| store.page(after).await).await
        }
    }
    let mut mine = Mine {
        hub: hub(),
        store: Store,
    };
    assert_eq!(poll(pin!(mine.poll())).cursor(), Poll::Ready(Ok(modseq(11))));
}

/// The row of the mailbox was not found.
#[test]
fn a_read_that_finds_no_mailbox_ends_its_sessions() {
    for (page, why) in [
        (Page::deleted(), Closed::Deleted),
        (Page::uid_validity_changed(), Closed::UidValidityChanged),
    ] {
        assert!(LogHub::open(page.clone(), Limits::default()).is_err());
        let hub = hub();
        let mut session = hub.select(Access::ReadWrite).updates;
        {
            let mut idle = pin!(session.changed());
            assert!(poll(idle.as_mut()).is_pending());
            let read = |_| ready(Ok::<_, Infallible>(page.clone()));
            assert_eq!(
                poll(pin!(hub.catch_up(read))).cursor(),
                Poll::Ready(Ok(modseq(10)))
            );
            assert!(poll(idle).is_ready());
        }
        assert_eq!(session.ended(), Some(Ended::Mailbox(why)));
        assert_eq!(hub.closed(), Some(why));
        assert_eq!(hub.apply(arrival(10)).outcome(), Outcome::Closed);
    }
}

/// The store allocated UID 1 before UID 2 and committed it later; then it uses UID 2 twice.
#[test]
fn a_read_says_what_cannot_be_shown() {
    let hub = hub();
    let mut session = hub.select(Access::ReadWrite).updates;
    let two =
        |after: ModSeq| Ok::<_, Infallible>(arrival(after.get()).present(modseq(11), uid(2), flags("")));
    let caught_up = hub.catch_up_blocking(two).unwrap();
    assert!(caught_up.hidden().is_empty() && caught_up.reused().is_empty());
    release(&mut session, imap_updates::kind::Noop);
    let pages = |after: ModSeq| {
        let (page, flags) = (changes(after.get(), after.get() + 1), flags(""));
        let version = modseq(after.get() + 1);
        Ok::<_, Infallible>(match after.get() {
            11 => page.gone(version, uid(2)),
            12 => page
                .present(version, uid(2), flags.clone())
                .present(version, uid(1), flags),
            _ => page,
        })
    };
    assert!(hub.catch_up_blocking(pages).unwrap().reused().is_empty());
    let caught_up = hub.catch_up_blocking(pages).unwrap();
    assert_eq!(
        (caught_up.hidden(), caught_up.reused()),
        (&uids(&[1]), &uids(&[2]))
    );
}

#[test]
fn what_was_told_already_is_not_read_for_a_commit_of_ones_own() {
    let hub = hub();
    let never = async |_: ModSeq| -> Result<Page, Infallible> { panic!("read for nothing") };
    assert_eq!(
        poll(pin!(hub.catch_up_to(modseq(10), never))).cursor(),
        Poll::Ready(Ok(modseq(10)))
    );
    // It waits for its turn, and whoever had it brought the version.
    let slow = async |after: ModSeq| {
        pause().await;
        Ok::<_, Infallible>(arrival(after.get()))
    };
    let (mut first, mut second) = (pin!(hub.catch_up(slow)), pin!(hub.catch_up_to(modseq(11), never)));
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    assert_eq!(poll(first).cursor(), Poll::Ready(Ok(modseq(11))));
    assert_eq!(poll(second).cursor(), Poll::Ready(Ok(modseq(11))));
    // Else it reads, once.
    let read = |after: ModSeq| Ok::<_, Infallible>(arrival(after.get()));
    assert_eq!(
        hub.catch_up_to_blocking(modseq(20), read).cursor(),
        Ok(modseq(12))
    );
    assert_eq!(
        hub.catch_up_to_blocking(modseq(12), |_| panic!("read for nothing"))
            .cursor(),
        Ok::<_, Infallible>(modseq(12))
    );
}
