//! A proof that says whose it is.

use std::fmt;

/// What a client shows instead of a name and a password. `Debug` shows none of it.
///
/// The user that it asks for is what it would like to be, and proves nothing: a claim for another user than its own has to be
/// refused, unless it may act for that user.
#[derive(Clone)]
#[non_exhaustive]
pub enum Claim {
    /// A bearer token of OAuth 2.0 (RFC 6750), as the client sent it: any printable ASCII.
    #[non_exhaustive]
    Bearer {
        /// The user that the client asks for.
        user: Option<String>,
        /// The token.
        token: String,
    },
    /// The certificate of the TLS session, which the server has verified against its authorities.
    #[non_exhaustive]
    Certificate {
        /// The user that the client asks for.
        user: Option<String>,
        /// The client's own certificate, DER.
        certificate: Vec<u8>,
    },
}

impl Claim {
    /// A bearer token.
    #[must_use]
    pub fn bearer(user: Option<String>, token: String) -> Self {
        Self::Bearer { user, token }
    }

    /// A verified certificate.
    #[must_use]
    pub fn certificate(user: Option<String>, certificate: Vec<u8>) -> Self {
        Self::Certificate { user, certificate }
    }

    /// The user that the client asks for.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::Bearer { user, .. } | Self::Certificate { user, .. } => user.as_deref(),
        }
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bearer { .. } => "Bearer(hidden)",
            Self::Certificate { .. } => "Certificate(hidden)",
        })
    }
}
