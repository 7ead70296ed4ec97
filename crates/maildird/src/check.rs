//! `maildird check`: what Maildirs hold, and what is wrong with them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use imap_daemon::Failure;
use imap_daemon::users::UserName;
use imap_maildir::inspect::{Finding, MailboxReport, Report, Severity, inspect};
use serde_json::{Value, json};

use crate::place::PlaceArgs;

/// Exit code: problems were found.
const PROBLEMS: u8 = 1;
/// Exit code: there was nothing to look at.
const UNREADABLE: u8 = 2;

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct CheckArgs {
    /// The folder that holds cur, new and tmp; or a user, with --config or --mail-root. Without it, all users of the users file
    #[arg(value_name = "MAILDIR|USER", required_unless_present_any = ["config", "mail_root"])]
    what: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
    /// Print an array of JSON objects, one for each Maildir
    #[arg(long)]
    json: bool,
}

const HELP: &str = "\
Prints a line for each mailbox, then what is odd there: a note is normal, a problem hides mail or may make mail programs
download it again. The server may run meanwhile.

Examples:
  maildird check /var/mail/ada/Maildir
  maildird check --config /etc/maildird/maildird.toml ada
  maildird check --config /etc/maildird/maildird.toml --json

Exit codes: 0 no problem, 1 problems, 2 not a Maildir or not readable.";

/// Looks at Maildirs and prints what it finds. Changes nothing.
///
/// # Errors
/// The settings cannot be read, or standard output is closed.
pub(crate) fn run(args: CheckArgs) -> Result<ExitCode, Failure> {
    let mut code = 0;
    let mut all = Vec::new();
    let wanted = maildirs(args.what, args.place)?;
    let are_many = wanted.len() > 1;
    for maildir in wanted {
        match look(&maildir) {
            Ok(report) => {
                let has_problems = report.worst() == Some(Severity::Problem);
                code = code.max(if has_problems { PROBLEMS } else { 0 });
                match args.json {
                    true => all.push(as_json(&maildir, &report)),
                    false => print(are_many.then_some(&maildir), &report)?,
                }
            }
            Err(error) => {
                writeln!(
                    io::stderr(),
                    "maildird: cannot check {}: {error}",
                    maildir.display()
                )?;
                code = UNREADABLE;
            }
        }
    }
    if args.json {
        writeln!(io::stdout(), "{:#}", Value::Array(all))?;
    }
    Ok(ExitCode::from(code))
}

/// The Maildirs that are meant. Of all users, those who have one: it is made at the first login.
fn maildirs(what: Option<PathBuf>, place: PlaceArgs) -> Result<Vec<PathBuf>, Failure> {
    let place = match &what {
        Some(maildir) if place.is_empty() => return Ok(vec![maildir.clone()]),
        _ => place.read()?,
    };
    if let Some(user) = what {
        let user: UserName = user.to_string_lossy().parse()?;
        return Ok(vec![place.maildir(&user)?]);
    }
    let all = place
        .users()?
        .iter()
        .map(|user| place.maildir(user))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(all.into_iter().filter(|maildir| maildir.exists()).collect())
}

fn look(maildir: &Path) -> io::Result<Report> {
    let subfolders = ["cur", "new", "tmp"];
    if std::fs::metadata(maildir)?.is_dir() && !subfolders.iter().any(|name| maildir.join(name).is_dir()) {
        return Err(io::Error::other(
            "it is not a Maildir: it has none of the folders cur, new and tmp",
        ));
    }
    inspect(maildir)
}

/// Prints a report, under the name of the Maildir where there are several.
fn print(maildir: Option<&PathBuf>, report: &Report) -> io::Result<()> {
    let title = maildir.map_or_else(String::new, |maildir| format!("{}\n", maildir.display()));
    io::stdout().write_all(format!("{title}{report}{}", summary(report)).as_bytes())
}

fn summary(report: &Report) -> String {
    let messages: usize = report.mailboxes.iter().map(|mailbox| mailbox.messages).sum();
    let findings = report
        .mailboxes
        .iter()
        .flat_map(|mailbox| &mailbox.findings)
        .chain(&report.findings);
    let (problems, notes): (Vec<_>, Vec<_>) =
        findings.partition(|finding| finding.severity() == Severity::Problem);
    let (mailboxes, problems, notes) = (report.mailboxes.len(), problems.len(), notes.len());
    format!("total: messages {messages}, mailboxes {mailboxes}, problems {problems}, notes {notes}\n")
}

fn as_json(maildir: &Path, report: &Report) -> Value {
    let mailbox = |mailbox: &MailboxReport| {
        json!({
            "name": mailbox.name,
            "messages": mailbox.messages,
            "new": mailbox.new,
            "octets": mailbox.octets,
            "uidvalidity": mailbox.uid_validity,
            "uidnext": mailbox.uid_next,
            "findings": findings(&mailbox.findings),
        })
    };
    json!({
        "maildir": maildir.to_string_lossy(),
        "mailboxes": report.mailboxes.iter().map(mailbox).collect::<Vec<_>>(),
        "findings": findings(&report.findings),
    })
}

fn findings(all: &[Finding]) -> Vec<Value> {
    let finding =
        |finding: &Finding| json!({ "severity": finding.severity().as_str(), "text": finding.to_string() });
    all.iter().map(finding).collect()
}
