//! Waiting for a listing: one serves all who wait, and none is left behind.

#![allow(clippy::unwrap_used)]

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use imap_poller::{Absence, Answer, Listing, MailboxPoller, Pace, Reason, Told};
use imap_updates::{Access, Closed, Ended, Flags, Recency};

use crate::support::*;

type Looking = Pin<Box<dyn Future<Output = Result<Told, &'static str>>>>;

/// A store that answers when the test says so.
#[derive(Clone, Default)]
struct Store {
    listings: Rc<Cell<usize>>,
    answers: Rc<RefCell<Vec<Result<Listing, &'static str>>>>,
    now: Rc<Cell<u64>>,
}

impl Store {
    fn look(&self, poller: &MailboxPoller) -> Looking {
        let (poller, store) = (poller.clone(), self.clone());
        Box::pin(async move {
            let now = Rc::clone(&store.now);
            let list = || {
                store.listings.set(store.listings.get() + 1);
                std::future::poll_fn(|_| match store.answers.borrow_mut().pop() {
                    Some(answer) => Poll::Ready(answer),
                    None => Poll::Pending,
                })
            };
            poller.look(Reason::Asked, move || seconds(now.get()), list).await
        })
    }

    fn answer(&self, answer: Result<Listing, &'static str>) {
        self.answers.borrow_mut().push(answer);
    }
}

fn paced(pace: Pace) -> MailboxPoller {
    MailboxPoller::open(plain(&[1]), Absence::IsProof, pace).unwrap()
}

#[test]
fn one_listing_that_began_after_their_calls_serves_all_who_wait() {
    let (store, poller) = (Store::default(), paced(Pace::default()));
    let mut first = store.look(&poller);
    assert_eq!(poll(&mut first), Poll::Pending);
    let mut waiting: Vec<Looking> = (0..10).map(|_| store.look(&poller)).collect();
    waiting
        .iter_mut()
        .for_each(|waiting| assert_eq!(poll(waiting), Poll::Pending));
    // The listing under way may have been read before whatever they want to see: it does not serve them.
    store.answer(Ok(plain(&[1])));
    assert_eq!(poll(&mut first), Poll::Ready(Ok(Told::Now)));
    waiting
        .iter_mut()
        .for_each(|waiting| assert_eq!(poll(waiting), Poll::Pending));
    assert_eq!(store.listings.get(), 2);
    store.answer(Ok(plain(&[1, 2])));
    for waiting in &mut waiting {
        assert_eq!(poll(waiting), Poll::Ready(Ok(Told::Now)));
    }
    assert_eq!(store.listings.get(), 2);
}

#[test]
fn an_own_arrival_is_told_when_the_look_is_over() {
    let (store, poller) = (Store::default(), paced(Pace::default()));
    let mut session = poller.select(Access::ReadWrite).updates;
    let mut other = store.look(&poller);
    assert_eq!(poll(&mut other), Poll::Pending);
    assert_eq!(
        poller.appended(uid(3), Flags::empty(), Recency::Recent),
        Told::NotBefore(seconds(0))
    );
    let mut own = store.look(&poller);
    assert_eq!(poll(&mut own), Poll::Pending);
    store.answer(Ok(plain(&[1])));
    assert_eq!(poll(&mut other), Poll::Ready(Ok(Told::Now)));
    assert_eq!(noop(&mut session), [""; 0]);
    assert_eq!(poll(&mut own), Poll::Pending);
    store.answer(Ok(plain(&[1, 2, 3])));
    assert_eq!(poll(&mut own), Poll::Ready(Ok(Told::Now)));
    assert_eq!(noop(&mut session), ["3 EXISTS"]);
}

#[test]
fn a_look_that_is_dropped_hands_over_to_one_who_waits() {
    let (store, poller) = (Store::default(), paced(Pace::default()));
    let mut first = store.look(&poller);
    assert_eq!(poll(&mut first), Poll::Pending);
    let (mut dropped, mut last) = (store.look(&poller), store.look(&poller));
    assert_eq!(
        (poll(&mut dropped), poll(&mut last)),
        (Poll::Pending, Poll::Pending)
    );
    drop((first, dropped));
    assert_eq!(poll(&mut last), Poll::Pending);
    assert_eq!(store.listings.get(), 2);
    store.answer(Ok(plain(&[1])));
    assert_eq!(poll(&mut last), Poll::Ready(Ok(Told::Now)));
}

#[test]
fn a_look_that_fails_hands_over_as_the_pause_allows() {
    for (pause, expected) in [
        (0, Poll::Pending),
        (7, Poll::Ready(Ok(Told::NotBefore(seconds(7))))),
    ] {
        let pace = Pace::default().with_pauses(seconds(pause), seconds(60));
        let (store, poller) = (Store::default(), paced(pace));
        let (mut first, mut waiting) = (store.look(&poller), store.look(&poller));
        assert_eq!(
            (poll(&mut first), poll(&mut waiting)),
            (Poll::Pending, Poll::Pending)
        );
        store.answer(Err("no answer"));
        assert_eq!(poll(&mut first), Poll::Ready(Err("no answer")));
        assert_eq!(poll(&mut waiting), expected, "with a pause of {pause} s");
        assert_eq!(store.listings.get(), if pause == 0 { 2 } else { 1 });
    }
}

#[test]
fn a_look_that_the_pace_forbids_does_not_list_and_does_not_wait() {
    let (store, poller) = (Store::default(), paced(Pace::default().with_asked(seconds(5))));
    store.answer(Ok(plain(&[1])));
    assert_eq!(poll(&mut store.look(&poller)), Poll::Ready(Ok(Told::Now)));
    assert_eq!(
        poll(&mut store.look(&poller)),
        Poll::Ready(Ok(Told::NotBefore(seconds(5))))
    );
    store.now.set(5);
    assert_eq!(poll(&mut store.look(&poller)), Poll::Pending);
    assert_eq!(store.listings.get(), 2);
}

#[test]
fn a_listing_that_was_left_out_serves_nobody_and_is_not_repeated_for_each() {
    let store = Store::default();
    let poller = MailboxPoller::open(plain(&[]).as_of(modseq(9)), Absence::IsProof, Pace::default()).unwrap();
    let request = ask(&poller, 0);
    let mut waiting: Vec<Looking> = (0..3).map(|_| store.look(&poller)).collect();
    waiting
        .iter_mut()
        .for_each(|waiting| assert_eq!(poll(waiting), Poll::Pending));
    let lagging = plain(&[]).as_of(modseq(8));
    assert_eq!(
        request.complete(lagging.clone(), seconds(0)).answer,
        Answer::LeftOut
    );
    waiting
        .iter_mut()
        .for_each(|waiting| assert_eq!(poll(waiting), Poll::Pending));
    store.answer(Ok(lagging));
    for waiting in &mut waiting {
        assert_eq!(poll(waiting), Poll::Ready(Ok(Told::NotBefore(seconds(0)))));
    }
    assert_eq!(store.listings.get(), 1);
}

#[test]
fn a_mailbox_that_was_closed_is_not_listed() {
    let (store, poller) = (Store::default(), paced(Pace::default()));
    let mut session = poller.select(Access::ReadWrite).updates;
    poller.close(Closed::Deleted);
    assert_eq!(poll(&mut store.look(&poller)), Poll::Ready(Ok(Told::Now)));
    assert_eq!(store.listings.get(), 0);
    noop(&mut session);
    assert_eq!(session.ended(), Some(Ended::Mailbox(Closed::Deleted)));
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn who_waits_is_woken_when_the_listing_ends_in_whatever_way() {
    let poller = paced(Pace::default().with_pauses(Duration::ZERO, Duration::ZERO));
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let ends: [fn(imap_poller::Request); 3] = [
        drop,
        |request| request.fail(seconds(0)),
        |request| assert_eq!(request.complete(plain(&[1]), seconds(0)).answer, Answer::Taken),
    ];
    for (woken, end) in (1..).zip(ends) {
        let request = ask(&poller, 0);
        let mut waiting = Store::default().look(&poller);
        assert_eq!(
            waiting.as_mut().poll(&mut Context::from_waker(&waker)),
            Poll::Pending
        );
        end(request);
        assert_eq!(count.0.load(Ordering::Relaxed), woken);
    }
}

/// A server spawns it: this has to compile.
#[test]
fn a_look_can_be_spawned() {
    fn spawned<F: Future + Send + 'static>(_: F) {}
    let poller = paced(Pace::default());
    let counter = Cell::new(0_u64); // Send, not Sync
    spawned(async move {
        let clock = move || {
            counter.set(counter.get() + 1);
            seconds(counter.get())
        };
        poller
            .look(Reason::Asked, clock, pending::<Result<Listing, String>>)
            .await
    });
}
