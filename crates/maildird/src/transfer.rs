//! `maildird import` and `maildird export`: between a user's Maildir and other places.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use imap_backend::{MailboxName, Session};
use imap_daemon::logging::{self, LogFormat};
use imap_daemon::users::UserName;
use imap_daemon::{Failure, server};
use imap_maildir::local::{self, ANYBODY};
use imap_transfer::{
    Counted, Journaled, MboxFiles, Plan, Progress, ServerArgs, Source, Stored, export_mbox, mark,
};

use crate::place::{Place, PlaceArgs};

/// The file in a user's Maildir that says what imports have taken.
const JOURNAL: &str = "imap-imports";

#[derive(Debug, Args)]
#[command(after_help = IMPORT_HELP)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(subcommand)]
    command: Import,
}

const IMPORT_HELP: &str = "\
Run it as the system user that the Maildirs belong to. The server may run meanwhile.

Examples:
  maildird import --config /etc/maildird/maildird.toml mbox ada /var/mail/ada --mailbox INBOX
  maildird import --config /etc/maildird/maildird.toml maildir ada /home/ada/Maildir
  maildird import --config /etc/maildird/maildird.toml imap ada mail.example.org --login ada@example.org

Exit codes: 0 all is there, 1 failed or messages were left out (standard error says which), 2 wrong arguments.";

#[derive(Debug, Subcommand)]
enum Import {
    /// The mbox files of a folder, one for each mailbox, with flags, keywords and dates
    Mbox {
        /// Whose Maildir the mail goes into
        user: UserName,
        /// The folder, in which A/B.mbox is the mailbox A.B; with --mailbox, a file
        path: PathBuf,
        /// Import one file into this mailbox, with / between the parts of its name
        #[arg(long, value_parser = mailbox_name)]
        mailbox: Option<MailboxName>,
    },
    /// All mailboxes of a Maildir, with flags, keywords, dates, subscriptions and access control lists
    Maildir {
        /// Whose Maildir the mail goes into
        user: UserName,
        /// The folder that holds cur, new and tmp
        maildir: PathBuf,
    },
    /// All mailboxes of a user of another IMAP server, with flags, keywords, dates, subscriptions and access control lists
    Imap {
        /// Whose Maildir the mail goes into
        user: UserName,
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[derive(Debug, Args)]
#[command(after_help = EXPORT_HELP)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(subcommand)]
    command: Export,
}

const EXPORT_HELP: &str = "\
Run it as the system user that the Maildirs belong to. The server may run meanwhile.

Examples:
  maildird export --config /etc/maildird/maildird.toml mbox ada /srv/export/ada
  maildird export --mail-root '/var/mail/%u/Maildir' maildir ada /srv/export/ada

Exit codes: 0 done, 1 failed or messages were left out, 2 wrong arguments.";

#[derive(Debug, Subcommand)]
enum Export {
    /// All mailboxes as another Maildir, with flags, keywords, dates, subscriptions and access control lists
    Maildir {
        /// Whose mail it is
        user: UserName,
        /// The folder, which is made
        maildir: PathBuf,
    },
    /// All mailboxes as mbox files (mboxrd), with flags, keywords and dates
    Mbox {
        /// Whose mail it is
        user: UserName,
        /// The folder, which is made, with A/B.mbox for the mailbox A.B; with --mailbox, a file
        path: PathBuf,
        /// Export this mailbox into one file, with / between the parts of its name
        #[arg(long, value_parser = mailbox_name)]
        mailbox: Option<MailboxName>,
    },
}

fn mailbox_name(name: &str) -> Result<MailboxName, String> {
    let name = MailboxName::new(name).ok_or("a mailbox has a name, without control characters")?;
    Ok(name.canonical('/'))
}

/// Takes mail in.
///
/// # Errors
/// Nothing more can be read or stored, or messages were left out.
pub(crate) fn import(args: ImportArgs) -> Result<ExitCode, Failure> {
    logging::init(&"warn".parse()?, LogFormat::Text);
    let place = args.place.read()?;
    server::block_on(async {
        match args.command {
            Import::Mbox { user, path, mailbox } => {
                let maildir = place.own_maildir(&user)?;
                take(&place, &user, &maildir, &mut MboxFiles::at(&path, mailbox)?).await
            }
            Import::Maildir { user, maildir: path } => {
                let maildir = place.own_maildir(&user)?;
                if path.canonicalize().ok() == maildir.canonicalize().ok() {
                    return Err(format!("{} is where the mail is to go", path.display()).into());
                }
                let mut source = Stored::new(local::open(&path).await?, ANYBODY);
                take(&place, &user, &maildir, &mut source).await
            }
            Import::Imap { user, server } => {
                let maildir = place.own_maildir(&user)?;
                let mut server = server.log_in().await?;
                take(&place, &user, &maildir, &mut server).await?;
                server.log_out().await;
                Ok(())
            }
        }
    })
}

/// Takes the mail of a source into a user's Maildir.
async fn take(
    place: &Place,
    user: &UserName,
    maildir: &Path,
    source: &mut impl Source,
) -> Result<(), Failure> {
    let session = place.backend()?.session(user.as_str()).await?;
    let plan = Plan::of(source, session.delimiter()).await?;
    let mut target = Journaled::open(session, user.as_str(), &maildir.join(JOURNAL))?;
    let mut progress = Progress::new("imported");
    plan.carry(source, &mut target, &mut progress).await?;
    progress.outcome()
}

/// Gives mail out.
///
/// # Errors
/// Nothing more can be read or stored, or messages were left out.
pub(crate) fn export(args: ExportArgs) -> Result<ExitCode, Failure> {
    logging::init(&"warn".parse()?, LogFormat::Text);
    let place = args.place.read()?;
    server::block_on(async {
        match args.command {
            Export::Maildir { user, maildir } => {
                place.own_maildir(&user)?;
                let session = place.backend()?.session(user.as_str()).await?;
                let delimiter = session.delimiter();
                let mut source = Stored::new(session, user.as_str());
                let plan = Plan::of(&mut source, delimiter).await?;
                let _mark = mark(&maildir)?;
                let mut target = Counted::new(local::make(&maildir).await?, ANYBODY);
                let mut progress = Progress::new("exported");
                plan.carry(&mut source, &mut target, &mut progress).await?;
                progress.outcome()
            }
            Export::Mbox { user, path, mailbox } => {
                place.own_maildir(&user)?;
                let mut session = place.backend()?.session(user.as_str()).await?;
                let parts = |name: MailboxName| name.as_str().replace('/', &session.delimiter().to_string());
                let mailbox = mailbox.map(parts).and_then(|name| MailboxName::new(&name));
                let mut progress = Progress::new("exported");
                export_mbox(&mut session, &path, mailbox, &mut progress).await
            }
        }
    })
}
