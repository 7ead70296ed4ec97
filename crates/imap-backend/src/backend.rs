//! The way in: credentials become a session.

use crate::error::LoginError;
use crate::session::Session;
use std::fmt;
use std::net::SocketAddr;

/// A mail store that speaks IMAP.
///
/// One value serves all connections; [`login`](Self::login) makes the per-connection [`Session`].
pub trait Backend: Send + Sync + 'static {
    /// A logged-in connection.
    type Session: Session;

    /// Checks credentials (LOGIN, AUTHENTICATE PLAIN; RFC 9051, sections 6.2.2 and 6.2.3).
    ///
    /// The server has already refused passwords over unprotected connections, slows down and ends series of
    /// failures, and bounds how many logins run at once. An unknown user should take as long as a wrong password.
    ///
    /// # Errors
    /// [`LoginError::Refused`] for wrong credentials, [`LoginError::Failed`] where they could not be checked.
    fn login(
        &self,
        peer: &Peer,
        credentials: Credentials,
    ) -> impl Future<Output = Result<Self::Session, LoginError>> + Send;
}

/// Who is at the other end of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// The client's address; none for a connection in memory.
    pub address: Option<SocketAddr>,
    /// How the connection is protected.
    pub transport: Transport,
}

impl Peer {
    /// A peer.
    #[must_use]
    pub fn new(address: Option<SocketAddr>, transport: Transport) -> Self {
        Self { address, transport }
    }
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Not at all.
    Plain,
    /// By TLS, from the start or after STARTTLS.
    Tls,
}

/// A name and a password. `Debug` shows neither.
#[derive(Clone)]
pub struct Credentials {
    user: String,
    password: String,
}

impl Credentials {
    /// Credentials as the client sent them.
    #[must_use]
    pub fn new(user: String, password: String) -> Self {
        Self { user, password }
    }

    /// The user's name: any text, not to be put into a path unchecked.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password: any text.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}
