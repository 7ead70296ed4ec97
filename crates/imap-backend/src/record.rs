//! The records that cross the traits: plain data, public fields.

use crate::name::MailboxName;
use bytes::Bytes;
use chrono::{DateTime, FixedOffset};
use imap_seq::{Uid, UidSet, UidValidity};
use imap_updates::{Access, Flags, Keyword, UpdateBuffer};

/// What [`Mailbox::fetch`](crate::Mailbox::fetch) is asked for. Flags are always answered: every store has them at hand.
///
/// ```
/// use imap_backend::Need;
/// let need = Need::SIZE.and(Need::INTERNAL_DATE);
/// assert!(need.includes(Need::SIZE) && !need.includes(Need::OCTETS));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need(u8);

impl Need {
    /// UID and flags only.
    pub const FLAGS: Self = Self(0);
    /// The internal date.
    pub const INTERNAL_DATE: Self = Self(1);
    /// The size in octets.
    pub const SIZE: Self = Self(2);
    /// The octets of the header at least, up to and including the empty line; more is welcome.
    pub const HEADER: Self = Self(4);
    /// All octets of the message.
    pub const OCTETS: Self = Self(4 | 8);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether everything in `other` is asked for.
    #[must_use]
    pub const fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// How many octets of message data one answer may hold before it should stop: 1 MiB. Bounds the memory of a
    /// connection that fetches everything; a single larger message is answered alone.
    #[must_use]
    pub const fn octets_budget(self) -> usize {
        1 << 20
    }
}

/// One message, as far as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The message's UID.
    pub uid: Uid,
    /// Its flags, without `\Recent`.
    pub flags: Flags,
    /// INTERNALDATE; present with [`Need::INTERNAL_DATE`].
    pub internal_date: Option<DateTime<FixedOffset>>,
    /// RFC822.SIZE in octets with CRLF line ends; present with [`Need::SIZE`].
    pub size: Option<u64>,
    /// The message with CRLF line ends and without NUL; present with [`Need::OCTETS`], and with
    /// [`Need::HEADER`] at least as far as the header goes.
    pub octets: Option<Bytes>,
}

impl Record {
    /// A record of UID and flags; the rest is filled in as asked.
    #[must_use]
    pub fn new(uid: Uid, flags: Flags) -> Self {
        Self {
            uid,
            flags,
            internal_date: None,
            size: None,
            octets: None,
        }
    }
}

/// How STORE changes flags (RFC 9051, section 6.4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagAction {
    /// `FLAGS`: these and no others.
    Replace,
    /// `+FLAGS`: these too.
    Add,
    /// `-FLAGS`: not these.
    Remove,
}

/// A change of flags.
///
/// ```
/// use imap_backend::FlagChange;
/// use imap_updates::{Flag, Flags};
/// let change = FlagChange::add(Flags::from_iter([Flag::Seen]));
/// let before = Flags::from_iter([Flag::Flagged]);
/// assert_eq!(change.apply(&before), Flags::from_iter([Flag::Flagged, Flag::Seen]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagChange {
    /// What to do with them.
    pub action: FlagAction,
    /// The flags named by the client, without `\Recent`.
    pub flags: Flags,
}

impl FlagChange {
    /// `+FLAGS`.
    #[must_use]
    pub fn add(flags: Flags) -> Self {
        Self {
            action: FlagAction::Add,
            flags,
        }
    }

    /// The flags of a message after the change.
    #[must_use]
    pub fn apply(&self, before: &Flags) -> Flags {
        match self.action {
            FlagAction::Replace => self.flags.clone(),
            FlagAction::Add => before.union(&self.flags),
            FlagAction::Remove => before.difference(&self.flags),
        }
    }
}

/// What APPEND says about its message (RFC 9051, section 6.3.12).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AppendOptions {
    /// Flags to set, without `\Recent`.
    pub flags: Flags,
    /// INTERNALDATE; now where there is none.
    pub internal_date: Option<DateTime<FixedOffset>>,
}

impl AppendOptions {
    /// Options.
    #[must_use]
    pub fn new(flags: Flags, internal_date: Option<DateTime<FixedOffset>>) -> Self {
        Self { flags, internal_date }
    }
}

/// Where an appended message went: the APPENDUID response code (RFC 4315, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// UIDVALIDITY of the mailbox.
    pub uid_validity: UidValidity,
    /// The message's UID.
    pub uid: Uid,
}

/// Where copied or moved messages went: the COPYUID response code (RFC 4315, section 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// UIDVALIDITY of the target.
    pub uid_validity: UidValidity,
    /// The UIDs that were copied.
    pub from: UidSet,
    /// Their UIDs in the target, in the same ascending order.
    pub to: UidSet,
}

/// Whether a listed name can be selected (RFC 9051, section 7.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selectable {
    /// A mailbox.
    Yes,
    /// `\Noselect`: only a level of the hierarchy.
    No,
}

/// One name of [`Session::list`](crate::Session::list).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListEntry {
    /// The mailbox's name.
    pub name: MailboxName,
    /// Whether it can be selected.
    pub selectable: Selectable,
}

impl ListEntry {
    /// A mailbox that can be selected.
    #[must_use]
    pub fn mailbox(name: MailboxName) -> Self {
        Self {
            name,
            selectable: Selectable::Yes,
        }
    }

    /// A level of the hierarchy that is no mailbox.
    #[must_use]
    pub fn noselect(name: MailboxName) -> Self {
        Self {
            name,
            selectable: Selectable::No,
        }
    }
}

/// The figures of a mailbox that is not selected (RFC 9051, section 6.3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Number of messages.
    pub messages: u32,
    /// Number of messages with `\Recent` (RFC 3501); asking does not take the flag away.
    pub recent: u32,
    /// Number of messages without `\Seen`.
    pub unseen: u32,
    /// The UID that the next message gets at the earliest; none when UIDs are used up.
    pub uid_next: Option<Uid>,
    /// UIDVALIDITY.
    pub uid_validity: UidValidity,
}

/// Whether a client may define keywords (RFC 9051, section 7.1: `\*` in PERMANENTFLAGS).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewKeywords {
    /// `\*` is sent.
    Allowed,
    /// Only the keywords that exist can be set.
    Refused,
}

/// A mailbox that has just been opened.
#[derive(Debug)]
pub struct Opened<M> {
    /// The mailbox.
    pub mailbox: M,
    /// What this session has yet to be told; its view is the number of messages that SELECT reports.
    pub updates: UpdateBuffer,
    /// What was granted: a read-only store answers SELECT with [`Access::ReadOnly`].
    pub access: Access,
    /// UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// The UID that the next message gets at the earliest; none when UIDs are used up.
    pub uid_next: Option<Uid>,
    /// The keywords in use, for FLAGS and PERMANENTFLAGS.
    pub keywords: Vec<Keyword>,
    /// Whether clients may define further ones.
    pub new_keywords: NewKeywords,
    /// The first message without `\Seen`, if known: the UNSEEN response code of RFC 3501, section 7.1.
    pub first_unseen: Option<Uid>,
}
