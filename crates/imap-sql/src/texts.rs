//! The index of texts, made behind the APPENDs: a message can be searched at once, and is found without the index until it is
//! in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use imap_backend::{Error, ErrorKind};
use imap_message::{SearchedText, Summary};
use parking_lot::{Condvar, Mutex};

use crate::body;
use crate::engine::Statements;
use crate::node::{Node, WeakNode};
use crate::tables::texts::{self, Waiting};

/// A message with more text is not indexed, in octets: each octet makes an entry.
const MOST_TEXT: u64 = 256 << 10;

/// So many messages are indexed in one transaction at most; others that write wait for it.
const TOGETHER: i64 = 8;

/// Entries of messages that are gone, removed in one transaction.
const FORGOTTEN_TOGETHER: i64 = 256;

/// After each transaction it rests for so many times as long as that took, if messages arrive meanwhile: who writes has most
/// of the database's time. Otherwise it rests for as long.
const REST: u32 = 19;

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(5);

/// Tells the thread that indexes that there is something to do.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// Whether there is an index.
    are_kept: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    has_work: bool,
    ended: bool,
}

impl Texts {
    /// Whether SEARCH can ask the index.
    pub(crate) fn are_kept(&self) -> bool {
        self.are_kept.load(Ordering::Relaxed)
    }

    /// A message was stored.
    pub(crate) fn have_changed(&self) {
        self.state.lock().has_work = true;
        self.changed.notify_one();
    }

    pub(crate) fn end(&self) {
        self.state.lock().ended = true;
        self.changed.notify_one();
    }

    /// Waits for something to do. Whether there will be any.
    fn wait(&self) -> bool {
        let mut state = self.state.lock();
        while !state.has_work && !state.ended {
            self.changed.wait(&mut state);
        }
        state.has_work = false;
        !state.ended
    }

    /// Whether something came since the last time.
    fn take_news(&self) -> bool {
        std::mem::take(&mut self.state.lock().has_work)
    }

    /// Whether to go on after so long.
    fn rest(&self, duration: Duration) -> bool {
        let until = Instant::now() + duration;
        let mut state = self.state.lock();
        while !state.ended && !self.changed.wait_until(&mut state, until).timed_out() {}
        !state.ended
    }
}

/// Indexes what there is and what comes, on a thread of its own, until the node is gone.
///
/// # Errors
/// Where the database cannot be read, or there can be no thread.
pub(crate) fn follow(node: &Node) -> Result<(), Error> {
    if !node.read(texts::are_kept)? {
        tracing::info!("the database has no index of texts: SEARCH reads messages");
        return Ok(());
    }
    let (texts, node) = (Arc::clone(node.texts()), node.downgrade());
    texts.are_kept.store(true, Ordering::Relaxed);
    texts.have_changed();
    let thread = std::thread::Builder::new().name("imap-sql-texts".to_owned());
    match thread.spawn(move || follow_until_end(&texts, &node)) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::new(ErrorKind::Unavailable).with_source(error)),
    }
}

fn follow_until_end(texts: &Texts, node: &WeakNode) {
    while texts.wait() {
        loop {
            let Some(node) = node.upgrade() else { return };
            let begin = Instant::now();
            let indexed = index_some(&node);
            drop(node);
            let rest = match indexed {
                Ok(Progress::Done) => break,
                Ok(Progress::Made) if texts.take_news() => begin.elapsed() * REST,
                Ok(Progress::Made) => begin.elapsed(),
                Err(error) => {
                    tracing::warn!(%error, "messages wait to be indexed");
                    PAUSE
                }
            };
            if !texts.rest(rest) {
                return;
            }
        }
    }
}

enum Progress {
    Made,
    Done,
}

fn index_some(node: &Node) -> Result<Progress, Error> {
    let (read, some_are_gone) = node.read(|statements| {
        let mut read = Vec::new();
        for waiting in texts::waiting(statements, TOGETHER)? {
            read.push((waiting.blob, text(statements, &waiting)));
        }
        Ok((read, texts::some_are_gone(statements)?))
    })?;
    if read.is_empty() && !some_are_gone {
        return Ok(Progress::Done);
    }
    node.commit(|change| {
        for (blob, text) in &read {
            texts::add(change.statements, *blob, text.as_deref())?;
        }
        texts::forget(change.statements, FORGOTTEN_TOGETHER)
    })?;
    Ok(Progress::Made)
}

/// The text of a message; `None` where it is too long or cannot be read.
fn text(statements: Statements<'_>, waiting: &Waiting) -> Option<String> {
    let summary = Summary::from_bytes(&waiting.summary).ok()?;
    let size = u64::try_from(waiting.size).ok()?;
    let mut text = SearchedText::new(&summary, MOST_TEXT)?;
    while let Some(wanted) = text.wanted() {
        let most = usize::try_from(wanted.end - wanted.start).ok()?;
        let octets = body::read(statements, (waiting.blob, size), wanted.start, most).ok()?;
        text.push(&octets);
    }
    Some(text.finish())
}
