//! Waiting for the driver on a thread that may block.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// It took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the database does not answer")]
pub(super) struct TimedOut;

struct Unpark {
    thread: Thread,
    is_woken: AtomicBool,
}

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

impl Unpark {
    /// Waits until the future may go on.
    fn park(&self, at_most: Duration) -> Result<(), TimedOut> {
        let begin = Instant::now();
        while !self.is_woken.swap(false, Ordering::Acquire) {
            let left = at_most.checked_sub(begin.elapsed()).ok_or(TimedOut)?;
            std::thread::park_timeout(left);
        }
        Ok(())
    }
}

/// Waits for a future on this thread, and drops it when nothing has come of it for longer than `silence`. What it waits for
/// happens on another thread.
pub(super) fn wait<T>(silence: Duration, future: impl Future<Output = T>) -> Result<T, TimedOut> {
    let mut future = pin!(future);
    let unpark = Arc::new(Unpark {
        thread: std::thread::current(),
        is_woken: AtomicBool::new(false),
    });
    let waker = Waker::from(Arc::clone(&unpark));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut context) {
            return Ok(answer);
        }
        unpark.park(silence)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_future_is_waited_for_and_not_for_ever() {
        assert_eq!(wait(Duration::ZERO, std::future::ready(1)), Ok(1));
        assert_eq!(
            wait(Duration::from_millis(1), std::future::pending::<()>()),
            Err(TimedOut)
        );
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || sender.send(2));
        assert_eq!(wait(Duration::from_secs(60), receiver), Ok(Ok(2)));
        thread.join().unwrap().unwrap();
    }
}
