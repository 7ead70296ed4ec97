//! `Request`: one listing, from the asking to the answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::completed::{Answer, Completed};
use crate::known::Numbering;
use crate::listing::Listing;
use crate::schedule::End;
use crate::shared::Shared;

/// A listing that was asked for and is not there yet. There is one at a time for each mailbox.
///
/// List the store, without any lock, and [`complete`](Self::complete) the request with what it says. A request that is
/// dropped is abandoned: the next who asks begins another one.
#[must_use = "a request that is dropped is abandoned"]
pub struct Request {
    shared: Arc<Shared>,
    number: u64,
    /// The last own change that was reported when it began.
    reports: u64,
    end: End,
}

impl Request {
    /// Its turn has come, and nothing of the store was read yet.
    pub(crate) fn new(shared: &Arc<Shared>, number: u64) -> Self {
        let mut request = Self {
            shared: Arc::clone(shared),
            number,
            reports: 0,
            end: End::Abandoned,
        };
        request.reports = request.shared.known.lock().reports;
        request
    }

    /// The store's answer, which arrived at `now`: tells the sessions in one step what they were not told.
    ///
    /// O(messages) to compare, without a lock; O(differences) under the mailbox's locks, and O(messages) if some are missing
    /// in a listing that [`MailboxPoller::listing`] made. An answer that is older than one before it is left out whole.
    ///
    /// [`MailboxPoller::listing`]: crate::MailboxPoller::listing
    pub fn complete(mut self, listing: Listing, now: Duration) -> Completed {
        let (last, numbering) = {
            let known = self.shared.known.lock();
            (Arc::clone(&known.listed), known.numbering)
        };
        let unversioned = numbering == Numbering::OfStore && listing.version().is_none();
        let compared = listing.compared_with(&last);
        drop(last); // the only one that holds it may change it in its place
        let Some(compared) = compared.ok().filter(|_| !unversioned) else {
            self.end = End::LeftOut;
            return Completed::new(Answer::LeftOut);
        };
        let shared = Arc::clone(&self.shared);
        let reports = compared.reports.unwrap_or(self.reports);
        let mut known = shared.known.lock();
        let completed = known.settle(&shared.hub, compared, reports, shared.absence, now);
        self.end = End::Taken;
        completed
    }

    /// The store did not answer, or not in time. It may be listed again after a pause ([`Pace::with_pauses`]).
    ///
    /// [`Pace::with_pauses`]: crate::Pace::with_pauses
    pub fn fail(mut self, now: Duration) {
        self.end = End::Failed(now);
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let mut schedule = self.shared.schedule.lock();
        let waiting = schedule.end(self.number, self.end, &self.shared.pace);
        drop(schedule);
        waiting.into_values().for_each(std::task::Waker::wake);
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
