//! `sqlmaild admin import` and `export`.

use std::path::PathBuf;

use clap::Subcommand;
use imap_daemon::Failure;
use imap_sql::Store;

use crate::transfer::{export_maildir, import_maildir};

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// All mailboxes of a Maildir, with flags, keywords, dates and subscriptions
    Maildir {
        /// The account; it has to be there
        account: String,
        /// The folder that holds cur, new and tmp
        maildir: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Export {
    /// All mailboxes as a Maildir, with flags, keywords, dates and subscriptions
    Maildir {
        /// The account
        account: String,
        /// The folder, which is made
        maildir: PathBuf,
    },
}

pub(super) async fn import(store: &Store, command: Import) -> Result<(), Failure> {
    match command {
        Import::Maildir { account, maildir } => import_maildir(store, &account, &maildir).await,
    }
}

pub(super) async fn export(store: &Store, command: Export) -> Result<(), Failure> {
    match command {
        Export::Maildir { account, maildir } => export_maildir(store, &account, &maildir).await,
    }
}
