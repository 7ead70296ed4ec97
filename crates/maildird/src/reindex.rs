//! `maildird reindex`: the indices beside the mail, made anew.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use imap_daemon::logging::{self, LogFormat};
use imap_daemon::users::UserName;
use imap_daemon::{Failure, server};
use imap_maildir::Indexed;
use indicatif::{ProgressBar, ProgressStyle};

use crate::place::{Place, PlaceArgs};

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct ReindexArgs {
    /// Whose mailboxes; all users' of the users file where none is named
    user: Option<UserName>,
    #[command(flatten)]
    place: PlaceArgs,
}

const HELP: &str = "\
An index costs time alone where it is missing: the server makes it while it works. This makes it before, and looks into every
message, so that nobody waits for that later. Where full_text is set in the server's file, it fills the index of texts too: what that
has already stays, so that it goes on where it was stopped. A mailbox that the server has open keeps the index that it has.

Examples:
  maildird reindex --config /etc/maildird/maildird.toml
  maildird reindex --config /etc/maildird/maildird.toml ada

Exit codes: 0 done, 1 failed, 2 wrong arguments.";

/// Makes indices anew and says of which mailboxes.
///
/// # Errors
/// A mailbox cannot be read.
pub(crate) fn run(args: ReindexArgs) -> Result<ExitCode, Failure> {
    logging::init(&"warn".parse()?, LogFormat::Text);
    let place = args.place.read()?;
    let users = match args.user {
        Some(user) => vec![user],
        None => place.users()?,
    };
    server::block_on(async {
        for user in users {
            reindex(&place, &user).await?;
        }
        Ok(())
    })
}

async fn reindex(place: &Place, user: &UserName) -> Result<(), Failure> {
    if !place.own_maildir(user)?.is_dir() {
        return Ok(());
    }
    let backend = place.backend()?.with_full_text(place.full_text());
    let bar = bar();
    let mut failed = Ok(());
    let told = |mailbox: &str, indexed: Indexed| {
        let line = match indexed {
            Indexed::Reading { done, of } => {
                show(&bar, mailbox.to_owned(), done, of);
                return;
            }
            Indexed::Filling { done, of } => {
                show(&bar, format!("{mailbox}, texts"), done, of);
                return;
            }
            Indexed::Made(messages) => format!("{user} {mailbox}: {messages} messages"),
            Indexed::Small => return,
            Indexed::NotFilled(messages) => {
                format!(
                    "{user} {mailbox}: {messages} messages are not in the index of texts, which cannot be written or is in use"
                )
            }
            Indexed::InUse => format!("{user} {mailbox}: a server has it open, and keeps its index"),
            other => format!("{user} {mailbox}: {other:?}"),
        };
        bar.suspend(|| {
            if failed.is_ok() {
                failed = writeln!(io::stdout(), "{line}");
            }
        });
    };
    let done = backend.reindex(user.as_str(), told).await;
    bar.finish_and_clear();
    failed?;
    Ok(done?)
}

fn show(bar: &ProgressBar, what: String, done: u64, of: u64) {
    bar.set_message(what);
    bar.set_length(of);
    bar.set_position(done);
}

/// Shown where a person waits.
fn bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {human_pos} of {human_len}, {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
