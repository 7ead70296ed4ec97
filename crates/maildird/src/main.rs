//! An IMAP server for Maildir. What it has in common with servers of other stores is in `imap-daemon`.

mod check;
mod command;
mod config;
mod place;
mod reindex;
mod serve;
mod transfer;

use clap::Parser;

fn main() -> std::process::ExitCode {
    imap_daemon::exit("maildird", command::run(command::CommandLine::parse()))
}
