//! `maildird serve`: from settings to a running server.

use std::io;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use imap_daemon::server::{self, Plan};
use imap_daemon::users::Authenticator;
use imap_daemon::{Failure, logging};
use imap_maildir::MaildirBackend;
use rustix::fs::{Access, access};

use crate::config::{MailRoot, MailRootLinks, Mode, Settings, SpecialUse, StorageQuota};

/// The folder above the users' Maildirs cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {}, the folder of the mail root {root}: {source}", folder.display())]
struct MailRootError {
    root: String,
    /// The mail root's part above `%u`.
    folder: PathBuf,
    source: io::Error,
}

/// Serves until it is stopped. Prints a `listening on` line for each address once connections are accepted.
///
/// # Errors
/// Whatever keeps it from starting.
pub(crate) fn run(settings: Settings) -> Result<ExitCode, Failure> {
    logging::init(&settings.server.log_level, settings.server.log_format);
    server::block_on(serve(settings))
}

async fn serve(settings: Settings) -> Result<(), Failure> {
    check_mail_root(&settings.mail_root)?;
    let users = Authenticator::open(settings.users)?;
    if users.users().is_ok_and(|users| users == 0) {
        tracing::warn!("the users file has no users: nobody can log in");
    }
    let plan = Plan::open(settings.server).await?;
    let ready = plan.ready();
    let root = mail_root(&settings.mail_root, settings.mail_root_links);
    let quota = (settings.quota_storage, settings.quota_messages);
    let backend = MaildirBackend::new(root, users)?;
    let backend = with_settings(backend, settings.special_use, quota, settings.index_from);
    let backend = backend.with_full_text(settings.full_text);
    let backend = in_mode(backend, settings.mode);
    plan.serve(backend, &ready).await
}

/// The backend's form of the mail root.
pub(crate) fn mail_root(root: &MailRoot, links: MailRootLinks) -> imap_maildir::MailRoot {
    let root = imap_maildir::MailRoot::new(root.template());
    match links {
        MailRootLinks::Refuse => root,
        MailRootLinks::Follow => root.following_links(),
    }
}

/// The backend as the settings want it.
pub(crate) fn with_settings<A: imap_maildir::Authenticator>(
    backend: MaildirBackend<A>,
    special_use: SpecialUse,
    (storage, messages): (Option<StorageQuota>, Option<NonZeroU64>),
    index_from: u32,
) -> MaildirBackend<A> {
    let backend = match special_use {
        SpecialUse::ByName => backend,
        SpecialUse::AsCreated => backend.without_special_use_by_name(),
    };
    let backend = backend.with_index_from((index_from > 0).then_some(index_from));
    backend.with_quota(storage.map(|quota| quota.0), messages.map(NonZeroU64::get))
}

/// The backend, sharing the mail or not.
pub(crate) fn in_mode<A: imap_maildir::Authenticator>(
    backend: MaildirBackend<A>,
    mode: Mode,
) -> MaildirBackend<A> {
    match mode {
        Mode::Shared => backend,
        Mode::Exclusive => backend.with_exclusive_use(),
    }
}

/// The users' Maildirs may be missing, and are then made; the folder that they go into must be there. A mount that
/// is missing must not look like mailboxes that are empty.
fn check_mail_root(root: &MailRoot) -> Result<(), MailRootError> {
    let folder = root.fixed();
    let usable = |folder: &Path| {
        if !std::fs::metadata(folder)?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        Ok(access(folder, Access::READ_OK | Access::EXEC_OK)?)
    };
    usable(&folder).map_err(|source| MailRootError {
        root: root.to_string(),
        folder,
        source,
    })
}
