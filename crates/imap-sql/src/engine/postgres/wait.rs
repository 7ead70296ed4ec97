//! Waiting for the driver on a thread that may block.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// It took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the database does not answer")]
pub(super) struct TimedOut;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread, and drops it when it takes longer than `at_most`. What it waits for happens on another
/// thread.
pub(super) fn wait<T>(at_most: Duration, future: impl Future<Output = T>) -> Result<T, TimedOut> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let begin = Instant::now();
    loop {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut context) {
            return Ok(answer);
        }
        let left = at_most.checked_sub(begin.elapsed()).ok_or(TimedOut)?;
        std::thread::park_timeout(left);
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
