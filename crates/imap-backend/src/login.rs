//! Who wants to log in, from where, and with what.

use std::fmt;
use std::net::SocketAddr;

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

/// A user's name and the proof that came with it. `Debug` shows neither.
///
/// A backend that knows passwords only asks [`password`](Self::password) and refuses where there is none.
#[derive(Clone)]
pub struct Credentials {
    user: String,
    proof: Proof,
}

/// What a client proves its identity with.
#[derive(Clone)]
#[non_exhaustive]
pub enum Proof {
    /// A password: LOGIN, SASL PLAIN.
    Password(String),
    /// None is needed: the server has checked the user's proof, with the keys of
    /// [`scram_keys`](crate::Backend::scram_keys), or [`identify`](crate::Backend::identify) has said who the user is.
    Verified,
}

impl Credentials {
    /// A name and a password as the client sent them.
    #[must_use]
    pub fn new(user: String, password: String) -> Self {
        Self {
            user,
            proof: Proof::Password(password),
        }
    }

    /// The name of a user whose identity is proven already.
    #[must_use]
    pub fn verified(user: String) -> Self {
        Self {
            user,
            proof: Proof::Verified,
        }
    }

    /// The user's name: any text, not to be put into a path unchecked.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// What the client proves its identity with.
    #[must_use]
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// The password, any text; none where the client proves its identity in another way.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        match &self.proof {
            Proof::Password(password) => Some(password),
            Proof::Verified => None,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password(_) => f.debug_struct("Password").finish_non_exhaustive(),
            Self::Verified => f.write_str("Verified"),
        }
    }
}
