//! Connections, plain or over TLS.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::rustls;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A stream of octets in both directions.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A server, and how it is reached.
#[derive(Clone)]
pub struct Target {
    address: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// TLS begins when it is asked for.
    is_starttls: bool,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            address,
            tls,
            is_starttls,
        } = self;
        f.debug_struct("Target")
            .field("address", address)
            .field("tls", &tls.is_some())
            .field("starttls", is_starttls)
            .finish()
    }
}

impl Target {
    /// `HOST:PORT`, without TLS.
    #[must_use]
    pub fn plain(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            tls: None,
            is_starttls: false,
        }
    }

    /// `HOST:PORT`, with TLS behind STARTTLS, for [`run`](crate::run::run): a proxy cannot see through it. Otherwise as
    /// [`tls`](Self::tls).
    ///
    /// # Errors
    /// The file cannot be read, or the host is no name.
    pub fn starttls(address: impl Into<String>, trusted: Option<&Path>) -> io::Result<Self> {
        Ok(Self {
            is_starttls: true,
            ..Self::tls(address, trusted)?
        })
    }

    /// `HOST:PORT`, with TLS from the first octet. The server's certificate is judged by those of the file, or else by those that
    /// the system trusts.
    ///
    /// # Errors
    /// The file cannot be read, or the host is no name.
    pub fn tls(address: impl Into<String>, trusted: Option<&Path>) -> io::Result<Self> {
        let address = address.into();
        let host = address
            .rsplit_once(':')
            .map_or(address.as_str(), |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(io::Error::other)?;
        let mut roots = RootCertStore::empty();
        match trusted {
            Some(file) => {
                for certificate in certificates(file)? {
                    roots.add(certificate).map_err(io::Error::other)?;
                }
            }
            None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            address,
            tls: Some((TlsConnector::from(Arc::new(config)), name)),
            is_starttls: false,
        })
    }

    /// `HOST:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether TLS is to be asked for.
    pub(crate) fn is_starttls(&self) -> bool {
        self.is_starttls
    }

    pub(crate) async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Stream> = Box::new(stream);
        match self.is_starttls {
            true => Ok(stream),
            false => self.secure(stream).await,
        }
    }

    /// TLS, if the server is reached over it: from the first octet of the stream.
    pub(crate) async fn secure(&self, stream: Box<dyn Stream>) -> io::Result<Box<dyn Stream>> {
        Ok(match &self.tls {
            None => stream,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await;
                Box::new(stream.map_err(|error| no_tls(&error))?)
            }
        })
    }
}

/// TLS towards clients, with this certificate and key.
///
/// # Errors
/// The files cannot be read, or do not belong together.
pub fn acceptor(certificate: &Path, key: &Path) -> io::Result<TlsAcceptor> {
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| named(key, &error))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(certificates(certificate)?, key)
        .map_err(io::Error::other)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).map_err(|error| named(file, &error))?;
    read.collect::<Result<_, _>>()
        .map_err(|error| named(file, &error))
}

/// What a server that speaks no TLS says is no record of it; what it shows of itself may not be believed.
fn no_tls(error: &io::Error) -> io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    let hint = match inner {
        Some(rustls::Error::InvalidMessage(_)) => "; it does not speak TLS there: leave --tls out",
        Some(rustls::Error::InvalidCertificate(_)) => "; --trusted FILE says which certificates are believed",
        _ => "",
    };
    io::Error::new(error.kind(), format!("TLS: {error}{hint}"))
}

fn named(file: &Path, error: &pem::Error) -> io::Error {
    io::Error::other(format!("{}: {error}", file.display()))
}
