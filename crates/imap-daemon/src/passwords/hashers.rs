//! The threads that hash passwords.
//!
//! A hash takes 19 MiB for some 20 ms. On a pool of many threads such a block would be in use for each of them: attempts
//! to log in, which cost a stranger nothing, would make the process grow. So there are few threads with a queue. Each
//! keeps its block for the next hash, and gives it back after a quiet time.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fmt, io, thread};

use imap_backend::PasswordCheck;
use tokio::sync::oneshot;

use super::{HashError, HashMemory, Phc};

type Job = Box<dyn FnOnce(&mut HashMemory) + Send>;

/// Memory for hashes that nobody needed for so long is given back.
const QUIET: Duration = Duration::from_secs(10);

/// A few threads with one queue; they end when this is dropped and the queue is empty.
pub struct Hashers {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    /// There is a job, or there will be none any more.
    news: Condvar,
    /// After so much time without a job a thread gives its memory back.
    quiet: Duration,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    state: State,
}

#[derive(Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    Closed,
}

impl fmt::Debug for Hashers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hashers").finish_non_exhaustive()
    }
}

impl Hashers {
    /// As many threads as there are cores: more would only take more memory, which is given back after ten quiet seconds.
    ///
    /// # Errors
    /// The system has no more threads.
    pub fn start() -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::with(cores, QUIET)
    }

    fn with(threads: usize, quiet: Duration) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            news: Condvar::new(),
            quiet,
        });
        let hashers = Self { shared };
        for _ in 0..threads {
            let shared = Arc::clone(&hashers.shared);
            thread::Builder::new()
                .name("hasher".to_owned())
                .spawn(move || shared.work())?;
        }
        Ok(hashers)
    }

    /// Whether `password` is the one that was hashed to `known`. Without a hash, as of a user whom there is not, it takes as
    /// long as a wrong password and is one.
    ///
    /// # Errors
    /// The check broke off.
    ///
    /// # Cancel safety
    /// A hash that was started runs to its end on its own thread and keeps its place in the queue; its result is lost.
    pub async fn check(&self, known: Option<Phc>, password: Vec<u8>) -> Result<PasswordCheck, HashError> {
        let unknown = known.is_none();
        let phc = known.unwrap_or_else(Phc::of_nobody);
        let checked = self.run(move |memory| phc.verify(&password, memory)).await;
        match checked.ok_or_else(|| HashError("the check broke off".to_owned()))? {
            _ if unknown => Ok(PasswordCheck::Refused),
            found => Ok(found),
        }
    }

    /// Runs `job` on one of the threads; `None` if it panicked.
    ///
    /// # Cancel safety
    /// A job that was queued is run to its end; its result is lost.
    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut HashMemory) -> T + Send + 'static,
    ) -> Option<T> {
        let (done, result) = oneshot::channel();
        let job = Box::new(move |memory: &mut HashMemory| {
            // Nobody may be waiting any more.
            let _ = done.send(job(memory));
        });
        self.shared.queue().jobs.push_back(job);
        self.shared.news.notify_one();
        result.await.ok()
    }
}

impl Drop for Hashers {
    fn drop(&mut self) {
        self.shared.queue().state = State::Closed;
        self.shared.news.notify_all();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What each thread does.
    fn work(&self) {
        let mut memory = HashMemory::default();
        while let Some(job) = self.next(&mut memory) {
            // A panic is in the log already; the thread is needed for the next password.
            let _ = catch_unwind(AssertUnwindSafe(|| job(&mut memory)));
        }
    }

    /// Waits for a job; `None` at the end.
    fn next(&self, memory: &mut HashMemory) -> Option<Job> {
        let mut queue = self.queue();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.state == State::Closed {
                return None;
            }
            if memory.is_empty() {
                queue = self.news.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let waited = self.news.wait_timeout(queue, self.quiet);
            let (held, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            queue = held;
            if timeout.timed_out() {
                memory.release();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    #[tokio::test]
    async fn a_job_that_panics_takes_nobody_with_it() {
        let hashers = Hashers::with(2, Duration::MAX).unwrap();
        for _ in 0..20 {
            assert_eq!(hashers.run(|_| -> u8 { panic!("on purpose") }).await, None);
        }
        assert_eq!(hashers.run(|_| 7).await, Some(7));
    }

    async fn hash(hashers: &Hashers) {
        let nobody = Phc::of_nobody();
        let password_is = hashers.run(move |memory| nobody.verify(b"x", memory)).await;
        assert_eq!(password_is, Some(PasswordCheck::Refused));
    }

    #[tokio::test]
    async fn a_user_whom_there_is_not_has_no_password() {
        let hashers = Hashers::with(1, Duration::MAX).unwrap();
        let phc = Phc::of(&"secret".parse().unwrap()).unwrap();
        for (known, password, expected) in [
            (Some(phc.clone()), "secret", PasswordCheck::Accepted),
            (Some(phc), "Secret", PasswordCheck::Refused),
            (None, "secret", PasswordCheck::Refused),
            (None, "", PasswordCheck::Refused),
        ] {
            let password_is = hashers.check(known, password.into()).await.unwrap();
            assert_eq!(password_is, expected, "{password}");
        }
    }

    #[tokio::test]
    async fn t22_memory_is_kept_for_the_next_hash() {
        let hashers = Hashers::with(1, Duration::MAX).unwrap();
        assert_eq!(hashers.run(|memory| memory.is_empty()).await, Some(true));
        hash(&hashers).await;
        assert_eq!(hashers.run(|memory| memory.is_empty()).await, Some(false));
    }

    #[tokio::test]
    async fn t22_memory_is_given_back_after_a_quiet_time() {
        let hashers = Hashers::with(1, Duration::ZERO).unwrap();
        hash(&hashers).await;
        let given_back = async { while hashers.run(|memory| memory.is_empty()).await != Some(true) {} };
        timeout(Duration::from_secs(30), given_back).await.unwrap();
    }
}
