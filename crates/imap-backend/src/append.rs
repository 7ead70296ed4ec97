//! APPEND: what it says of its messages, the messages while they arrive, and where they went (RFC 9051, section 6.3.12;
//! RFC 3502).

use bytes::Bytes;
use chrono::{DateTime, FixedOffset};
use imap_seq::{Uid, UidSet, UidValidity};
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
    /// How many octets were announced: all of them arrive, or [`chunk`](Self::chunk) fails. `None` where nobody knows
    /// before the last, because the message is put together of parts (CATENATE, RFC 4469).
    ///
    /// A store that has a bound refuses early by it, and counts what arrives all the same.
    fn size(&self) -> Option<u64>;

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

/// The messages of one APPEND while they still arrive, one after the other (RFC 3502): [`next`](Self::next) goes to a
/// message, whose octets [`chunk`](MessageSource::chunk) then gives.
pub trait Messages: MessageSource {
    /// What is said of the next message; `None` after the last. What was left unread of the one before is passed over.
    ///
    /// # Errors
    /// [`ErrorKind::ClientGone`](crate::ErrorKind::ClientGone): the command went wrong, or the connection ended. Nothing
    /// may be kept then, of the messages before it either.
    ///
    /// # Cancel safety
    /// As [`chunk`](MessageSource::chunk).
    fn next(&mut self) -> impl Future<Output = Result<Option<Append>, Error>> + Send;
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

/// Where the messages of one APPEND went: the APPENDUID response code (RFC 3502; RFC 4315, section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendedAll {
    uid_validity: UidValidity,
    uids: UidSet,
}

impl AppendedAll {
    /// The messages have these UIDs, ascending in the order in which they arrived, in a mailbox of this UIDVALIDITY.
    #[must_use]
    pub fn new(uid_validity: UidValidity, uids: impl IntoIterator<Item = Uid>) -> Self {
        Self {
            uid_validity,
            uids: uids.into_iter().collect(),
        }
    }

    /// UIDVALIDITY of the mailbox.
    #[must_use]
    pub const fn uid_validity(&self) -> UidValidity {
        self.uid_validity
    }

    /// The messages' UIDs.
    #[must_use]
    pub const fn uids(&self) -> &UidSet {
        &self.uids
    }
}

impl From<Appended> for AppendedAll {
    fn from(one: Appended) -> Self {
        Self::new(one.uid_validity, [one.uid])
    }
}
