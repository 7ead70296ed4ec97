//! What messages count in `maildirsize`: the octets of their files, as their names tell them, or as the files are.

use crate::format::file_name::ClaimedSizes;
use crate::format::maildirsize::Amount;
use crate::mailbox::add::{Addition, Original};
use crate::mailbox::index::Entry;
use crate::mailbox::open::OpenMailbox;

/// What goes when something else has come; nothing of what does not count.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Leaving {
    /// As it counts.
    pub(crate) counted: Amount,
    /// As a client would announce it, who counts two octets for each line end.
    pub(crate) on_the_wire: Amount,
}

impl OpenMailbox {
    /// One message. Nothing where it is not under this name any more.
    pub(crate) fn weight(&self, entry: &Entry) -> Amount {
        let claimed = ClaimedSizes::of(entry.base()).physical;
        let octets = claimed.or_else(|| Some(self.directory.status(entry.at()).ok()?.size));
        octets.map_or(Amount::default(), |octets| Amount::new(1, octets))
    }

    /// The same in octets of the wire, as far as the name tells them: what a client announces is compared with it.
    fn weight_on_the_wire(&self, entry: &Entry) -> Amount {
        match ClaimedSizes::of(entry.base()).wire {
            Some(octets) => Amount::new(1, octets),
            None => self.weight(entry),
        }
    }

    /// Messages of this mailbox that are to go.
    pub(crate) fn leaving(&self, originals: &[Original]) -> Leaving {
        let on_the_wire = originals
            .iter()
            .map(|original| self.weight_on_the_wire(&original.entry));
        Leaving {
            counted: self.weight_of(originals),
            on_the_wire: on_the_wire.fold(Amount::default(), Amount::and),
        }
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
