//! The set of the command in progress, resolved once.

use imap_seq::{SeqNum, Uid, UidRanges, UidSet, View};

/// What a command's set means: UIDs of the announced view, fixed when the command started.
///
/// It borrows the session's buffer, so that nothing can move the numbering under it. What was expunged since keeps
/// its number; [`live`](Self::live) and [`expunged`](Self::expunged) tell them apart (RFC 2180 section 4).
#[derive(Clone, Debug)]
pub struct Resolved<'b> {
    view: &'b View,
    ranges: UidRanges,
}

impl<'b> Resolved<'b> {
    pub(crate) const fn new(view: &'b View, ranges: UidRanges) -> Self {
        Self { view, ranges }
    }

    /// The announced view, to number the answers with.
    pub const fn view(&self) -> &'b View {
        self.view
    }

    /// The ranges that the set covers. UIDs in them that are not in the view mean nothing.
    pub const fn ranges(&self) -> &UidRanges {
        &self.ranges
    }

    /// The messages, ascending; each with the number that the client has for it.
    pub fn iter(&self) -> impl Iterator<Item = (SeqNum, Uid)> + '_ {
        self.uids().filter_map(|uid| Some((self.view.seq_of(uid)?, uid)))
    }

    /// The messages, ascending, those included that were expunged and not announced.
    pub fn uids(&self) -> impl Iterator<Item = Uid> + '_ {
        self.view.uids_in(&self.ranges)
    }

    /// Those that are still in the mailbox, as of the start of the command.
    pub fn live(&self) -> UidSet {
        self.uids().filter(|&uid| !self.view.is_expunged(uid)).collect()
    }

    /// Those that were expunged and keep their number: answer with `NO [EXPUNGEISSUED]`, not with silence.
    pub fn expunged(&self) -> UidSet {
        self.uids().filter(|&uid| self.view.is_expunged(uid)).collect()
    }

    /// Whether no message is meant.
    pub fn is_empty(&self) -> bool {
        self.uids().next().is_none()
    }
}
