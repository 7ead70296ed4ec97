//! What a mailbox is when its hub is made.

use imap_seq::{ModSeq, Uid, UidSet};

use crate::Keyword;

/// A mailbox as its store lists it, to begin a [`MailboxHub`](crate::MailboxHub) with.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// All messages, in ascending order.
    pub uids: Vec<Uid>,
    /// Those that no session was told of yet; UIDs that are not in `uids` are ignored.
    pub recent: UidSet,
    /// The mailbox's HIGHESTMODSEQ (RFC 7162 section 3.1.2.1). A store without mod-sequences says [`ModSeq::MIN`]:
    /// the hub then counts by itself.
    pub highest_modseq: ModSeq,
    /// The keywords that the mailbox defines already: the client was told of them in SELECT's FLAGS.
    pub keywords: Vec<Keyword>,
}

impl Snapshot {
    /// An empty mailbox.
    pub fn empty() -> Self {
        Self {
            uids: Vec::new(),
            recent: UidSet::new(),
            highest_modseq: ModSeq::MIN,
            keywords: Vec::new(),
        }
    }
}

impl Default for Snapshot {
    fn default() -> Self {
        Self::empty()
    }
}

/// The messages of a store that knows no more than UIDs.
impl FromIterator<Uid> for Snapshot {
    fn from_iter<I: IntoIterator<Item = Uid>>(uids: I) -> Self {
        Self {
            uids: uids.into_iter().collect(),
            ..Self::empty()
        }
    }
}
