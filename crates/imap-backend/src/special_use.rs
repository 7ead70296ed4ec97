//! What a mailbox is for (RFC 6154, section 2; RFC 8457, section 3).

use std::fmt;

/// The special uses of a mailbox, such as `\Sent`: none, one or several.
///
/// ```
/// use imap_backend::SpecialUse;
/// let both = SpecialUse::SENT.and(SpecialUse::DRAFTS);
/// assert_eq!(both.to_string(), "\\Drafts \\Sent");
/// assert_eq!(SpecialUse::of_attribute("\\drafts"), Some(SpecialUse::DRAFTS));
/// assert!(both.includes(SpecialUse::SENT) && SpecialUse::none().is_empty());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SpecialUse(u16);

/// The attributes, in the order in which they are written.
const ATTRIBUTES: [(SpecialUse, &str); 8] = [
    (SpecialUse::ALL, "\\All"),
    (SpecialUse::ARCHIVE, "\\Archive"),
    (SpecialUse::DRAFTS, "\\Drafts"),
    (SpecialUse::FLAGGED, "\\Flagged"),
    (SpecialUse::IMPORTANT, "\\Important"),
    (SpecialUse::JUNK, "\\Junk"),
    (SpecialUse::SENT, "\\Sent"),
    (SpecialUse::TRASH, "\\Trash"),
];

impl SpecialUse {
    /// `\All`: shows all messages of the user.
    pub const ALL: Self = Self(1);
    /// `\Archive`.
    pub const ARCHIVE: Self = Self(1 << 1);
    /// `\Drafts`.
    pub const DRAFTS: Self = Self(1 << 2);
    /// `\Flagged`: shows all messages with that flag.
    pub const FLAGGED: Self = Self(1 << 3);
    /// `\Important` (RFC 8457): shows all messages that seem important.
    pub const IMPORTANT: Self = Self(1 << 4);
    /// `\Junk`.
    pub const JUNK: Self = Self(1 << 5);
    /// `\Sent`.
    pub const SENT: Self = Self(1 << 6);
    /// `\Trash`.
    pub const TRASH: Self = Self(1 << 7);
    /// Those that a mailbox can have which holds what is put into it. The others show messages of other mailboxes: a store
    /// has to make them for that.
    pub const OF_PLACES: Self =
        Self(Self::ARCHIVE.0 | Self::DRAFTS.0 | Self::JUNK.0 | Self::SENT.0 | Self::TRASH.0);

    /// No special use.
    #[must_use]
    pub const fn none() -> Self {
        Self(0)
    }

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without the uses of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether every use of `other` is among these.
    #[must_use]
    pub const fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The use of an attribute as it is written, in any case; `None` where it is no special use.
    #[must_use]
    pub fn of_attribute(attribute: &str) -> Option<Self> {
        let known = ATTRIBUTES.iter();
        known
            .clone()
            .find(|(_, name)| name.eq_ignore_ascii_case(attribute))
            .map(|(uses, _)| *uses)
    }

    /// The uses that a text names, spaces between them, as [`Display`](fmt::Display) writes it. Words that are none are
    /// passed over: for columns and files.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let uses = text.split_ascii_whitespace().filter_map(Self::of_attribute);
        uses.fold(Self::none(), Self::and)
    }

    /// The use that a name promises where nothing else is known: that of `Archive`, `Drafts`, `Junk`, `Sent` and `Trash`, as
    /// mail programs call these mailboxes.
    #[must_use]
    pub fn by_name(name: &str) -> Self {
        match name {
            "Archive" => Self::ARCHIVE,
            "Drafts" => Self::DRAFTS,
            "Junk" => Self::JUNK,
            "Sent" => Self::SENT,
            "Trash" => Self::TRASH,
            _ => Self::none(),
        }
    }

    /// The attributes, as they are written.
    pub fn attributes(self) -> impl Iterator<Item = &'static str> {
        let named = ATTRIBUTES.into_iter();
        named
            .filter(move |(uses, _)| self.includes(*uses))
            .map(|(_, name)| name)
    }
}

impl fmt::Display for SpecialUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, attribute) in self.attributes().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(attribute)?;
        }
        Ok(())
    }
}

impl fmt::Debug for SpecialUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_use_comes_back_from_its_text_and_other_words_are_passed_over() {
        for (uses, attribute) in ATTRIBUTES {
            assert_eq!(uses.to_string(), attribute);
            assert_eq!(SpecialUse::of_text(attribute), uses);
        }
        let text = SpecialUse::of_text("  \\SENT \\Marked Drafts \\Trash ");
        assert_eq!(text, SpecialUse::SENT.and(SpecialUse::TRASH));
        assert_eq!(text.without(SpecialUse::SENT), SpecialUse::TRASH);
    }
}
