//! How a backend says that something did not work.

use std::fmt;

use imap_seq::NumberOutOfRange;

/// What went wrong, in the terms of RFC 5530 (response codes for tagged NO).
///
/// The server turns each kind into a tagged NO with this code and a fixed text. Whatever the backend knows
/// beyond that goes into [`Error::with_source`], which is logged and never sent to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// `[NONEXISTENT]`: the named mailbox does not exist (RFC 5530, section 3).
    NonExistent,
    /// `[TRYCREATE]`: the target of APPEND, COPY or MOVE does not exist but could be created (RFC 9051, 7.1).
    TryCreate,
    /// `[ALREADYEXISTS]`: the mailbox to create, or to rename to, exists (RFC 5530, section 3).
    AlreadyExists,
    /// `[CANNOT]`: the operation can never succeed, such as an impossible mailbox name (RFC 5530, section 3).
    Cannot,
    /// `[NOPERM]`: this user may not do that (RFC 5530, section 3).
    NoPermission,
    /// `[OVERQUOTA]`: the user's quota would be exceeded (RFC 5530, section 3).
    OverQuota,
    /// `[LIMIT]`: an implementation limit was reached (RFC 5530, section 3).
    Limit,
    /// `[TOOBIG]`: the message is larger than the store accepts (RFC 4469, section 3).
    TooBig,
    /// `[UNKNOWN-CTE]`: the message has octets that this store cannot hold, such as NUL (RFC 3516, section 4.3).
    UnknownEncoding,
    /// `[INUSE]`: the mailbox is locked by somebody else (RFC 5530, section 3).
    InUse,
    /// `[UNAVAILABLE]`: a part of the store is down; trying again later may help (RFC 5530, section 3).
    Unavailable,
    /// `[EXPUNGEISSUED]`: a message that the command names was expunged by somebody else (RFC 5530, section 3).
    ExpungeIssued,
    /// `[CORRUPTION]`: the stored data is damaged (RFC 5530, section 3).
    Corruption,
    /// `[SERVERBUG]`: the backend found a bug in itself (RFC 5530, section 3).
    ServerBug,
    /// `[USEATTR]`: the mailbox cannot have that special use (RFC 6154, section 3).
    UseNotSupported,
    /// The client broke off: the body of an APPEND ended before its announced size. Nothing is answered.
    ClientGone,
    /// The backend does not offer this operation; the server answers NO `[CANNOT]`.
    Unsupported,
}

impl ErrorKind {
    /// Whether the error of reading a body says something about that message alone, so that others can be read.
    #[must_use]
    pub fn concerns_one_message(self) -> bool {
        matches!(self, Self::ExpungeIssued | Self::Corruption | Self::NoPermission)
    }
}

/// An operation of the backend failed.
///
/// ```
/// use imap_backend::{Error, ErrorKind};
/// let disk = std::io::Error::other("disk on fire");
/// let error = Error::new(ErrorKind::Unavailable).with_source(disk);
/// assert_eq!(error.kind(), ErrorKind::Unavailable);
/// assert_eq!(error.to_string(), "a part of the mail store is unavailable: disk on fire"); // for the log
/// ```
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of this kind and nothing more to tell.
    #[must_use]
    pub fn new(kind: ErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// Adds what the operator should read in the log. It never reaches a client.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self::new(kind)
    }
}

/// A number that the store kept cannot be a UID, a UIDVALIDITY or a mod-sequence: [`ErrorKind::Corruption`], with the number
/// for the log. So `?` does for the columns of a database.
///
/// ```
/// use imap_backend::{Error, ErrorKind};
/// use imap_seq::Uid;
/// fn uid(column: i64) -> Result<Uid, Error> {
///     Ok(column.try_into()?)
/// }
/// assert_eq!(uid(0).unwrap_err().kind(), ErrorKind::Corruption);
/// ```
impl From<NumberOutOfRange> for Error {
    fn from(number: NumberOutOfRange) -> Self {
        Self::new(ErrorKind::Corruption).with_source(number)
    }
}

impl fmt::Display for ErrorKind {
    /// The fixed text that a client may read: lower case, no details of the store.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NonExistent => "no such mailbox",
            Self::TryCreate => "no such mailbox, create it first",
            Self::AlreadyExists => "the mailbox exists already",
            Self::Cannot => "that cannot be done here",
            Self::NoPermission => "permission denied",
            Self::OverQuota => "the quota is exceeded",
            Self::Limit => "a limit of the mail store is reached",
            Self::TooBig => "the message is too big",
            Self::UnknownEncoding => "the message has octets that cannot be stored",
            Self::InUse => "the mailbox is in use",
            Self::Unavailable => "a part of the mail store is unavailable",
            Self::ExpungeIssued => "some of the messages no longer exist",
            Self::Corruption => "the stored mail is damaged",
            Self::ServerBug => "internal error",
            Self::UseNotSupported => "the mailbox cannot have that special use",
            Self::ClientGone => "the client went away",
            Self::Unsupported => "not supported by this mail store",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{}: {source}", self.kind),
            None => self.kind.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|s| s as _)
    }
}

/// Why nobody was logged in.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoginError {
    /// The name or the password is wrong, or there is no such user: `[AUTHENTICATIONFAILED]` (RFC 5530, section 3).
    Refused,
    /// The credentials may be right, but cannot be checked or used just now: `[UNAVAILABLE]`.
    Failed(Error),
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("wrong user name or password"),
            Self::Failed(error) => write!(f, "login failed: {error}"),
        }
    }
}

impl std::error::Error for LoginError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused => None,
            Self::Failed(error) => Some(error),
        }
    }
}

impl From<Error> for LoginError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imap_seq::{ModSeq, Uid};
    use std::error::Error as _;

    #[test]
    fn a_column_that_is_no_number_of_imap_is_damage_and_the_log_says_which() {
        let error = Error::from(Uid::try_from(1 << 32).unwrap_err());
        assert_eq!(error.kind(), ErrorKind::Corruption);
        assert!(error.to_string().contains("4294967296"), "{error}");
        let source = Error::from(ModSeq::try_from(-1).unwrap_err());
        assert!(source.source().unwrap().is::<NumberOutOfRange>());
    }
}
