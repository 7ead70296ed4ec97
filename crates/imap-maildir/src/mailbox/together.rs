//! Operations of several sessions on one mailbox that wait for the disk together.
//!
//! Whoever wants to change the mailbox queues up, and asks for the writer. Who has the writer works for all that are in the
//! queue by then: their changes are made one after the other, and each may fail by itself; then the disk is waited for once, and
//! all are answered. Who comes meanwhile is of the next batch. Nobody waits for time to go by: who is alone is a batch of one.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use imap_backend::{Error, ErrorKind};
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// So many messages are worked on together at most, if there are several operations: the first of them waits for the last.
const MOST_TOGETHER: usize = 1024;

/// Operations that nobody has begun, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Queue<R>(Mutex<Waiting<R>>);

#[derive(Debug)]
struct Waiting<R> {
    requests: VecDeque<(u64, R)>,
    next: u64,
}

/// An operation that can be queued.
pub(crate) trait Request {
    /// What a batch has to know of its operations, to take one more.
    type Batch: Default;

    /// How many messages it is about.
    fn weight(&self) -> usize;

    /// Whether it may be worked on before what is in the batch is published; if so, it is in the batch too.
    fn enter(&self, batch: &mut Self::Batch) -> bool;
}

/// Whether a turn has got the writer.
#[derive(Clone, Debug, Default)]
pub(crate) struct HasBegun(Arc<AtomicBool>);

impl HasBegun {
    pub(crate) fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What becomes of an operation.
pub(crate) type Answer<T> = oneshot::Sender<Result<T, Error>>;

impl<R> Default for Queue<R> {
    fn default() -> Self {
        Self(Mutex::new(Waiting {
            requests: VecDeque::new(),
            next: 0,
        }))
    }
}

impl<R: Request> Queue<R> {
    /// Those that are to be worked on together: the oldest, and those behind it as far as the bound and
    /// [`enter`](Request::enter) allow.
    pub(crate) fn take(&self) -> Vec<R> {
        let mut waiting = self.0.lock();
        let (mut taken, mut weight, mut batch) = (Vec::new(), 0_usize, R::Batch::default());
        while let Some((_, next)) = waiting.requests.front() {
            weight = weight.saturating_add(next.weight());
            if !taken.is_empty() && weight > MOST_TOGETHER || !next.enter(&mut batch) {
                break;
            }
            taken.extend(waiting.requests.pop_front().map(|(_, request)| request));
        }
        taken
    }

    /// Queues an operation up and takes turns until it is answered, by its own turn or by somebody else's. A `turn` has the writer,
    /// notes that it has begun, and works on what [`take`](Self::take) gives. One that has begun goes to its end before this
    /// returns, so that nothing of it is at work behind the back of whoever is answered.
    ///
    /// # Cancel safety
    /// What nobody has begun is dropped with the future; what somebody has begun goes to its end.
    pub(crate) async fn answer<T, F: Future<Output = Result<(), Error>>>(
        &self,
        request: impl FnOnce(Answer<T>) -> R,
        turn: impl Fn(HasBegun) -> F,
    ) -> Result<T, Error> {
        let (answer, mut answered) = oneshot::channel();
        let place = self.join(request(answer));
        loop {
            let has_begun = HasBegun::default();
            let mut turn = pin!(turn(has_begun.clone()));
            let ended = tokio::select! {
                biased;
                answer = &mut answered => {
                    if has_begun.get() {
                        // Whoever was not served by it is told of its error.
                        let _ = turn.await;
                    }
                    // Without an answer, whoever worked on it panicked.
                    return answer.unwrap_or_else(|_| Err(ErrorKind::ServerBug.into()));
                }
                ended = &mut turn => ended,
            };
            if let Err(error) = ended
                && place.leave().is_some()
            {
                return Err(error);
            }
        }
    }

    fn join(&self, request: R) -> Place<'_, R> {
        let mut waiting = self.0.lock();
        let number = waiting.next;
        waiting.next += 1;
        waiting.requests.push_back((number, request));
        Place { queue: self, number }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.lock().requests.len()
    }
}

/// An operation's place in the queue, which it leaves when this is dropped.
struct Place<'a, R> {
    queue: &'a Queue<R>,
    number: u64,
}

impl<R> Place<'_, R> {
    /// Takes the operation back, unless somebody has begun it.
    fn leave(&self) -> Option<R> {
        let requests = &mut self.queue.0.lock().requests;
        let at = requests.binary_search_by_key(&self.number, |(number, _)| *number);
        Some(requests.remove(at.ok()?)?.1)
    }
}

impl<R> Drop for Place<'_, R> {
    fn drop(&mut self) {
        drop(self.leave());
    }
}

/// An error that several sessions are told of.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Error>);

impl From<Error> for Shared {
    fn from(error: Error) -> Self {
        Self(Arc::new(error))
    }
}

impl From<Shared> for Error {
    fn from(Shared(error): Shared) -> Self {
        Self::new(error.kind()).with_source(error)
    }
}
