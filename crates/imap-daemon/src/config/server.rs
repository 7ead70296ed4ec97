//! The settings that every server has.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use imap_server::{Compression, Identification, LoginMechanism};
use serde::de::MapAccess;

use super::identification::identification;
use super::{Address, ConfigError, IdField, LimitsLayer, PlaintextLogin, Section, start_at, unknown_key};
use crate::logging::{LogFormat, LogLevel};
use crate::tls::TlsFiles;

/// Where a server listens without being told: this machine only, the IMAP port.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 143);

/// Settings of any server that may or may not be there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerLayer {
    /// Addresses for plain IMAP with STARTTLS.
    pub listen: Vec<Address>,
    /// Addresses for IMAP over TLS from the first octet.
    pub listen_tls: Vec<Address>,
    /// The certificate, PEM.
    pub tls_cert: Option<PathBuf>,
    /// Its key, PEM.
    pub tls_key: Option<PathBuf>,
    /// Authorities of client certificates, PEM.
    pub tls_client_ca: Option<PathBuf>,
    /// Who may send a password without TLS.
    pub plaintext_login: Option<PlaintextLogin>,
    /// Whether the SASL mechanism LOGIN is offered.
    pub auth_login: Option<bool>,
    /// What the server says of itself.
    pub id: Option<Vec<IdField>>,
    /// Where the same mail can be had by JMAP.
    pub jmap_url: Option<String>,
    /// Who fetches what URLs name that are authorized for submission.
    pub submission_users: Option<Vec<String>>,
    /// Whether clients may have their connection compressed.
    pub compress: Option<bool>,
    /// What is logged.
    pub log_level: Option<LogLevel>,
    /// How a log line looks.
    pub log_format: Option<LogFormat>,
    /// Bounds on what clients cost.
    pub limits: LimitsLayer,
}

/// Complete settings; from [`ServerLayer::complete`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerSettings {
    /// Addresses for plain IMAP with STARTTLS (if there is a certificate).
    pub listen: Vec<SocketAddr>,
    /// Addresses for IMAP over TLS from the first octet.
    pub listen_tls: Vec<SocketAddr>,
    /// Certificate and key, where TLS is wanted.
    pub tls: Option<TlsFiles>,
    /// Authorities of client certificates, where they are asked for.
    pub client_authorities: Option<PathBuf>,
    /// Who may send a password without TLS.
    pub plaintext_login: PlaintextLogin,
    /// Whether the SASL mechanism LOGIN is offered.
    pub login_mechanism: LoginMechanism,
    /// What the server says of itself.
    pub identification: Identification,
    /// Where the same mail can be had by JMAP.
    pub jmap_url: Option<String>,
    /// Who fetches what URLs name that are authorized for submission.
    pub submission_users: Vec<String>,
    /// Whether clients may have their connection compressed.
    pub compression: Compression,
    /// What is logged.
    pub log_level: LogLevel,
    /// How a log line looks.
    pub log_format: LogFormat,
    /// Those that were set; the others have the server's defaults.
    pub limits: LimitsLayer,
}

impl Section for ServerLayer {
    const KEYS: &[&str] = &[
        "listen",
        "listen_tls",
        "tls_cert",
        "tls_key",
        "tls_client_ca",
        "plaintext_login",
        "auth_login",
        "id",
        "jmap_url",
        "submission_users",
        "compress",
        "log_level",
        "log_format",
        "limits",
    ];

    fn read<'de, M: MapAccess<'de>>(&mut self, key: &str, file: &mut M) -> Result<(), M::Error> {
        match key {
            "listen" => self.listen = file.next_value()?,
            "listen_tls" => self.listen_tls = file.next_value()?,
            "tls_cert" => self.tls_cert = file.next_value()?,
            "tls_key" => self.tls_key = file.next_value()?,
            "tls_client_ca" => self.tls_client_ca = file.next_value()?,
            "auth_login" => self.auth_login = file.next_value()?,
            "id" => self.id = file.next_value()?,
            "jmap_url" => self.jmap_url = file.next_value()?,
            "submission_users" => self.submission_users = file.next_value()?,
            "plaintext_login" => self.plaintext_login = file.next_value()?,
            "compress" => self.compress = file.next_value()?,
            "log_level" => self.log_level = file.next_value()?,
            "log_format" => self.log_format = file.next_value()?,
            "limits" => self.limits = file.next_value()?,
            other => return unknown_key(other),
        }
        Ok(())
    }

    fn relative_to(mut self, folder: &Path) -> Self {
        start_at(folder, &mut self.tls_cert);
        start_at(folder, &mut self.tls_key);
        start_at(folder, &mut self.tls_client_ca);
        self
    }

    fn over(self, below: Self) -> Self {
        let addresses = |own: Vec<Address>, below| if own.is_empty() { below } else { own };
        Self {
            listen: addresses(self.listen, below.listen),
            listen_tls: addresses(self.listen_tls, below.listen_tls),
            tls_cert: self.tls_cert.or(below.tls_cert),
            tls_key: self.tls_key.or(below.tls_key),
            tls_client_ca: self.tls_client_ca.or(below.tls_client_ca),
            auth_login: self.auth_login.or(below.auth_login),
            id: self.id.or(below.id),
            jmap_url: self.jmap_url.or(below.jmap_url),
            submission_users: self.submission_users.or(below.submission_users),
            plaintext_login: self.plaintext_login.or(below.plaintext_login),
            compress: self.compress.or(below.compress),
            log_level: self.log_level.or(below.log_level),
            log_format: self.log_format.or(below.log_format),
            limits: self.limits.over(below.limits),
        }
    }
}

impl ServerLayer {
    /// Fills in the defaults and checks what belongs together.
    ///
    /// # Errors
    /// TLS is set up by half, or the fields of ID do not go together.
    pub fn complete(self) -> Result<ServerSettings, ConfigError> {
        let half = |given, absent| ConfigError::HalfTls { given, absent };
        let tls = match (self.tls_cert, self.tls_key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            (Some(_), None) => return Err(half("--tls-cert (tls_cert)", "--tls-key (tls_key)")),
            (None, Some(_)) => return Err(half("--tls-key (tls_key)", "--tls-cert (tls_cert)")),
        };
        if tls.is_none() && self.tls_client_ca.is_some() {
            return Err(ConfigError::ClientAuthority);
        }
        if tls.is_none() && !self.listen_tls.is_empty() {
            return Err(ConfigError::NoCertificate);
        }
        let mut listen: Vec<_> = self.listen.into_iter().map(|address| address.0).collect();
        if listen.is_empty() && self.listen_tls.is_empty() {
            listen.push(DEFAULT_LISTEN);
        }
        Ok(ServerSettings {
            listen,
            listen_tls: self.listen_tls.into_iter().map(|address| address.0).collect(),
            tls,
            client_authorities: self.tls_client_ca,
            login_mechanism: match self.auth_login {
                Some(true) => LoginMechanism::Offered,
                None | Some(false) => LoginMechanism::Off,
            },
            identification: identification(self.id).map_err(ConfigError::Identification)?,
            jmap_url: self.jmap_url,
            submission_users: self.submission_users.unwrap_or_default(),
            plaintext_login: self.plaintext_login.unwrap_or_default(),
            compression: match self.compress {
                None | Some(true) => Compression::Offered,
                Some(false) => Compression::Off,
            },
            log_level: self.log_level.unwrap_or_default(),
            log_format: self.log_format.unwrap_or_default(),
            limits: self.limits,
        })
    }
}
