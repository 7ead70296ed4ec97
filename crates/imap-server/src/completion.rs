//! How a command ends: the tagged line, or the end of the connection.

use std::borrow::Cow;
use std::io;

use imap_backend::{Error, ErrorKind};

use crate::connection::{Channel, Gone};
use crate::syntax::Fault;
use crate::wire;

/// OK, NO or BAD (RFC 9051, section 7.1; `resp-cond-state` of its grammar).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    Ok,
    No,
    Bad,
}

/// The tagged line of a command, without its tag.
#[derive(Debug)]
pub(crate) struct Completion {
    pub(crate) condition: Condition,
    /// The response code without brackets; empty for none.
    pub(crate) code: Cow<'static, str>,
    pub(crate) text: Cow<'static, str>,
    /// Whether a client with QRESYNC is told the mod-sequence that it may remember from here on (RFC 7162, section 3.2.7).
    pub(crate) tells_highest_modseq: bool,
    /// The MESSAGELIMIT code, where only some of the messages were processed (RFC 9738). It goes before the line where that has
    /// another code.
    pub(crate) limit: Option<String>,
    /// What the operator is to be told.
    pub(crate) failure: Option<Error>,
}

impl Completion {
    pub(crate) fn ok(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Condition::Ok, text)
    }

    pub(crate) fn no(code: impl Into<Cow<'static, str>>, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Condition::No, text).with_code(code)
    }

    pub(crate) fn bad(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Condition::Bad, text)
    }

    fn new(condition: Condition, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            condition,
            code: Cow::Borrowed(""),
            text: text.into(),
            tells_highest_modseq: false,
            limit: None,
            failure: None,
        }
    }

    /// What is wrong with the command of this name.
    pub(crate) fn refusing(name: &str, fault: Fault) -> Self {
        const CHARSETS: &str = "BADCHARSET (US-ASCII UTF-8)";
        let foreign = "charset is not supported";
        match fault {
            Fault::Syntax { at, why } => Self::bad(format!("{name}: {why} at octet {}", at + 1)),
            Fault::Ends { at } => Self::bad(format!("{name}: ends at octet {} where more is due", at + 1)),
            Fault::Limit(why) => Self::no("LIMIT", why),
            Fault::Charset => Self::no(CHARSETS, foreign),
            Fault::CharsetOfFilters => Self::bad(foreign).with_code(CHARSETS),
            Fault::UndefinedFilter(filter) => {
                Self::no(format!("UNDEFINED-FILTER {filter}"), "there is no such filter")
            }
            Fault::Filter(why) => Self::no("", why),
        }
    }

    pub(crate) fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = code.into();
        self
    }

    /// Expunges are told before it, and HIGHESTMODSEQ with it.
    pub(crate) fn with_highest_modseq(mut self) -> Self {
        self.tells_highest_modseq = true;
        self
    }

    /// The command has processed only some of its messages, as this code says.
    pub(crate) fn with_limit(mut self, code: Option<String>) -> Self {
        self.limit = code;
        self
    }

    /// Some of the messages that a command names were expunged by somebody else (RFC 2180, section 4).
    pub(crate) fn expunge_issued() -> Self {
        Self::no("EXPUNGEISSUED", "some of the messages no longer exist")
    }

    pub(crate) fn write(&self, channel: &mut Channel, tag: &str) {
        let kind = match self.condition {
            Condition::Ok => "OK",
            Condition::No => "NO",
            Condition::Bad => "BAD",
        };
        let code = match &self.limit {
            Some(limit) if self.code.is_empty() => limit.as_str(),
            Some(limit) => {
                wire::status(
                    channel.io.out(),
                    "*",
                    "NO",
                    limit,
                    "not all messages were processed",
                );
                &*self.code
            }
            None => &*self.code,
        };
        wire::status(channel.io.out(), tag, kind, code, &self.text);
    }
}

/// Why a handler stopped early: `?` works on wire, backend and client errors alike.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The connection is over.
    Gone(Gone),
    /// The command ends with this line.
    Answer(Completion),
}

/// What a handler returns.
pub(crate) type Answer = Result<Completion, Stop>;

impl From<Gone> for Stop {
    fn from(gone: Gone) -> Self {
        Self::Gone(gone)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Gone(error.into())
    }
}

impl From<Completion> for Stop {
    fn from(completion: Completion) -> Self {
        Self::Answer(completion)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Answer(error.into())
    }
}

/// The one place where a backend's error becomes a response: its kind is told, its words are for the log.
impl From<Error> for Completion {
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            ErrorKind::NonExistent => "NONEXISTENT",
            ErrorKind::TryCreate => "TRYCREATE",
            ErrorKind::AlreadyExists => "ALREADYEXISTS",
            ErrorKind::Cannot | ErrorKind::Unsupported => "CANNOT",
            ErrorKind::NoPermission => "NOPERM",
            ErrorKind::OverQuota => "OVERQUOTA",
            ErrorKind::Limit => "LIMIT",
            ErrorKind::TooBig => "TOOBIG",
            ErrorKind::UnknownEncoding => "UNKNOWN-CTE",
            ErrorKind::InUse => "INUSE",
            ErrorKind::Unavailable => "UNAVAILABLE",
            ErrorKind::ExpungeIssued => "EXPUNGEISSUED",
            ErrorKind::Corruption => "CORRUPTION",
            ErrorKind::UseNotSupported => "USEATTR",
            ErrorKind::ClientGone => "",
            // A kind that this server does not know yet is the server's fault.
            _ => "SERVERBUG",
        };
        let no = Self::no(code, error.kind().to_string());
        match error.kind() {
            ErrorKind::Unavailable | ErrorKind::Corruption | ErrorKind::ServerBug => Self {
                failure: Some(error),
                ..no
            },
            _ => {
                tracing::debug!(%error, "refused by the backend");
                no
            }
        }
    }
}
