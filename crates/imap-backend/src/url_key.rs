//! The keys with which URLs are authorized (RFC 4467).

use std::fmt;

/// The secret of a user and a mailbox: what the tokens of URLs are made with (RFC 4467, section 3: mailbox access key).
/// Whoever has it can read the mailbox, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct UrlKey([u8; Self::OCTETS]);

impl UrlKey {
    /// How many octets a key has: as many as SHA-256 makes use of.
    pub const OCTETS: usize = 32;

    /// A key of these octets, which nobody can guess.
    #[must_use]
    pub const fn new(octets: [u8; Self::OCTETS]) -> Self {
        Self(octets)
    }

    /// The octets, to be kept where nobody else reads them.
    #[must_use]
    pub const fn octets(&self) -> &[u8; Self::OCTETS] {
        &self.0
    }
}

impl fmt::Debug for UrlKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UrlKey(hidden)")
    }
}
