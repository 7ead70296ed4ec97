//! Giving way to others in long work.

use std::future::poll_fn;
use std::task::Poll;

/// Long work that gives way regularly, so that it can be stopped there and others have their turn.
#[derive(Debug)]
pub(super) struct Pace {
    done: usize,
}

/// Work is counted in octets that are decoded and looked through: 64 KiB take less than a millisecond.
const TURN: usize = 64 << 10;

impl Pace {
    pub(super) const fn new() -> Self {
        Self { done: 0 }
    }

    /// So much has been done. Gives way if that was enough for one turn.
    pub(super) async fn after(&mut self, work: usize) {
        self.done = self.done.saturating_add(work);
        if self.done >= TURN {
            self.done = 0;
            give_way().await;
        }
    }
}

/// Is pending once, and asks to be polled again.
async fn give_way() {
    let mut has_waited = false;
    poll_fn(|context| match std::mem::replace(&mut has_waited, true) {
        true => Poll::Ready(()),
        false => {
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}
