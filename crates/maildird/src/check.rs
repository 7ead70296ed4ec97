//! `maildird check`: what a Maildir holds, and what is wrong with it.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use imap_daemon::Failure;
use imap_maildir::inspect::{Report, Severity, inspect};

/// Exit code: problems were found.
const PROBLEMS: u8 = 1;
/// Exit code: there was nothing to look at.
const UNREADABLE: u8 = 2;

/// Looks at a Maildir and prints what it finds. Changes nothing.
///
/// # Errors
/// Standard output is closed.
pub(crate) fn run(maildir: &Path) -> Result<ExitCode, Failure> {
    match look(maildir) {
        Ok(report) => {
            io::stdout().write_all(format!("{report}{}", summary(&report)).as_bytes())?;
            let problems = report.worst() == Some(Severity::Problem);
            Ok(if problems {
                ExitCode::from(PROBLEMS)
            } else {
                ExitCode::SUCCESS
            })
        }
        Err(error) => {
            writeln!(
                io::stderr(),
                "maildird: cannot check {}: {error}",
                maildir.display()
            )?;
            Ok(ExitCode::from(UNREADABLE))
        }
    }
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
