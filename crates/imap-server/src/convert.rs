//! Codec types become ours. Nothing past this file knows the codec.

use imap_backend::{MailboxName, mutf7};
use imap_codec::imap_types::flag;
use imap_codec::imap_types::mailbox::{ListMailbox, Mailbox};
use imap_codec::imap_types::sequence::{self, SeqOrUid, Sequence};
use imap_seq::{Bound, Number, SequenceSet, SetItem};
use imap_updates::{Flag, Flags, Keyword};

use crate::completion::Completion;
use crate::wire::NameForm;

/// How a client writes mailbox names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Naming {
    pub(crate) delimiter: char,
    pub(crate) form: NameForm,
}

impl Naming {
    /// A name as the client wrote it, as Unicode; `None` where it is not written in the form that is in use.
    fn decode(self, octets: &[u8]) -> Option<String> {
        match self.form {
            NameForm::ModifiedUtf7 => mutf7::decode(octets).ok(),
            NameForm::Utf8 => std::str::from_utf8(octets).ok().map(str::to_owned),
        }
    }

    /// The canonical name that these octets write; `None` for what no mailbox can be called.
    pub(crate) fn name(self, octets: &[u8]) -> Option<MailboxName> {
        Some(MailboxName::new(&self.decode(octets)?)?.canonical(self.delimiter))
    }
}

/// The name of a mailbox that is to be there: Unicode inside, in its canonical spelling.
///
/// # Errors
/// NO `[NONEXISTENT]` for a name that no mailbox can have. Its syntax is right: an astring may have any octets.
pub(crate) fn mailbox_name(mailbox: &Mailbox<'_>, naming: Naming) -> Result<MailboxName, Completion> {
    possible_name(mailbox, naming).ok_or_else(|| Completion::no("NONEXISTENT", IMPOSSIBLE_NAME))
}

/// The name of a mailbox that is to be made.
///
/// # Errors
/// NO `[CANNOT]` for a name that no mailbox can have.
pub(crate) fn new_mailbox_name(mailbox: &Mailbox<'_>, naming: Naming) -> Result<MailboxName, Completion> {
    possible_name(mailbox, naming).ok_or_else(|| Completion::no("CANNOT", IMPOSSIBLE_NAME))
}

/// What is told of names that no mailbox can have.
pub(crate) const IMPOSSIBLE_NAME: &str = "no mailbox can have that name";

fn possible_name(mailbox: &Mailbox<'_>, naming: Naming) -> Option<MailboxName> {
    match mailbox {
        Mailbox::Inbox => Some(MailboxName::inbox()),
        Mailbox::Other(other) => naming.name(other.as_ref()),
    }
}

/// A LIST reference, which may be empty; `None` for what matches no name.
pub(crate) fn reference(mailbox: &Mailbox<'_>, naming: Naming) -> Option<String> {
    match mailbox {
        Mailbox::Inbox => Some("INBOX".to_owned()),
        Mailbox::Other(other) => pattern_text(other.as_ref(), naming),
    }
}

/// The longest LIST pattern with its reference, in octets: matching costs its length times that of all names.
const LONGEST_PATTERN: usize = 1024;

/// A LIST pattern; `None` for what matches no name.
pub(crate) fn pattern(pattern: &ListMailbox<'_>, naming: Naming) -> Option<String> {
    match pattern {
        ListMailbox::Token(token) => pattern_text(token.as_ref(), naming),
        ListMailbox::String(string) => pattern_text(string.as_ref(), naming),
    }
}

/// `%` and `*` stand for themselves in modified UTF-7, so that a pattern decodes like a name.
pub(crate) fn pattern_text(octets: &[u8], naming: Naming) -> Option<String> {
    (octets.len() <= LONGEST_PATTERN)
        .then(|| naming.decode(octets))
        .flatten()
}

/// A set as the client wrote it. `*` stays `*`: it means something only in a view.
pub(crate) fn sequence_set<T: Number>(set: &sequence::SequenceSet) -> Result<SequenceSet<T>, Completion> {
    let items = set.0.as_ref().iter().map(|item| match item {
        Sequence::Single(bound) => Some(SetItem::Single(self::bound(bound)?)),
        Sequence::Range(from, to) => Some(SetItem::Range(bound(from)?, bound(to)?)),
    });
    items
        .collect::<Option<Vec<_>>>()
        .and_then(SequenceSet::new)
        .ok_or_else(|| Completion::bad("bad sequence set"))
}

fn bound<T: Number>(bound: &SeqOrUid) -> Option<Bound<T>> {
    match bound {
        SeqOrUid::Value(number) => T::from_plain(number.get()).map(Bound::Number),
        SeqOrUid::Asterisk => Some(Bound::Last),
    }
}

/// Flags of STORE and APPEND. `\Recent` cannot be set by a client (RFC 3501, section 2.3.2) and is passed over, because
/// clients copy it from a FETCH; other flags with a backslash are for the RFCs to define.
pub(crate) fn flags(flags: &[flag::Flag<'_>]) -> Result<Flags, Completion> {
    flags
        .iter()
        .filter(|flag| !flag.to_string().eq_ignore_ascii_case("\\Recent"))
        .map(one_flag)
        .collect()
}

fn one_flag(flag: &flag::Flag<'_>) -> Result<Flag, Completion> {
    Ok(match flag {
        flag::Flag::Answered => Flag::Answered,
        flag::Flag::Deleted => Flag::Deleted,
        flag::Flag::Draft => Flag::Draft,
        flag::Flag::Flagged => Flag::Flagged,
        flag::Flag::Seen => Flag::Seen,
        flag::Flag::Keyword(atom) => Flag::Keyword(keyword(atom.as_ref())?),
        other => return Err(Completion::bad(format!("{other} cannot be stored"))),
    })
}

/// A keyword.
pub(crate) fn keyword(text: &str) -> Result<Keyword, Completion> {
    Keyword::new(text).map_err(|error| Completion::bad(format!("bad keyword: {error}")))
}
