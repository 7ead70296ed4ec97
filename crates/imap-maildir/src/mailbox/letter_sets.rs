//! Which messages have which flag letter: what SEARCH asks of flags, without a look at each message.

use std::collections::BTreeMap;

use imap_seq::{Uid, UidSet};

use crate::format::flags::{Info, Letter};

/// The messages of a mailbox, and for each letter those that have it.
#[derive(Debug, Default)]
pub(crate) struct LetterSets {
    all: UidSet,
    by_octet: BTreeMap<u8, UidSet>,
}

impl LetterSets {
    /// A message has these letters and no others.
    pub(crate) fn put(&mut self, uid: Uid, before: Option<&Info>, now: &Info) {
        self.all.insert(uid);
        if before == Some(now) {
            return;
        }
        if let Some(before) = before {
            self.take(uid, before);
        }
        for octet in now.octets() {
            self.by_octet.entry(octet).or_default().insert(uid);
        }
    }

    /// A message with these letters is gone.
    pub(crate) fn remove(&mut self, uid: Uid, before: &Info) {
        self.all.remove(uid);
        self.take(uid, before);
    }

    fn take(&mut self, uid: Uid, before: &Info) {
        for octet in before.octets() {
            if let Some(set) = self.by_octet.get_mut(&octet) {
                set.remove(uid);
            }
        }
    }

    /// All messages.
    pub(crate) const fn all(&self) -> &UidSet {
        &self.all
    }

    /// Whether a message has this letter.
    pub(crate) fn has(&self, letter: Letter) -> bool {
        let set = letter.octet().and_then(|octet| self.by_octet.get(&octet));
        set.is_some_and(|set| !set.is_empty())
    }

    /// A copy that knows these letters alone.
    pub(crate) fn only(&self, letters: &Info) -> Self {
        let known = letters
            .octets()
            .filter_map(|octet| Some((octet, self.by_octet.get(&octet)?.clone())));
        Self {
            all: self.all.clone(),
            by_octet: known.collect(),
        }
    }

    /// The messages that have one of these letters.
    pub(crate) fn with_any(&self, letters: &Info) -> UidSet {
        let sets = letters.octets().filter_map(|octet| self.by_octet.get(&octet));
        sets.fold(UidSet::new(), |found, set| found.union(set))
    }
}
