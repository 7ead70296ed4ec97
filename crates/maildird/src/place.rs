//! Whose Maildir a command is about: flags, or the file of settings that the server has.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::Args;
use imap_backend::Nobody;
use imap_daemon::Failure;
use imap_daemon::config::{ConfigError, Layer, Section};
use imap_daemon::users::{UserName, Users};
use imap_maildir::MaildirBackend;
use rustix::process::geteuid;

use crate::config::{INDEX_FROM, MailRoot, MailRootLinks, MaildirLayer};
use crate::serve;

/// Where the Maildirs are.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// The server's file of settings, which says where the Maildirs are
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Each user's Maildir; %u is the user's name
    #[arg(long, value_name = "PATH", global = true)]
    mail_root: Option<MailRoot>,
    /// Symbolic links in the mail root, from the first part with %u on [default: refuse]
    #[arg(long, value_name = "WHAT", global = true)]
    mail_root_links: Option<MailRootLinks>,
    /// The users file (see `maildird user`)
    #[arg(long, value_name = "FILE", global = true)]
    users: Option<PathBuf>,
}

/// What the flags and the file say.
pub(crate) struct Place(MaildirLayer);

impl PlaceArgs {
    /// Whether nothing was said.
    pub(crate) fn is_empty(&self) -> bool {
        self.config.is_none() && self.mail_root.is_none() && self.users.is_none()
    }

    /// Reads the file, if there is one.
    ///
    /// # Errors
    /// It cannot be used.
    pub(crate) fn read(self) -> Result<Place, ConfigError> {
        let file = self
            .config
            .as_deref()
            .map(Layer::<MaildirLayer>::read)
            .transpose()?;
        let flags = MaildirLayer {
            mail_root: self.mail_root,
            mail_root_links: self.mail_root_links,
            users: self.users,
            ..MaildirLayer::default()
        };
        Ok(Place(flags.over(file.unwrap_or_default().own)))
    }
}

impl Place {
    /// The backend that the server has, without its users.
    ///
    /// # Errors
    /// Nothing says where the Maildirs are.
    pub(crate) fn backend(&self) -> Result<MaildirBackend<Nobody>, Failure> {
        let quota = (self.0.quota_storage, self.0.quota_messages);
        let backend = MaildirBackend::new(self.root()?, Nobody)?;
        let backend = serve::with_settings(
            backend,
            self.0.special_use.unwrap_or_default(),
            quota,
            self.0.index_from.unwrap_or(INDEX_FROM),
        );
        Ok(serve::in_mode(backend, self.0.mode.unwrap_or_default()))
    }

    /// Whether mailboxes have an index of texts.
    pub(crate) fn full_text(&self) -> bool {
        self.0.full_text.unwrap_or(false)
    }

    fn root(&self) -> Result<imap_maildir::MailRoot, Failure> {
        let root = self.0.mail_root.as_ref().ok_or(ConfigError::Missing {
            what: "the mail root",
            flag: "--mail-root 'DIR/%u/Maildir'",
            key: "mail_root",
        })?;
        Ok(serve::mail_root(root, self.0.mail_root_links.unwrap_or_default()))
    }

    /// The Maildir of a user.
    ///
    /// # Errors
    /// Nothing says where the Maildirs are, or no user can have that name.
    pub(crate) fn maildir(&self, user: &UserName) -> Result<PathBuf, Failure> {
        Ok(self.root()?.of(user.as_str())?)
    }

    /// All users of the users file.
    ///
    /// # Errors
    /// Nothing says which file that is, or it cannot be read.
    pub(crate) fn users(&self) -> Result<Vec<UserName>, Failure> {
        let file = self.0.users.as_ref().ok_or(ConfigError::Missing {
            what: "the users file",
            flag: "--users FILE",
            key: "users",
        })?;
        Ok(Users::read(file)?.names().cloned().collect())
    }

    /// The Maildir of a user who is there: the user has one, or is in the users file. It must belong to who runs this.
    ///
    /// # Errors
    /// There is no such user, or the Maildir is another system user's: its server could not read what is put into it.
    pub(crate) fn own_maildir(&self, user: &UserName) -> Result<PathBuf, Failure> {
        let path = self.maildir(user)?;
        if !path.is_dir() {
            let is_known = self.users().is_ok_and(|users| users.contains(user));
            return match is_known {
                true => Ok(path),
                false => Err(format!(
                    "there is no user {}: {} is not there",
                    user.as_str(),
                    path.display()
                )
                .into()),
            };
        }
        check_owner(&path)?;
        Ok(path)
    }
}

fn check_owner(path: &Path) -> Result<(), Failure> {
    let owner = std::fs::metadata(path)?.uid();
    match owner == geteuid().as_raw() {
        true => Ok(()),
        false => Err(format!(
            "{} belongs to the system user {owner}: run this as that user, such as by sudo -u",
            path.display()
        )
        .into()),
    }
}
