//! `sqlmaild admin`: accounts, mailboxes and messages, directly in the database.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use imap_backend::MailboxName;
use imap_daemon::logging::{self, LogFormat};
use imap_daemon::{Failure, server};
use imap_sql::admin::{Admin, Place};

use crate::database::{Database, IfMissing, Use};

mod account;
mod mailbox;
mod message;
mod source;
mod transfer;

/// What stands between the parts of a mailbox's name.
const DELIMITER: char = '/';

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AdminArgs {
    /// The database: the path of a SQLite file, or postgres://USER:PASSWORD@HOST/DATABASE
    #[arg(long, value_name = "PLACE")]
    database: Database,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Servers may run meanwhile: their clients are told of what is done at their next NOOP, or in IDLE.

Examples:
  sqlmaild admin --database mail.db account create ada
  sqlmaild admin --database mail.db mailbox list ada
  sqlmaild admin --database mail.db message deliver ada INBOX <letter.eml
  sqlmaild admin --database mail.db message flags ada INBOX 7:9 '+\\Seen' -Work
  sqlmaild admin --database mail.db import maildir ada /var/mail/ada/Maildir
  sqlmaild admin --database mail.db import mbox ada /var/mail/ada --mailbox INBOX

Lists have a line for each, with tabs between what it says.
Exit codes: 0 done, 1 failed, 2 wrong arguments.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Accounts: who has mail, and who may log in
    Account {
        #[command(subcommand)]
        command: account::Command,
    },
    /// Mailboxes of an account
    Mailbox {
        #[command(subcommand)]
        command: mailbox::Command,
    },
    /// Messages of a mailbox
    Message {
        #[command(subcommand)]
        command: message::Command,
    },
    /// Take mail in; run again after it was interrupted, it stores nothing twice
    Import {
        #[command(subcommand)]
        command: transfer::Import,
    },
    /// Give mail out; run again after it was interrupted, it goes on
    Export {
        #[command(subcommand)]
        command: transfer::Export,
    },
}

/// Does what an administrator asks for.
pub(crate) fn run(args: AdminArgs) -> Result<ExitCode, Failure> {
    logging::init(&"warn".parse()?, LogFormat::Text);
    let if_missing = match &args.command {
        Command::Account {
            command: account::Command::Create { .. },
        } => IfMissing::Make,
        _ => IfMissing::Refuse,
    };
    server::block_on(async {
        let store = args.database.open(if_missing, Use::Once)?;
        let admin = Admin::new(&store);
        match args.command {
            Command::Account { command } => account::run(&admin, command).await,
            Command::Mailbox { command } => mailbox::run(&admin, command).await,
            Command::Message { command } => message::run(&admin, command).await,
            Command::Import { command } => transfer::import(&store, command).await,
            Command::Export { command } => transfer::export(&store, command).await,
        }
    })
}

/// A mailbox of an account, as arguments.
#[derive(Debug, Args)]
struct PlaceArgs {
    /// The account
    account: String,
    /// The mailbox, with / between the parts of its name
    #[arg(value_parser = mailbox_name)]
    mailbox: MailboxName,
}

impl From<PlaceArgs> for Place {
    fn from(args: PlaceArgs) -> Self {
        Self {
            account: args.account,
            mailbox: args.mailbox,
        }
    }
}

fn mailbox_name(name: &str) -> Result<MailboxName, String> {
    let name = MailboxName::new(name).ok_or("a mailbox has a name, without control characters")?;
    Ok(name.canonical(DELIMITER))
}

/// The flag `--yes`; without it somebody is asked.
#[derive(Debug, Clone, Copy, Args)]
struct Consent {
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Consent {
    /// Asks on the terminal whether `what` is to be dropped.
    ///
    /// # Errors
    /// It is not, or there is no terminal.
    fn ask(self, what: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            return Err(format!("there is no terminal to ask whether to drop {what}: say --yes").into());
        }
        write!(io::stderr(), "Drop {what}? There is no way back. Type yes: ")?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        match answer.trim() {
            "yes" => Ok(()),
            _ => Err("nothing was dropped".into()),
        }
    }
}

/// Prints a line of a list: its parts with tabs between them, and nothing in them that a terminal would obey.
fn print(parts: &[&str]) -> io::Result<()> {
    let line = parts.join("\t");
    let shown = |character: char| match character {
        '\t' => '\t',
        control if control.is_control() => '\u{fffd}',
        other => other,
    };
    let line: String = line.chars().map(shown).chain(['\n']).collect();
    io::stdout().write_all(line.as_bytes())
}
