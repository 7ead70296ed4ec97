//! Whether connections to the server are encrypted.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::engine::OpenError;

/// How to connect.
#[derive(Clone)]
pub(super) struct Connector {
    config: Config,
    /// None where connections are not encrypted.
    tls: Option<MakeRustlsConnect>,
}

/// What carries a connection: to be polled until it ends, and for what the server says by itself.
pub(super) type Carrier = Pin<Box<dyn Stream<Item = Result<AsyncMessage, tokio_postgres::Error>> + Send>>;

impl Connector {
    /// As the URL says: with `sslmode=require` encrypted, to a server whose certificate the system trusts; with
    /// `sslmode=disable` not encrypted. Where it says neither, a server on this machine is taken as it is, and another is
    /// refused: a password must not go over a network because a word was left out.
    pub(super) fn new(config: Config) -> Result<Self, OpenError> {
        let tls = match config.get_ssl_mode() {
            SslMode::Disable => None,
            SslMode::Require => Some(trusting_the_systems_certificates()?),
            _ if is_here(&config) => None,
            _ => {
                let why = "its URL does not say whether connections are encrypted: add ?sslmode=require, or ?sslmode=disable";
                return Err(OpenError::Failed(why.into()));
            }
        };
        Ok(Self { config, tls })
    }

    pub(super) async fn connect(&self) -> Result<(Client, Carrier), tokio_postgres::Error> {
        match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                Ok((client, carrier(connection)))
            }
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await?;
                Ok((client, carrier(connection)))
            }
        }
    }
}

fn carrier<S, T>(mut connection: tokio_postgres::Connection<S, T>) -> Carrier
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    Box::pin(futures_util::stream::poll_fn(move |context| {
        connection.poll_message(context)
    }))
}

/// Whether all servers of the URL are on this machine.
fn is_here(config: &Config) -> bool {
    let is_loopback = |address: &IpAddr| address.is_loopback();
    let by_name = config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address| is_loopback(&address)),
        _ => true, // a socket in the file system
    });
    by_name && config.get_hostaddrs().iter().all(is_loopback)
}

fn trusting_the_systems_certificates() -> Result<MakeRustlsConnect, OpenError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found
            .errors
            .first()
            .map_or_else(|| "there are none".to_owned(), ToString::to_string);
        return Err(OpenError::Failed(
            format!("no certificates that the system trusts: {why}").into(),
        ));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| OpenError::Failed(Box::new(error)))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connector(url: &str) -> Result<Connector, OpenError> {
        Connector::new(url.parse().unwrap())
    }

    #[test]
    fn what_is_encrypted_is_said_where_a_network_is_between() {
        for url in [
            "postgres://localhost/mail",
            "postgres://127.0.0.1,[::1]/mail",
            "postgres:///mail?host=/run/postgresql",
            "postgres://db.example/mail?sslmode=disable",
        ] {
            assert!(connector(url).unwrap().tls.is_none(), "{url}");
        }
        for url in [
            "postgres://db.example/mail",
            "postgres://localhost,db.example/mail",
            "postgres://localhost/mail?hostaddr=192.0.2.1",
            "postgres://db.example/mail?sslmode=prefer",
        ] {
            let error = connector(url).map(drop).unwrap_err();
            assert!(error.to_string().contains("sslmode"), "{url}: {error}");
        }
    }
}
