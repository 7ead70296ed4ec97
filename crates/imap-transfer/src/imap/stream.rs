//! From a host's name to a connection that nobody else reads.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use async_imap::Client;
use clap::ValueEnum;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::connection::in_time;
use super::starttls;
use crate::Failure;

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Tls {
    /// From the first octet.
    Implicit,
    /// From STARTTLS on.
    #[value(name = "starttls")]
    StartTls,
    /// Not at all: everybody on the way can read the password and the mail.
    None,
}

/// Octets in both directions.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send + Debug {}

impl<W: AsyncRead + AsyncWrite + Unpin + Send + Debug> Wire for W {}

/// Connects, and reads the greeting.
pub(super) async fn connect(host: &str, port: u16, tls: Tls) -> Result<Client<Box<dyn Wire>>, Failure> {
    let mut stream = in_time(TcpStream::connect((host, port))).await??;
    stream.set_nodelay(true)?;
    match tls {
        Tls::None => greeted(Client::new(Box::new(stream))).await,
        Tls::Implicit => greeted(Client::new(encrypted(host, stream).await?)).await,
        Tls::StartTls => {
            in_time(starttls::begin(&mut stream)).await??;
            Ok(Client::new(encrypted(host, stream).await?))
        }
    }
}

async fn greeted(mut client: Client<Box<dyn Wire>>) -> Result<Client<Box<dyn Wire>>, Failure> {
    let greeting = in_time(client.read_response()).await??;
    greeting.ok_or("the server has closed the connection")?;
    Ok(client)
}

async fn encrypted(host: &str, stream: TcpStream) -> Result<Box<dyn Wire>, Failure> {
    let connector = TlsConnector::from(Arc::new(config()?));
    let name = ServerName::try_from(host.to_owned())?;
    let begun = in_time(connector.connect(name, stream)).await?;
    Ok(Box::new(
        begun.map_err(|error| format!("TLS does not begin: {error}"))?,
    ))
}

/// Trusts what the system trusts, or the certificates of `SSL_CERT_FILE`.
fn config() -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found
            .errors
            .first()
            .map_or_else(String::new, |error| format!(": {error}"));
        return Err(io::Error::other(format!("the system trusts no certificates{why}")).into());
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
