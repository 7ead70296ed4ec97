//! STORE: a change of flags and what became of it (RFC 9051, section 6.4.6; RFC 7162, section 3.1.3).

use imap_seq::{ModSeq, UidSet};
use imap_updates::{Flag, Flags};

use crate::rights::Rights;

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
    rights: Rights,
}

impl FlagChange {
    /// A change, with the flags that the client named, without `\Recent`.
    #[must_use]
    pub const fn new(action: FlagAction, flags: Flags) -> Self {
        Self {
            action,
            flags,
            unchanged_since: None,
            rights: Rights::ALL,
        }
    }

    /// Only those flags are changed that these rights are enough for (RFC 4314, section 4): `FLAGS` leaves the others as they
    /// are.
    #[must_use]
    pub fn with_rights(self, rights: Rights) -> Self {
        Self {
            flags: rights.changeable(&self.flags),
            rights,
            ..self
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

    /// The flags that the client named, and may change.
    #[must_use]
    pub const fn flags(&self) -> &Flags {
        &self.flags
    }

    /// UNCHANGEDSINCE. Asked for only of backends with [`Ability::ModSequences`](crate::Ability::ModSequences).
    #[must_use]
    pub const fn unchanged_since(&self) -> Option<ModSeq> {
        self.unchanged_since
    }

    /// Whether a flag is left as it is, whatever the change. A store need not ask that changes flags with
    /// [`apply`](Self::apply).
    #[must_use]
    pub const fn leaves_alone(&self, flag: &Flag) -> bool {
        !self.rights.may_change(flag)
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
            FlagAction::Replace => before
                .difference(&self.rights.changeable(before))
                .union(&self.flags),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4314, section 4, STORE.
    #[test]
    fn flags_that_may_not_be_changed_stay_as_they_are() {
        let flags = |text: &str| text.parse::<Flags>().unwrap();
        let before = flags("\\Seen \\Flagged $x");
        for (action, named, rights, after) in [
            (FlagAction::Replace, "\\Deleted $y", "lrstw", "\\Deleted $y"),
            (FlagAction::Replace, "\\Deleted $y", "lrw", "\\Seen $y"),
            (
                FlagAction::Replace,
                "\\Deleted $y",
                "lrt",
                "\\Seen \\Flagged \\Deleted $x",
            ),
            (FlagAction::Replace, "", "s", "\\Flagged $x"),
            (FlagAction::Add, "\\Deleted $y", "lrsw", "\\Seen \\Flagged $x $y"),
            (FlagAction::Remove, "\\Seen $x", "w", "\\Seen \\Flagged"),
            (FlagAction::Remove, "\\Seen $x", "li", "\\Seen \\Flagged $x"),
        ] {
            let change = FlagChange::new(action, flags(named)).with_rights(Rights::of_letters(rights));
            assert_eq!(change.apply(&before), flags(after), "{action:?} {named} {rights}");
        }
    }
}
