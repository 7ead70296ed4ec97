//! What is known about the messages of an open mailbox: the storage inside its hub. No file is touched here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imap_backend::NewKeywords;
use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::Flags;

use crate::disk::directory::{FileAt, Subdirectory};
use crate::disk::scan::FoundFile;
use crate::format::file_name::split;
use crate::format::flags::{Info, Letter};
use crate::format::keywords::LettersInUse;
use crate::format::letter_map::LetterMap;
use crate::format::uidlist::SavedAt;
use crate::mailbox::letter_sets::LetterSets;
use crate::mailbox::vanished::Vanished;

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) subdirectory: Subdirectory,
    /// The file name with its information part.
    pub(crate) name: Arc<[u8]>,
    pub(crate) info: Info,
    /// RFC822.SIZE, once known for sure.
    pub(crate) size: Option<u64>,
    /// INTERNALDATE, seconds since the epoch, once looked up.
    pub(crate) date: Option<i64>,
    /// When it came into the mailbox, where that is known.
    pub(crate) saved: Option<SavedAt>,
    /// Of the last change.
    pub(crate) modseq: ModSeq,
}

impl Entry {
    pub(crate) fn new(subdirectory: Subdirectory, name: impl Into<Arc<[u8]>>) -> Self {
        let name = name.into();
        let info = Info::parse(split(&name).1);
        Self {
            subdirectory,
            name,
            info,
            size: None,
            date: None,
            saved: None,
            modseq: ModSeq::MIN,
        }
    }

    pub(crate) fn of(file: &FoundFile) -> Self {
        Self::new(file.subdirectory, &*file.name)
    }

    /// The same message with another file name.
    pub(crate) fn renamed(&self, subdirectory: Subdirectory, name: impl Into<Arc<[u8]>>) -> Self {
        Self {
            size: self.size,
            date: self.date,
            saved: self.saved,
            modseq: self.modseq,
            ..Self::new(subdirectory, name)
        }
    }

    pub(crate) fn base(&self) -> &[u8] {
        split(&self.name).0
    }

    pub(crate) fn at(&self) -> FileAt<'_> {
        FileAt::new(self.subdirectory, &self.name)
    }

    fn is_unseen(&self) -> bool {
        !self.info.contains(Letter::Seen)
    }
}

/// One mailbox's messages, with counts that cost nothing to ask for.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// None when UIDs are used up.
    pub(crate) uid_next: Option<Uid>,
    pub(crate) letters: LetterMap,
    pub(crate) vanished: Vanished,
    messages: BTreeMap<Uid, Entry>,
    /// Which messages have which flags.
    flagged: LetterSets,
    /// Messages without `\Seen`.
    unseen: BTreeSet<Uid>,
    /// Messages whose file is in `new/`.
    in_new: BTreeSet<Uid>,
}

impl Index {
    /// An index of no messages.
    pub(crate) fn new(letters: LetterMap, vanished: Vanished) -> Self {
        Self {
            letters,
            vanished,
            ..Self::default()
        }
    }

    pub(crate) fn get(&self, uid: Uid) -> Option<&Entry> {
        self.messages.get(&uid)
    }

    /// All messages, ascending.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Uid, &Entry)> {
        self.messages.iter().map(|(&uid, entry)| (uid, entry))
    }

    /// The messages from this UID on, ascending.
    pub(crate) fn entries_from(&self, first: Uid) -> impl Iterator<Item = (Uid, &Entry)> {
        self.messages.range(first..).map(|(&uid, entry)| (uid, entry))
    }

    /// What is known of each of `uids`, in their order. Ascending UIDs close to each other cost least.
    pub(crate) fn look_up<'a>(&'a self, uids: &'a [Uid]) -> impl Iterator<Item = (Uid, Option<&'a Entry>)> {
        // Walking on from the last message beats a search from the top while the next one is near.
        const NEAR: usize = 8;
        let mut ahead = self.messages.range(Uid::MIN..).peekable();
        uids.iter().map(move |&uid| {
            let mut steps = 0;
            while steps < NEAR && ahead.peek().is_some_and(|(at, _)| **at < uid) {
                ahead.next();
                steps += 1;
            }
            let is_there = |at: Option<&(&Uid, &'a Entry)>| at.is_none_or(|(at, _)| **at >= uid);
            if steps == NEAR && !is_there(ahead.peek()) {
                ahead = self.messages.range(uid..).peekable();
            }
            match ahead.peek() {
                Some((at, entry)) if **at == uid => (uid, Some(*entry)),
                // Not ascending, or not there.
                _ => (uid, self.messages.get(&uid)),
            }
        })
    }

    /// Adds a message, or gives a known one another entry; gives the one before.
    pub(crate) fn insert(&mut self, uid: Uid, entry: Entry) -> Option<Entry> {
        keep_in(&mut self.unseen, uid, entry.is_unseen());
        keep_in(&mut self.in_new, uid, entry.subdirectory == Subdirectory::New);
        let before = self.messages.get(&uid).map(|entry| &entry.info);
        self.flagged.put(uid, before, &entry.info);
        self.messages.insert(uid, entry)
    }

    pub(crate) fn remove(&mut self, uid: Uid) -> Option<Entry> {
        self.unseen.remove(&uid);
        self.in_new.remove(&uid);
        let removed = self.messages.remove(&uid)?;
        self.flagged.remove(uid, &removed.info);
        Some(removed)
    }

    /// Keeps size and date, where they are told: the content of a message never changes.
    pub(crate) fn remember(&mut self, uid: Uid, size: Option<u64>, date: Option<i64>) {
        if let Some(entry) = self.messages.get_mut(&uid) {
            entry.size = size.or(entry.size);
            entry.date = date.or(entry.date);
        }
    }

    pub(crate) fn flags(&self, entry: &Entry) -> Flags {
        self.letters.flags(&entry.info)
    }

    /// The first message without `\Seen`. O(log n).
    pub(crate) fn first_unseen(&self) -> Option<Uid> {
        self.unseen.first().copied()
    }

    /// The number of messages without `\Seen`. O(1).
    pub(crate) fn unseen(&self) -> u32 {
        u32::try_from(self.unseen.len()).unwrap_or(u32::MAX)
    }

    /// Whether a keyword that has no letter can get one: a free one, or one that no message has.
    pub(crate) fn new_keywords(&self) -> NewKeywords {
        match self.letters_in_use().is_all() {
            true => self.letters.new_keywords(),
            false => NewKeywords::Allowed,
        }
    }

    /// The keyword letters that messages have.
    pub(crate) fn letters_in_use(&self) -> LettersInUse {
        let in_use = |&index: &u8| self.flagged.has(Letter::Keyword(index));
        (0..26u8).filter(in_use).collect()
    }

    /// The UIDs expunged after `since`; none where that is not remembered. A message that is back is not among them.
    pub(crate) fn expunged_since(&self, since: ModSeq) -> Option<UidSet> {
        let mut vanished = self.vanished.since(since)?;
        let are_back: Vec<Uid> = vanished
            .ranges()
            .flat_map(|(first, last)| self.messages.range(first..=last))
            .map(|(&uid, _)| uid)
            .collect();
        for uid in are_back {
            vanished.remove(uid);
        }
        Some(vanished)
    }

    /// Which messages have which flags.
    pub(crate) const fn flagged(&self) -> &LetterSets {
        &self.flagged
    }

    /// The messages from this UID on whose file is in `new/`, ascending.
    pub(crate) fn in_new_from(&self, first: Uid) -> impl Iterator<Item = (Uid, &Entry)> {
        self.in_new
            .range(first..)
            .filter_map(|&uid| Some((uid, self.messages.get(&uid)?)))
    }
}

fn keep_in(set: &mut BTreeSet<Uid>, uid: Uid, belongs: bool) {
    if belongs {
        set.insert(uid);
    } else {
        set.remove(&uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn uid(number: u32) -> Uid {
        Uid::new(number).unwrap()
    }

    /// What a test does to an index: a UID, and the file that it gets, if it is not removed.
    fn operation() -> impl Strategy<Value = (u32, Option<(Subdirectory, &'static [u8])>)> {
        let subdirectory = prop_oneof![Just(Subdirectory::New), Just(Subdirectory::Cur)];
        let name = prop_oneof![
            Just(&b"a:2,"[..]),
            Just(&b"a:2,S"[..]),
            Just(&b"a:2,FS"[..]),
            Just(&b"a"[..])
        ];
        (1u32..12, proptest::option::weighted(0.7, (subdirectory, name)))
    }

    proptest! {
        #[test]
        fn the_counts_are_what_counting_again_gives(operations in proptest::collection::vec(operation(), 0..60)) {
            let mut index = Index::default();
            for (number, file) in operations {
                match file {
                    Some((subdirectory, name)) => drop(index.insert(uid(number), Entry::new(subdirectory, name))),
                    None => drop(index.remove(uid(number))),
                }
                let unseen: Vec<_> = index.entries().filter(|(_, e)| !e.name.ends_with(b"S")).map(|(uid, _)| uid).collect();
                prop_assert_eq!(index.unseen() as usize, unseen.len());
                prop_assert_eq!(index.first_unseen(), unseen.first().copied());
                let in_new: Vec<_> = index.entries().filter(|(_, e)| e.subdirectory == Subdirectory::New).map(|(uid, _)| uid).collect();
                for (octet, letter) in [(b'S', Letter::Seen), (b'F', Letter::Flagged)] {
                    let mut letters = Info::default();
                    letters.insert(letter);
                    let has = |e: &Entry| e.name.split(|&o| o == b',').nth(1).is_some_and(|l| l.contains(&octet));
                    let counted: UidSet = index.entries().filter(|(_, e)| has(e)).map(|(uid, _)| uid).collect();
                    prop_assert_eq!(index.flagged().with_any(&letters), counted);
                }
                prop_assert_eq!(index.flagged().all(), &index.entries().map(|(uid, _)| uid).collect::<UidSet>());
                prop_assert_eq!(index.in_new_from(Uid::MIN).map(|(uid, _)| uid).collect::<Vec<_>>(), in_new);
            }
        }

        #[test]
        fn looking_up_many_gives_what_looking_up_each_gives(
            present in proptest::collection::btree_set(1u32..200, 0..60),
            asked in proptest::collection::vec(1u32..220, 0..60),
        ) {
            let mut index = Index::default();
            for &number in &present {
                index.insert(uid(number), Entry::new(Subdirectory::Cur, number.to_string().into_bytes()));
            }
            let mut ascending = asked.clone();
            ascending.sort_unstable();
            for asked in [asked, ascending] {
                let uids: Vec<_> = asked.iter().map(|&number| uid(number)).collect();
                for (uid, entry) in index.look_up(&uids) {
                    let expected = present.contains(&uid.get()).then(|| uid.get().to_string().into_bytes());
                    prop_assert_eq!(entry.map(|entry| entry.name.to_vec()), expected);
                }
            }
        }
    }
}
