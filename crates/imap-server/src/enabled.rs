//! What a client has switched on for its connection (RFC 5161, section 3.1), by ENABLE or by using it.

use imap_seq::{ModSeq, SeqNum, Uid};
use imap_updates::{ExpungeForm, Flags, Recency};

use crate::wire::{FlagsRow, NameForm, RowOf};

/// Something that changes how the server answers, once a client has asked for it. It is never switched off again, but by
/// UNAUTHENTICATE (RFC 8437).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feature {
    /// CONDSTORE: rows have mod-sequences (RFC 7162, section 3.1).
    CondStore,
    /// QRESYNC: VANISHED takes the place of EXPUNGE (RFC 7162, section 3.2). CONDSTORE with it.
    QResync,
    /// UTF8=ACCEPT: names and strings are UTF-8 (RFC 6855, section 3).
    Utf8,
    /// UIDONLY: no message sequence numbers either way (RFC 9586).
    UidOnly,
    /// IMAP4rev2: nothing of what RFC 9051, appendix E takes away is said any more.
    Rev2,
}

impl Feature {
    const fn bit(self) -> u8 {
        match self {
            Self::CondStore => 1,
            Self::QResync => 1 << 1 | Self::CondStore.bit(),
            Self::Utf8 => 1 << 2,
            Self::UidOnly => 1 << 3,
            // Names are UTF-8 there as well (RFC 9051, section 5.1).
            Self::Rev2 => 1 << 4 | Self::Utf8.bit(),
        }
    }
}

/// The features that a client has switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Enabled(u8);

impl Enabled {
    pub(crate) const fn has(self, feature: Feature) -> bool {
        self.0 & feature.bit() == feature.bit()
    }

    pub(crate) const fn switch_on(&mut self, feature: Feature) {
        self.0 |= feature.bit();
    }

    /// How expunges are reported.
    pub(crate) const fn expunge_form(self) -> ExpungeForm {
        match self.has(Feature::QResync) || self.has(Feature::UidOnly) {
            true => ExpungeForm::Vanished,
            false => ExpungeForm::Expunge,
        }
    }

    /// `\Recent`, which RFC 9051 does not know (appendix E, change 12).
    pub(crate) const fn recency(self, recent: Recency) -> Recency {
        match self.has(Feature::Rev2) {
            true => Recency::NotRecent,
            false => recent,
        }
    }

    /// What the FETCH row of a message begins with.
    pub(crate) const fn row_of(self, seq: SeqNum, uid: Uid) -> RowOf {
        match self.has(Feature::UidOnly) {
            true => RowOf::Uid(uid),
            false => RowOf::Seq(seq),
        }
    }

    /// A row about flags that the client did not ask for with FETCH: it has the UID, and under CONDSTORE the mod-sequence
    /// (RFC 7162, section 3.2.4).
    pub(crate) fn flags_row<'f>(
        self,
        (seq, uid): (SeqNum, Uid),
        flags: Option<(&'f Flags, Recency)>,
        modseq: Option<ModSeq>,
    ) -> FlagsRow<'f> {
        FlagsRow {
            of: self.row_of(seq, uid),
            uid: (!self.has(Feature::UidOnly)).then_some(uid),
            flags: flags.map(|(flags, recent)| (flags, self.recency(recent))),
            modseq: modseq.filter(|_| self.has(Feature::CondStore)),
        }
    }

    /// How mailbox names are written.
    pub(crate) const fn name_form(self) -> NameForm {
        match self.has(Feature::Utf8) {
            true => NameForm::Utf8,
            false => NameForm::ModifiedUtf7,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qresync_brings_condstore() {
        let mut enabled = Enabled::default();
        enabled.switch_on(Feature::CondStore);
        assert!(enabled.has(Feature::CondStore) && !enabled.has(Feature::QResync));
        enabled.switch_on(Feature::QResync);
        assert_eq!(enabled.expunge_form(), ExpungeForm::Vanished);
        assert_eq!(enabled.name_form(), NameForm::ModifiedUtf7);
        let mut enabled = Enabled::default();
        enabled.switch_on(Feature::QResync);
        assert!(enabled.has(Feature::CondStore));
    }
}
