//! PostgreSQL, by its URL: any number of processes on one database.
//!
//! The driver is asynchronous, and one thread of this module's own carries all connections. The statements block, as SQLite's
//! do: whoever calls waits for the answer, and not for ever.

mod connection;
mod database;
mod error;
mod listener;
mod pool;
mod schema;
mod tls;
mod values;
mod wait;

pub(crate) use connection::{Connection, borrow};
pub(crate) use database::Database;
pub(crate) use values::integer;
