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

    /// These messages, and for each letter those that have it.
    pub(crate) fn new(all: UidSet, by_octet: impl IntoIterator<Item = (u8, UidSet)>) -> Self {
        Self {
            all,
            by_octet: by_octet.into_iter().collect(),
        }
    }

    /// The letters that messages have or had, and those that have them.
    pub(crate) fn each(&self) -> impl Iterator<Item = (u8, &UidSet)> {
        self.by_octet.iter().map(|(octet, set)| (*octet, set))
    }

    /// The messages that have this letter.
    pub(crate) fn with(&self, letter: Letter) -> Option<&UidSet> {
        self.by_octet.get(&letter.octet()?)
    }

    /// All messages.
    pub(crate) const fn all(&self) -> &UidSet {
        &self.all
    }

    /// Whether a message has this letter.
    pub(crate) fn has(&self, letter: Letter) -> bool {
        self.with(letter).is_some_and(|set| !set.is_empty())
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
