//! STORE: a change of flags and what became of it (RFC 9051, section 6.4.6; RFC 7162, section 3.1.3).

use imap_seq::{ModSeq, UidSet};
use imap_updates::Flags;

/// How STORE changes flags.
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
/// use imap_backend::{FlagAction, FlagChange};
/// use imap_updates::{Flag, Flags};
/// let change = FlagChange::new(FlagAction::Add, Flags::from_iter([Flag::Seen]));
/// let before = Flags::from_iter([Flag::Flagged]);
/// assert_eq!(change.apply(&before), Flags::from_iter([Flag::Flagged, Flag::Seen]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagChange {
    action: FlagAction,
    flags: Flags,
    unchanged_since: Option<ModSeq>,
}

impl FlagChange {
    /// A change, with the flags that the client named, without `\Recent`.
    #[must_use]
    pub const fn new(action: FlagAction, flags: Flags) -> Self {
        Self {
            action,
            flags,
            unchanged_since: None,
        }
    }

    /// Only messages whose mod-sequence is at most this one are changed (RFC 7162, section 3.1.3: UNCHANGEDSINCE).
    #[must_use]
    pub const fn with_unchanged_since(mut self, modseq: ModSeq) -> Self {
        self.unchanged_since = Some(modseq);
        self
    }

    /// What to do with the flags.
    #[must_use]
    pub const fn action(&self) -> FlagAction {
        self.action
    }

    /// The flags that the client named.
    #[must_use]
    pub const fn flags(&self) -> &Flags {
        &self.flags
    }

    /// UNCHANGEDSINCE. Asked for only of backends with [`Ability::ModSequences`](crate::Ability::ModSequences).
    #[must_use]
    pub const fn unchanged_since(&self) -> Option<ModSeq> {
        self.unchanged_since
    }

    /// Whether a message whose last change was `modseq` is to be changed.
    #[must_use]
    pub fn concerns(&self, modseq: ModSeq) -> bool {
        self.unchanged_since.is_none_or(|since| modseq <= since)
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

/// What became of a STORE. The default: every message that is there has been changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stored {
    modified: UidSet,
}

impl Stored {
    /// These messages failed UNCHANGEDSINCE and were left as they are: the MODIFIED response code (RFC 7162, section
    /// 3.1.3).
    #[must_use]
    pub fn with_modified(mut self, uids: UidSet) -> Self {
        self.modified = uids;
        self
    }

    /// The messages that failed UNCHANGEDSINCE.
    #[must_use]
    pub const fn modified(&self) -> &UidSet {
        &self.modified
    }
}
