//! APPEND: what it says of its message, the message while it arrives, and where it went (RFC 9051, section 6.3.12).

use bytes::Bytes;
use chrono::{DateTime, FixedOffset};
use imap_seq::{Uid, UidValidity};
use imap_updates::Flags;

use crate::error::Error;

/// What APPEND says about its message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Append {
    flags: Flags,
    internal_date: Option<DateTime<FixedOffset>>,
}

impl Append {
    /// A message with these flags, without `\Recent`.
    #[must_use]
    pub const fn new(flags: Flags) -> Self {
        Self {
            flags,
            internal_date: None,
        }
    }

    /// With this INTERNALDATE.
    #[must_use]
    pub const fn with_internal_date(mut self, date: DateTime<FixedOffset>) -> Self {
        self.internal_date = Some(date);
        self
    }

    /// The flags to set.
    #[must_use]
    pub const fn flags(&self) -> &Flags {
        &self.flags
    }

    /// INTERNALDATE; the time of arrival where there is none.
    #[must_use]
    pub const fn internal_date(&self) -> Option<DateTime<FixedOffset>> {
        self.internal_date
    }
}

/// The message of an APPEND while it still arrives.
///
/// The first call of [`chunk`](Self::chunk) tells the client to go on; whoever returns an error before that has
/// refused the message without a single octet of it being sent (RFC 9051, section 4.3).
pub trait MessageSource: Send {
    /// How many octets were announced. All of them arrive, or [`chunk`](Self::chunk) fails.
    fn size(&self) -> u64;

    /// The next octets, never empty; `None` after the last.
    ///
    /// # Errors
    /// [`ErrorKind::ClientGone`](crate::ErrorKind::ClientGone): the connection ended or stalled first. Nothing may be
    /// kept then.
    ///
    /// # Cancel safety
    /// Octets are lost when the future is dropped before it is ready; do not poll it in a `select!`.
    fn chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, Error>> + Send;

    /// All of the message at once, for stores that keep messages in memory.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk).
    fn read_all(&mut self) -> impl Future<Output = Result<Bytes, Error>> + Send {
        async {
            let mut all = Vec::new();
            while let Some(chunk) = self.chunk().await? {
                all.extend_from_slice(&chunk);
            }
            Ok(all.into())
        }
    }
}

/// Where an appended message went: the APPENDUID response code (RFC 4315, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    uid_validity: UidValidity,
    uid: Uid,
}

impl Appended {
    /// The message has this UID in a mailbox of this UIDVALIDITY.
    #[must_use]
    pub const fn new(uid_validity: UidValidity, uid: Uid) -> Self {
        Self { uid_validity, uid }
    }

    /// UIDVALIDITY of the mailbox.
    #[must_use]
    pub const fn uid_validity(&self) -> UidValidity {
        self.uid_validity
    }

    /// The message's UID.
    #[must_use]
    pub const fn uid(&self) -> Uid {
        self.uid
    }
}
