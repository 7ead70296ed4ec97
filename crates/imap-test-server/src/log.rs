//! What was said on all connections, and waiting for it.

use parking_lot::Mutex;
use std::fmt::Write as _;
use std::pin::Pin;
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

#[derive(Debug)]
struct Entry {
    connection: usize,
    side: Side,
    text: String,
}

#[derive(Debug, Default)]
struct Entries {
    all: Vec<Entry>,
    /// What comes before has been waited for.
    cursor: usize,
}

/// Everything that was said, in order.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: Mutex<Entries>,
    grown: Notify,
}

impl Log {
    pub(crate) fn add(&self, connection: usize, side: Side, text: &str) {
        self.entries.lock().all.push(Entry {
            connection,
            side,
            text: text.trim_end_matches(['\r', '\n']).to_owned(),
        });
        self.grown.notify_waiters();
    }

    /// All of it, a line for each, with the number of the connection: `C1: a NOOP`, `S1: a OK done`.
    pub(crate) fn transcript(&self) -> String {
        let mut transcript = String::new();
        for Entry {
            connection,
            side,
            text,
        } in &self.entries.lock().all
        {
            let side = match side {
                Side::Client => 'C',
                Side::Server => 'S',
            };
            let _ = writeln!(transcript, "{side}{connection}: {text}");
        }
        transcript
    }

    /// The next words of that side with this text in them, after those that were waited for before.
    pub(crate) async fn next_with(&self, side: Side, wanted: &str) -> String {
        loop {
            let grown = self.grown.notified();
            if let Some(found) = self.find(side, wanted) {
                return found;
            }
            grown.await;
        }
    }

    fn find(&self, side: Side, wanted: &str) -> Option<String> {
        let mut entries = self.entries.lock();
        let Entries { all, cursor } = &mut *entries;
        let is_wanted = |entry: &Entry| entry.side == side && entry.text.contains(wanted);
        let found = *cursor + all[*cursor..].iter().position(is_wanted)?;
        *cursor = found + 1;
        Some(all[found].text.clone())
    }
}

/// Waits until something was said: with `.await` in asynchronous tests, with [`wait`](Self::wait) in others.
///
/// It gives the line. It panics, with all that was said, when nothing comes for too long
/// ([`Builder::patience`](crate::Builder::patience)).
#[derive(Debug)]
#[must_use = "nothing is waited for before it is awaited"]
pub struct Waiting {
    pub(crate) found: oneshot::Receiver<Result<String, NeverSaid>>,
}

/// Why a wait has failed.
#[derive(Debug)]
pub(crate) struct NeverSaid {
    pub(crate) wanted: String,
    pub(crate) patience: Duration,
    pub(crate) transcript: String,
}

impl Waiting {
    /// Waits, and holds up the thread. Not for a thread that runs asynchronous tasks: await it there.
    ///
    /// # Panics
    /// When it was not said in time.
    #[track_caller]
    pub fn wait(self) -> String {
        said(self.found.blocking_recv())
    }
}

impl IntoFuture for Waiting {
    type Output = String;
    type IntoFuture = Pin<Box<dyn Future<Output = String> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { said(self.found.await) })
    }
}

#[track_caller]
fn said(found: Result<Result<String, NeverSaid>, oneshot::error::RecvError>) -> String {
    match found {
        Ok(Ok(line)) => line,
        Ok(Err(NeverSaid {
            wanted,
            patience,
            transcript,
        })) => panic!("nobody said {wanted:?} in {patience:?}:\n{transcript}"),
        Err(_) => panic!("the server has ended"),
    }
}
