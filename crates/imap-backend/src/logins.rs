//! What a backend takes from whoever wants to log in.

/// One kind of proof that a client can give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LoginKind {
    /// A password: LOGIN, SASL PLAIN. On by default.
    Password,
    /// SCRAM-SHA-256, with and without channel binding (RFC 5802, RFC 7677):
    /// [`scram_keys`](crate::Backend::scram_keys) knows the users' keys.
    Scram,
    /// A bearer token: OAUTHBEARER (RFC 7628), XOAUTH2. [`identify`](crate::Backend::identify) says whose it is.
    Bearer,
    /// A client certificate of the TLS session: SASL EXTERNAL (RFC 4422, appendix A).
    /// [`identify`](crate::Backend::identify) says whose it is.
    Certificate,
}

impl LoginKind {
    /// Each its own, by its place among them.
    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The kinds of proof that a backend takes: a server offers no others.
///
/// The default is passwords.
///
/// ```
/// use imap_backend::{LoginKind, Logins};
/// let logins = Logins::default().with(LoginKind::Bearer).without(LoginKind::Password);
/// assert!(logins.take(LoginKind::Bearer) && !logins.take(LoginKind::Password));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logins(u8);

impl Logins {
    /// With this kind too.
    #[must_use]
    pub const fn with(self, kind: LoginKind) -> Self {
        Self(self.0 | kind.bit())
    }

    /// Without this kind.
    #[must_use]
    pub const fn without(self, kind: LoginKind) -> Self {
        Self(self.0 & !kind.bit())
    }

    /// Whether this kind is taken.
    #[must_use]
    pub const fn take(&self, kind: LoginKind) -> bool {
        self.0 & kind.bit() != 0
    }
}

impl Default for Logins {
    fn default() -> Self {
        Self(LoginKind::Password.bit())
    }
}
