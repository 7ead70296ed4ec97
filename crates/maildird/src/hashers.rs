//! The threads that hash passwords.
//!
//! A hash takes 19 MiB for some 20 ms. On a pool of many threads the allocator would keep such a block for each of
//! them: attempts to log in, which cost a stranger nothing, would make the process grow. So there are few threads,
//! which are used again and again, and a queue.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// A few threads with one queue; they end when this is dropped and the queue is empty.
#[derive(Debug)]
pub(crate) struct Hashers {
    jobs: Sender<Job>,
}

impl Hashers {
    /// Starts as many threads as there are cores: more would only take more memory.
    ///
    /// # Errors
    /// The system has no more threads.
    pub(crate) fn start() -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..cores {
            let queue = Arc::clone(&queue);
            thread::Builder::new()
                .name("hasher".to_owned())
                .spawn(move || work(&queue))?;
        }
        Ok(Self { jobs })
    }

    /// Runs `job` on one of the threads; `None` if it panicked.
    ///
    /// # Cancel safety
    /// A job that was queued is run to its end; its result is lost.
    pub(crate) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (done, result) = oneshot::channel();
        let job = Box::new(move || {
            // Nobody may be waiting any more.
            let _ = done.send(job());
        });
        self.jobs.send(job).ok()?;
        result.await.ok()
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        // The lock is held while waiting: the others wait for the lock instead, which comes to the same.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // A panic is in the log already; the thread is needed for the next password.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use super::Hashers;

    #[tokio::test]
    async fn a_job_that_panics_takes_nobody_with_it() {
        let hashers = Hashers::start().unwrap();
        for _ in 0..20 {
            assert_eq!(hashers.run(|| -> u8 { panic!("on purpose") }).await, None);
        }
        assert_eq!(hashers.run(|| 7).await, Some(7));
    }
}
