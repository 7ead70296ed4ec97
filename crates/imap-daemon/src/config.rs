//! The settings of a server: a TOML file under flags, both over defaults.
//!
//! A key of the file is the long flag's name with `_` for `-`; the table `[limits]` is the flag `--limit NAME=VALUE`. Those
//! that every server has are a [`ServerLayer`]; a program puts [its own](Section) beside them in a [`Layer`]. What a key
//! means is said once, in the example file ([`EXAMPLE`]), whose values are tested to be the defaults.

use std::path::{Path, PathBuf};

mod flags;
mod identification;
mod layer;
mod limits;
mod server;
mod values;

pub use flags::ServerFlags;
pub use identification::IdField;
pub use layer::{Layer, Section, unknown_key};
pub use limits::{LimitsLayer, Octets, Time};
pub use server::{DEFAULT_LISTEN, ServerLayer, ServerSettings};
pub use values::{Address, PlaintextLogin};

/// The keys of every server, commented, as the end of a program's example file: the table `[limits]` comes last.
pub const EXAMPLE: &str = include_str!("config/example.toml");

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
    /// Fields of ID that do not go together.
    #[error("the setting id is wrong: {0}")]
    Identification(String),
    /// `tls_client_ca` without a certificate.
    #[error(
        "--tls-client-ca (tls_client_ca) needs a certificate: set --tls-cert and --tls-key (tls_cert, tls_key)"
    )]
    ClientAuthority,
    /// `listen_tls` without a certificate.
    #[error(
        "--listen-tls (listen_tls) needs a certificate: set --tls-cert and --tls-key (tls_cert, tls_key)"
    )]
    NoCertificate,
}

/// A path of a file of settings starts at that file's folder.
pub fn start_at(folder: &Path, path: &mut Option<PathBuf>) {
    if let Some(path) = path {
        *path = folder.join(&path);
    }
}

/// An example file with every commented-out key put in.
///
/// For the tests of a program: what it says of the keys has to be true.
pub fn with_all_keys(example: &str) -> String {
    let keys = |line: &str| {
        let commented = line
            .strip_prefix('#')
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
        commented
            .filter(|rest| rest.contains(" = "))
            .map_or_else(|| line.to_owned(), str::to_owned)
    };
    example.lines().map(|line| keys(line) + "\n").collect()
}

#[cfg(test)]
mod tests;
