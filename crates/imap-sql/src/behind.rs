//! What is done behind the commands, so that no client waits for it: the index of texts, and the removal of octets that no
//! message has any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use imap_backend::Error;
use parking_lot::{Condvar, Mutex};

use crate::engine::Dialect;
use crate::node::{Node, WeakNode};
use crate::tables::{blobs, texts};
use crate::texts::read_some;

/// Uses of blobs that are over, counted off in one transaction; others that write wait for it.
const RELEASED_TOGETHER: i64 = 32;

/// Entries of messages that are gone, removed in one transaction.
const FORGOTTEN_TOGETHER: i64 = 256;

/// How it gives way to those who write.
struct Pace {
    /// So many messages are read at once.
    read: i64,
    /// So many of them are indexed in one transaction.
    committed: usize,
    /// After each time it rests for so many times as long as that took, if messages arrive meanwhile. Otherwise for as long.
    rest: u32,
}

const fn pace(dialect: Dialect) -> Pace {
    match dialect {
        // Nobody else writes meanwhile.
        Dialect::Sqlite => Pace {
            read: 8,
            committed: 8,
            rest: 19,
        },
        // COPY and EXPUNGE lock the row of the octets that is locked here: each until its text is indexed, and no longer.
        Dialect::Postgres => Pace {
            read: 64,
            committed: 1,
            rest: 3,
        },
    }
}

/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(5);

/// Tells the thread that works behind the commands that there is something to do.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    /// Whether there is an index of texts.
    texts_are_kept: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// There may be something to do.
    has_work: bool,
    /// Messages arrive.
    is_busy: bool,
    ended: bool,
}

impl Behind {
    /// Whether SEARCH can ask the index of texts.
    pub(crate) fn texts_are_kept(&self) -> bool {
        self.texts_are_kept.load(Ordering::Relaxed)
    }

    /// A message was stored.
    pub(crate) fn message_arrived(&self) {
        self.state.lock().is_busy = true;
        self.look();
    }

    /// A mailbox was changed, perhaps by another program.
    pub(crate) fn look(&self) {
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

    /// Whether messages arrived since the last time.
    fn take_busy(&self) -> bool {
        std::mem::take(&mut self.state.lock().is_busy)
    }

    /// Whether to go on after so long.
    fn rest(&self, duration: Duration) -> bool {
        let until = Instant::now() + duration;
        let mut state = self.state.lock();
        while !state.ended && !self.changed.wait_until(&mut state, until).timed_out() {}
        !state.ended
    }
}

/// Does what there is to do and what comes, on a thread of its own, until the node is gone. A database without an index of texts
/// has nothing for it.
///
/// # Errors
/// Where the database cannot be read, or there can be no thread.
pub(crate) fn follow(node: &Node) -> Result<(), Error> {
    if !node.read(texts::are_kept)? {
        tracing::warn!(
            "the database has no index of texts, so that every SEARCH for a string reads the messages; make it by \
             `CREATE EXTENSION pg_trgm; CREATE INDEX texts_by_trigram ON texts USING gin (text gin_trgm_ops)`, \
             and start again"
        );
        return Ok(());
    }
    let (behind, node) = (Arc::clone(node.behind()), node.downgrade());
    behind.texts_are_kept.store(true, Ordering::Relaxed);
    behind.look();
    let thread = std::thread::Builder::new().name("imap-sql-behind".to_owned());
    match thread.spawn(move || follow_until_end(&behind, &node)) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::new(imap_backend::ErrorKind::Unavailable).with_source(error)),
    }
}

fn follow_until_end(behind: &Behind, node: &WeakNode) {
    while behind.wait() {
        loop {
            let Some(node) = node.upgrade() else { return };
            let begin = Instant::now();
            let pace = pace(node.dialect());
            let worked = work(&node, &pace);
            drop(node);
            let rest = match worked {
                Ok(Progress::Done) => break,
                Ok(Progress::Made) if behind.take_busy() => begin.elapsed() * pace.rest,
                Ok(Progress::Made) => begin.elapsed(),
                Err(error) => {
                    tracing::warn!(%error, "messages wait to be indexed, or octets to be removed");
                    PAUSE
                }
            };
            if !behind.rest(rest) {
                return;
            }
        }
    }
}

enum Progress {
    Made,
    Done,
}

/// Some of what there is to do.
fn work(node: &Node, pace: &Pace) -> Result<Progress, Error> {
    let (read, some_are_gone) = node.read(|statements| {
        let some_are_gone = blobs::some_are_released(statements)? || texts::some_are_gone(statements)?;
        Ok((read_some(statements, pace.read)?, some_are_gone))
    })?;
    if read.is_empty() && !some_are_gone {
        return Ok(Progress::Done);
    }
    for some in read.chunks(pace.committed) {
        index(node, some)?;
    }
    if some_are_gone {
        node.commit(|change| {
            blobs::count_off(change.statements, RELEASED_TOGETHER)?;
            texts::forget(change.statements, FORGOTTEN_TOGETHER)
        })?;
    }
    Ok(Progress::Made)
}

/// Makes the entries of blobs, in one transaction.
fn index(node: &Node, some: &[(i64, Option<String>)]) -> Result<(), Error> {
    let indexed = node.commit(|change| {
        texts::begin(change.statements)?;
        for (blob, text) in some {
            texts::add(change.statements, *blob, text.as_deref())?;
        }
        Ok(())
    });
    match indexed {
        // A blob that goes meanwhile refuses its entry.
        Err(error) => {
            let blobs = some.iter().map(|(blob, _)| *blob);
            match node.read(|statements| texts::are_waiting(statements, blobs))? {
                true => Err(error),
                false => Ok(()),
            }
        }
        indexed => indexed,
    }
}
