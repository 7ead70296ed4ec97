//! Messages that come into a mailbox through this process. APPEND and COPY end here; MOVE shares the steps.
//!
//! The steps, in the order that [`crate::disk::delivery`] explains: lock the UID list, give final names, sync the
//! directories, record UIDs, publish.

use std::io;
use std::sync::Arc;

use imap_backend::{Error, ErrorKind, Rights};
use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::{Flags, Keyword, Recency};

use crate::disk::clock;
use crate::disk::delivery::Prepared;
use crate::disk::directory::Subdirectory;
use crate::disk::dotlock::Dotlock;
use crate::disk::interference::Moment;
use crate::disk::keywords_file::ExcessKeywords;
use crate::disk::uidlist_file::{Change, Reading};
use crate::format::file_name::split;
use crate::format::flags::Info;
use crate::format::letter_map::LetterMap;
use crate::mailbox::error::{from_define, from_io};
use crate::mailbox::index::Entry;
use crate::mailbox::locate::Finder;
use crate::mailbox::numbers::Batch;
use crate::mailbox::open::{MovesNew, OpenMailbox, Writer};

/// A message of another mailbox, as its index knows it.
#[derive(Clone, Debug)]
pub(crate) struct Original {
    pub(crate) uid: Uid,
    pub(crate) entry: Entry,
    /// The flags that the other mailbox's letters make of the entry's.
    pub(crate) flags: Flags,
}

impl Original {
    /// The flags of the file under the name it has now, which another program may have given it.
    pub(crate) fn flags_of(&self, now: &Entry, letters: &LetterMap) -> Flags {
        if now.info == self.entry.info {
            self.flags.clone()
        } else {
            letters.flags(&now.info)
        }
    }
}

/// A message that is ready in `tmp/`, and the flags it is to have.
#[derive(Debug)]
pub(crate) struct Addition {
    pub(crate) prepared: Prepared,
    pub(crate) flags: Flags,
}

impl OpenMailbox {
    /// Gives prepared messages names and UIDs, all or none, and publishes them. Blocks; durable when it returns. Keywords for
    /// which no letter is left are left out.
    ///
    /// On an error the messages are removed while the list is still locked: another program that found them afterwards
    /// would give them UIDs.
    pub(crate) fn add(
        &self,
        writer: &mut Writer,
        lock: Dotlock,
        additions: Vec<Addition>,
    ) -> Result<Vec<Uid>, Error> {
        // Values are dropped in reverse order: the additions first, the lock last.
        let lock = lock;
        let mut additions = additions;
        self.begin_adding(writer, &lock)?;
        let all = Flags::empty();
        let all = additions
            .iter()
            .fold(all, |all, addition| all.union(&addition.flags));
        let unknown = self.letters().unknown(&all);
        let letters = self.define_keywords(writer, &lock, &unknown, ExcessKeywords::Drop)?;
        let placed = self.own_change(writer, |_| {
            let place = |addition: &mut Addition| {
                lock.keep()?;
                self.place(&mut addition.prepared, letters.info(&addition.flags))
            };
            additions.iter_mut().map(place).collect::<io::Result<Vec<_>>>()
        });
        let placed = placed.map_err(from_io)?;
        let uids = self.make_durable(writer, &lock, &placed).map_err(from_io)?;
        for addition in additions {
            addition.prepared.keep();
        }
        self.publish_added(writer, &uids, placed).map_err(from_io)?;
        Ok(uids)
    }

    /// Makes sure, under the lock, that messages which others added meanwhile are published first.
    pub(crate) fn begin_adding(&self, writer: &mut Writer, lock: &Dotlock) -> Result<(), Error> {
        self.check_alive().map_err(from_io)?;
        let reading = Reading::Locked(lock);
        let change = writer.list.refresh(&self.directory, reading).map_err(from_io)?;
        self.check_list(change).map_err(from_io)?;
        if writer.has_unsettled_records() || change == Change::Replaced {
            self.observe_locked(writer, lock, change).map_err(from_io)?;
        }
        // Now rather than when the messages are there: whoever keeps the file locked is waited for.
        self.read_numbers(writer).map_err(from_io)
    }

    /// Gives letters to keywords that have none. Gives the letters as they are then.
    pub(crate) fn define_keywords(
        &self,
        writer: &mut Writer,
        lock: &Dotlock,
        unknown: &[Keyword],
        excess: ExcessKeywords,
    ) -> Result<LetterMap, Error> {
        self.refresh_keywords(writer).map_err(from_io)?;
        let names: Vec<&str> = unknown.iter().map(Keyword::as_str).collect();
        if !names.is_empty() {
            let known = self.hub.lock().letters_in_use();
            let defined = writer
                .keywords
                .define(&self.directory, lock, &names, excess, known);
            defined.map_err(from_define)?;
            self.refresh_keywords(writer).map_err(from_io)?;
        }
        Ok(self.letters())
    }

    /// Which letter is which keyword, as last read.
    pub(crate) fn letters(&self) -> LetterMap {
        self.hub.lock().letters.clone()
    }

    /// Without flags, and with nobody who would move it from there at once, a message belongs in `new/`.
    pub(crate) fn subdirectory_for(&self, info: &Info) -> Subdirectory {
        let without_flags = *info == Info::default();
        if without_flags && self.moves_new() == MovesNew::No {
            Subdirectory::New
        } else {
            Subdirectory::Cur
        }
    }

    /// Gives a message its final name.
    fn place(&self, prepared: &mut Prepared, info: Info) -> io::Result<Entry> {
        let subdirectory = self.subdirectory_for(&info);
        let name = prepared.place(subdirectory, &info)?;
        self.directory.moments().at(Moment::Placed);
        Ok(Entry {
            size: prepared.wire,
            date: prepared.modified,
            ..Entry::new(subdirectory, name)
        })
    }

    /// Syncs the names of placed messages, then gives them UIDs, synced too.
    pub(crate) fn make_durable(
        &self,
        writer: &mut Writer,
        lock: &Dotlock,
        placed: &[Entry],
    ) -> io::Result<Vec<Uid>> {
        lock.keep()?;
        for subdirectory in Subdirectory::BOTH {
            if placed.iter().any(|entry| entry.subdirectory == subdirectory) {
                self.directory.sync(subdirectory)?;
            }
        }
        self.directory.moments().at(Moment::PlacedDurably);
        let names = placed
            .iter()
            .map(|entry| Arc::from(split(&entry.name).0))
            .collect();
        let uids = writer
            .list
            .assign(&self.directory, lock, names, clock::saved_at(), &|| {
                self.known_records()
            })?;
        self.directory.moments().at(Moment::Recorded);
        Ok(uids.into_iter().filter_map(Uid::new).collect())
    }

    /// Tells the sessions of messages that have UIDs now.
    ///
    /// # Errors
    /// Where no mod-sequence can be had: the next look finds the messages.
    pub(crate) fn publish_added(
        &self,
        writer: &mut Writer,
        uids: &[Uid],
        placed: Vec<Entry>,
    ) -> io::Result<()> {
        let infos = placed.iter().map(|entry| entry.info.clone());
        let added = Batch::Arrived(uids.iter().copied().zip(infos).collect());
        let number = self.number(writer, vec![added])?.into_iter().flatten().next();
        let mut hub = self.publishing()?;
        hub.set_modseq(number.unwrap_or(ModSeq::MIN));
        for (&uid, mut entry) in uids.iter().zip(placed) {
            entry.modseq = number.unwrap_or(entry.modseq);
            entry.saved = writer.list.saved_at(uid.get());
            writer.left_in_new += usize::from(entry.subdirectory == Subdirectory::New);
            hub.insert(uid, entry);
            let _ = hub.arrive(uid, Recency::Recent);
        }
        writer.settle();
        hub.uid_next = writer.uid_next();
        Ok(())
    }

    /// What this index knows of the messages, or the error that COPY and MOVE end with when one is gone.
    pub(crate) fn originals(&self, uids: &UidSet) -> Result<Vec<Original>, Error> {
        let mut hub = self.hub.lock();
        let original = |uid| {
            let entry = hub.get(uid)?.clone();
            let flags = hub.flags(&entry);
            Some(Original { uid, entry, flags })
        };
        let originals: Option<Vec<_>> = uids.iter().map(original).collect();
        originals.ok_or_else(|| ErrorKind::ExpungeIssued.into())
    }

    /// Links messages of this mailbox into the target's `tmp/`, for copies with those flags that these rights are enough to set.
    /// Blocks; needs no lock.
    pub(crate) fn prepare_copies(
        &self,
        target: &Self,
        originals: &[Original],
        rights: Rights,
    ) -> Result<Vec<Addition>, Error> {
        let letters = self.letters();
        let mut finder = Finder::new(&self.directory);
        let copy = |original: &Original| {
            let link = |entry: &Entry| {
                let directory = Arc::clone(&target.directory);
                Prepared::link(directory, &target.names, &self.directory, entry.at())
            };
            let linked = finder.with_file(&original.entry, link).map_err(from_io)?;
            let (mut prepared, now) = linked.ok_or(ErrorKind::ExpungeIssued)?;
            prepared.wire = original.entry.size;
            let flags = rights.changeable(&original.flags_of(&now, &letters));
            Ok(Addition { prepared, flags })
        };
        originals.iter().map(copy).collect()
    }
}
