//! Whose turn it is to read a store's log: one reader of each kind at a time, and who waits is served by a read that began
//! later.
//!
//! A thread must not wait for the turn of a future. That future's read may need a thread of the pool to which the waiting
//! one belongs (`spawn_blocking`): if all threads of the pool wait, nobody ever reads. So the two kinds have a turn each, and
//! two reads may be under way at a time; the log is then applied twice, which does no harm.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use crate::Origin;
use crate::sync::Mutex;

/// The readers of one mailbox's log.
#[derive(Debug)]
pub(super) struct Turns(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Reads are numbered from 1.
    begun: u64,
    /// The last that succeeded.
    done: u64,
    /// The kinds whose turn is taken.
    reading: Vec<Kind>,
    waiting: HashMap<u64, Waker>,
}

/// How a reader waits for the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// On its own thread, which goes on by itself.
    Thread,
    /// As a future, which goes on when somebody polls it.
    Future,
}

/// What a waiter gets.
#[derive(Debug)]
pub(super) enum Served<'t> {
    /// It has to read.
    ByItself(Turn<'t>),
    /// Somebody else has read, beginning after the waiter asked.
    ByAnother,
}

/// The right to read. Dropped without [`complete`](Self::complete), it goes to the next who waits.
#[derive(Debug)]
pub(super) struct Turn<'t> {
    turns: &'t Turns,
    kind: Kind,
    number: u64,
}

/// One who waits; forgotten when it is dropped.
struct Waiter<'t> {
    turns: &'t Turns,
    kind: Kind,
    number: u64,
    /// The first read that began after it asked.
    need: u64,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Inner::default()))
    }

    /// Waits until a read that began after this call has succeeded, of whichever kind, or until it is one's own turn to
    /// read.
    pub(super) async fn wait(&self, kind: Kind) -> Served<'_> {
        let waiter = Waiter {
            turns: self,
            kind,
            number: Origin::unused().number(),
            need: self.0.lock().begun + 1,
        };
        poll_fn(|context| waiter.poll(context)).await
    }
}

impl<'t> Waiter<'t> {
    fn poll(&self, context: &Context<'_>) -> Poll<Served<'t>> {
        let mut inner = self.turns.0.lock();
        if inner.done >= self.need {
            return Poll::Ready(Served::ByAnother);
        }
        if inner.reading.contains(&self.kind) {
            inner.waiting.insert(self.number, context.waker().clone());
            return Poll::Pending;
        }
        inner.reading.push(self.kind);
        inner.begun += 1;
        Poll::Ready(Served::ByItself(Turn {
            turns: self.turns,
            kind: self.kind,
            number: inner.begun,
        }))
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.turns.0.lock().waiting.remove(&self.number);
    }
}

impl Turn<'_> {
    /// The read succeeded: whoever asked before it began is served.
    pub(super) fn complete(self) {
        let mut inner = self.turns.0.lock();
        inner.done = inner.done.max(self.number);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let waiting = {
            let mut inner = self.turns.0.lock();
            inner.reading.retain(|kind| *kind != self.kind);
            std::mem::take(&mut inner.waiting)
        };
        // All of them: some are served, and one of the others is the next to read.
        waiting.into_values().for_each(Waker::wake);
    }
}

/// Runs a future on this thread, which sleeps while there is nothing to do.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
