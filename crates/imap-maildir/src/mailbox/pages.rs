//! The messages of a mailbox, in pages: those that somebody needs are in memory, the others in the index beside the mail.
//!
//! A page has the messages of one range of UIDs. UIDs ascend, so messages come to the last page, and the pages before it only
//! change and shrink. No file is touched here but the index, and that only for a page that is not in memory.

use std::collections::HashMap;
use std::sync::Arc;

use imap_seq::{ModSeq, Uid};

use crate::disk::directory::Subdirectory;
use crate::disk::index_file::IndexFile;
use crate::format::index::{MessageRecord, PageNote, seal, unseal};
use crate::format::uidlist::SavedAt;
use crate::mailbox::index::Entry;

/// How many messages a page has when it is full: some 20 KiB on disk, 50 KiB in memory.
const FULL: usize = if cfg!(test) { 4 } else { 256 };
/// So many messages are in memory without need, some 200 octets each; of those that changed, as many as have to be.
const MOST_HELD: usize = if cfg!(test) { 4 } else { 131_072 };

/// Messages in the order of their UIDs.
type Messages = Vec<(Uid, Entry)>;

/// The pages of one mailbox.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    /// Ascending; the range of each ends where the next one's begins.
    pages: Vec<Page>,
    next_number: u32,
    /// What has the pages that are not in memory; none while all are.
    file: Option<Arc<IndexFile>>,
    /// How many messages are in memory.
    held: usize,
    /// How many pages the file does not know as they are.
    changed: usize,
    /// Counts uses, to tell which pages were not used for longest.
    uses: u64,
    /// Numbers of pages that the file has and that have no messages any more.
    gone: Vec<u32>,
    /// A page could not be read: what is said of its messages is not true.
    is_damaged: bool,
}

#[derive(Debug)]
struct Page {
    number: u32,
    /// No message of it has a lower UID.
    first: Uid,
    count: usize,
    /// No message of it has a higher one.
    highest_modseq: ModSeq,
    messages: Option<Messages>,
    /// When it changed, as the file does not know it yet.
    changed: Option<u64>,
    /// When more became known of its messages: the file may know that or not, whatever else it knows.
    amended: Option<u64>,
    used: u64,
}

/// Pages that are to be written.
#[derive(Debug, Default)]
pub(crate) struct TakenPages {
    /// Numbers and octets.
    pub(crate) pages: Vec<(u32, Vec<u8>)>,
    /// What [`are_written`](Pages::are_written) has to be told.
    pub(crate) marks: Vec<Mark>,
}

/// Which page was written, and when it had changed and was amended last.
pub(crate) type Mark = (u32, Option<u64>, Option<u64>);

impl Pages {
    /// The pages that a file has.
    pub(crate) fn of_file(file: Arc<IndexFile>, notes: &[PageNote], next_number: u32) -> Option<Self> {
        let page = |note: &PageNote| {
            Some(Page {
                number: note.number,
                first: Uid::new(note.first)?,
                count: note.count as usize,
                highest_modseq: ModSeq::new(note.highest_modseq)?,
                messages: None,
                changed: None,
                amended: None,
                used: 0,
            })
        };
        Some(Self {
            pages: notes.iter().map(page).collect::<Option<_>>()?,
            next_number,
            file: Some(file),
            ..Self::default()
        })
    }

    /// What a file has to know to have the pages.
    pub(crate) fn notes(&self) -> Vec<PageNote> {
        let note = |page: &Page| PageNote {
            number: page.number,
            first: page.first.get(),
            count: u32::try_from(page.count).unwrap_or(u32::MAX),
            highest_modseq: page.highest_modseq.get(),
        };
        self.pages.iter().map(note).collect()
    }

    pub(crate) const fn next_number(&self) -> u32 {
        self.next_number
    }

    /// From now on pages may leave memory, once this file has them.
    pub(crate) fn keep_in(&mut self, file: Arc<IndexFile>) {
        self.file = Some(file);
        let uses = self.uses;
        self.pages.iter_mut().for_each(|page| page.changed = Some(uses));
        self.changed = self.pages.len();
        self.uses += 1;
    }

    pub(crate) const fn is_damaged(&self) -> bool {
        self.is_damaged
    }

    /// The index of the page in whose range a UID is.
    fn place(&self, uid: Uid) -> Option<usize> {
        self.pages
            .partition_point(|page| page.first <= uid)
            .checked_sub(1)
    }

    /// The messages of a page. None if it cannot be read.
    fn messages(&mut self, at: usize) -> Option<&mut Messages> {
        if self.pages[at].messages.is_none() {
            self.read(at);
        }
        self.uses += 1;
        self.pages[at].used = self.uses;
        self.pages[at].messages.as_mut()
    }

    fn read(&mut self, at: usize) {
        self.make_room();
        let page = &mut self.pages[at];
        let octets = self.file.as_ref().map(|file| file.page(page.number));
        let messages = match octets {
            Some(Ok(octets)) => decode_page(&octets).filter(|messages| messages.len() == page.count),
            Some(Err(error)) => {
                tracing::warn!(%error, "a page of the index cannot be read");
                None
            }
            None => None,
        };
        match messages {
            Some(messages) => {
                self.held += messages.len();
                page.messages = Some(messages);
            }
            None => self.is_damaged = true,
        }
    }

    /// Lets go of the pages that were not used for longest, where too many are in memory.
    fn make_room(&mut self) {
        if self.held <= MOST_HELD || self.file.is_none() {
            return;
        }
        let mut uses: Vec<u64> = self
            .pages
            .iter()
            .filter(|page| page.may_go())
            .map(|page| page.used)
            .collect();
        uses.sort_unstable();
        // A quarter at a time, so that it is not looked for them at each page.
        let Some(&latest) = uses.get(uses.len() / 4) else {
            return;
        };
        self.let_go(|page| page.used <= latest);
    }

    /// Lets go of all that may go: nobody is there who would need them.
    pub(crate) fn let_all_go(&mut self) {
        self.let_go(|_| true);
    }

    fn let_go(&mut self, which: impl Fn(&Page) -> bool) {
        if self.file.is_none() {
            return;
        }
        for page in self.pages.iter_mut().filter(|page| page.may_go() && which(page)) {
            self.held -= page.messages.take().map_or(0, |messages| messages.len());
        }
    }

    pub(crate) fn get(&mut self, uid: Uid) -> Option<&Entry> {
        let at = self.place(uid)?;
        let messages = self.messages(at)?;
        let position = position(messages, uid).ok()?;
        Some(&messages[position].1)
    }

    /// Whether the pages of all these UIDs are in memory. Ascending UIDs cost least.
    pub(crate) fn are_held(&self, uids: &[Uid]) -> bool {
        let mut next_page = None;
        uids.iter().all(|&uid| {
            if next_page.is_some_and(|(from, below)| uid >= from && uid < below) {
                return true;
            }
            let Some(at) = self.place(uid) else { return true };
            next_page = Some((
                self.pages[at].first,
                self.pages.get(at + 1).map_or(Uid::MAX, |page| page.first),
            ));
            self.pages[at].messages.is_some()
        })
    }

    /// Says of each UID, in their order, what is known of it. Ascending UIDs close to each other cost least.
    pub(crate) fn look_up(&mut self, uids: &[Uid], mut each: impl FnMut(Uid, Option<&Entry>)) {
        let mut rest = uids;
        while let Some(&first) = rest.first() {
            let Some(at) = self.place(first) else {
                each(first, None);
                rest = &rest[1..];
                continue;
            };
            let begin = self.pages[at].first;
            let end = self.pages.get(at + 1).map_or(Uid::MAX, |page| page.first);
            let is_here = |uid: &Uid| *uid >= begin && (*uid < end || at + 1 == self.pages.len());
            let here = rest.iter().take_while(|uid| is_here(uid)).count();
            let messages = self.messages(at);
            let messages: &[(Uid, Entry)] = messages.map_or(&[], |messages| messages);
            let mut next = 0;
            for &uid in &rest[..here] {
                // The next message, most often.
                if messages.get(next).is_none_or(|(at, _)| *at != uid) {
                    next = messages.partition_point(|(at, _)| *at < uid);
                }
                let found = messages.get(next).filter(|(at, _)| *at == uid);
                next += usize::from(found.is_some());
                each(uid, found.map(|(_, entry)| entry));
            }
            rest = &rest[here..];
        }
    }

    /// Calls `each` with the messages from this UID on, `most` at the most. Gives the UID to go on with.
    pub(crate) fn for_each_from(
        &mut self,
        first: Uid,
        most: usize,
        mut each: impl FnMut(Uid, &Entry),
    ) -> Option<Uid> {
        let mut at = self.place(first).unwrap_or(0);
        let mut left = most;
        while at < self.pages.len() {
            if let Some(messages) = self.messages(at) {
                let from = messages.partition_point(|(uid, _)| *uid < first);
                for (uid, entry) in &messages[from..] {
                    if left == 0 {
                        return Some(*uid);
                    }
                    left -= 1;
                    each(*uid, entry);
                }
            }
            at += 1;
        }
        None
    }

    /// The messages that changed after `since`, by calling `each` with one after the other; pages without such a message are
    /// passed over. Looks at `most` pages at the most; gives the UID to go on with.
    pub(crate) fn for_each_changed(
        &mut self,
        first: Uid,
        since: ModSeq,
        most: usize,
        mut each: impl FnMut(Uid),
    ) -> Option<Uid> {
        let start = self.place(first).unwrap_or(0);
        let mut looked = 0;
        for at in start..self.pages.len() {
            if self.pages[at].highest_modseq <= since {
                continue;
            }
            if looked == most {
                return Some(self.pages[at].first);
            }
            looked += 1;
            let messages = self.messages(at);
            let changed = messages
                .into_iter()
                .flatten()
                .filter(|(uid, entry)| *uid >= first && entry.modseq > since);
            changed.for_each(|(uid, _)| each(*uid));
        }
        None
    }

    /// Adds a message, or gives a known one another entry; gives the one before.
    pub(crate) fn insert(&mut self, uid: Uid, entry: Entry) -> Option<Entry> {
        let at = self.place_for(uid);
        let modseq = entry.modseq;
        let messages = self.messages(at)?;
        let before = match position(messages, uid) {
            Ok(position) => Some(std::mem::replace(&mut messages[position].1, entry)),
            Err(position) => {
                messages.insert(position, (uid, entry));
                None
            }
        };
        self.is_changed(at);
        let page = &mut self.pages[at];
        page.highest_modseq = page.highest_modseq.max(modseq);
        if before.is_none() {
            page.count += 1;
            self.held += 1;
            if page.count >= 2 * FULL {
                self.split(at);
            }
        }
        before
    }

    /// The page that takes a message; a new one behind the last where that is full.
    fn place_for(&mut self, uid: Uid) -> usize {
        let last = self.pages.len().checked_sub(1);
        let is_behind = |pages: &mut Self, last: usize| {
            let highest = pages
                .messages(last)
                .and_then(|messages| messages.last().map(|(uid, _)| *uid));
            pages.pages[last].count >= FULL && highest.is_some_and(|highest| uid > highest)
        };
        match (self.place(uid), last) {
            (Some(at), Some(last)) if at < last || !is_behind(self, last) => at,
            (None, Some(_)) => {
                self.pages[0].first = uid;
                0
            }
            _ => {
                self.add_page(self.pages.len(), uid, Vec::new());
                self.pages.len() - 1
            }
        }
    }

    fn add_page(&mut self, at: usize, first: Uid, messages: Messages) {
        let highest = messages.iter().map(|(_, entry)| entry.modseq).max();
        self.uses += 1;
        let page = Page {
            number: self.next_number,
            first,
            count: messages.len(),
            highest_modseq: highest.unwrap_or(ModSeq::MIN),
            messages: Some(messages),
            changed: Some(self.uses),
            amended: None,
            used: self.uses,
        };
        self.next_number += 1;
        self.changed += 1;
        self.pages.insert(at, page);
    }

    fn split(&mut self, at: usize) {
        let Some(messages) = &mut self.pages[at].messages else {
            return;
        };
        let upper = messages.split_off(messages.len() / 2);
        self.pages[at].count = messages.len();
        let Some(&(first, _)) = upper.first() else { return };
        self.add_page(at + 1, first, upper);
    }

    pub(crate) fn remove(&mut self, uid: Uid) -> Option<Entry> {
        let at = self.place(uid)?;
        let messages = self.messages(at)?;
        let position = position(messages, uid).ok()?;
        let (_, entry) = messages.remove(position);
        self.is_changed(at);
        let page = &mut self.pages[at];
        page.count -= 1;
        self.held -= 1;
        if page.count == 0 {
            self.changed -= 1;
            self.gone.push(page.number);
            self.pages.remove(at);
        }
        Some(entry)
    }

    /// Adds to what is known of a message that does not change.
    pub(crate) fn amend(&mut self, uid: Uid, amend: impl FnOnce(&mut Entry)) {
        let Some(at) = self.place(uid) else { return };
        let uses = self.uses;
        let Some(messages) = self.messages(at) else { return };
        let Ok(position) = position(messages, uid) else {
            return;
        };
        let entry = &mut messages[position].1;
        let before = (entry.size, entry.date);
        amend(entry);
        // What is known already is not written once more.
        if before != (entry.size, entry.date) {
            self.pages[at].amended = Some(uses);
        }
    }

    /// The file does not know a page as it is now.
    fn is_changed(&mut self, at: usize) {
        let before = self.pages[at].changed.replace(self.uses);
        self.changed += usize::from(before.is_none());
    }

    /// How many pages the file does not know as they are.
    pub(crate) const fn changed(&self) -> usize {
        self.changed
    }

    /// Some pages that have to be written, from this place on, and the place to go on with.
    pub(crate) fn take_changed(&self, from: usize, most: usize) -> (TakenPages, usize) {
        self.take(from, most, |page| {
            page.changed.is_some() || page.amended.is_some()
        })
    }

    /// Pages that may be written whatever else the file knows: only sizes and dates of their messages became known. None while
    /// there are few of them.
    pub(crate) fn take_amended(&self, least: usize) -> TakenPages {
        let is_amended = |page: &Page| page.amended.is_some() && page.changed.is_none();
        match self.pages.iter().filter(|page| is_amended(page)).count() < least {
            true => TakenPages::default(),
            false => self.take(0, usize::MAX, is_amended).0,
        }
    }

    fn take(&self, from: usize, most: usize, which: impl Fn(&Page) -> bool) -> (TakenPages, usize) {
        let mut taken = TakenPages::default();
        for (at, page) in self.pages.iter().enumerate().skip(from) {
            if taken.pages.len() == most {
                return (taken, at);
            }
            if let Some(messages) = page.messages.as_ref().filter(|_| which(page)) {
                taken.pages.push((page.number, encode_page(messages)));
                taken.marks.push((page.number, page.changed, page.amended));
            }
        }
        (taken, self.pages.len())
    }

    /// Numbers of pages that are to be removed from the file.
    pub(crate) fn gone(&self) -> Vec<u32> {
        self.gone.clone()
    }

    /// The file has these pages now, as they were when they were taken, and no page that was gone.
    pub(crate) fn are_written(&mut self, written: &[Mark], gone: &[u32]) {
        self.gone.retain(|number| !gone.contains(number));
        let written: HashMap<u32, &Mark> = written.iter().map(|mark| (mark.0, mark)).collect();
        for page in &mut self.pages {
            let Some((_, changed, amended)) = written.get(&page.number) else {
                continue;
            };
            if page.changed == *changed && page.amended == *amended {
                self.changed -= usize::from(page.changed.is_some());
                (page.changed, page.amended) = (None, None);
            }
        }
        self.make_room();
    }
}

impl Page {
    /// Whether it may leave memory.
    fn may_go(&self) -> bool {
        self.messages.is_some() && self.changed.is_none() && self.amended.is_none()
    }
}

fn position(messages: &[(Uid, Entry)], uid: Uid) -> Result<usize, usize> {
    messages.binary_search_by_key(&uid, |(uid, _)| *uid)
}

fn encode_page(messages: &[(Uid, Entry)]) -> Vec<u8> {
    let records: Vec<MessageRecord<'_>> = messages.iter().map(record).collect();
    seal(&records)
}

fn record((uid, entry): &(Uid, Entry)) -> MessageRecord<'_> {
    MessageRecord {
        uid: uid.get(),
        is_in_new: entry.subdirectory == Subdirectory::New,
        name: &entry.name,
        size: entry.size,
        date: entry.date,
        saved: entry.saved.map(SavedAt::get),
        modseq: entry.modseq.get(),
    }
}

fn decode_page(octets: &[u8]) -> Option<Messages> {
    let records: Vec<MessageRecord<'_>> = unseal(octets)?;
    records.iter().map(message).collect()
}

fn message(record: &MessageRecord<'_>) -> Option<(Uid, Entry)> {
    let subdirectory = match record.is_in_new {
        true => Subdirectory::New,
        false => Subdirectory::Cur,
    };
    let entry = Entry {
        size: record.size,
        date: record.date,
        saved: record.saved.and_then(SavedAt::new),
        modseq: ModSeq::new(record.modseq)?,
        ..Entry::new(subdirectory, record.name)
    };
    Some((Uid::new(record.uid)?, entry))
}
