//! The database engines: connections, transactions, statements, and opening a database safely.
//!
//! No other module names a driver. A statement outside is SQL that both engines know, with `?1`, `?2` for its values; what only
//! one of them can say is in [`Dialect`] and in its migrations.

mod database;
mod dialect;
mod open_error;
mod postgres;
mod sqlite;
mod statements;

pub(crate) use database::{Database, Hint, Hints, Place};
pub(crate) use dialect::Dialect;
pub use open_error::OpenError;
#[cfg(test)]
pub(crate) use statements::statements_run;
pub(crate) use statements::{Row, Statements, Value};
