//! `MailboxIndex`: what all sessions on one mailbox share: its UIDs, and the log of expunged ones.

use std::fmt;
use std::sync::Arc;

use crate::log::{Cursor, ExpungeLog};
use crate::pending::Pending;
use crate::rank_tree::RankTree;
use crate::told::Told;
use crate::{Uid, UidSet, View};

/// The UIDs of one mailbox and the log of what was expunged from it, once for all sessions.
///
/// No lock inside: whoever owns the storage puts it under the lock that guards the storage, so that a change of the
/// mailbox and its record here are one step. UIDs must be allocated under that lock too, since they enter ascending.
///
/// ```
/// use imap_seq::{MailboxIndex, SeqNum, Uid};
/// let uid = |number| Uid::new(number).unwrap();
/// let mut index = MailboxIndex::from_ascending([3, 5, 8].map(uid))?;
/// index.append(uid(13))?;
/// assert!(index.expunge(uid(5)));
/// assert_eq!(index.view().seq_of(uid(8)), SeqNum::new(2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct MailboxIndex {
    tree: RankTree,
    log: ExpungeLog,
    memo: Option<Memo>,
}

/// The pending set that was built last, and from what. A session that starts from the same gets the same set, so that
/// ten thousand sessions cost one sort.
struct Memo {
    position: u64,
    horizon: u32,
    held: Option<Arc<Pending>>,
    joined: Option<Arc<Pending>>,
}

impl MailboxIndex {
    /// An index of a mailbox that has these messages. O(messages).
    ///
    /// # Errors
    ///
    /// [`NotAscending`] when a UID is not above the one before it. The storage is at fault.
    pub fn from_ascending(uids: impl IntoIterator<Item = Uid>) -> Result<Self, NotAscending> {
        let mut index = Self::default();
        match index.tree.extend_ascending(uids.into_iter().map(Uid::get)) {
            Ok(()) => Ok(index),
            Err(uid) => Err(NotAscending {
                before: index.tree.highest_ever(),
                uid,
            }),
        }
    }

    /// A message arrived. No session is told before it announces.
    ///
    /// # Errors
    ///
    /// [`AppendError`], and nothing changes. The storage is at fault.
    pub fn append(&mut self, uid: Uid) -> Result<(), AppendError> {
        self.tree.push(uid.get()).map_err(|_| match self.contains(uid) {
            true => AppendError::Duplicate,
            false => AppendError::Late,
        })
    }

    /// A message is gone. `false`, and nothing changes, when it was not here.
    pub fn expunge(&mut self, uid: Uid) -> bool {
        let was_here = self.tree.remove(uid.get());
        if was_here {
            self.log.push(uid.get());
            self.memo = None;
        }
        was_here
    }

    /// Messages are gone; gives those that were here. O(messages gone), and one pass over each touched part of the index.
    pub fn expunge_all(&mut self, uids: &UidSet) -> UidSet {
        let mut start = self.log.end().clone();
        self.tree
            .remove_ascending(uids.iter().map(Uid::get), |uid| self.log.push(uid));
        let gone = self.log.end().position() - start.position();
        if gone == 0 {
            return UidSet::new();
        }
        self.memo = None;
        // Most often all were here, and a copy is quicker than a new set.
        if gone == uids.len() {
            return uids.clone();
        }
        let mut removed = Vec::with_capacity(usize::try_from(gone).unwrap_or(0));
        self.log.read(&mut start, |uid| removed.push(uid));
        UidSet::from_ascending(&removed)
    }

    /// Messages in the mailbox. Not what any client was told: that is [`SeqMapper::exists`](crate::SeqMapper::exists).
    #[must_use]
    pub fn len(&self) -> u32 {
        self.tree.len()
    }

    /// Whether the mailbox has no message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    /// Whether the message is in the mailbox.
    #[must_use]
    pub fn contains(&self, uid: Uid) -> bool {
        self.tree.position(uid.get()).is_some()
    }

    /// The last message of the mailbox.
    #[must_use]
    pub fn last(&self) -> Option<Uid> {
        self.tree.max().and_then(Uid::new)
    }

    /// The highest UID that ever was in this index, expunged or not. UIDNEXT is above it.
    #[must_use]
    pub fn highest_ever(&self) -> Option<Uid> {
        Uid::new(self.tree.highest_ever())
    }

    /// The mailbox itself as it is now, nothing pending: what a client sees that selects it now. O(1).
    #[must_use]
    pub fn view(&self) -> View {
        View {
            tree: self.tree.clone(),
            pending: None,
            horizon: self.tree.highest_ever(),
            exists: self.tree.len(),
        }
    }

    /// The end of the log now.
    pub(crate) fn log_end(&self) -> &Cursor {
        self.log.end()
    }

    /// Moves a session's cursor to the end of the log. What the cursor passes becomes pending if it is up to the horizon,
    /// so that the session's client knows it.
    ///
    /// Tree and log are read together. One lock guards both, so that they are of the same moment.
    pub(crate) fn catch_up(&mut self, told: &mut Told) {
        if told.cursor.is_at(self.log.end()) {
            return;
        }
        let position = told.cursor.position();
        if let Some(memo) = self.memo.as_ref().filter(|memo| memo.fits(position, told)) {
            told.pending = memo.joined.clone();
            told.cursor = self.log.end().clone();
            return;
        }
        let held = told.pending.take();
        told.pending = self.read_log(&mut told.cursor, told.horizon, held.clone());
        let joined = told.pending.clone();
        self.memo = Some(Memo {
            position,
            horizon: told.horizon,
            held,
            joined,
        });
    }

    fn read_log(
        &self,
        cursor: &mut Cursor,
        horizon: u32,
        held: Option<Arc<Pending>>,
    ) -> Option<Arc<Pending>> {
        let unread = self.log.end().position().saturating_sub(cursor.position());
        let mut fresh = Vec::with_capacity(usize::try_from(unread).unwrap_or(0));
        self.log.read(cursor, |uid| {
            // Above the horizon: appended and expunged before this session heard of it. It never had a number here.
            if uid <= horizon {
                fresh.push(uid);
            }
        });
        if fresh.is_empty() {
            return held;
        }
        fresh.shrink_to_fit();
        Some(Arc::new(Pending::join(held.as_deref(), fresh, &self.tree)))
    }

    /// Arrivals above a horizon: their first and last UID.
    pub(crate) fn arrived_above(&self, horizon: u32) -> Option<(Uid, Uid)> {
        let first = self.tree.select(self.tree.rank(horizon.checked_add(1)?))?;
        Uid::new(first).zip(self.last())
    }
}

impl Memo {
    fn fits(&self, position: u64, told: &Told) -> bool {
        let same_held = match (&self.held, &told.pending) {
            (None, None) => true,
            (Some(memo), Some(session)) => Arc::ptr_eq(memo, session),
            _ => false,
        };
        same_held && self.position == position && self.horizon == told.horizon
    }
}

impl fmt::Debug for MailboxIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailboxIndex")
            .field("len", &self.len())
            .field("highest_ever", &self.tree.highest_ever())
            .field("expunged", &self.log.end().position())
            .finish_non_exhaustive()
    }
}

/// UIDs that should ascend do not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotAscending {
    before: u32,
    uid: u32,
}

impl fmt::Display for NotAscending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UID {} does not ascend: it follows {}", self.uid, self.before)
    }
}

impl std::error::Error for NotAscending {}

/// Why a UID cannot arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AppendError {
    /// It is in the mailbox already.
    Duplicate,
    /// It is not in the mailbox, and not above the highest UID that ever was: it comes too late to take its place, or
    /// is the UID of an expunged message, which may never be used again (RFC 9051, section 2.3.1.1).
    Late,
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Duplicate => "the UID is in the mailbox already",
            Self::Late => "the UID is not above the highest one that the mailbox ever had",
        })
    }
}

impl std::error::Error for AppendError {}
