//! What a store says when it is asked what a mailbox holds.

use imap_seq::{ModSeq, Uid};
use imap_updates::Flags;

/// One message in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) uid: Uid,
    pub(crate) flags: Flags,
    pub(crate) modseq: Option<ModSeq>,
}

/// All messages of a mailbox, as a store lists them: in any order, at once or in parts, each with all its flags.
///
/// About 40 octets for each message; flags without keywords own no heap. Of a message that is listed twice, because the
/// parts overlap, the later one counts.
///
/// ```
/// use imap_poller::Listing;
/// use imap_seq::Uid;
/// use imap_updates::Flags;
///
/// let rows = [(1_i64, ""), (4, "")]; // SELECT uid, .. FROM messages ORDER BY uid LIMIT 1000, again and again
/// let mut listing = Listing::new();
/// for (uid, _flags) in rows {
///     listing.push(Uid::try_from(uid)?, Flags::empty());
/// }
/// let listing = listing.with_uid_next(Some(Uid::try_from(6_i64)?));
/// # let _ = listing;
/// # Ok::<(), imap_seq::NumberOutOfRange>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a listing does nothing until a request is completed with it"]
pub struct Listing {
    messages: Vec<Listed>,
    as_of: Option<ModSeq>,
    /// 2^32 if the store has no UID left; `None` if it did not say.
    uid_next: Option<u64>,
}

impl Listing {
    /// An empty mailbox, to be filled.
    pub const fn new() -> Self {
        Self {
            messages: Vec::new(),
            as_of: None,
            uid_next: None,
        }
    }

    /// Adds a message.
    pub fn push(&mut self, uid: Uid, flags: Flags) {
        self.messages.push(Listed {
            uid,
            flags,
            modseq: None,
        });
    }

    /// Adds a message with its mod-sequence. It tells a change from an older answer: a message whose mod-sequence went
    /// up has changed, and a listing in which one went down was read at a replica that lags.
    pub fn push_versioned(&mut self, uid: Uid, flags: Flags, modseq: ModSeq) {
        self.messages.push(Listed {
            uid,
            flags,
            modseq: Some(modseq),
        });
    }

    /// The mailbox's UIDNEXT, read together with the messages; `None` when it has no UID left. With it an own arrival
    /// is mostly told at once ([`MailboxPoller::appended`](crate::MailboxPoller::appended)), and a listing in which
    /// UIDNEXT went down is recognised as an older one.
    pub fn with_uid_next(mut self, uid_next: Option<Uid>) -> Self {
        self.uid_next = Some(uid_next.map_or(1 << 32, |uid| uid.get().into()));
        self
    }

    /// This listing is one consistent read of the store at its version `as_of`, its HIGHESTMODSEQ (RFC 7162 section
    /// 3.1.2.1), which every change raises, an expunge too. Give it with all listings of a poller or with none.
    ///
    /// The sessions are then told the store's own mod-sequences, and nothing is published under a number that the store
    /// gives to another change. Without it the poller counts by itself, and what is told as MODSEQ means nothing to the
    /// store.
    pub fn as_of(mut self, as_of: ModSeq) -> Self {
        self.as_of = Some(as_of);
        self
    }

    pub(crate) const fn version(&self) -> Option<ModSeq> {
        self.as_of
    }

    pub(crate) const fn uid_next(&self) -> Option<u64> {
        self.uid_next
    }

    /// The UID, as a number, below which it has all messages that there are.
    pub(crate) fn covered(&self) -> u64 {
        let above_last = self
            .messages
            .last()
            .map_or(1, |last| u64::from(last.uid.get()) + 1);
        above_last.max(self.uid_next.unwrap_or(0))
    }

    /// Ascending, and each UID once. O(messages) if the store lists them so.
    pub(crate) fn in_order(mut self) -> Self {
        if !self.messages.is_sorted_by(|one, other| one.uid < other.uid) {
            self.messages.reverse();
            self.messages.sort_by_key(|message| message.uid);
            self.messages.dedup_by_key(|message| message.uid);
        }
        self
    }

    pub(crate) fn messages(&self) -> &[Listed] {
        &self.messages
    }

    /// The message with this UID, in a listing that is in order. O(log n).
    pub(crate) fn get(&self, uid: Uid) -> Option<&Listed> {
        let found = self.messages.binary_search_by_key(&uid, |message| message.uid);
        found.ok().map(|at| &self.messages[at])
    }
}

impl Extend<(Uid, Flags)> for Listing {
    fn extend<I: IntoIterator<Item = (Uid, Flags)>>(&mut self, messages: I) {
        messages
            .into_iter()
            .for_each(|(uid, flags)| self.push(uid, flags));
    }
}

impl FromIterator<(Uid, Flags)> for Listing {
    fn from_iter<I: IntoIterator<Item = (Uid, Flags)>>(messages: I) -> Self {
        let mut listing = Self::new();
        listing.extend(messages);
        listing
    }
}

impl Extend<(Uid, Flags, ModSeq)> for Listing {
    fn extend<I: IntoIterator<Item = (Uid, Flags, ModSeq)>>(&mut self, messages: I) {
        let messages = messages.into_iter();
        messages.for_each(|(uid, flags, modseq)| self.push_versioned(uid, flags, modseq));
    }
}

impl FromIterator<(Uid, Flags, ModSeq)> for Listing {
    fn from_iter<I: IntoIterator<Item = (Uid, Flags, ModSeq)>>(messages: I) -> Self {
        let mut listing = Self::new();
        listing.extend(messages);
        listing
    }
}
