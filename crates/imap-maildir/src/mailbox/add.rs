//! Messages that come into a mailbox through this process. APPEND and COPY end here; MOVE shares the steps.
//!
//! The steps, in the order that [`crate::disk::delivery`] explains: lock the UID list, give final names, sync the
//! directories, record UIDs, publish. Messages that several sessions add at the same time take them together.

use std::io;
use std::path::Path;
use std::sync::Arc;

use imap_backend::{Error, ErrorKind, Rights};
use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::{Flags, Keyword, Recency};

use crate::account::quota::Taken;
use crate::disk::clock;
use crate::disk::delivery::Prepared;
use crate::disk::directory::Subdirectory;
use crate::disk::dotlock::Dotlock;
use crate::disk::interference::Moment;
use crate::disk::keywords_file::ExcessKeywords;
use crate::disk::scan::Scope;
use crate::disk::uidlist_file::{Change, Reading};
use crate::format::file_name::split;
use crate::format::flags::Info;
use crate::format::letter_map::LetterMap;
use crate::mailbox::error::{from_define, from_io};
use crate::mailbox::index::Entry;
use crate::mailbox::locate::Finder;
use crate::mailbox::numbers::Batch;
use crate::mailbox::open::{MovesNew, OpenMailbox, Trouble, Writer};
use crate::mailbox::together::{Answer, HasBegun, Request, Shared};

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

/// Messages of one session that are to get names and UIDs, all or none.
pub(crate) struct Arrivals {
    additions: Vec<Addition>,
    take_room: TakeRoom,
    answer: Answer<Vec<Uid>>,
}

/// Takes room for the messages of one session in a mailbox, or refuses it.
pub(crate) type TakeRoom = Box<dyn FnOnce(&Path) -> Result<Taken, Error> + Send>;

impl Request for Arrivals {
    type Batch = ();

    fn weight(&self) -> usize {
        self.additions.len()
    }

    fn enter(&self, (): &mut ()) -> bool {
        true
    }
}

/// Messages of one session that have their names. Dropped before they are [kept](Self::keep), they go.
struct Placed {
    additions: Vec<Addition>,
    entries: Vec<Entry>,
    room: Taken,
}

impl Placed {
    fn keep(self) -> Vec<Entry> {
        for addition in self.additions {
            addition.prepared.keep();
        }
        self.room.keep();
        self.entries
    }
}

impl OpenMailbox {
    /// Gives prepared messages names and UIDs, all or none, and publishes them; durable when it returns. Keywords for which no
    /// letter is left are left out.
    ///
    /// The messages of several sessions are made durable together.
    pub(crate) async fn add(
        self: &Arc<Self>,
        additions: Vec<Addition>,
        take_room: TakeRoom,
    ) -> Result<Vec<Uid>, Error> {
        let arrivals = |answer| Arrivals {
            additions,
            take_room,
            answer,
        };
        let turn = |has_begun: HasBegun| {
            self.write_with_list(move |mailbox, writer, lock| {
                has_begun.note();
                mailbox.add_waiting(writer, lock);
                Ok(())
            })
        };
        self.arrivals.answer(arrivals, turn).await
    }

    /// Works on messages that wait. Blocks.
    fn add_waiting(&self, writer: &mut Writer, lock: Dotlock) {
        let (mut answers, mut sessions) = (Vec::new(), Vec::new());
        for arrivals in self.arrivals.take() {
            answers.push(arrivals.answer);
            sessions.push((arrivals.additions, arrivals.take_room));
        }
        if answers.is_empty() {
            return;
        }
        let results = self.add_all(writer, &lock, sessions);
        drop(lock);
        // Before the answers: what a session does next finds all as it is.
        self.leave_traces(writer);
        for (answer, result) in answers.into_iter().zip(results) {
            // Who does not wait any more has lost his connection; the messages stay.
            let _ = answer.send(result);
        }
    }

    /// What becomes of the messages of each session. What fails for one concerns only that one, but for what they share: the sync
    /// of the directories and the list.
    ///
    /// On an error messages are removed while the list is still locked: another program that found them afterwards would give
    /// them UIDs.
    fn add_all(
        &self,
        writer: &mut Writer,
        lock: &Dotlock,
        sessions: Vec<(Vec<Addition>, TakeRoom)>,
    ) -> Vec<Result<Vec<Uid>, Error>> {
        let count = sessions.len();
        let placed = match self.place_all(writer, lock, sessions) {
            Ok(placed) => placed,
            Err(error) => return all_fail(count, error),
        };
        let entries = placed.iter().flatten().flat_map(|placed| &placed.entries);
        let entries: Vec<&Entry> = entries.collect();
        if entries.is_empty() {
            return placed
                .into_iter()
                .map(|placed| placed.map(|_| Vec::new()))
                .collect();
        }
        let uids = match self.make_durable(writer, lock, &entries) {
            Ok(uids) => uids,
            Err(error) => return all_fail(count, from_io(error)),
        };
        let (mut kept, mut given) = (Vec::with_capacity(uids.len()), uids.iter());
        let of_each = placed.into_iter().map(|placed| {
            let entries = placed?.keep();
            let uids = given.by_ref().take(entries.len()).copied().collect();
            kept.extend(entries);
            Ok(uids)
        });
        let of_each: Vec<_> = of_each.collect();
        if let Err(error) = self.publish_added(writer, &uids, kept) {
            self.is_not_published(writer, &error);
        }
        of_each
    }

    /// Messages have come, durably, under their UIDs, or gone, and the sessions cannot be told now. Whoever did it is told all the
    /// same that it is done: after a NO a client brings them once more (RFC 9051, section 6.3.12). The next look finds them, and
    /// gives them a mod-sequence above all that were told until then.
    pub(crate) fn is_not_published(&self, writer: &mut Writer, error: &io::Error) {
        writer.forget(Scope::Both);
        if self.is_to_be_logged(Trouble::NotPublished) {
            tracing::warn!(path = %self.path().display(), %error, "messages came or went, and sessions are told later");
        }
    }

    /// Gives the messages of each session their names, where there is room for them.
    ///
    /// # Errors
    /// Where none has a name.
    fn place_all(
        &self,
        writer: &mut Writer,
        lock: &Dotlock,
        sessions: Vec<(Vec<Addition>, TakeRoom)>,
    ) -> Result<Vec<Result<Placed, Error>>, Error> {
        self.begin_adding(writer, lock)?;
        let path = self.path();
        let mut rooms = Vec::with_capacity(sessions.len());
        for (additions, take_room) in sessions {
            rooms.push(take_room(&path).map(|room| (additions, room)));
        }
        // At once for all: a letter that no message has yet may be given to another keyword.
        let additions = rooms.iter().flatten().flat_map(|(additions, _)| additions);
        let flags = additions.fold(Flags::empty(), |all, addition| all.union(&addition.flags));
        let unknown = self.letters().unknown(&flags);
        let letters = self.define_keywords(writer, lock, &unknown, ExcessKeywords::Drop)?;
        Ok(self.own_change(writer, |_| {
            let place = |room: Result<(Vec<Addition>, Taken), Error>| {
                let (mut additions, room) = room?;
                let place = |addition: &mut Addition| {
                    lock.keep()?;
                    self.place(&mut addition.prepared, letters.info(&addition.flags))
                };
                let entries: io::Result<Vec<_>> = additions.iter_mut().map(place).collect();
                let entries = entries.map_err(from_io)?;
                Ok(Placed {
                    additions,
                    entries,
                    room,
                })
            };
            rooms.into_iter().map(place).collect()
        }))
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
        placed: &[&Entry],
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
    /// Where no mod-sequence can be had: see [`is_not_published`](Self::is_not_published).
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

/// The same error for so many sessions.
fn all_fail<T>(count: usize, error: Error) -> Vec<Result<T, Error>> {
    let shared = Shared::from(error);
    (0..count).map(|_| Err(shared.clone().into())).collect()
}
