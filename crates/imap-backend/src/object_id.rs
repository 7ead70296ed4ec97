//! Identifiers of mailboxes, messages and threads (RFC 8474).

use std::fmt;
use std::sync::Arc;

/// An identifier that never changes and is never used for anything else: MAILBOXID, EMAILID, THREADID (RFC 8474, section 3).
///
/// ```
/// use imap_backend::ObjectId;
/// assert_eq!(ObjectId::new("M6d99ac32").unwrap().as_str(), "M6d99ac32");
/// assert!(ObjectId::new("").is_none() && ObjectId::new("a b").is_none());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(Arc<str>);

impl ObjectId {
    /// The most octets of one (RFC 8474, section 7).
    const LONGEST: usize = 255;

    /// An identifier; `None` unless it has 1 to 255 letters, digits, `_` and `-`.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let allowed = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'_' | b'-');
        let valid = !text.is_empty() && text.len() <= Self::LONGEST && text.bytes().all(allowed);
        valid.then(|| Self(text.into()))
    }

    /// A mailbox's identifier, made of a number that the store never uses twice for mailboxes.
    ///
    /// Mailboxes, messages and threads differ by a letter, so that no client takes one for the other.
    #[must_use]
    pub fn of_mailbox(number: u64) -> Self {
        Self(format!("F{number}").into())
    }

    /// A message's identifier, made of a number that the store never uses twice for messages of other octets.
    #[must_use]
    pub fn of_email(number: u64) -> Self {
        Self(format!("M{number}").into())
    }

    /// A thread's identifier, made of a number that the store never uses twice for threads.
    #[must_use]
    pub fn of_thread(number: u64) -> Self {
        Self(format!("T{number}").into())
    }

    /// The identifier as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
