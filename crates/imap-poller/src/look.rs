//! `MailboxPoller::look`: lists the store, or waits for somebody else who does.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::completed::Answer;
use crate::listing::Listing;
use crate::pace::Reason;
use crate::poller::{MailboxPoller, Told};
use crate::request::Request;
use crate::schedule::{Served, Ticket};
use crate::shared::Shared;

/// What somebody who waited gets.
enum Waited {
    Told(Told),
    /// It has to list the store.
    ByItself(Request),
}

/// One who waits; forgotten when it is dropped.
struct Waiter<C> {
    shared: Arc<Shared>,
    ticket: Ticket,
    reason: Reason,
    clock: C,
}

impl MailboxPoller {
    /// Lists the store with `list`, or waits for a listing of somebody else that began after this call; one under way
    /// already may have been read before what the caller wants to see. One listing serves all who wait. On
    /// [`Told::Now`] everything that the store held before the call was told, but for expunges that
    /// [`Absence`](crate::Absence) does not confirm yet. On [`Told::NotBefore`] a listing would have had to begin before
    /// the pace allows, or it was [left out](crate::Answer::LeftOut); go on without.
    ///
    /// If whoever lists fails or its future is dropped, one of those who wait lists in its place, as the pace allows: after
    /// a failure there is a pause. So it is cancel safe. To bound the time of a listing, let `list` end with an error; a
    /// time limit around this future abandons the listing, and the next one begins at once.
    ///
    /// `clock` is asked when a listing begins and when it ends. Belongs to no runtime; the future is `Send` if `clock`
    /// and `list` are.
    ///
    /// # Errors
    ///
    /// What `list` answered. Who waited is not concerned.
    pub async fn look<E, L>(
        &self,
        reason: Reason,
        clock: impl Fn() -> Duration,
        list: impl FnOnce() -> L,
    ) -> Result<Told, E>
    where
        L: Future<Output = Result<Listing, E>>,
    {
        if self.shared.hub.closed().is_some() {
            // Nothing is told any more.
            return Ok(Told::Now);
        }
        let ticket = self.shared.schedule.lock().ticket();
        let mut waiter = Waiter {
            shared: Arc::clone(&self.shared),
            ticket,
            reason,
            clock,
        };
        let request = match poll_fn(|context| waiter.poll(context)).await {
            Waited::Told(told) => return Ok(told),
            Waited::ByItself(request) => request,
        };
        match list().await {
            Ok(listing) => {
                let completed = request.complete(listing, (waiter.clock)());
                Ok(match completed.answer {
                    Answer::Taken => Told::Now,
                    Answer::LeftOut => Told::NotBefore(self.not_before(reason)),
                })
            }
            Err(error) => {
                request.fail((waiter.clock)());
                Err(error)
            }
        }
    }
}

impl<C: Fn() -> Duration> Waiter<C> {
    fn poll(&mut self, context: &Context<'_>) -> Poll<Waited> {
        let now = (self.clock)();
        let mut schedule = self.shared.schedule.lock();
        let served = schedule.serve(self.ticket, self.reason, now, &self.shared.pace);
        match served {
            Served::Yes => Poll::Ready(Waited::Told(Told::Now)),
            Served::NotBefore(earliest) => Poll::Ready(Waited::Told(Told::NotBefore(earliest))),
            Served::NotYet => {
                schedule.wait(self.ticket, context.waker());
                Poll::Pending
            }
            Served::ByItself(number) => {
                drop(schedule);
                Poll::Ready(Waited::ByItself(Request::new(&self.shared, number)))
            }
        }
    }
}

impl<C> Drop for Waiter<C> {
    fn drop(&mut self) {
        // A waker's own drop is somebody else's code: not under the lock.
        let _waker = self.shared.schedule.lock().forget(self.ticket);
    }
}
