//! The settings of `maildird serve`: those of every server, and where Maildirs and users are.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use imap_daemon::config::{ConfigError, Layer, Section, ServerSettings, start_at, unknown_key};
use serde::Deserialize;
use serde::de::MapAccess;

mod mail_root;
mod quota;

pub(crate) use mail_root::MailRoot;
pub(crate) use quota::StorageQuota;

/// What is smaller is listed as quickly as an index is read.
pub(crate) const INDEX_FROM: u32 = 256;

/// A commented file with every key.
pub(crate) fn example() -> String {
    format!(
        "{}{}",
        include_str!("config/example.toml"),
        imap_daemon::config::EXAMPLE
    )
}

/// Settings of this program that may or may not be there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MaildirLayer {
    /// Where each user's Maildir is.
    pub(crate) mail_root: Option<MailRoot>,
    /// What becomes of symbolic links in the users' part of it.
    pub(crate) mail_root_links: Option<MailRootLinks>,
    /// Whether names say what mailboxes are for.
    pub(crate) special_use: Option<SpecialUse>,
    /// How many octets each user may hold.
    pub(crate) quota_storage: Option<StorageQuota>,
    /// How many messages each user may hold.
    pub(crate) quota_messages: Option<NonZeroU64>,
    /// From how many messages on a mailbox has an index; 0 for none.
    pub(crate) index_from: Option<u32>,
    /// Whether those have an index of texts too.
    pub(crate) full_text: Option<bool>,
    /// Whether other programs change the mail too.
    pub(crate) mode: Option<Mode>,
    /// The users file.
    pub(crate) users: Option<PathBuf>,
}

/// Complete settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Those that every server has.
    pub(crate) server: ServerSettings,
    /// Where each user's Maildir is.
    pub(crate) mail_root: MailRoot,
    /// What becomes of symbolic links in the users' part of it.
    pub(crate) mail_root_links: MailRootLinks,
    /// Whether names say what mailboxes are for.
    pub(crate) special_use: SpecialUse,
    /// How many octets each user may hold; no limit where there is none.
    pub(crate) quota_storage: Option<StorageQuota>,
    /// How many messages each user may hold; no limit where there is none.
    pub(crate) quota_messages: Option<NonZeroU64>,
    /// From how many messages on a mailbox has an index; 0 for none.
    pub(crate) index_from: u32,
    /// Whether those have an index of texts too.
    pub(crate) full_text: bool,
    /// Whether other programs change the mail too.
    pub(crate) mode: Mode,
    /// The users file.
    pub(crate) users: PathBuf,
}

/// What becomes of symbolic links in the mail root, from the first part with `%u` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MailRootLinks {
    /// Such a user cannot log in: the user may have made the link.
    #[default]
    Refuse,
    /// They are followed: only where no user can make one.
    Follow,
}

/// Which mailboxes are shown as `\Sent`, `\Drafts` and so on (RFC 6154).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SpecialUse {
    /// Those that are called Archive, Drafts, Junk, Sent and Trash, unless a client made another one for that.
    #[default]
    ByName,
    /// Those that a client made for that.
    AsCreated,
}

/// Who changes the mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// Other programs too, under Dovecot's locks.
    #[default]
    Shared,
    /// This server alone; others only deliver into `new/`. No lock of Dovecot's is taken.
    Exclusive,
}

impl Section for MaildirLayer {
    const KEYS: &[&str] = &[
        "mail_root",
        "mail_root_links",
        "special_use",
        "quota_storage",
        "quota_messages",
        "index_from",
        "full_text",
        "mode",
        "users",
    ];

    fn read<'de, M: MapAccess<'de>>(&mut self, key: &str, file: &mut M) -> Result<(), M::Error> {
        match key {
            "mail_root" => self.mail_root = file.next_value()?,
            "mail_root_links" => self.mail_root_links = file.next_value()?,
            "special_use" => self.special_use = file.next_value()?,
            "quota_storage" => self.quota_storage = file.next_value()?,
            "quota_messages" => self.quota_messages = file.next_value()?,
            "index_from" => self.index_from = file.next_value()?,
            "full_text" => self.full_text = file.next_value()?,
            "mode" => self.mode = file.next_value()?,
            "users" => self.users = file.next_value()?,
            other => return unknown_key(other),
        }
        Ok(())
    }

    fn relative_to(mut self, folder: &Path) -> Self {
        start_at(folder, &mut self.users);
        self.mail_root = self.mail_root.map(|root| root.relative_to(folder));
        self
    }

    fn over(self, below: Self) -> Self {
        Self {
            mail_root: self.mail_root.or(below.mail_root),
            mail_root_links: self.mail_root_links.or(below.mail_root_links),
            special_use: self.special_use.or(below.special_use),
            quota_storage: self.quota_storage.or(below.quota_storage),
            quota_messages: self.quota_messages.or(below.quota_messages),
            index_from: self.index_from.or(below.index_from),
            full_text: self.full_text.or(below.full_text),
            mode: self.mode.or(below.mode),
            users: self.users.or(below.users),
        }
    }
}

impl Settings {
    /// Fills in the defaults and checks what belongs together.
    ///
    /// # Errors
    /// A setting without a default is missing, or TLS is set up by half.
    pub(crate) fn of(layer: Layer<MaildirLayer>) -> Result<Self, ConfigError> {
        let missing = |what, flag, key| ConfigError::Missing { what, flag, key };
        let own = layer.own;
        let mail_root = own.mail_root.ok_or(missing(
            "the mail root",
            "--mail-root 'DIR/%u/Maildir'",
            "mail_root",
        ))?;
        let users = own
            .users
            .ok_or(missing("the users file", "--users FILE", "users"))?;
        Ok(Self {
            server: layer.server.complete()?,
            mail_root,
            mail_root_links: own.mail_root_links.unwrap_or_default(),
            special_use: own.special_use.unwrap_or_default(),
            quota_storage: own.quota_storage,
            quota_messages: own.quota_messages,
            index_from: own.index_from.unwrap_or(INDEX_FROM),
            full_text: own.full_text.unwrap_or(false),
            mode: own.mode.unwrap_or_default(),
            users,
        })
    }
}

#[cfg(test)]
mod tests;
