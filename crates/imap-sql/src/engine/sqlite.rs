//! SQLite, compiled into the program: one file, one writer at a time.

mod connection;
mod database;
mod error;
mod migrations;
mod open;
mod watch;
mod writer;

pub(super) use database::Database;
pub(super) use error::failed;
