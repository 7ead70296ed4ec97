//! One connection, with the settings that every one needs.

use std::cell::{RefCell, RefMut};
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures_util::StreamExt as _;
use imap_backend::{Error, ErrorKind};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row, Statement};

use super::error::Failure;
use super::tls::{Carrier, Connector};
use super::values::type_of;
use super::wait::{TimedOut, wait};
use crate::engine::Value;

/// How long to wait for the server while it says nothing. Its own time for locks ends before.
const SILENCE: Duration = Duration::from_secs(60);

/// Statements that a connection keeps prepared. Those of SEARCH have endless forms.
const PREPARED: usize = 256;

/// Statements that are on their way: polled once, they are sent.
type Sent = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

/// A connection that one thread at a time uses.
pub(crate) struct Connection {
    client: Arc<Client>,
    prepared: HashMap<Box<str>, Statement>,
    /// A statement of this transaction failed: the server will not commit it.
    failed: bool,
    /// What was sent and not waited for.
    unanswered: Option<Sent>,
    /// It does not answer, or what it would answer belongs to somebody else's question.
    spoilt: bool,
    /// Dropped last: it hears that the client is gone.
    carried: Carried,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// The connection of a transaction. Statements do not run within each other's rows.
pub(crate) fn borrow(connection: &RefCell<Connection>) -> Result<RefMut<'_, Connection>, Error> {
    connection
        .try_borrow_mut()
        .map_err(|error| Error::new(ErrorKind::ServerBug).with_source(error))
}

impl Connection {
    /// Connects. The runtime says when there is something to read; who waits for an answer reads it.
    pub(super) fn connect(
        connector: &Connector,
        patience: Duration,
        runtime: &tokio::runtime::Handle,
    ) -> Result<Self, Failure> {
        let _context = runtime.enter();
        let (client, carrier) = wait(SILENCE, tokio::task::unconstrained(connector.connect()))??;
        let mut connection = Self {
            client: Arc::new(client),
            prepared: HashMap::new(),
            failed: false,
            unanswered: None,
            spoilt: false,
            carried: Carried(Some(carrier)),
        };
        // Commits are on the disk before anybody is answered, whatever the server's default. Nobody waits for a lock for
        // ever, and no lock is kept by a program that was stopped in the middle of a transaction.
        connection.batch(&format!(
            "SET synchronous_commit = on; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = '60s'",
            patience.as_millis().clamp(1, 50_000)
        ))?;
        Ok(connection)
    }

    /// Begins a view for reading, and does not wait for the answer: it comes before that of the first statement, which then costs
    /// one round trip instead of two.
    pub(super) fn begin_unwaited(&mut self, sql: &'static str) {
        self.failed = false;
        self.unanswered = self.send(sql);
    }

    /// Ends a view, and does not wait for that. An error if it had not begun: then its statements were in no view.
    pub(super) fn end_unwaited(&mut self) -> Result<(), Failure> {
        let begun = self.unanswered.take();
        // The answer has come, if any statement's has.
        let context = &mut Context::from_waker(Waker::noop());
        if let Some(mut begun) = begun
            && let Poll::Ready(Err(error)) = begun.as_mut().poll(context)
        {
            self.spoilt = true;
            return Err(error.into());
        }
        drop(self.send("ROLLBACK"));
        self.carried.advance(context);
        Ok(())
    }

    fn send(&self, sql: &'static str) -> Option<Sent> {
        let client = Arc::clone(&self.client);
        let mut sent: Sent = Box::pin(async move { client.batch_execute(sql).await });
        let context = &mut Context::from_waker(Waker::noop());
        match sent.as_mut().poll(context) {
            Poll::Ready(_) => None, // the connection is closed: the next statement says so
            Poll::Pending => Some(sent),
        }
    }

    /// Runs statements without values and rows.
    pub(super) fn batch(&mut self, sql: &str) -> Result<(), Failure> {
        let done = self.carried.wait(self.client.batch_execute(sql));
        self.note(done)
    }

    /// Whether it can be used again.
    pub(super) fn is_usable(&mut self) -> bool {
        self.carried.advance(&mut Context::from_waker(Waker::noop()));
        !self.spoilt && !self.client.is_closed()
    }

    /// Begins a transaction: the next ends with [`commit`](Self::commit) or [`roll_back`](Self::roll_back).
    pub(super) fn begin(&mut self, sql: &str) -> Result<(), Failure> {
        self.batch(sql)?;
        self.failed = false;
        Ok(())
    }

    pub(super) fn commit(&mut self) -> Result<(), Error> {
        if self.failed {
            self.roll_back();
            return Err(Error::new(ErrorKind::ServerBug)
                .with_source("a transaction with an error cannot be committed"));
        }
        Ok(self.batch("COMMIT")?)
    }

    pub(super) fn roll_back(&mut self) {
        self.unanswered = None;
        if self.is_usable() && self.batch("ROLLBACK").is_err() {
            self.spoilt = true;
        }
    }

    pub(crate) fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<usize, Error> {
        let statement = self.prepare(sql, values)?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        let done = self.carried.wait(self.client.execute(&statement, &values));
        let changed = self.note(done)?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Rows are looked at while they arrive.
    pub(crate) fn each(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        mut look: impl FnMut(&Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let statement = self.prepare(sql, values)?;
        let client = &self.client;
        let looked = self.carried.wait(async {
            let mut rows = pin!(client.query_raw(&statement, values).await?);
            while let Some(row) = rows.next().await {
                if let Err(error) = look(&row?) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        });
        self.note(looked)?
    }

    fn prepare(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Statement, Failure> {
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        let types: Vec<Type> = values.iter().map(type_of).collect();
        let done = self
            .carried
            .wait(self.client.prepare_typed(&numbered(sql), &types));
        let statement = self.note(done)?;
        if self.prepared.len() >= PREPARED {
            self.prepared.clear();
        }
        self.prepared.insert(sql.into(), statement.clone());
        Ok(statement)
    }

    fn note<T>(&mut self, done: Result<Result<T, tokio_postgres::Error>, TimedOut>) -> Result<T, Failure> {
        match done {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                self.failed = true;
                Err(error.into())
            }
            Err(timed_out) => {
                self.spoilt = true;
                Err(timed_out.into())
            }
        }
    }
}

/// The socket's side of a connection, none once that has ended. It is read and written by the thread that waits for an answer, so
/// that no row wakes another thread on its way.
struct Carried(Option<Carrier>);

impl Carried {
    /// Waits for an answer.
    fn wait<T>(&mut self, answer: impl Future<Output = T>) -> Result<T, TimedOut> {
        let mut answer = pin!(answer);
        wait(
            SILENCE,
            poll_fn(|context| {
                // What is asked goes out, and what has come is passed on, a part at a time.
                if let Poll::Ready(answer) = answer.as_mut().poll(context) {
                    return Poll::Ready(answer);
                }
                self.advance(context);
                answer.as_mut().poll(context)
            }),
        )
    }

    /// Writes what waits to be sent and reads what has come, without waiting: also within a task of a runtime, whose turn may be
    /// over.
    fn advance(&mut self, context: &mut Context<'_>) {
        let carrying = poll_fn(|context| self.poll_end(context));
        let _ = pin!(tokio::task::unconstrained(carrying)).poll(context);
    }

    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Some(carrier) = &mut self.0 {
            match ready!(carrier.as_mut().poll_next(context)) {
                Some(Ok(_)) => {} // a notice
                ended => {
                    if let Some(Err(error)) = ended {
                        tracing::debug!(%error, "a connection to the database ended");
                    }
                    self.0 = None;
                }
            }
        }
        Poll::Ready(())
    }
}

impl Drop for Carried {
    /// The client is gone: says good-bye to the server, as far as that needs no waiting.
    fn drop(&mut self) {
        self.advance(&mut Context::from_waker(Waker::noop()));
    }
}

/// `?1` as PostgreSQL writes it. No statement has a question mark for anything else.
fn numbered(sql: &str) -> String {
    sql.replace('?', "$")
}
