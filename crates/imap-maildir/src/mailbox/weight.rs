//! What messages count in `maildirsize`: the octets of their files, as their names tell them, or as the files are.

use crate::format::file_name::ClaimedSizes;
use crate::format::maildirsize::Amount;
use crate::mailbox::add::{Addition, Original};
use crate::mailbox::index::Entry;
use crate::mailbox::open::OpenMailbox;

impl OpenMailbox {
    /// One message. Nothing where it is not under this name any more.
    pub(crate) fn weight(&self, entry: &Entry) -> Amount {
        let claimed = ClaimedSizes::of(entry.base()).physical;
        let octets = claimed.or_else(|| Some(self.directory.status(entry.at()).ok()?.size));
        octets.map_or(Amount::default(), |octets| Amount::new(1, octets))
    }

    /// Messages of this mailbox.
    pub(crate) fn weight_of(&self, originals: &[Original]) -> Amount {
        let weights = originals.iter().map(|original| self.weight(&original.entry));
        weights.fold(Amount::default(), Amount::and)
    }
}

impl Addition {
    /// Messages that are ready in `tmp/`.
    pub(crate) fn weight_of(additions: &[Self]) -> Amount {
        let octets = additions.iter().map(|addition| addition.prepared.physical);
        Amount::new(additions.len(), octets.sum())
    }
}
