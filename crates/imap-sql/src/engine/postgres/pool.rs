//! The connections of a process: so many at most, and none is held while a client is slow.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use imap_backend::{Error, ErrorKind};
use parking_lot::{Condvar, Mutex};
use tokio::runtime::Handle;

use super::connection::Connection;
use super::error::Failure;
use super::tls::Connector;

/// How long a command waits until a connection is free.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Pool {
    connector: Connector,
    /// How long a statement waits for a lock.
    lock_patience: Duration,
    runtime: Handle,
    most: usize,
    connections: Mutex<Connections>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Connections {
    idle: Vec<Connection>,
    /// All, those in use too.
    made: usize,
}

/// Whether a connection was used before: then the server may have ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Age {
    New,
    Used,
}

/// A connection within a transaction. Dropped without an end, it is closed: the work with it panicked.
pub(super) struct Lease<'p> {
    pool: &'p Pool,
    /// There until it goes back.
    connection: Option<RefCell<Connection>>,
}

impl Pool {
    pub(super) fn new(connector: Connector, lock_patience: Duration, runtime: Handle, most: usize) -> Self {
        Self {
            connector,
            lock_patience,
            runtime,
            most,
            connections: Mutex::default(),
            returned: Condvar::new(),
        }
    }

    /// Begins a view for reading. See [`Connection::begin_unwaited`].
    pub(super) fn begin_unwaited(&self, sql: &'static str) -> Result<Lease<'_>, Error> {
        let (mut lease, _) = self.lease()?;
        if let Some(connection) = &mut lease.connection {
            connection.get_mut().begin_unwaited(sql);
        }
        Ok(lease)
    }

    /// Begins a transaction. Connections that the server has ended meanwhile are replaced.
    pub(super) fn begin(&self, sql: &str) -> Result<Lease<'_>, Error> {
        loop {
            let (lease, age) = self.lease()?;
            let begun = lease.connection()?.borrow_mut().begin(sql);
            match begun {
                Ok(()) => return Ok(lease),
                Err(failure) if age == Age::New || lease.connection()?.borrow_mut().is_usable() => {
                    return Err(failure.into());
                }
                Err(_) => {}
            }
        }
    }

    /// An idle connection, or a new one.
    fn lease(&self) -> Result<(Lease<'_>, Age), Error> {
        let idle = self.take()?;
        let mut lease = Lease {
            pool: self,
            connection: None,
        };
        let (connection, age) = match idle {
            Some(connection) => (connection, Age::Used),
            None => (self.connect()?, Age::New), // the lease gives the place back
        };
        lease.connection = Some(RefCell::new(connection));
        Ok((lease, age))
    }

    pub(super) fn connect(&self) -> Result<Connection, Failure> {
        Connection::connect(&self.connector, self.lock_patience, &self.runtime)
    }

    /// An idle connection, or the place for a new one. Its place has to be given back.
    fn take(&self) -> Result<Option<Connection>, Error> {
        let until = Instant::now() + PATIENCE;
        let mut connections = self.connections.lock();
        loop {
            if let Some(mut connection) = connections.idle.pop() {
                if connection.is_usable() {
                    return Ok(Some(connection));
                }
                connections.made -= 1;
                continue;
            }
            if connections.made < self.most {
                connections.made += 1;
                return Ok(None);
            }
            if self.returned.wait_until(&mut connections, until).timed_out() {
                return Err(Error::new(ErrorKind::Unavailable)
                    .with_source("all connections to the database are busy"));
            }
        }
    }
}

impl Lease<'_> {
    pub(super) fn connection(&self) -> Result<&RefCell<Connection>, Error> {
        self.connection
            .as_ref()
            .ok_or_else(|| ErrorKind::ServerBug.into())
    }

    pub(super) fn commit(self) -> Result<(), Error> {
        self.end(Connection::commit)
    }

    pub(super) fn end_unwaited(self) -> Result<(), Error> {
        self.end(|connection| Ok(connection.end_unwaited()?))
    }

    pub(super) fn roll_back(self) {
        let rolled_back = self.end(|connection| {
            connection.roll_back();
            Ok(())
        });
        drop(rolled_back);
    }

    fn end(mut self, end: impl FnOnce(&mut Connection) -> Result<(), Error>) -> Result<(), Error> {
        let Some(connection) = self.connection.take() else {
            return Err(ErrorKind::ServerBug.into());
        };
        let mut connection = connection.into_inner();
        let ended = end(&mut connection);
        if ended.is_ok() && connection.is_usable() {
            let mut connections = self.pool.connections.lock();
            connections.idle.push(connection);
            // It keeps the place that the lease gives back.
            connections.made += 1;
        }
        ended
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.pool.connections.lock().made -= 1;
        self.pool.returned.notify_one();
    }
}
