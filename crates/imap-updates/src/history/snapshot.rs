//! What a mailbox is when its hub is made.

use imap_seq::{ModSeq, Uid, UidSet};

use crate::Keyword;

/// A mailbox as its store lists it, to begin a [`MailboxHub`](crate::MailboxHub) with.
///
/// ```
/// use imap_seq::{Uid, UidSet};
/// use imap_updates::{Access, MailboxHub, Snapshot};
///
/// let uids: Vec<Uid> = [3, 4, 7].into_iter().filter_map(Uid::new).collect();
/// let recent: UidSet = uids.last().copied().into_iter().collect();
/// let hub = MailboxHub::new((), Snapshot::new(uids).with_recent(recent))?;
/// assert_eq!(hub.subscribe(Access::ReadWrite).recent(), 1);
/// # Ok::<(), imap_seq::NotAscending>(())
/// ```
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) uids: Vec<Uid>,
    pub(crate) recent: UidSet,
    pub(crate) highest_modseq: ModSeq,
    pub(crate) keywords: Vec<Keyword>,
}

impl Snapshot {
    /// All messages, in ascending order.
    pub fn new(uids: Vec<Uid>) -> Self {
        Self {
            uids,
            recent: UidSet::new(),
            highest_modseq: ModSeq::MIN,
            keywords: Vec::new(),
        }
    }

    /// An empty mailbox.
    pub fn empty() -> Self {
        Self::new(Vec::new())
    }

    /// The messages that no session was told of yet. UIDs that are not in the mailbox are ignored.
    #[must_use]
    pub fn with_recent(self, recent: UidSet) -> Self {
        Self { recent, ..self }
    }

    /// The mailbox's HIGHESTMODSEQ (RFC 7162 section 3.1.2.1), from which the hub counts on. Without it the hub counts
    /// from [`ModSeq::MIN`], as a store without mod-sequences wants it.
    #[must_use]
    pub fn with_highest_modseq(self, highest_modseq: ModSeq) -> Self {
        Self {
            highest_modseq,
            ..self
        }
    }

    /// The keywords that the mailbox defines already: a client is told of them in SELECT's FLAGS.
    #[must_use]
    pub fn with_keywords(self, keywords: Vec<Keyword>) -> Self {
        Self { keywords, ..self }
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
        Self::new(uids.into_iter().collect())
    }
}
