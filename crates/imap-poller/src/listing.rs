//! What a store says when it is asked what a mailbox holds.

use imap_seq::{ModSeq, NotAscending, Uid};
use imap_updates::{Flags, Snapshot};

/// One message in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its UID.
    pub uid: Uid,
    /// All its flags.
    pub flags: Flags,
    /// Its mod-sequence, where the store has such: then flags are compared by it.
    pub modseq: Option<ModSeq>,
}

/// All messages of a mailbox, in ascending order of UID, as of one moment.
///
/// About 40 octets for each message; flags without keywords own no heap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    messages: Vec<Listed>,
    as_of: Option<ModSeq>,
}

impl Listing {
    /// A listing of these messages.
    ///
    /// # Errors
    ///
    /// [`NotAscending`] when the UIDs do not ascend; sort first if the store does not.
    pub fn new(messages: Vec<Listed>) -> Result<Self, NotAscending> {
        // The index has this very check, and says which UID is wrong.
        if !messages.is_sorted_by(|a, b| a.uid < b.uid) {
            imap_seq::MailboxIndex::from_ascending(messages.iter().map(|message| message.uid))?;
        }
        Ok(Self {
            messages,
            as_of: None,
        })
    }

    /// Says that the store read this listing at its mod-sequence `as_of`. A listing that is older than one before it
    /// (from a replica that lags) is then recognised and left out.
    #[must_use]
    pub fn as_of(mut self, as_of: ModSeq) -> Self {
        self.as_of = Some(as_of);
        self
    }

    /// The mod-sequence at which it was read, if the store said so.
    pub const fn read_at(&self) -> Option<ModSeq> {
        self.as_of
    }

    /// The messages, ascending.
    pub fn messages(&self) -> &[Listed] {
        &self.messages
    }

    /// Number of messages.
    pub const fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether the mailbox is empty.
    pub const fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The beginning of a hub: these messages, with the keywords that they use.
    pub fn snapshot(&self) -> Snapshot {
        let keywords = self
            .messages
            .iter()
            .flat_map(|message| message.flags.keywords())
            .cloned();
        let mut keywords: Vec<_> = keywords.collect();
        keywords.sort();
        keywords.dedup();
        let highest = self.messages.iter().filter_map(|message| message.modseq).max();
        Snapshot::new(self.messages.iter().map(|message| message.uid).collect())
            .with_highest_modseq(self.as_of.max(highest).unwrap_or(ModSeq::MIN))
            .with_keywords(keywords)
    }

    /// The message with this UID. O(log n).
    pub fn get(&self, uid: Uid) -> Option<&Listed> {
        let found = self.messages.binary_search_by_key(&uid, |message| message.uid);
        found.ok().map(|at| &self.messages[at])
    }

    /// Whether a message of `self` shows an older mod-sequence than in `earlier`: then it was read at a replica that
    /// lags. One pass.
    pub(crate) fn goes_back_behind(&self, earlier: &Self) -> bool {
        let mut known = earlier.messages.iter().peekable();
        self.messages.iter().any(|message| {
            while known.next_if(|other| other.uid < message.uid).is_some() {}
            let before = known
                .next_if(|other| other.uid == message.uid)
                .and_then(|other| other.modseq);
            before
                .zip(message.modseq)
                .is_some_and(|(before, now)| now < before)
        })
    }

    /// Takes over what an incremental listing changed. Both are ascending; O(both).
    pub(crate) fn merge(&mut self, changed: &[Listed], gone: impl Fn(Uid) -> bool) {
        let old = std::mem::take(&mut self.messages);
        let mut merged = Vec::with_capacity(old.len() + changed.len());
        let mut changed = changed.iter().peekable();
        for message in old {
            while let Some(earlier) = changed.next_if(|new| new.uid < message.uid) {
                merged.push(earlier.clone());
            }
            match changed.next_if(|new| new.uid == message.uid) {
                Some(new) => merged.push(new.clone()),
                None => merged.push(message),
            }
        }
        merged.extend(changed.cloned());
        merged.retain(|message| !gone(message.uid));
        self.messages = merged;
    }
}
