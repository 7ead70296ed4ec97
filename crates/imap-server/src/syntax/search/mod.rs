//! The arguments of SEARCH, ESEARCH, SORT and THREAD: above all the search program (RFC 9051, section 6.4.4 and `search-program` in
//! section 9; RFC 3501 likewise).
//!
//! The codec nests keys eight deep, `OR a OR b OR c` included, and clients write hundreds of alternatives like that. Here
//! nothing recurses while it reads, and what is read nests only as deep as [`DEEPEST`] permits: a chain of ORs is one key
//! with many alternatives, parentheses around one key are that key, and NOT NOT is nothing.
//!
//! SORT and THREAD (RFC 5256) are the same with more in front. What every extension adds is read in [`request`] if it stands
//! before the keys, and is one line of [`leaf`] if it is a key.

mod build;
mod filter;
mod leaf;
mod parser;
mod request;
#[cfg(test)]
mod tests;

use super::extension::NewMessageItems;
use super::filter::Filter;
pub(crate) use super::reader_fault::Fault;
pub(crate) use filter::{Filters, check_filter};
pub(crate) use parser::{asks_to_save, could_go_on, parse, parse_with};
pub(crate) use request::{Request, Return};

use std::num::NonZeroU32;

use imap_backend::{Ability, SearchKey};
use imap_seq::{SeqNum, SequenceSet, Uid};

/// The most search keys in one program, parentheses, OR and NOT not counted. A thousand: five hundred alternatives are
/// what clients are known to write.
pub(crate) const MOST_KEYS: usize = 1000;

/// The deepest nesting of a program, in levels of parentheses, OR and NOT. What nests only in writing does not count:
/// `OR a OR b c` is one level, and so is `(a (b c))`.
pub(crate) const DEEPEST: usize = 64;

/// The most keys that have to read messages: BODY, TEXT, and HEADER with a field of which no summary is kept. Each looks
/// through every message; so many are far more than a person asks for.
pub(crate) const MOST_READING: usize = 64;

/// A command that searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Search,
    /// A SEARCH of several mailboxes (RFC 7377).
    ESearch,
    Sort,
    Thread,
}

/// What a client searches for, and what it wants to hear of it.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) request: Request,
    /// Which mailboxes ESEARCH looks in; `None` for the other commands, which look in the selected one.
    pub(crate) sources: Option<Vec<Filter>>,
    /// `None` without RETURN.
    pub(crate) options: Option<Return>,
    /// What a row about a new message that matches has (RFC 5465, section 7); nothing where no row is wanted.
    pub(crate) new_rows: Option<NewMessageItems>,
    pub(crate) key: Key,
    pub(crate) numbering: Numbering,
    pub(crate) reading: Reading,
    /// Whether MODSEQ is among the keys.
    pub(crate) asks_mod_sequences: bool,
    /// What has to be offered for some of the keys.
    pub(crate) needs: Vec<Needed>,
    /// Whether FILTER is among the keys: what it stands for is missing, unless it was [parsed with](parse_with) the filters.
    pub(crate) names_filters: bool,
}

/// What a key needs that is not offered everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needed {
    Ability(Ability),
    /// MESSAGELIMIT (RFC 9738).
    MessageLimit,
}

/// Whether a program names messages by sequence number. UID SEARCH must then hold expunges (RFC 9051, section 7.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// No key does.
    Free,
    /// Some key does, at whatever depth.
    UsesSequenceNumbers,
}

/// What a program has to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Flags, dates, sizes and numbers decide.
    Attributes,
    /// Header fields or bodies decide.
    Contents,
}

/// A search key as the client wrote it: what needs the session's view is not resolved.
#[derive(Debug, Clone)]
pub(crate) enum Key {
    /// A key that means the same in every session. In a box, because keys move while a program is read.
    Plain(Box<SearchKey>),
    /// A sequence set.
    Seqs(SequenceSet<SeqNum>),
    /// UID.
    Uids(SequenceSet<Uid>),
    /// `$`: the saved result (RFC 5182).
    Saved,
    /// MODSEQ: this or higher (RFC 7162, section 3.1.5).
    ModSeq(u64),
    /// OLDER: so many seconds (RFC 5032).
    Older(NonZeroU32),
    /// YOUNGER.
    Younger(NonZeroU32),
    /// RECENT.
    Recent,
    /// NEW: RECENT and UNSEEN.
    New,
    /// OLD: not RECENT.
    Old,
    /// All of them, at least two.
    And(Vec<Self>),
    /// One of them, at least two.
    Or(Vec<Self>),
    /// NOT, never of another NOT.
    Not(Box<Self>),
}
