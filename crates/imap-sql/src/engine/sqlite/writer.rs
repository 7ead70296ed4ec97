//! The connection that writes, and the commits that several transactions share.
//!
//! A commit waits for the disk. The transactions that come meanwhile run one after the other in one transaction of the
//! database, each in a savepoint of its own but for the first, and the last of them commits for all. A transaction that fails,
//! or panics, undoes only itself. Nobody is answered before the commit.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use imap_backend::{Error, ErrorKind};
use parking_lot::{Condvar, Mutex, MutexGuard};
use rusqlite::Connection;

use super::error::failed;
use crate::engine::Statements;

/// So many transactions share a commit at most: the first of them waits for all the others.
pub(super) const MOST_TOGETHER: usize = 32;

/// SQLite has one writer at a time. Within the process they queue here, in their order and without polling; beside other
/// processes they wait as long as the patience allows.
#[derive(Debug)]
pub(super) struct Writer {
    turn: Mutex<Turn>,
    /// Threads that are about to have the turn. Each of them takes it.
    waiting: AtomicUsize,
    /// How many transactions share a commit at most.
    together: usize,
}

/// What who has the turn may use.
#[derive(Debug)]
struct Turn {
    connection: Connection,
    /// The transactions that were run and are not committed.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    group: Arc<Group>,
    members: usize,
}

/// Transactions that share a commit.
#[derive(Debug, Default)]
struct Group {
    /// There when the commit has succeeded or failed.
    outcome: Mutex<Option<Result<(), Arc<Error>>>>,
    ended: Condvar,
}

/// How the work of a transaction ended: an answer and the group whose commit it waits for, an error, or a panic.
type Done<T> = Result<Result<(T, Arc<Group>), Error>, Box<dyn Any + Send>>;

impl Writer {
    pub(super) fn new(connection: Connection, together: usize) -> Self {
        Self {
            turn: Mutex::new(Turn {
                connection,
                open: None,
            }),
            waiting: AtomicUsize::new(0),
            together,
        }
    }

    /// Runs a transaction. It is on the disk when this returns `Ok`; otherwise nothing of it happened.
    pub(super) fn write<T>(&self, work: impl FnOnce(Statements<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let mut turn = self.take_turn();
        let done = turn.run(work);
        // Who waits joins the group, and then commits it or leaves it to the next.
        if self.waiting.load(Ordering::SeqCst) == 0 || turn.members() >= self.together {
            turn.commit();
        }
        MutexGuard::unlock_fair(turn);
        match done {
            Ok(Ok((answer, group))) => group.wait().map(|()| answer),
            Ok(Err(error)) => Err(error),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// The connection between two transactions, for who shares it with this: only where each commits by itself.
    pub(super) fn with_connection<T>(&self, work: impl FnOnce(&mut Connection) -> T) -> T {
        work(&mut self.turn.lock().connection)
    }

    fn take_turn(&self) -> MutexGuard<'_, Turn> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let turn = self.turn.lock();
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        turn
    }
}

impl Turn {
    fn members(&self) -> usize {
        self.open.as_ref().map_or(0, |open| open.members)
    }

    fn run<T>(&mut self, work: impl FnOnce(Statements<'_>) -> Result<T, Error>) -> Done<T> {
        let group = match self.begin() {
            Ok(group) => group,
            Err(error) => return Ok(Err(error)),
        };
        // Whatever a panic leaves on the connection is undone.
        let worked = catch_unwind(AssertUnwindSafe(|| work(Statements::of_sqlite(&self.connection))));
        match worked {
            Ok(Ok(_)) => self.keep(),
            _ => self.undo(),
        }
        worked.map(|answer| answer.map(|answer| (answer, group)))
    }

    fn begin(&mut self) -> Result<Arc<Group>, Error> {
        if let Some(open) = &self.open {
            self.execute("SAVEPOINT member")?;
            return Ok(Arc::clone(&open.group));
        }
        // Immediate: the lock is taken at the beginning, so that no transaction fails in its middle for want of it.
        self.execute("BEGIN IMMEDIATE")?;
        let group = Arc::<Group>::default();
        self.open = Some(Open {
            group: Arc::clone(&group),
            members: 0,
        });
        Ok(group)
    }

    /// What was done is committed with the group.
    fn keep(&mut self) {
        let kept = match self.members() {
            0 => self.is_open(),
            _ => self.execute("RELEASE member"),
        };
        if let Err(error) = kept {
            return self.fail(error);
        }
        if let Some(open) = &mut self.open {
            open.members += 1;
        }
    }

    /// A full disk, and some other failures, make SQLite roll back all of the transaction.
    fn is_open(&self) -> Result<(), Error> {
        match self.connection.is_autocommit() {
            false => Ok(()),
            true => Err(Error::new(ErrorKind::Unavailable)
                .with_source("the database has rolled back a transaction by itself")),
        }
    }

    /// What was done is undone. Where it was the first of the group, nobody is in it now.
    fn undo(&mut self) {
        if self.members() == 0 {
            self.roll_back();
            self.open = None;
            return;
        }
        let undone = self
            .execute("ROLLBACK TO member")
            .and_then(|()| self.execute("RELEASE member"));
        if let Err(error) = undone {
            self.fail(error);
        }
    }

    fn commit(&mut self) {
        if self.open.is_none() {
            return;
        }
        match self.execute("COMMIT") {
            Ok(()) => self.end(Ok(())),
            Err(error) => self.fail(error),
        }
    }

    /// Nothing of the group happened.
    fn fail(&mut self, error: Error) {
        self.roll_back();
        self.end(Err(Arc::new(error)));
    }

    fn end(&mut self, outcome: Result<(), Arc<Error>>) {
        if let Some(open) = self.open.take() {
            *open.group.outcome.lock() = Some(outcome);
            open.group.ended.notify_all();
        }
    }

    fn roll_back(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }

    fn execute(&self, sql: &str) -> Result<(), Error> {
        let done = self
            .connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]));
        done.map(drop).map_err(failed)
    }
}

impl Group {
    fn wait(&self) -> Result<(), Error> {
        let mut outcome = self.outcome.lock();
        loop {
            match &*outcome {
                Some(Ok(())) => return Ok(()),
                Some(Err(error)) => return Err(Error::new(error.kind()).with_source(Arc::clone(error))),
                None => self.ended.wait(&mut outcome),
            }
        }
    }
}

#[cfg(test)]
mod tests;
