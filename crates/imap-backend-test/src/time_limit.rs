//! A time limit for a future that belongs to no runtime: a thread wakes it when its time is over.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// A future that is woken and not polled for so long has a thread that is held.
const GRACE: Duration = Duration::from_secs(5);

/// What the future comes to, or `None` where it has not ended within this time; then it is dropped.
///
/// Where a poll never returns, nothing can end it. Standard error says so, with the future's name.
pub(crate) async fn within<T>(
    limit: Duration,
    name: &dyn fmt::Display,
    running: impl Future<Output = T>,
) -> Option<T> {
    let mut running = pin!(running);
    // A future that waits for nothing needs no thread.
    let mut alarm = None;
    poll_fn(|context| match running.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => match alarm
            .get_or_insert_with(|| Alarm::set(limit, name.to_string()))
            .is_over(context.waker())
        {
            true => Poll::Ready(None),
            false => Poll::Pending,
        },
    })
    .await
}

/// Wakes a future after a time, unless it is dropped before.
struct Alarm(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waker: Option<Waker>,
    is_over: bool,
    is_dropped: bool,
}

impl Alarm {
    fn set(limit: Duration, name: String) -> Self {
        let shared = Arc::new(Shared::default());
        let alarm = Self(Arc::clone(&shared));
        thread::spawn(move || {
            if !shared.is_dropped_within(limit) {
                let mut state = shared.lock();
                state.is_over = true;
                let waker = state.waker.take();
                drop(state);
                waker.into_iter().for_each(Waker::wake);
                if !shared.is_dropped_within(GRACE) {
                    eprintln!(
                        "{name} has not ended within {limit:?}, and holds its thread: nothing can end it"
                    );
                }
            }
        });
        alarm
    }

    /// Whether the time is over. If it is not, this waker is called when it is.
    fn is_over(&self, waker: &Waker) -> bool {
        let mut state = self.0.lock();
        state.waker = Some(waker.clone());
        state.is_over
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.0.lock().is_dropped = true;
        self.0.changed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the alarm is dropped, for so long at most.
    fn is_dropped_within(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        let mut state = self.lock();
        while !state.is_dropped {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn what_ends_comes_to_its_value_and_what_waits_for_ever_to_none() {
        let long = Duration::from_secs(3600);
        assert_eq!(within(long, &"one", ready(1)).await, Some(1));
        let slow = async {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            2
        };
        assert_eq!(within(long, &"two", slow).await, Some(2));
        assert_eq!(
            within(Duration::from_millis(1), &"three", pending::<u8>()).await,
            None
        );
    }
}
