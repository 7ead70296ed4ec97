//! The database engine: connections, transactions, statements, and opening a database safely.
//!
//! No other module names the driver. A statement outside is standard SQL with `?1`, `?2` for its values; what only one
//! engine can say is in its migrations. A second engine becomes a second kind of [`Database`] and of [`Statements`] here,
//! and a folder beside `migrations/sqlite`.

mod connection;
mod database;
mod error;
mod migrations;
mod open;
mod statements;

pub(crate) use database::Database;
pub use open::OpenError;
pub(crate) use open::Place;
pub(crate) use statements::{Row, Statements, Value};
