//! The settings of `maildird serve`: a TOML file under flags, both over defaults.
//!
//! A key of the file is the long flag's name with `_` for `-`; the table `[limits]` is the flag `--limit NAME=VALUE`.
//! What a key means is said once, in the example file ([`EXAMPLE`]), whose values are tested to be the defaults.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ValueEnum;
use serde::Deserialize;

use crate::logging::{LogFormat, LogLevel};
use crate::tls::TlsFiles;

mod limits;
mod mail_root;

pub use limits::{LimitsLayer, Octets, Time};
pub use mail_root::MailRoot;

/// A commented file with every key.
pub const EXAMPLE: &str = include_str!("../../../docs/maildird.example.toml");

/// Where the server listens without being told: this machine only, the IMAP port.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 143);

/// Settings that may or may not be there: those of the file, or those of the flags.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layer {
    /// Addresses for plain IMAP with STARTTLS.
    pub listen: Vec<Address>,
    /// Addresses for IMAP over TLS from the first octet.
    pub listen_tls: Vec<Address>,
    /// Where each user's Maildir is.
    pub mail_root: Option<MailRoot>,
    /// What becomes of symbolic links in the users' part of it.
    pub mail_root_links: Option<MailRootLinks>,
    /// The users file.
    pub users: Option<PathBuf>,
    /// The certificate, PEM.
    pub tls_cert: Option<PathBuf>,
    /// Its key, PEM.
    pub tls_key: Option<PathBuf>,
    /// Who may send a password without TLS.
    pub plaintext_login: Option<PlaintextLogin>,
    /// What is logged.
    pub log_level: Option<LogLevel>,
    /// How a log line looks.
    pub log_format: Option<LogFormat>,
    /// Bounds on what clients cost.
    pub limits: LimitsLayer,
}

/// Complete settings; from [`Layer::complete`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Addresses for plain IMAP with STARTTLS (if there is a certificate).
    pub listen: Vec<SocketAddr>,
    /// Addresses for IMAP over TLS from the first octet.
    pub listen_tls: Vec<SocketAddr>,
    /// Where each user's Maildir is.
    pub mail_root: MailRoot,
    /// What becomes of symbolic links in the users' part of it.
    pub mail_root_links: MailRootLinks,
    /// The users file.
    pub users: PathBuf,
    /// Certificate and key, where TLS is wanted.
    pub tls: Option<TlsFiles>,
    /// Who may send a password without TLS.
    pub plaintext_login: PlaintextLogin,
    /// What is logged.
    pub log_level: LogLevel,
    /// How a log line looks.
    pub log_format: LogFormat,
    /// Those that were set; the others have the server's defaults.
    pub limits: LimitsLayer,
}

/// What becomes of symbolic links in the mail root, from the first part with `%u` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum MailRootLinks {
    /// Such a user cannot log in: the user may have made the link.
    #[default]
    Refuse,
    /// They are followed: only where no user can make one.
    Follow,
}

/// Who may send a password without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum PlaintextLogin {
    /// Clients on the same machine.
    #[default]
    FromLoopback,
    /// Everybody: only behind a proxy that ends TLS.
    FromAnywhere,
    /// Nobody.
    Never,
}

impl From<PlaintextLogin> for imap_server::PlaintextLogin {
    fn from(login: PlaintextLogin) -> Self {
        match login {
            PlaintextLogin::FromLoopback => Self::FromLoopback,
            PlaintextLogin::FromAnywhere => Self::FromAnywhere,
            PlaintextLogin::Never => Self::Never,
        }
    }
}

/// An IP address and a port to listen on; port 0 lets the system choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Address(pub SocketAddr);

impl FromStr for Address {
    type Err = String;

    fn from_str(address: &str) -> Result<Self, String> {
        address.parse().map(Self).map_err(|_| {
            format!("{address:?} is not IP:PORT, such as 127.0.0.1:143, 0.0.0.0:143 or [::]:143")
        })
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(address: String) -> Result<Self, String> {
        address.parse()
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the config file {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file has an unknown key, a wrong value, or is not TOML. The text names line and key.
    #[error("the config file {} is wrong:\n{}", path.display(), error.to_string().trim_end())]
    Toml {
        /// The file.
        path: PathBuf,
        /// With the line and what was expected there.
        error: toml::de::Error,
    },
    /// A setting that has no default.
    #[error("{what} is not set: give {flag}, or {key} in a config file (--config FILE)")]
    Missing {
        /// In words.
        what: &'static str,
        /// The flag.
        flag: &'static str,
        /// The key.
        key: &'static str,
    },
    /// One of certificate and key without the other.
    #[error("{given} is set but {absent} is not: TLS needs both")]
    HalfTls {
        /// The one that is there.
        given: &'static str,
        /// The other one.
        absent: &'static str,
    },
    /// `listen_tls` without a certificate.
    #[error(
        "--listen-tls (listen_tls) needs a certificate: set --tls-cert and --tls-key (tls_cert, tls_key)"
    )]
    NoCertificate,
}

impl Layer {
    /// Reads a config file. Relative paths in it start at the file's own folder.
    ///
    /// # Errors
    /// [`ConfigError::Io`] or [`ConfigError::Toml`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Io {
            path: path.to_owned(),
            source,
        })?;
        let layer = Self::parse(&text).map_err(|error| ConfigError::Toml {
            path: path.to_owned(),
            error,
        })?;
        Ok(layer.relative_to(path.parent().unwrap_or(Path::new(""))))
    }

    /// Reads a config file's text.
    ///
    /// # Errors
    /// With the line, the key and what was expected.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    fn relative_to(mut self, folder: &Path) -> Self {
        for path in [&mut self.users, &mut self.tls_cert, &mut self.tls_key]
            .into_iter()
            .flatten()
        {
            *path = folder.join(&path);
        }
        self.mail_root = self.mail_root.map(|root| root.relative_to(folder));
        self
    }

    /// This layer's settings, and `below`'s where this one has none. A list replaces a list.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        let addresses = |own: Vec<Address>, below| if own.is_empty() { below } else { own };
        Self {
            listen: addresses(self.listen, below.listen),
            listen_tls: addresses(self.listen_tls, below.listen_tls),
            mail_root: self.mail_root.or(below.mail_root),
            mail_root_links: self.mail_root_links.or(below.mail_root_links),
            users: self.users.or(below.users),
            tls_cert: self.tls_cert.or(below.tls_cert),
            tls_key: self.tls_key.or(below.tls_key),
            plaintext_login: self.plaintext_login.or(below.plaintext_login),
            log_level: self.log_level.or(below.log_level),
            log_format: self.log_format.or(below.log_format),
            limits: self.limits.over(below.limits),
        }
    }

    /// Fills in the defaults and checks what belongs together.
    ///
    /// # Errors
    /// A setting without a default is missing, or TLS is set up by half.
    pub fn complete(self) -> Result<Settings, ConfigError> {
        let missing = |what, flag, key| ConfigError::Missing { what, flag, key };
        let half = |given, absent| ConfigError::HalfTls { given, absent };
        let mail_root = self.mail_root.ok_or(missing(
            "the mail root",
            "--mail-root 'DIR/%u/Maildir'",
            "mail_root",
        ))?;
        let users = self
            .users
            .ok_or(missing("the users file", "--users FILE", "users"))?;
        let tls = match (self.tls_cert, self.tls_key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            (Some(_), None) => return Err(half("--tls-cert (tls_cert)", "--tls-key (tls_key)")),
            (None, Some(_)) => return Err(half("--tls-key (tls_key)", "--tls-cert (tls_cert)")),
        };
        if tls.is_none() && !self.listen_tls.is_empty() {
            return Err(ConfigError::NoCertificate);
        }
        let mut listen: Vec<_> = self.listen.into_iter().map(|address| address.0).collect();
        if listen.is_empty() && self.listen_tls.is_empty() {
            listen.push(DEFAULT_LISTEN);
        }
        Ok(Settings {
            listen,
            listen_tls: self.listen_tls.into_iter().map(|address| address.0).collect(),
            mail_root,
            mail_root_links: self.mail_root_links.unwrap_or_default(),
            users,
            tls,
            plaintext_login: self.plaintext_login.unwrap_or_default(),
            log_level: self.log_level.unwrap_or_default(),
            log_format: self.log_format.unwrap_or_default(),
            limits: self.limits,
        })
    }
}

#[cfg(test)]
mod tests;
