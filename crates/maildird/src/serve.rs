//! `maildird serve`: from settings to a running server.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use imap_maildir::MaildirBackend;
use imap_server::Limits;
use rustix::fs::{Access, access};

use crate::auth::Authenticator;
use crate::config::{MailRoot, MailRootLinks, Settings};
use crate::server::{self, Listening, Plan, Start};
use crate::tls::Certificate;
use crate::{Failure, logging};

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
    logging::init(&settings.log_level, settings.log_format);
    server::block_on(serve(settings))
}

async fn serve(settings: Settings) -> Result<(), Failure> {
    check_mail_root(&settings.mail_root)?;
    let users = Authenticator::open(settings.users)?;
    if users.users().is_ok_and(|users| users == 0) {
        tracing::warn!("the users file has no users: nobody can log in");
    }
    let certificate = settings.tls.map(Certificate::load).transpose()?;
    let mut listening = Vec::new();
    for address in settings.listen {
        listening.push(Listening::on(address, Start::Plain).await?);
    }
    for address in settings.listen_tls {
        listening.push(Listening::on(address, Start::Tls).await?);
    }
    let ready: String = listening
        .iter()
        .map(|listening| format!("{listening}\n"))
        .collect();
    let mut plan = Plan::new(listening)
        .plaintext_login(settings.plaintext_login.into())
        .limits(settings.limits.over_server(Limits::default()));
    if let Some(certificate) = certificate {
        plan = plan.certificate(certificate);
    }
    let root = imap_maildir::MailRoot::new(settings.mail_root.template());
    let root = match settings.mail_root_links {
        MailRootLinks::Refuse => root,
        MailRootLinks::Follow => root.following_links(),
    };
    plan.serve(MaildirBackend::new(root, users)?, &ready).await
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
