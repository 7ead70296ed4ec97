//! A PostgreSQL database: a pool of connections, and one more that listens.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use imap_backend::Error;
use tokio::runtime::Runtime;
use tokio_postgres::Config;

use super::error::gave_way;
use super::listener;
use super::owed::Owed;
use super::pool::{Lease, Pool};
use super::schema;
use super::tls::Connector;
use crate::engine::{Hints, OpenError, Statements};

/// How long to wait until the server takes a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// One view for all statements of the transaction. A transaction that writes reads what is committed at each statement
/// instead, because it has the lock of what it changes.
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// The same, where the hint follows the commit: the trigger sends none.
const BEGIN_WRITE_BEFORE_HINT: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL imap.hint_follows = on";

/// How often a transaction is begun anew that the server has ended because it and others waited for each other.
const AGAIN: usize = 4;

pub(crate) struct Database {
    connector: Connector,
    pool: Pool,
    /// There where this process listens.
    owed: OnceLock<Arc<Owed>>,
    /// There until this is dropped.
    runtime: Option<Runtime>,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}

impl Database {
    /// With so many connections at most, beside the one that listens.
    pub(crate) fn open(
        url: &str,
        patience: Duration,
        most_connections: NonZeroUsize,
    ) -> Result<Self, OpenError> {
        let mut config = Config::from_str(url).map_err(|error| OpenError::Failed(Box::new(error)))?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_application_name().is_none() {
            config.application_name("imap-sql");
        }
        config.keepalives_idle(Duration::from_secs(30));
        let connector = Connector::new(config)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("imap-sql-postgres")
            .enable_all()
            .build()
            .map_err(|error| OpenError::Failed(Box::new(error)))?;
        let pool = Pool::new(
            connector.clone(),
            patience,
            runtime.handle().clone(),
            most_connections.get(),
        );
        // From here on it is ended without waiting, also where the database is refused.
        let database = Self {
            connector,
            pool,
            owed: OnceLock::new(),
            runtime: Some(runtime),
        };
        schema::prepare(&mut database.pool.connect()?)?;
        Ok(database)
    }

    pub(crate) fn read<T>(&self, work: impl FnOnce(Statements<'_>) -> Result<T, Error>) -> Result<T, Error> {
        run(self.pool.begin_unwaited(BEGIN_READ)?, work, Lease::end_unwaited)
    }

    pub(crate) fn write<T>(
        &self,
        mut work: impl FnMut(Statements<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        for _ in 0..AGAIN {
            match self.write_once(&mut work) {
                Err(error) if gave_way(&error) => tracing::debug!(%error, "a transaction begins anew"),
                done => return done,
            }
        }
        self.write_once(work)
    }

    fn write_once<T>(&self, work: impl FnOnce(Statements<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let begin = match self.owed.get() {
            Some(owed) if owed.may_follow() => BEGIN_WRITE_BEFORE_HINT,
            _ => BEGIN_WRITE,
        };
        run(self.pool.begin(begin)?, work, Lease::commit)
    }

    /// A transaction that changed these mailboxes is committed.
    pub(crate) fn changed(&self, mailboxes: impl IntoIterator<Item = i64>) {
        if let Some(owed) = self.owed.get() {
            owed.add(mailboxes);
        }
    }

    /// Calls `hints` when a server says that something changed, until this is dropped.
    pub(crate) fn listen(&self, hints: Hints) {
        if let Some(runtime) = &self.runtime {
            let owed = Arc::clone(self.owed.get_or_init(Arc::default));
            runtime.spawn(listener::listen(self.connector.clone(), hints, owed));
        }
    }
}

/// Runs work in a transaction that has begun, and ends it; where the work fails, nothing of it happened.
fn run<'p, T>(
    lease: Lease<'p>,
    work: impl FnOnce(Statements<'_>) -> Result<T, Error>,
    end: impl FnOnce(Lease<'p>) -> Result<(), Error>,
) -> Result<T, Error> {
    match work(Statements::of_postgres(lease.connection()?)) {
        Ok(answer) => end(lease).map(|()| answer),
        Err(error) => {
            lease.roll_back();
            Err(error)
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Waits for nothing: this may be dropped where nobody may block.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
