//! Messages that come into a mailbox through this process: APPEND, COPY and MOVE.

use std::io;
use std::sync::Arc;

use imap_backend::{Error, ErrorKind};
use imap_seq::{Uid, UidSet};
use imap_updates::{Flags, Keyword, Recency};

use crate::disk::delivery::Prepared;
use crate::disk::directory::{Directory, Place};
use crate::disk::dotlock::Dotlock;
use crate::disk::keywords::DefineError;
use crate::disk::scan;
use crate::disk::step::Step;
use crate::disk::uidlist_file::{Change, FILE_NAME, Reading};
use crate::format::filename::{ClaimedSizes, split};
use crate::format::flags::Info;
use crate::mailbox::error::{CrossesFileSystems, crosses_file_systems, from_define, from_io};
use crate::mailbox::index::{Entry, LetterMap};
use crate::mailbox::open::{OpenMailbox, TakesNew, Writer};

/// What happens to keywords for which no letter is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExcessKeywords {
    /// The client named them: refuse.
    Refuse,
    /// They come with a copied message: do without (RFC 9051, section 6.4.7: SHOULD be preserved).
    Drop,
}

/// A message of another mailbox, as its index knows it.
#[derive(Clone, Debug)]
pub(crate) struct Original {
    pub(crate) uid: Uid,
    pub(crate) entry: Entry,
    /// The flags that `letters` makes of the entry's.
    pub(crate) flags: Flags,
}

/// A message that has its final name and no UID yet.
struct Placed {
    name: Arc<[u8]>,
    place: Place,
    wire: Option<u64>,
    modified: Option<i64>,
}

impl OpenMailbox {
    /// Gives prepared messages names and UIDs, all or none, and publishes them. Blocks; durable when it returns.
    pub(crate) fn add(
        &self,
        writer: &mut Writer,
        mut messages: Vec<(Prepared, Flags)>,
        excess: ExcessKeywords,
    ) -> Result<Vec<Uid>, Error> {
        let lock = self.begin_adding(writer)?;
        let all = messages
            .iter()
            .fold(Flags::empty(), |all, (_, flags)| all.union(flags));
        let letters = self.define_keywords(writer, &lock, &self.letters().unknown(&all), excess)?;
        let placed = self.own_change(writer, |_| {
            let place =
                |(prepared, flags): &mut (Prepared, Flags)| self.place(prepared, &letters.info(flags));
            messages.iter_mut().map(place).collect::<io::Result<Vec<_>>>()
        });
        let placed = placed.map_err(from_io)?;
        self.sync_places(&placed).map_err(from_io)?;
        let uids = self.record(writer, &lock, &placed).map_err(from_io)?;
        messages.into_iter().for_each(|(prepared, _)| prepared.keep());
        self.publish_added(writer, &uids, placed);
        Ok(uids)
    }

    /// Takes the list's lock and makes sure that messages which others added meanwhile are published first.
    fn begin_adding(&self, writer: &mut Writer) -> Result<Dotlock, Error> {
        self.check_alive().map_err(from_io)?;
        let lock =
            Dotlock::acquire(self.directory.root(), FILE_NAME, crate::LOCK_PATIENCE).map_err(from_io)?;
        let change = writer
            .list
            .refresh(&self.directory, Reading::Locked(&lock))
            .map_err(from_io)?;
        self.check_list(change).map_err(from_io)?;
        if writer.unsettled() || change == Change::Replaced {
            self.list_and_adopt(writer, Some(&lock)).map_err(from_io)?;
        }
        Ok(lock)
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
        let mut names: Vec<&str> = unknown.iter().map(Keyword::as_str).collect();
        if excess == ExcessKeywords::Drop {
            names.truncate(writer.keywords.free());
        }
        if !names.is_empty() {
            let defined = writer.keywords.define(&self.directory, lock, &names);
            match defined {
                Ok(()) => {}
                Err(DefineError::Full) if excess == ExcessKeywords::Drop => {}
                Err(error) => return Err(from_define(error)),
            }
            self.refresh_keywords(writer).map_err(from_io)?;
        }
        Ok(self.letters())
    }

    pub(crate) fn letters(&self) -> LetterMap {
        self.hub.lock().letters.clone()
    }

    /// Without flags, and with nobody who would move it from there at once, a message belongs in `new/`.
    fn place_for(&self, info: &Info) -> Place {
        let unseen = *info == Info::default() && self.takes_new() == TakesNew::No;
        if unseen { Place::New } else { Place::Cur }
    }

    fn place(&self, prepared: &mut Prepared, info: &Info) -> io::Result<Placed> {
        let place = self.place_for(info);
        let name = prepared.place(place, info)?;
        self.directory.steps().at(Step::Placed);
        Ok(Placed {
            name: name.into(),
            place,
            wire: prepared.wire,
            modified: prepared.modified,
        })
    }

    fn sync_places(&self, placed: &[Placed]) -> io::Result<()> {
        for place in [Place::New, Place::Cur] {
            if placed.iter().any(|message| message.place == place) {
                self.directory.sync(place)?;
            }
        }
        self.directory.steps().at(Step::PlacedDurably);
        Ok(())
    }

    fn record(&self, writer: &mut Writer, lock: &Dotlock, placed: &[Placed]) -> io::Result<Vec<Uid>> {
        let names = placed
            .iter()
            .map(|message| (Arc::from(split(&message.name).0), Box::default()))
            .collect();
        let uids = writer.list.assign(&self.directory, lock, names)?;
        self.directory.steps().at(Step::Recorded);
        Ok(uids.into_iter().filter_map(Uid::new).collect())
    }

    fn publish_added(&self, writer: &mut Writer, uids: &[Uid], placed: Vec<Placed>) {
        let mut hub = self.hub.lock();
        for (&uid, message) in uids.iter().zip(placed) {
            if message.place == Place::New {
                writer.left_in_new += 1;
            }
            let entry = Entry::new(message.place, message.name);
            hub.messages.insert(
                uid,
                Entry {
                    wire: message.wire,
                    modified: message.modified,
                    ..entry
                },
            );
            let _ = hub.arrive(uid, Recency::Recent);
        }
        writer.settled_up_to = writer.list.next_uid() - 1;
        hub.uid_next = writer.uid_next();
    }

    /// What this index knows of the messages, or the error that COPY and MOVE end with when one is gone.
    pub(crate) fn originals(&self, uids: &UidSet) -> Result<Vec<Original>, Error> {
        let hub = self.hub.lock();
        let original = |uid| {
            let entry = hub.messages.get(&uid)?;
            Some(Original {
                uid,
                entry: entry.clone(),
                flags: hub.flags(entry),
            })
        };
        let originals: Option<Vec<_>> = uids.iter().map(original).collect();
        originals.ok_or_else(|| ErrorKind::ExpungeIssued.into())
    }

    /// Links messages of this mailbox into the target's `tmp/`. Blocks.
    pub(crate) fn prepare_copies(
        &self,
        target: &Self,
        originals: &[Original],
    ) -> Result<Vec<(Prepared, Flags)>, Error> {
        let link = |original: &Original| {
            let letters = self.letters();
            let (mut prepared, entry) = with_file(&self.directory, &original.entry, |entry| {
                let from = (entry.place, &*entry.name);
                Prepared::link(
                    Arc::clone(&target.directory),
                    &target.names,
                    &self.directory,
                    from,
                )
            })
            .map_err(from_io)?
            .ok_or(ErrorKind::ExpungeIssued)?;
            prepared.wire = original.entry.wire;
            let flags = if entry.info == original.entry.info {
                original.flags.clone()
            } else {
                letters.flags(&entry.info)
            };
            Ok((prepared, flags))
        };
        originals.iter().map(link).collect()
    }

    /// Moves messages from `source` into this mailbox by renaming, so that each is at every moment in exactly one of them.
    ///
    /// Gives old and new UIDs; messages that vanished meanwhile are left out. Blocks; durable when it returns.
    pub(crate) fn take(
        &self,
        writer: &mut Writer,
        source: &Self,
        originals: &[Original],
    ) -> Result<Vec<(Uid, Uid)>, Error> {
        let lock = self.begin_adding(writer)?;
        let all = originals
            .iter()
            .fold(Flags::empty(), |all, original| all.union(&original.flags));
        let wanted = self.letters().unknown(&all);
        let letters = self.define_keywords(writer, &lock, &wanted, ExcessKeywords::Drop)?;
        let mut taken = Taken {
            target: self,
            source,
            messages: Vec::new(),
            copies: Vec::new(),
            done: Done::No,
        };
        self.own_change(writer, |_| {
            originals
                .iter()
                .try_for_each(|original| taken.take(original, &letters))
        })
        .map_err(from_io)?;
        if taken.messages.is_empty() {
            return Err(ErrorKind::ExpungeIssued.into());
        }
        let placed: Vec<Placed> = taken.messages.iter().map(Move::placed).collect();
        self.sync_places(&placed).map_err(from_io)?;
        let uids = self.record(writer, &lock, &placed).map_err(from_io)?;
        // From here on the messages are in the target, whatever happens.
        let moved = taken.finish();
        self.publish_added(writer, &uids, placed);
        drop(lock);
        source.leave(&moved);
        Ok(moved.into_iter().zip(uids).collect())
    }

    /// Publishes that messages are not here any more.
    fn leave(&self, uids: &[Uid]) {
        let mut hub = self.hub.lock();
        for uid in uids {
            hub.messages.remove(uid);
        }
        hub.expunge(&uids.iter().copied().collect());
    }
}

/// Does something with a message's file; where other programs renamed it, finds it and tries again. `None`: it is gone.
pub(crate) fn with_file<T>(
    directory: &Directory,
    entry: &Entry,
    mut work: impl FnMut(&Entry) -> io::Result<T>,
) -> io::Result<Option<(T, Entry)>> {
    let mut entry = entry.clone();
    // A program that renames a message again and again may win this often, not for ever.
    for _ in 0..10 {
        match work(&entry) {
            Ok(result) => return Ok(Some((result, entry))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let found = match scan::find(directory, entry.base()) {
            // The whole mailbox is gone.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            found => found?,
        };
        match found {
            Some(found) => {
                entry = Entry {
                    wire: entry.wire,
                    modified: entry.modified,
                    ..Entry::new(found.place, found.name)
                };
            }
            None => return Ok(None),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::ResourceBusy,
        "another program keeps renaming the message",
    ))
}

/// Messages on their way from one mailbox to another; dropped before the end, they go back.
struct Taken<'a> {
    target: &'a OpenMailbox,
    source: &'a OpenMailbox,
    messages: Vec<Move>,
    /// Copies of messages whose directory is on another file system.
    copies: Vec<Prepared>,
    done: Done,
}

#[derive(PartialEq, Eq)]
enum Done {
    Yes,
    No,
}

struct Move {
    uid: Uid,
    from: Entry,
    to: (Place, Arc<[u8]>),
    how: How,
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum How {
    Renamed,
    Copied,
}

impl Move {
    fn placed(&self) -> Placed {
        let name = Arc::clone(&self.to.1);
        Placed {
            name,
            place: self.to.0,
            wire: self.from.wire,
            modified: self.from.modified,
        }
    }
}

impl Taken<'_> {
    fn take(&mut self, original: &Original, letters: &LetterMap) -> io::Result<()> {
        let source_letters = self.source.letters();
        let mut base = self.target.names.next();
        let sizes = ClaimedSizes::of(original.entry.base());
        if let (Some(physical), Some(wire)) = (sizes.physical, sizes.wire) {
            base.extend_from_slice(format!(",S={physical},W={wire}").as_bytes());
        }
        let (target, source) = (&self.target.directory, &self.source.directory);
        let taken = with_file(source, &original.entry, |entry| {
            // Keywords have other letters there.
            let changed = entry.info != original.entry.info;
            let flags = if changed {
                source_letters.flags(&entry.info)
            } else {
                original.flags.clone()
            };
            let info = letters.info(&flags);
            let place = self.target.place_for(&info);
            let name = if place == Place::Cur {
                [&base[..], &info.suffix()].concat()
            } else {
                base.clone()
            };
            match target.take_from(source, (entry.place, &entry.name), (place, &name)) {
                Ok(()) => Ok((How::Renamed, place, name.into(), None)),
                Err(error) if crosses_file_systems(&error) == CrossesFileSystems::Yes => {
                    let from = (entry.place, &*entry.name);
                    let mut copy = Prepared::link(Arc::clone(target), &self.target.names, source, from)?;
                    let name = copy.place(place, &info)?;
                    Ok((How::Copied, place, Arc::from(name), Some(copy)))
                }
                Err(error) => Err(error),
            }
        })?;
        if let Some(((how, place, name, copy), from)) = taken {
            self.messages.push(Move {
                uid: original.uid,
                from,
                to: (place, name),
                how,
            });
            self.copies.extend(copy);
            target.steps().at(Step::Placed);
        }
        Ok(())
    }

    /// The messages have UIDs in the target: the originals of copies go, and nothing goes back.
    fn finish(mut self) -> Vec<Uid> {
        self.done = Done::Yes;
        self.copies.drain(..).for_each(Prepared::keep);
        for message in self.messages.iter().filter(|message| message.how == How::Copied) {
            let directory = &self.source.directory;
            let _ = with_file(directory, &message.from, |entry| {
                directory.unlink(entry.place, &entry.name)
            });
        }
        let places = [Place::New, Place::Cur];
        for place in places
            .into_iter()
            .filter(|place| self.messages.iter().any(|m| m.from.place == *place))
        {
            // Not fatal: after a power failure the message may be in both mailboxes, never in none.
            let _ = self.source.directory.sync(place);
        }
        self.messages.iter().map(|message| message.uid).collect()
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if self.done == Done::Yes {
            return;
        }
        for message in self.messages.iter().filter(|message| message.how == How::Renamed) {
            let from = (message.from.place, &*message.from.name);
            let back =
                self.source
                    .directory
                    .take_from(&self.target.directory, (message.to.0, &message.to.1), from);
            if let Err(error) = back {
                tracing::error!(%error, "a message whose MOVE failed stays in the target");
            }
        }
    }
}
