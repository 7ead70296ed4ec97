//! The server: a backend, its bounds, and the listeners that bring clients to it.

use std::fmt;
use std::io;
use std::sync::Arc;

use imap_backend::{Backend, Peer, Transport};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::rustls::ServerConfig;

use crate::client;
use crate::config::{Limits, PlaintextLogin};
use crate::listener;
use crate::options::{Compression, Identification, LoginMechanism, OAuth, Options};
use crate::shared::Shared;
use crate::shutdown::Shutdown;

/// An IMAP server for one backend. Clones are the same server: connection limits count over all of its listeners.
pub struct Server<B> {
    pub(crate) shared: Arc<Shared<B>>,
}

impl<B> Clone for Server<B> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<B> fmt::Debug for Server<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("limits", &self.shared.limits)
            .finish_non_exhaustive()
    }
}

/// How a server is put together; see [`Server::builder`].
pub struct ServerBuilder<B> {
    backend: B,
    limits: Limits,
    tls: Option<Arc<ServerConfig>>,
    plaintext_login: PlaintextLogin,
    options: Options,
}

impl<B> fmt::Debug for ServerBuilder<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl<B: Backend> ServerBuilder<B> {
    /// Replaces the default bounds.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Offers STARTTLS on [`Server::serve`] and makes [`Server::serve_tls`] possible.
    #[must_use]
    pub fn tls(mut self, config: Arc<ServerConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// Who may send a password without TLS; by default clients on the same machine only.
    #[must_use]
    pub fn plaintext_login(mut self, plaintext_login: PlaintextLogin) -> Self {
        self.plaintext_login = plaintext_login;
        self
    }

    /// Whether clients may have their connection compressed; by default they may, after login.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.options.compression = compression;
        self
    }

    /// Whether the SASL mechanism LOGIN is offered; by default it is not.
    #[must_use]
    pub fn login_mechanism(mut self, login_mechanism: LoginMechanism) -> Self {
        self.options.login_mechanism = login_mechanism;
        self
    }

    /// What clients are told whose bearer token was refused; by default only that.
    #[must_use]
    pub fn oauth(mut self, oauth: OAuth) -> Self {
        self.options.oauth = oauth;
        self
    }

    /// What the server says of itself in answer to ID; by default its name and version.
    #[must_use]
    pub fn identification(mut self, identification: Identification) -> Self {
        self.options.identification = identification;
        self
    }

    /// Where the same mail, with the same users and passwords, can be had by JMAP (JMAPACCESS, RFC 9698): the URL of the
    /// session resource, such as `https://mail.example.com/.well-known/jmap`. By default nowhere.
    #[must_use]
    pub fn jmap(mut self, url: impl Into<String>) -> Self {
        self.options.jmap = Some(url.into());
        self
    }

    /// Who fetches, as the submission server, the messages that URLs name which are authorized for submission, `submit+` (RFC
    /// 4467, section 3): users who log in as any other. By default nobody, so that nobody can have such a URL.
    #[must_use]
    pub fn submission_users(mut self, users: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.options.submission_users = users.into_iter().map(Into::into).collect();
        self
    }

    /// What SCRAM's salts of users are made from whom there is not: any octets that nobody else knows. By default they are
    /// random for each server, so that somebody who asks before and after a restart, or two nodes, can tell who there is.
    #[must_use]
    pub fn scram_secret(mut self, secret: &[u8]) -> Self {
        self.options.scram_secret = secret.to_vec();
        self
    }

    /// The server; it does nothing until it is given a listener or a stream.
    #[must_use]
    pub fn build(self) -> Server<B> {
        let mut limits = self.limits;
        limits.logins_at_once = limits.logins_at_once.min(Semaphore::MAX_PERMITS);
        let shared = Shared::new(self.backend, limits, self.tls, self.plaintext_login, self.options);
        Server {
            shared: Arc::new(shared),
        }
    }
}

impl<B: Backend> Server<B> {
    /// Begins a server for `backend` with the default bounds and without TLS.
    pub fn builder(backend: B) -> ServerBuilder<B> {
        ServerBuilder {
            backend,
            limits: Limits::default(),
            tls: None,
            plaintext_login: PlaintextLogin::default(),
            options: Options::default(),
        }
    }

    /// Accepts clients in the clear, with STARTTLS where there is a TLS configuration, until `shutdown` is started
    /// and every client has been told.
    ///
    /// # Errors
    /// The listener itself fails. A client's failure is its own.
    ///
    /// # Cancel safety
    /// Dropping it ends all of its connections at once, without BYE.
    pub async fn serve(&self, listener: TcpListener, shutdown: Shutdown) -> io::Result<()> {
        listener::serve(&self.shared, listener, Transport::Plain, shutdown).await
    }

    /// As [`serve`](Self::serve), with a TLS handshake before the greeting (RFC 8314, section 3.2).
    ///
    /// # Errors
    /// As [`serve`](Self::serve), and `InvalidInput` for a server without a TLS configuration.
    pub async fn serve_tls(&self, listener: TcpListener, shutdown: Shutdown) -> io::Result<()> {
        if self.shared.tls.is_none() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the server has no TLS configuration",
            ));
        }
        listener::serve(&self.shared, listener, Transport::Tls, shutdown).await
    }

    /// Serves one client over any stream, to its end. For tests over in-memory streams, and for servers with a
    /// listener of their own; connection limits do not count here.
    pub async fn serve_connection<S>(&self, stream: S, peer: Peer, shutdown: Shutdown)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        client::serve(&self.shared, stream, peer, None, shutdown).await;
    }
}
