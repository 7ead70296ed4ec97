//! The command line: what there is to type, and what it exits with.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use imap_daemon::Failure;
use imap_daemon::config::ServerFlags;

use crate::admin::AdminArgs;
use crate::config::{Settings, SqlLayer, example};
use crate::database::Database;
use crate::demo::DemoArgs;
use crate::{admin, demo, serve};

/// An IMAP server for mail in a database.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  sqlmaild demo                                       a database with mail to try it on; prints what to type next
  sqlmaild admin --database mail.db account create ada          a user; asks for the password
  sqlmaild serve --database mail.db --listen 127.0.0.1:1143
  sqlmaild serve --config /etc/sqlmaild/sqlmaild.toml

Exit codes: 0 done (also after a stop by SIGINT or SIGTERM), 1 failed, 2 wrong arguments, 130 stopped by force.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the mail of a database
    Serve(Box<ServeArgs>),
    /// Look after accounts, mailboxes and messages, also while servers run
    Admin(AdminArgs),
    /// Serve a database with mail to try it on, on this machine only
    Demo(DemoArgs),
}

#[derive(Debug, Args)]
#[command(after_help = SERVE_EXAMPLES)]
struct ServeArgs {
    #[command(flatten)]
    server: ServerFlags,
    /// The database: the path of a SQLite file, or postgres://USER:PASSWORD@HOST/DATABASE
    #[arg(long, value_name = "PLACE")]
    database: Option<Database>,
    /// The most connections to a PostgreSQL database, beside the one that listens for notifications
    #[arg(long, value_name = "NUMBER")]
    database_connections: Option<NonZeroUsize>,
}

const SERVE_EXAMPLES: &str = "\
Prints one line for each address when it is ready:
  listening on 127.0.0.1:1143

Examples:
  sqlmaild serve --listen 127.0.0.1:0 --database mail.db
  sqlmaild serve --example-config >sqlmaild.toml
  sqlmaild serve --config sqlmaild.toml --log-level debug

Signals: SIGINT and SIGTERM stop after the commands in progress, a second one at once; SIGHUP reads the certificate
again.";

/// Does what a command line says.
pub(crate) fn run(line: CommandLine) -> Result<ExitCode, Failure> {
    match line.command {
        Command::Serve(args) => run_serve(*args),
        Command::Admin(args) => admin::run(args),
        Command::Demo(args) => demo::run(&args),
    }
}

fn run_serve(args: ServeArgs) -> Result<ExitCode, Failure> {
    if args.server.example_config {
        io::stdout().write_all(example().as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let own = SqlLayer {
        database: args.database,
        database_connections: args.database_connections,
    };
    serve::run(Settings::of(args.server.over_file(own)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        CommandLine::command().debug_assert();
    }
}
