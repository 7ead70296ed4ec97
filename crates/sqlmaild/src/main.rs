//! An IMAP server for mail in a database, and the commands of its administrator. What it has in common with servers of other
//! stores is in `imap-daemon`; what it does to the database is in `imap-sql`.

mod accounts;
mod admin;
mod command;
mod config;
mod database;
mod demo;
mod serve;
mod transfer;

use clap::Parser;

fn main() -> std::process::ExitCode {
    imap_daemon::exit("sqlmaild", command::run(command::CommandLine::parse()))
}
