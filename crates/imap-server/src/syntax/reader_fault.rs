//! Why what a [`Reader`](super::reader::Reader) reads is no command.

use std::borrow::Cow;

/// Why a command, or the search program of one, is none or is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It cannot go on like that: BAD.
    Syntax {
        /// The place of the octet that cannot stand there, counted from 0 at the command's first octet.
        at: usize,
        why: Cow<'static, str>,
    },
    /// It ends where more is due: BAD, unless a literal is still to come.
    Ends {
        /// The place behind the last octet.
        at: usize,
    },
    /// It asks for more than the server does: NO with LIMIT.
    Limit(String),
    /// It is written in a charset that is not supported: NO with BADCHARSET (RFC 9051, section 6.4.4).
    Charset,
    /// The same, with filters, whose criteria are UTF-8: BAD with BADCHARSET (RFC 5466, section 3.1).
    CharsetOfFilters,
    /// It names a filter that does not exist: NO with UNDEFINED-FILTER (RFC 5466, section 3.1).
    UndefinedFilter(String),
    /// The criterion of a filter that it names is none: NO.
    Filter(String),
}

impl Fault {
    pub(crate) fn syntax(at: usize, why: impl Into<Cow<'static, str>>) -> Self {
        Self::Syntax { at, why: why.into() }
    }
}
