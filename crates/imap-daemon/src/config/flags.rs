//! The flags that every server has: the keys of its file, and the file itself.

use std::path::PathBuf;

use clap::Args;

use super::{Address, ConfigError, IdField, Layer, LimitsLayer, PlaintextLogin, Section, ServerLayer};
use crate::logging::{LogFormat, LogLevel};

/// Flags of a command that serves; a program's own go beside them.
#[derive(Debug, Args)]
pub struct ServerFlags {
    /// A TOML file with settings; flags go over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print an example of that file, with every key, and exit
    #[arg(long)]
    pub example_config: bool,
    /// An address for IMAP with STARTTLS; may be repeated [default: 127.0.0.1:143]
    #[arg(long, value_name = "IP:PORT")]
    listen: Vec<Address>,
    /// An address for IMAP over TLS from the start; may be repeated
    #[arg(long, value_name = "IP:PORT")]
    listen_tls: Vec<Address>,
    /// The certificate and those that lead to the root, PEM; read again on SIGHUP
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Authorities whose client certificates are taken for a login, PEM; read at the start
    #[arg(long, value_name = "FILE")]
    tls_client_ca: Option<PathBuf>,
    /// Whether the SASL mechanism LOGIN is offered, for old devices [default: false]
    #[arg(long, value_name = "BOOL")]
    auth_login: Option<bool>,
    /// What the server says of itself in answer to ID, such as `vendor=Example`; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    id: Vec<IdField>,
    /// Where the same mail can be had by JMAP
    #[arg(long, value_name = "URL")]
    jmap_url: Option<String>,
    /// A user who fetches, as the submission server, what URLs name that are authorized for submission (URLAUTH); may be repeated
    #[arg(long, value_name = "NAME")]
    submission_users: Vec<String>,
    /// Who may send a password without TLS [default: from-loopback]
    #[arg(long, value_name = "WHO")]
    plaintext_login: Option<PlaintextLogin>,
    /// Whether clients may have their connection compressed after login [default: true]
    #[arg(long, value_name = "BOOL")]
    compress: Option<bool>,
    /// A bound on what clients cost, such as connections=50 or append=25MiB; may be repeated. --example-config
    /// explains them all
    #[arg(long = "limit", value_name = "NAME=VALUE")]
    limits: Vec<LimitsLayer>,
    /// off, error, warn, info, debug, trace, or by module: info,imap_server=debug [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<LogLevel>,
    /// How log lines look, on standard error [default: text]
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<LogFormat>,
}

impl ServerFlags {
    /// These flags and a program's `own`, over what the file says if there is one.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn over_file<O: Section>(self, own: O) -> Result<Layer<O>, ConfigError> {
        let file = self.config.as_deref().map(Layer::read).transpose()?;
        let server = ServerLayer {
            listen: self.listen,
            listen_tls: self.listen_tls,
            tls_cert: self.tls_cert,
            tls_key: self.tls_key,
            tls_client_ca: self.tls_client_ca,
            auth_login: self.auth_login,
            id: (!self.id.is_empty()).then_some(self.id),
            jmap_url: self.jmap_url,
            submission_users: (!self.submission_users.is_empty()).then_some(self.submission_users),
            plaintext_login: self.plaintext_login,
            compress: self.compress,
            log_level: self.log_level,
            log_format: self.log_format,
            // The last of two values for one limit counts.
            limits: self
                .limits
                .into_iter()
                .fold(LimitsLayer::default(), |before, limit| limit.over(before)),
        };
        let flags = Layer { server, own };
        Ok(match file {
            Some(file) => flags.over(file),
            None => flags,
        })
    }
}
