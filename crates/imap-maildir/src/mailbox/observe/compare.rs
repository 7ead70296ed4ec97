//! A listing, compared with the index and the UID list.

use std::collections::HashMap;

use imap_seq::{Uid, UidSet};
use imap_updates::Recency;

use super::{Arrival, BATCH, Renaming};
use crate::disk::directory::Subdirectory;
use crate::disk::scan::{FoundFile, Listing};
use crate::disk::uidlist_file::UidListFile;
use crate::mailbox::index::Entry;
use crate::mailbox::open::{OpenMailbox, Writer};

/// What a listing says about the messages that were known, and about others.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) renamed: Vec<Renaming>,
    /// Messages with a UID that was recorded by another program.
    pub(super) recorded: Vec<Arrival>,
    pub(super) without_uid: Vec<FoundFile>,
    pub(super) expunged: UidSet,
}

impl OpenMailbox {
    /// Base names that should be there and that the listing does not have.
    pub(super) fn missing(&self, writer: &Writer, listing: &Listing) -> Vec<Box<[u8]>> {
        let mut missing = Vec::new();
        self.for_each_entry(|_, entry| add_absent(&mut missing, entry.base(), listing));
        add_absent_records(&mut missing, writer, listing);
        missing
    }

    /// Base names that should be in `new/` and that a listing of it does not have.
    pub(super) fn missing_in_new(&self, writer: &Writer, listing: &Listing) -> Vec<Box<[u8]>> {
        let mut missing = Vec::new();
        self.for_each_in_new(|_, entry| add_absent(&mut missing, entry.base(), listing));
        add_absent_records(&mut missing, writer, listing);
        missing
    }

    /// Says of each known message, and of each file, what became of it.
    pub(super) fn compare(&self, writer: &Writer, found: &Found) -> Comparison {
        let mut comparison = Comparison::default();
        // Files whose message is known: what is left of the listing afterwards is new.
        let mut known = 0;
        self.for_each_entry(|uid, entry| {
            known += comparison.add_known(uid, entry, &writer.list, found);
        });
        if known < found.len() {
            self.add_unknown(writer, found, &mut comparison);
        }
        comparison
    }

    /// The same for a listing of `new/` alone. None where a file belongs to a message that is known in `cur/`.
    pub(super) fn compare_in_new(&self, writer: &Writer, found: &Found) -> Option<Comparison> {
        let mut comparison = Comparison::default();
        let mut known = 0;
        self.for_each_in_new(|uid, entry| {
            known += comparison.add_known(uid, entry, &writer.list, found);
        });
        if known == found.len() {
            return Some(comparison);
        }
        let of_known = self.add_unknown(writer, found, &mut comparison);
        (of_known == known).then_some(comparison)
    }

    /// Adds the files of no known message; gives how many files have a known one.
    fn add_unknown(&self, writer: &Writer, found: &Found, comparison: &mut Comparison) -> usize {
        let mut of_known = 0;
        let mut files = found.iter();
        loop {
            let hub = self.hub.lock();
            let mut batch = files.by_ref().take(BATCH).peekable();
            if batch.peek().is_none() {
                return of_known;
            }
            for (base, file) in batch {
                let uid = writer.list.uid_of(base).and_then(Uid::new);
                let is_known = |entry: &Entry| entry.base() == &**base;
                match uid.map(|uid| (uid, hub.get(uid))) {
                    Some((_, Some(entry))) if is_known(entry) => of_known += 1,
                    Some((uid, None)) if uid.get() > writer.settled_up_to => {
                        comparison.recorded.push(Arrival {
                            uid,
                            file: file.clone(),
                            recency: recency(file),
                        });
                    }
                    // Never given a UID; or expunged and back again; or the list gave the number to two names one after
                    // the other.
                    _ => comparison.without_uid.push(file.clone()),
                }
            }
        }
    }

    /// Calls `each` with every message. Others may use the hub in between; only the holder of the writer adds and removes.
    pub(crate) fn for_each_entry(&self, mut each: impl FnMut(Uid, &Entry)) {
        let mut next = Some(Uid::MIN);
        while let Some(first) = next {
            let hub = self.hub.lock();
            next = each_of_batch(hub.entries_from(first), &mut each);
        }
    }

    /// The same for the messages in `new/`.
    fn for_each_in_new(&self, mut each: impl FnMut(Uid, &Entry)) {
        let mut next = Some(Uid::MIN);
        while let Some(first) = next {
            let hub = self.hub.lock();
            next = each_of_batch(hub.in_new_from(first), &mut each);
        }
    }
}

/// Gives the UID to go on with.
fn each_of_batch<'a>(
    mut messages: impl Iterator<Item = (Uid, &'a Entry)>,
    each: &mut impl FnMut(Uid, &Entry),
) -> Option<Uid> {
    for (uid, entry) in messages.by_ref().take(BATCH) {
        each(uid, entry);
    }
    messages.next().map(|(uid, _)| uid)
}

type Found = HashMap<Box<[u8]>, FoundFile>;

fn add_absent(missing: &mut Vec<Box<[u8]>>, base: &[u8], listing: &Listing) {
    if !listing.found.contains_key(base) {
        missing.push(base.into());
    }
}

/// Adds records of other programs: publishing a later UID first would hide these messages.
fn add_absent_records(missing: &mut Vec<Box<[u8]>>, writer: &Writer, listing: &Listing) {
    let records = writer.list.records();
    let settled = records.partition_point(|record| record.uid <= writer.settled_up_to);
    for record in &records[settled..] {
        add_absent(missing, &record.base, listing);
    }
}

impl Comparison {
    /// Adds what became of a known message. Gives how many files of the listing are accounted for by it: 1 or 0.
    fn add_known(&mut self, uid: Uid, entry: &Entry, list: &UidListFile, found: &Found) -> usize {
        let is_recorded = list.uid_of(entry.base()) == Some(uid.get());
        match found.get(entry.base()).filter(|_| is_recorded) {
            None => {
                self.expunged.insert(uid);
                0
            }
            Some(file) => {
                if file.subdirectory != entry.subdirectory || file.name[..] != entry.name[..] {
                    let file = file.clone();
                    self.renamed.push(Renaming { uid, file });
                }
                1
            }
        }
    }
}

/// A message found in `new/` is recent: no session has been told of it.
fn recency(file: &FoundFile) -> Recency {
    match file.subdirectory {
        Subdirectory::New => Recency::Recent,
        Subdirectory::Cur => Recency::NotRecent,
    }
}
