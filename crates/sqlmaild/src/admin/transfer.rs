//! `sqlmaild admin import` and `export`.

use std::path::PathBuf;

use clap::Subcommand;
use imap_backend::MailboxName;
use imap_daemon::Failure;
use imap_sql::Store;
use imap_transfer::{MboxFiles, ServerArgs};

use super::mailbox_name;
use crate::transfer::{Account, export_maildir, export_mbox, maildir};

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// All mailboxes of a Maildir, with flags, keywords, dates, subscriptions and access control lists
    Maildir {
        /// The account; it has to be there
        account: String,
        /// The folder that holds cur, new and tmp
        maildir: PathBuf,
    },
    /// The mbox files of a folder, one for each mailbox, with flags, keywords and dates; exits with 1 if messages were left out
    Mbox {
        /// The account; it has to be there
        account: String,
        /// The folder, in which A/B.mbox is the mailbox A/B; with --mailbox, a file
        path: PathBuf,
        /// Import one file into this mailbox
        #[arg(long, value_parser = mailbox_name)]
        mailbox: Option<MailboxName>,
    },
    /// All mailboxes of a user of another IMAP server, with flags, keywords, dates, subscriptions and access control lists
    Imap {
        /// The account; it has to be there
        account: String,
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Export {
    /// All mailboxes as a Maildir, with flags, keywords, dates, subscriptions and access control lists
    Maildir {
        /// The account
        account: String,
        /// The folder, which is made
        maildir: PathBuf,
    },
    /// All mailboxes as mbox files (mboxrd), with flags, keywords and dates
    Mbox {
        /// The account
        account: String,
        /// The folder, which is made, with A/B.mbox for the mailbox A/B; with --mailbox, a file
        path: PathBuf,
        /// Export this mailbox into one file
        #[arg(long, value_parser = mailbox_name)]
        mailbox: Option<MailboxName>,
    },
}

pub(super) async fn import(store: &Store, command: Import) -> Result<(), Failure> {
    match command {
        Import::Maildir {
            account,
            maildir: path,
        } => {
            let account = Account::open(store, &account).await?;
            account.import(&mut maildir(&path).await?).await
        }
        Import::Mbox {
            account,
            path,
            mailbox,
        } => {
            let account = Account::open(store, &account).await?;
            account.import(&mut MboxFiles::at(&path, mailbox)?).await
        }
        Import::Imap { account, server } => {
            let account = Account::open(store, &account).await?;
            let mut server = server.log_in().await?;
            account.import(&mut server).await?;
            server.log_out().await;
            Ok(())
        }
    }
}

pub(super) async fn export(store: &Store, command: Export) -> Result<(), Failure> {
    match command {
        Export::Maildir { account, maildir } => export_maildir(store, &account, &maildir).await,
        Export::Mbox {
            account,
            path,
            mailbox,
        } => export_mbox(store, &account, &path, mailbox).await,
    }
}
