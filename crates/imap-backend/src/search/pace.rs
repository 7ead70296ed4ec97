//! Giving way to others in long work.

use std::future::poll_fn;
use std::task::Poll;

/// Long work that gives way regularly, so that it can be stopped there and others have their turn.
#[derive(Debug)]
pub(crate) struct Pace {
    done: usize,
}

/// Work is counted in octets that are decoded and looked through: 64 KiB take less than a millisecond.
const TURN: usize = 64 << 10;

impl Pace {
    pub(crate) const fn new() -> Self {
        Self { done: 0 }
    }

    /// So much has been done. Gives way if that was enough for one turn.
    pub(crate) async fn after(&mut self, work: usize) {
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

#[cfg(test)]
pub(crate) mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// Runs a future that waits for nothing, and counts how often it gave way.
    pub(crate) fn turns<T>(future: impl Future<Output = T>) -> (T, usize) {
        let mut future = pin!(future);
        let mut turns = 0;
        loop {
            match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(value) => return (value, turns),
                Poll::Pending => turns += 1,
            }
        }
    }
}
