//! PostgreSQL, by its URL: any number of processes on one database.
//!
//! The driver is asynchronous. The statements block, as SQLite's do: whoever calls writes to the connection and reads from it until
//! the answer is there, and does not wait for ever. One thread of this module's own only says when there is something to read,
//! and has the connection that listens.

mod connection;
mod database;
mod error;
mod listener;
mod owed;
mod pool;
mod schema;
mod tls;
mod values;
mod wait;

pub(crate) use connection::{Connection, borrow};
pub(crate) use database::Database;
pub(crate) use values::integer;
