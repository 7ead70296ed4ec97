//! The command line: what there is to type, and what it exits with.

use std::io::{self, Write};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use imap_daemon::Failure;
use imap_daemon::config::ServerFlags;
use imap_daemon::passwords::{PasswordSource, Secrets};
use imap_daemon::users::{self, IfMissing, UserName, Users, UsersError};

use crate::check::{self, CheckArgs};
use crate::config::{
    MailRoot, MailRootLinks, MaildirLayer, Mode, Settings, SpecialUse, StorageQuota, example,
};
use crate::reindex::{self, ReindexArgs};
use crate::serve;
use crate::transfer::{self, ExportArgs, ImportArgs};

/// An IMAP server for Maildir.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  maildird user add --users users ada                 a user; asks for the password
  maildird serve --mail-root '/var/mail/%u/Maildir' --users users --listen 127.0.0.1:1143
  maildird serve --config /etc/maildird/maildird.toml
  maildird check /var/mail/ada/Maildir                look a Maildir over; changes nothing
  maildird reindex --config /etc/maildird/maildird.toml ada
  maildird import --config /etc/maildird/maildird.toml imap ada mail.example.org --login ada@example.org
  maildird export --config /etc/maildird/maildird.toml mbox ada /srv/export/ada

Exit codes: 0 done (also after a stop by SIGINT or SIGTERM), 1 failed, 2 wrong arguments, 130 stopped by force.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the Maildirs of the users in a users file
    Serve(Box<ServeArgs>),
    /// Change the users file
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
    /// Look Maildirs over and report what is found; changes nothing
    Check(CheckArgs),
    /// Take mail in; run again after it was interrupted, it stores nothing twice
    Import(Box<ImportArgs>),
    /// Make the indices beside the mail anew, such as before a server is started on many messages
    Reindex(ReindexArgs),
    /// Give mail out; run again after it was interrupted, it goes on
    Export(ExportArgs),
}

#[derive(Debug, Args)]
#[command(after_help = SERVE_EXAMPLES)]
struct ServeArgs {
    #[command(flatten)]
    server: ServerFlags,
    /// Each user's Maildir; %u is the user's name
    #[arg(long, value_name = "PATH")]
    mail_root: Option<MailRoot>,
    /// Symbolic links in the mail root, from the first part with %u on [default: refuse]
    #[arg(long, value_name = "WHAT")]
    mail_root_links: Option<MailRootLinks>,
    /// Which mailboxes are shown as the one for sent mail, drafts and so on [default: by-name]
    #[arg(long, value_name = "WHICH")]
    special_use: Option<SpecialUse>,
    /// How much each user may hold, such as 2GiB, where no other program says so in the user's maildirsize [default: no limit]
    #[arg(long, value_name = "SIZE")]
    quota_storage: Option<StorageQuota>,
    /// How many messages each user may hold, where no other program says so in the user's maildirsize [default: no limit]
    #[arg(long, value_name = "COUNT")]
    quota_messages: Option<NonZeroU64>,
    /// Mailboxes of so many messages or more have an index beside the mail; 0 for none [default: 256]
    #[arg(long, value_name = "MESSAGES")]
    index_from: Option<u32>,
    /// Whether those have an index of texts too, for SEARCH [default: false]
    #[arg(long, value_name = "BOOL")]
    full_text: Option<bool>,
    /// Whether other programs change the mail too [default: shared]
    #[arg(long, value_name = "MODE")]
    mode: Option<Mode>,
    /// The users file (see `maildird user`)
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
}

const SERVE_EXAMPLES: &str = "\
Prints one line for each address when it is ready:
  listening on 127.0.0.1:1143

Examples:
  maildird serve --listen 127.0.0.1:0 --mail-root '/var/mail/%u/Maildir' --users users
  maildird serve --example-config >maildird.toml
  maildird serve --config maildird.toml --log-level debug

Signals: SIGINT and SIGTERM stop after the commands in progress, a second one at once; SIGHUP reads the certificate
again.";

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add a user; the file is made if it is not there
    #[command(after_help = STDIN_EXAMPLE)]
    Add(WithPassword),
    /// Change a user's password
    Passwd(WithPassword),
    /// List the users; bad lines of the file are named on standard error, with exit code 1
    List(UsersFile),
    /// Remove a user; the mail stays
    Remove {
        #[command(flatten)]
        file: UsersFile,
        /// The user
        name: UserName,
    },
}

const STDIN_EXAMPLE: &str = "\
Examples:
  maildird user add --users users ada
  printf %s \"$PASSWORD\" | maildird user add --users users ada --password-stdin";

#[derive(Debug, Args)]
struct UsersFile {
    /// The users file
    #[arg(long, value_name = "FILE")]
    users: PathBuf,
}

#[derive(Debug, Args)]
struct WithPassword {
    #[command(flatten)]
    file: UsersFile,
    /// The user: ASCII letters, digits and . _ - + @
    name: UserName,
    #[command(flatten)]
    password: PasswordSource,
}

/// Does what a command line says.
pub(crate) fn run(line: CommandLine) -> Result<ExitCode, Failure> {
    match line.command {
        Command::Serve(args) => run_serve(*args),
        Command::User { command } => user(command),
        Command::Check(args) => check::run(args),
        Command::Import(args) => transfer::import(*args),
        Command::Reindex(args) => reindex::run(args),
        Command::Export(args) => transfer::export(args),
    }
}

fn run_serve(args: ServeArgs) -> Result<ExitCode, Failure> {
    if args.server.example_config {
        io::stdout().write_all(example().as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let own = MaildirLayer {
        mail_root: args.mail_root,
        mail_root_links: args.mail_root_links,
        special_use: args.special_use,
        quota_storage: args.quota_storage,
        quota_messages: args.quota_messages,
        index_from: args.index_from,
        full_text: args.full_text,
        mode: args.mode,
        users: args.users,
    };
    serve::run(Settings::of(args.server.over_file(own)?)?)
}

fn user(command: UserCommand) -> Result<ExitCode, Failure> {
    match command {
        UserCommand::Add(args) => {
            if Users::read(&args.file.users).is_ok_and(|users| users.has(&args.name)) {
                // Before a password is asked for; `change` decides.
                return Err(UsersError::Exists(args.name).into());
            }
            let secrets = Secrets::of(&args.password.password(args.name.as_str())?)?;
            users::change(&args.file.users, IfMissing::Create, |users| {
                users.add(args.name, secrets)
            })?;
        }
        UserCommand::Passwd(args) => {
            if !Users::read(&args.file.users)?.has(&args.name) {
                return Err(UsersError::Unknown(args.name).into());
            }
            let secrets = Secrets::of(&args.password.password(args.name.as_str())?)?;
            users::change(&args.file.users, IfMissing::Fail, |users| {
                users.replace(&args.name, secrets)
            })?;
        }
        UserCommand::Remove { file, name } => {
            users::change(&file.users, IfMissing::Fail, |users| users.remove(&name))?;
        }
        UserCommand::List(file) => return list(&file.users),
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints those who can log in, and on standard error the lines that shut somebody out.
fn list(path: &Path) -> Result<ExitCode, Failure> {
    let users = Users::read(path)?;
    let names: String = users.names().map(|name| format!("{name}\n")).collect();
    io::stdout().write_all(names.as_bytes())?;
    let bad = users.bad_lines();
    let bad: String = bad
        .map(|line| format!("maildird: {}, {line}\n", path.display()))
        .collect();
    io::stderr().write_all(bad.as_bytes())?;
    Ok(match bad.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
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
