//! A listing, compared with the index and the UID list.

use std::collections::HashMap;

use imap_seq::{Uid, UidSet};
use imap_updates::Recency;

use super::{Arrival, Renaming};
use crate::disk::directory::Subdirectory;
use crate::disk::scan::{FoundFile, Listing};
use crate::disk::uidlist_file::UidListFile;
use crate::mailbox::index::Entry;
use crate::mailbox::open::{OpenMailbox, Writer};

/// How many messages are looked at before the hub is given free for others.
const BATCH: usize = 4096;

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
        let is_absent = |base: &[u8]| !listing.found.contains_key(base);
        let mut missing: Vec<Box<[u8]>> = Vec::new();
        self.for_each_entry(|_, entry| {
            if is_absent(entry.base()) {
                missing.push(entry.base().into());
            }
        });
        // Records of other programs: publishing a later UID first would hide these messages.
        let records = writer.list.records();
        let settled = records.partition_point(|record| record.uid <= writer.settled_up_to);
        let unsettled = records[settled..].iter().map(|record| &*record.base);
        missing.extend(unsettled.filter(|base| is_absent(base)).map(Box::from));
        missing
    }

    /// Says of each known message, and of each file, what became of it.
    pub(super) fn compare(&self, writer: &Writer, found: &HashMap<Box<[u8]>, FoundFile>) -> Comparison {
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

    fn add_unknown(
        &self,
        writer: &Writer,
        found: &HashMap<Box<[u8]>, FoundFile>,
        comparison: &mut Comparison,
    ) {
        let mut files = found.iter();
        loop {
            let hub = self.hub.lock();
            let mut batch = files.by_ref().take(BATCH).peekable();
            if batch.peek().is_none() {
                return;
            }
            for (base, file) in batch {
                let uid = writer.list.uid_of(base).and_then(Uid::new);
                let is_known = |entry: &Entry| entry.base() == &**base;
                match uid.map(|uid| (uid, hub.get(uid))) {
                    Some((_, Some(entry))) if is_known(entry) => {}
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
    fn for_each_entry(&self, mut each: impl FnMut(Uid, &Entry)) {
        let mut next = Some(Uid::MIN);
        while let Some(first) = next.take() {
            let hub = self.hub.lock();
            for (at, (uid, entry)) in hub.entries_from(first).enumerate() {
                if at == BATCH {
                    next = Some(uid);
                    break;
                }
                each(uid, entry);
            }
        }
    }
}

impl Comparison {
    /// Adds what became of a known message. Gives how many files of the listing are accounted for by it: 1 or 0.
    fn add_known(
        &mut self,
        uid: Uid,
        entry: &Entry,
        list: &UidListFile,
        found: &HashMap<Box<[u8]>, FoundFile>,
    ) -> usize {
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
