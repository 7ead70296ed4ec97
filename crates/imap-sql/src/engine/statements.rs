//! Statements within a transaction, and their rows.

use std::cell::RefCell;

use imap_backend::{Error, ErrorKind};
use imap_seq::{ModSeq, Uid};
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::{Dialect, postgres, sqlite};

/// A value for a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'v> {
    Integer(i64),
    Text(&'v str),
    Octets(&'v [u8]),
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<Uid> for Value<'_> {
    fn from(uid: Uid) -> Self {
        Self::Integer(uid.into())
    }
}

impl From<ModSeq> for Value<'_> {
    fn from(modseq: ModSeq) -> Self {
        Self::Integer(modseq.into())
    }
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(text: &'v str) -> Self {
        Self::Text(text)
    }
}

impl<'v> From<&'v [u8]> for Value<'v> {
    fn from(octets: &'v [u8]) -> Self {
        Self::Octets(octets)
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Self::Integer(number) => ValueRef::Integer(number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Octets(octets) => ValueRef::Blob(octets),
        }))
    }
}

/// Runs statements: in a transaction that may write, or in one consistent view of what was committed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statements<'c>(Connection<'c>);

#[derive(Clone, Copy, Debug)]
enum Connection<'c> {
    Sqlite(&'c rusqlite::Connection),
    Postgres(&'c RefCell<postgres::Connection>),
}

impl<'c> Statements<'c> {
    pub(super) const fn of_sqlite(connection: &'c rusqlite::Connection) -> Self {
        Self(Connection::Sqlite(connection))
    }

    pub(super) const fn of_postgres(connection: &'c RefCell<postgres::Connection>) -> Self {
        Self(Connection::Postgres(connection))
    }

    pub(crate) const fn dialect(self) -> Dialect {
        match self.0 {
            Connection::Sqlite(_) => Dialect::Sqlite,
            Connection::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement without rows; answers how many rows it changed, those of triggers not counted.
    pub(crate) fn execute(self, sql: &str, values: &[Value<'_>]) -> Result<usize, Error> {
        #[cfg(test)]
        count();
        match self.0 {
            Connection::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql).map_err(sqlite::failed)?;
                let values = rusqlite::params_from_iter(values);
                statement.execute(values).map_err(sqlite::failed)
            }
            Connection::Postgres(connection) => postgres::borrow(connection)?.execute(sql, values),
        }
    }

    /// Runs a statement and looks at each of its rows. `look` runs no statement.
    pub(crate) fn each(
        self,
        sql: &str,
        values: &[Value<'_>],
        mut look: impl FnMut(Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        #[cfg(test)]
        count();
        match self.0 {
            Connection::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql).map_err(sqlite::failed)?;
                let values = rusqlite::params_from_iter(values);
                let mut rows = statement.query(values).map_err(sqlite::failed)?;
                while let Some(row) = rows.next().map_err(sqlite::failed)? {
                    look(Row::Sqlite(row))?;
                }
                Ok(())
            }
            Connection::Postgres(connection) => {
                postgres::borrow(connection)?.each(sql, values, |row| look(Row::Postgres(row)))
            }
        }
    }

    /// Runs a statement that has one row or none.
    pub(crate) fn one<T>(
        self,
        sql: &str,
        values: &[Value<'_>],
        look: impl Fn(Row<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let mut found = None;
        self.each(sql, values, |row| {
            found = Some(look(row)?);
            Ok(())
        })?;
        Ok(found)
    }
}

/// A row. Columns count from 0. A column of another type than is asked for is damage.
#[derive(Clone, Copy)]
pub(crate) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl<'r> Row<'r> {
    pub(crate) fn integer(self, column: usize) -> Result<i64, Error> {
        match self {
            Self::Sqlite(row) => of_sqlite(row, column)?.as_i64().map_err(damaged),
            Self::Postgres(row) => postgres::integer(row, column).map_err(damaged),
        }
    }

    pub(crate) fn text(self, column: usize) -> Result<&'r str, Error> {
        match self {
            Self::Sqlite(row) => of_sqlite(row, column)?.as_str().map_err(damaged),
            Self::Postgres(row) => row.try_get(column).map_err(damaged),
        }
    }

    pub(crate) fn text_or_null(self, column: usize) -> Result<Option<&'r str>, Error> {
        match self {
            Self::Sqlite(row) => of_sqlite(row, column)?.as_str_or_null().map_err(damaged),
            Self::Postgres(row) => row.try_get(column).map_err(damaged),
        }
    }

    pub(crate) fn octets(self, column: usize) -> Result<&'r [u8], Error> {
        match self {
            Self::Sqlite(row) => of_sqlite(row, column)?.as_blob().map_err(damaged),
            Self::Postgres(row) => row.try_get(column).map_err(damaged),
        }
    }

    pub(crate) fn octets_or_null(self, column: usize) -> Result<Option<&'r [u8]>, Error> {
        match self {
            Self::Sqlite(row) => of_sqlite(row, column)?.as_blob_or_null().map_err(damaged),
            Self::Postgres(row) => row.try_get(column).map_err(damaged),
        }
    }
}

fn of_sqlite<'r>(row: &'r rusqlite::Row<'_>, column: usize) -> Result<ValueRef<'r>, Error> {
    row.get_ref(column).map_err(sqlite::failed)
}

fn damaged(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Corruption).with_source(error)
}

#[cfg(test)]
thread_local! {
    static RUN: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
fn count() {
    RUN.set(RUN.get() + 1);
}

/// How many statements some work runs on this thread.
#[cfg(test)]
pub(crate) fn statements_run<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = RUN.get();
    let done = work();
    (done, RUN.get() - before)
}
