//! What a store says when it is asked what a mailbox holds.

use std::sync::Arc;

use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::Flags;

use crate::against::Against;
use crate::compare::{Difference, GoesBack, compare, goes_back};
use crate::whole::{Whole, covered};

/// One message in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) uid: Uid,
    pub(crate) flags: Flags,
    pub(crate) modseq: Option<ModSeq>,
}

/// All messages of a mailbox, as a store lists them: in any order, at once or in parts, each with all its flags.
///
/// About 40 octets for each message; flags without keywords own no heap. One that is made by
/// [`MailboxPoller::listing`](crate::MailboxPoller::listing) takes them only for messages that are new or changed. Of a
/// message that is listed twice, because the parts overlap, the later one counts.
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
    contents: Contents,
    as_of: Option<ModSeq>,
    /// 2^32 if the store has no UID left; `None` if it did not say.
    uid_next: Option<u64>,
    /// The last own change that was reported before anything of the store was read, if the listing knows.
    pub(crate) reports: Option<u64>,
    /// The messages whose absence counts as confirmed, if that was decided before.
    pub(crate) gone: Option<UidSet>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Contents {
    /// In the order of the store.
    Whole(Vec<Listed>),
    Against(Against),
}

impl Default for Contents {
    fn default() -> Self {
        Self::Whole(Vec::new())
    }
}

impl Listing {
    /// An empty mailbox, to be filled.
    pub const fn new() -> Self {
        Self {
            contents: Contents::Whole(Vec::new()),
            as_of: None,
            uid_next: None,
            reports: None,
            gone: None,
        }
    }

    /// The same, which keeps only what is different from `last`.
    pub(crate) fn against(last: Arc<Whole>, reports: u64) -> Self {
        Self {
            contents: Contents::Against(Against::new(last)),
            reports: Some(reports),
            ..Self::new()
        }
    }

    /// Adds a message.
    pub fn push(&mut self, uid: Uid, flags: Flags) {
        self.add(Listed {
            uid,
            flags,
            modseq: None,
        });
    }

    /// Adds a message with its mod-sequence. It tells a change from an older answer: a message whose mod-sequence went
    /// up has changed, and a listing in which one went down was read at a replica that lags.
    pub fn push_versioned(&mut self, uid: Uid, flags: Flags, modseq: ModSeq) {
        self.add(Listed {
            uid,
            flags,
            modseq: Some(modseq),
        });
    }

    fn add(&mut self, message: Listed) {
        match &mut self.contents {
            Contents::Whole(messages) => messages.push(message),
            Contents::Against(against) => against.push(message),
        }
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

    /// Whether it has this message. O(log messages) if [`MailboxPoller::listing`](crate::MailboxPoller::listing) made it.
    pub(crate) fn lists(&self, uid: Uid) -> bool {
        match &self.contents {
            Contents::Whole(messages) => messages.iter().any(|message| message.uid == uid),
            Contents::Against(against) => against.get(uid).is_some(),
        }
    }

    /// The messages of the last listing that it lacks so far, if it knows that one.
    pub(crate) fn missing(&self) -> impl Iterator<Item = Uid> {
        let against = match &self.contents {
            Contents::Whole(_) => None,
            Contents::Against(against) => Some(against),
        };
        let missing = against.into_iter().flat_map(Against::missing);
        missing.map(|message| message.uid)
    }

    /// How it differs from `last`, in ascending order of UID.
    pub(crate) fn compared_with(self, last: &Arc<Whole>) -> Result<Compared, GoesBack> {
        if goes_back(last, self.as_of, self.uid_next) {
            return Err(GoesBack);
        }
        let (version, uid_next) = (self.as_of, self.uid_next);
        let (contents, differences) = match self.contents {
            Contents::Against(against) if against.is_against(last) => {
                let differences = against.differences()?;
                (Taken::Against(against), differences)
            }
            contents => {
                let whole = Whole::new(contents.into_messages(), version, uid_next);
                let differences = compare(last, &whole)?;
                (Taken::Whole(whole), differences)
            }
        };
        Ok(Compared {
            contents,
            version,
            uid_next,
            reports: self.reports,
            gone: self.gone,
            differences,
        })
    }

    /// As it is, without anything to compare it with.
    pub(crate) fn into_whole(self) -> Whole {
        Whole::new(self.contents.into_messages(), self.as_of, self.uid_next)
    }
}

impl Contents {
    fn into_messages(self) -> Vec<Listed> {
        match self {
            Self::Whole(messages) => messages,
            Self::Against(against) => against.into_messages(),
        }
    }
}

/// A listing that was compared with the last one.
#[derive(Debug)]
pub(crate) struct Compared {
    contents: Taken,
    pub(crate) version: Option<ModSeq>,
    uid_next: Option<u64>,
    pub(crate) reports: Option<u64>,
    pub(crate) gone: Option<UidSet>,
    pub(crate) differences: Vec<Difference>,
}

#[derive(Debug)]
enum Taken {
    Whole(Whole),
    Against(Against),
}

impl Compared {
    /// The message with this UID, as it was listed.
    pub(crate) fn get(&self, uid: Uid) -> Option<&Listed> {
        match &self.contents {
            Taken::Whole(whole) => whole.get(uid),
            Taken::Against(against) => against.get(uid),
        }
    }

    /// The UID, as a number, below which it has all messages that there are.
    pub(crate) fn covered(&self) -> u64 {
        match &self.contents {
            Taken::Whole(whole) => whole.covered(),
            Taken::Against(against) => covered(against.highest(), self.uid_next),
        }
    }

    /// Makes `last`, with which it was compared, what this one says.
    pub(crate) fn replace(self, last: &mut Arc<Whole>) {
        match self.contents {
            Taken::Whole(whole) => *last = Arc::new(whole),
            Taken::Against(against) => {
                against.replace(last);
                let last = Arc::make_mut(last);
                (last.version, last.uid_next) = (self.version, self.uid_next);
            }
        }
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
