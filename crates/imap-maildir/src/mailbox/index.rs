//! What is known about the messages of an open mailbox: the storage inside its hub. No file is touched here.

use std::io;
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
use crate::mailbox::names::Names;
use crate::mailbox::pages::Pages;
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
}

/// One mailbox's messages, with counts that cost nothing to ask for.
///
/// Messages that are asked for come from the index beside the mail where they are not in memory: [`Pages`] says when.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// None when UIDs are used up.
    pub(crate) uid_next: Option<Uid>,
    pub(crate) letters: LetterMap,
    pub(crate) vanished: Vanished,
    pub(crate) pages: Pages,
    pub(crate) names: Names,
    /// Which messages have which flags.
    flagged: LetterSets,
    /// Messages whose file is in `new/`.
    in_new: UidSet,
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

    /// An index of messages whose flags and places are known already.
    pub(crate) fn with_messages(
        self,
        pages: Pages,
        names: Names,
        flagged: LetterSets,
        in_new: UidSet,
    ) -> Self {
        Self {
            pages,
            names,
            flagged,
            in_new,
            ..self
        }
    }

    /// Whether a message is there.
    pub(crate) fn has(&self, uid: Uid) -> bool {
        self.all().contains(uid)
    }

    /// All messages.
    pub(crate) const fn all(&self) -> &UidSet {
        self.flagged.all()
    }

    pub(crate) fn get(&mut self, uid: Uid) -> Option<&Entry> {
        if !self.has(uid) {
            return None;
        }
        self.pages.get(uid)
    }

    /// The message with this base name.
    pub(crate) fn uid_of(&mut self, base: &[u8]) -> io::Result<Option<Uid>> {
        let candidates = self.names.candidates(base)?;
        let has_name = |uid: &Uid| self.get(*uid).is_some_and(|entry| entry.base() == base);
        Ok(candidates.into_iter().find(has_name))
    }

    /// Adds a message, or gives a known one another entry; gives the one before.
    pub(crate) fn insert(&mut self, uid: Uid, entry: Entry) -> Option<Entry> {
        keep_in(&mut self.in_new, uid, entry.subdirectory == Subdirectory::New);
        if !self.has(uid) {
            self.names.add(entry.base(), uid);
        }
        let info = entry.info.clone();
        let before = self.pages.insert(uid, entry);
        self.flagged
            .put(uid, before.as_ref().map(|entry| &entry.info), &info);
        before
    }

    pub(crate) fn remove(&mut self, uid: Uid) -> Option<Entry> {
        if !self.has(uid) {
            return None;
        }
        let removed = self.pages.remove(uid)?;
        self.in_new.remove(uid);
        self.names.remove(removed.base(), uid);
        self.flagged.remove(uid, &removed.info);
        Some(removed)
    }

    /// Keeps size and date, where they are told: the content of a message never changes.
    pub(crate) fn remember(&mut self, uid: Uid, size: Option<u64>, date: Option<i64>) {
        if self.has(uid) {
            self.pages.amend(uid, |entry| {
                entry.size = size.or(entry.size);
                entry.date = date.or(entry.date);
            });
        }
    }

    pub(crate) fn flags(&self, entry: &Entry) -> Flags {
        self.letters.flags(&entry.info)
    }

    /// The first message without `\Seen`. O(messages / 65,536).
    pub(crate) fn first_unseen(&self) -> Option<Uid> {
        match self.flagged.with(Letter::Seen) {
            Some(seen) => self.all().difference(seen).first(),
            None => self.all().first(),
        }
    }

    /// The number of messages without `\Seen`.
    pub(crate) fn unseen(&self) -> u32 {
        let seen = self.flagged.with(Letter::Seen).map_or(0, UidSet::len);
        u32::try_from(self.all().len().saturating_sub(seen)).unwrap_or(u32::MAX)
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
        Some(self.vanished.since(since)?.difference(self.all()))
    }

    /// Which messages have which flags.
    pub(crate) const fn flagged(&self) -> &LetterSets {
        &self.flagged
    }

    /// The messages whose file is in `new/`.
    pub(crate) const fn in_new(&self) -> &UidSet {
        &self.in_new
    }

    /// Whether what is said here of messages is not true, because the index beside the mail is damaged.
    pub(crate) const fn is_damaged(&self) -> bool {
        self.pages.is_damaged()
    }
}

fn keep_in(set: &mut UidSet, uid: Uid, belongs: bool) {
    if belongs {
        set.insert(uid);
    } else {
        set.remove(uid);
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

    #[test]
    fn a_size_that_is_known_already_gives_the_file_nothing_to_write() {
        let mut index = Index::default();
        let entry = Entry::new(Subdirectory::Cur, &b"a"[..]);
        index.insert(uid(1), entry);
        let (taken, _) = index.pages.take_changed(0, usize::MAX);
        index.pages.are_written(&taken.marks, &[]);
        for (size, amended) in [(7, 1), (7, 0), (8, 1)] {
            index.remember(uid(1), Some(size), None);
            let taken = index.pages.take_amended(1);
            assert_eq!(taken.pages.len(), amended, "{size}");
            index.pages.are_written(&taken.marks, &[]);
        }
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
                let mut entries: Vec<(Uid, Entry)> = Vec::new();
                index.pages.for_each_from(Uid::MIN, usize::MAX, |uid, entry| entries.push((uid, entry.clone())));
                let unseen: Vec<_> = entries.iter().filter(|(_, e)| !e.name.ends_with(b"S")).map(|(uid, _)| *uid).collect();
                prop_assert_eq!(index.unseen() as usize, unseen.len());
                prop_assert_eq!(index.first_unseen(), unseen.first().copied());
                let in_new: UidSet = entries.iter().filter(|(_, e)| e.subdirectory == Subdirectory::New).map(|(uid, _)| *uid).collect();
                for (octet, letter) in [(b'S', Letter::Seen), (b'F', Letter::Flagged)] {
                    let mut letters = Info::default();
                    letters.insert(letter);
                    let has = |e: &Entry| e.name.split(|&o| o == b',').nth(1).is_some_and(|l| l.contains(&octet));
                    let counted: UidSet = entries.iter().filter(|(_, e)| has(e)).map(|(uid, _)| *uid).collect();
                    prop_assert_eq!(index.flagged().with_any(&letters), counted);
                }
                prop_assert_eq!(index.all(), &entries.iter().map(|(uid, _)| *uid).collect::<UidSet>());
                prop_assert_eq!(index.in_new(), &in_new);
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
                let mut found = Vec::new();
                index.pages.look_up(&uids, |uid, entry| found.push((uid, entry.map(|entry| entry.name.to_vec()))));
                let expected = |uid: &Uid| present.contains(&uid.get()).then(|| uid.get().to_string().into_bytes());
                prop_assert_eq!(found, uids.iter().map(|uid| (*uid, expected(uid))).collect::<Vec<_>>());
            }
        }
    }
}
