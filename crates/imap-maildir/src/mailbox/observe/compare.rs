//! A listing, compared with the index and the UID list.

use std::io;

use imap_seq::{Uid, UidSet};

use super::{BATCH, Renaming};
use crate::disk::directory::FileAt;
use crate::disk::found::Found;
use crate::disk::scan::{FoundFile, Listing};
use crate::disk::uidlist_file::UidListFile;
use crate::format::file_name::split;
use crate::mailbox::index::Entry;
use crate::mailbox::open::{OpenMailbox, Writer};

/// What a listing says about the messages that were known, and about others.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) renamed: Vec<Renaming>,
    /// Messages with a UID that was recorded by another program, and the numbers of their files.
    pub(super) recorded: Vec<(Uid, u32)>,
    /// The numbers of other files.
    pub(super) without_uid: Vec<u32>,
    pub(super) expunged: UidSet,
    /// The files of these numbers, and maybe others.
    pub(super) files: Found,
}

impl OpenMailbox {
    /// Base names that should be there and that the listing does not have.
    ///
    /// # Errors
    /// Where the index is damaged.
    pub(super) fn missing(&self, writer: &Writer, listing: &Listing) -> io::Result<Vec<Box<[u8]>>> {
        let mut missing = Vec::new();
        self.for_each_entry(|_, entry| add_absent(&mut missing, entry.base(), listing))?;
        add_absent_records(&mut missing, writer, listing);
        Ok(missing)
    }

    /// Base names that should be in `new/` and that a listing of it does not have.
    ///
    /// # Errors
    /// Where the index is damaged.
    pub(super) fn missing_in_new(&self, writer: &Writer, listing: &Listing) -> io::Result<Vec<Box<[u8]>>> {
        let mut missing = Vec::new();
        self.for_each_in_new(|_, entry| add_absent(&mut missing, entry.base(), listing))?;
        add_absent_records(&mut missing, writer, listing);
        Ok(missing)
    }

    /// Says of each known message, and of each file, what became of it.
    ///
    /// # Errors
    /// Where the index is damaged.
    pub(super) fn compare(&self, writer: &Writer, found: Found) -> io::Result<Comparison> {
        let mut comparison = Comparison::default();
        let mut known = Known::of(&found);
        self.for_each_entry(|uid, entry| comparison.add_known(uid, entry, &writer.list, &mut known))?;
        self.add_unknown(writer, &known, &mut comparison)?;
        comparison.files = found;
        Ok(comparison)
    }

    /// The same for a listing of `new/` alone. None where a file belongs to a message that is known in `cur/`.
    ///
    /// # Errors
    /// Where the index is damaged.
    pub(super) fn compare_in_new(&self, writer: &Writer, found: Found) -> io::Result<Option<Comparison>> {
        let mut comparison = Comparison::default();
        let mut known = Known::of(&found);
        self.for_each_in_new(|uid, entry| comparison.add_known(uid, entry, &writer.list, &mut known))?;
        for (_, file) in known.others() {
            if self.hub.lock().uid_of(split(file.name).0)?.is_some() {
                return Ok(None);
            }
        }
        self.add_unknown(writer, &known, &mut comparison)?;
        comparison.files = found;
        Ok(Some(comparison))
    }

    /// Adds the files of no known message.
    fn add_unknown(&self, writer: &Writer, known: &Known<'_>, comparison: &mut Comparison) -> io::Result<()> {
        let mut files = known.others();
        loop {
            let hub = self.hub.lock();
            let mut batch = files.by_ref().take(BATCH).peekable();
            if batch.peek().is_none() {
                return Ok(());
            }
            for (number, file) in batch {
                let uid = writer.list.uid_of(split(file.name).0).and_then(Uid::new);
                match uid.filter(|uid| !hub.has(*uid) && uid.get() > writer.settled_up_to) {
                    Some(uid) => comparison.recorded.push((uid, number)),
                    // Never given a UID; or expunged and back again; or the list gave the number to two names one after
                    // the other.
                    None => comparison.without_uid.push(number),
                }
            }
        }
    }

    /// Calls `each` with every message. Others may use the hub in between; only the holder of the writer adds and removes.
    ///
    /// # Errors
    /// Where the index is damaged: not all messages were there then.
    pub(crate) fn for_each_entry(&self, mut each: impl FnMut(Uid, &Entry)) -> io::Result<()> {
        let mut next = Some(Uid::MIN);
        while let Some(first) = next {
            next = self.hub.lock().pages.for_each_from(first, BATCH, &mut each);
            self.check_index()?;
        }
        Ok(())
    }

    /// The same for the messages in `new/`.
    fn for_each_in_new(&self, mut each: impl FnMut(Uid, &Entry)) -> io::Result<()> {
        let in_new: Vec<Uid> = self.hub.lock().in_new().iter().collect();
        for batch in in_new.chunks(BATCH) {
            self.hub.lock().pages.look_up(batch, |uid, entry| {
                if let Some(entry) = entry {
                    each(uid, entry);
                }
            });
            self.check_index()?;
        }
        Ok(())
    }
}

/// The files of a listing, and which of them belong to known messages.
struct Known<'a> {
    found: &'a Found,
    is_known: Vec<bool>,
}

impl<'a> Known<'a> {
    fn of(found: &'a Found) -> Self {
        let is_known = vec![false; found.numbers()];
        Self { found, is_known }
    }

    /// The files of messages that are not known, with their numbers.
    fn others(&self) -> impl Iterator<Item = (u32, FileAt<'a>)> {
        let files = self.found.iter();
        files.filter(|(number, _)| !self.is_known[*number as usize])
    }
}

fn add_absent(missing: &mut Vec<Box<[u8]>>, base: &[u8], listing: &Listing) {
    if !listing.found.contains(base) {
        missing.push(base.into());
    }
}

/// Adds records of other programs: publishing a later UID first would hide these messages.
fn add_absent_records(missing: &mut Vec<Box<[u8]>>, writer: &Writer, listing: &Listing) {
    for record in writer.list.records_above(writer.settled_up_to) {
        add_absent(missing, &record.base, listing);
    }
}

impl Comparison {
    /// Adds a file; gives its number. None for a name that no file system has.
    pub(super) fn add_file(&mut self, file: &FoundFile) -> Option<u32> {
        self.files.insert(file.at());
        self.files.number_of(file.base())
    }

    /// Adds what became of a known message.
    fn add_known(&mut self, uid: Uid, entry: &Entry, list: &UidListFile, known: &mut Known<'_>) {
        let number = known.found.number_of(entry.base());
        let number = number.filter(|_| list.still_has(uid.get(), entry.base()));
        let Some(number) = number else {
            self.expunged.insert(uid);
            return;
        };
        known.is_known[number as usize] = true;
        let file = known.found.file(number);
        if file.subdirectory != entry.subdirectory || *file.name != *entry.name {
            let file = FoundFile::of(file);
            self.renamed.push(Renaming { uid, file });
        }
    }
}
