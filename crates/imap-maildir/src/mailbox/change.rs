//! STORE and EXPUNGE: renaming and removing files that other programs rename and remove too.

use std::io;

use imap_backend::{Error, FlagAction, FlagChange};
use imap_seq::{Uid, UidSet};
use imap_updates::{Echo, Flags, Origin};

use crate::disk::directory::Place;
use crate::disk::dotlock::Dotlock;
use crate::disk::step::Step;
use crate::disk::uidlist_file::FILE_NAME;
use crate::format::flags::{Info, Letter};
use crate::mailbox::add::{ExcessKeywords, with_file};
use crate::mailbox::error::from_io;
use crate::mailbox::index::{Entry, LetterMap};
use crate::mailbox::open::{OpenMailbox, Writer};

/// What became of one message.
enum Outcome {
    /// It has this file now, and had this file before the change.
    Changed {
        entry: Entry,
        before: Entry,
    },
    /// It has this file and keeps it.
    Kept(Entry),
    Gone,
}

impl OpenMailbox {
    /// Changes flags by renaming. Blocks. Not synced: a power failure may bring old flags back, never a message.
    pub(crate) fn store(
        &self,
        writer: &mut Writer,
        uids: &UidSet,
        change: &FlagChange,
        origin: Origin,
    ) -> Result<(), Error> {
        self.check_alive().map_err(from_io)?;
        let letters = self.letters_for(writer, change)?;
        let _calm = self.calm();
        let outcomes = self.own_change(writer, |_| {
            let store = |(uid, entry)| Ok((uid, self.store_one(&entry, change, &letters)?));
            self.entries(uids)
                .into_iter()
                .map(store)
                .collect::<Vec<io::Result<_>>>()
        });
        self.publish_outcomes(outcomes, origin)
    }

    /// The UID list's lock for a batch of renames or removals. Dovecot lists `cur/` under it and trusts the listing: a
    /// file that is renamed meanwhile may be missing from it, and would get a new UID there. Without the lock after a
    /// short wait the change goes on: it is right for us, and a program that died must not stop it.
    fn calm(&self) -> Option<Dotlock> {
        let lock = Dotlock::acquire(self.directory.root(), FILE_NAME, crate::SHORT_PATIENCE);
        lock.inspect_err(|error| tracing::debug!(%error, "changing flags beside another program"))
            .ok()
    }

    /// The letters, with new keywords defined where the change sets some.
    fn letters_for(&self, writer: &mut Writer, change: &FlagChange) -> Result<LetterMap, Error> {
        self.refresh_keywords(writer).map_err(from_io)?;
        let letters = self.letters();
        let unknown = letters.unknown(&change.flags);
        if change.action == FlagAction::Remove || unknown.is_empty() {
            return Ok(letters);
        }
        let lock =
            Dotlock::acquire(self.directory.root(), FILE_NAME, crate::LOCK_PATIENCE).map_err(from_io)?;
        self.define_keywords(writer, &lock, &unknown, ExcessKeywords::Refuse)
    }

    fn store_one(&self, known: &Entry, change: &FlagChange, letters: &LetterMap) -> io::Result<Outcome> {
        let done = with_file(&self.directory, known, |entry| {
            let info = letters.apply(change, &entry.info);
            if info == entry.info {
                // Nothing to rename; the name is checked all the same, for flags that others changed meanwhile.
                self.directory.stat(entry.place, &entry.name)?;
                return Ok(None);
            }
            let name = [entry.base(), &info.suffix()].concat();
            self.directory.steps().at(Step::BeforeRename);
            self.directory
                .rename((entry.place, &entry.name), (Place::Cur, &name))?;
            let renamed = Entry::new(Place::Cur, name);
            Ok(Some(Entry {
                wire: entry.wire,
                modified: entry.modified,
                ..renamed
            }))
        })?;
        Ok(match done {
            Some((Some(entry), before)) => Outcome::Changed { entry, before },
            Some((None, entry)) => Outcome::Kept(entry),
            None => Outcome::Gone,
        })
    }

    /// Removes those of the messages that have `\Deleted`, on disk and now. Blocks. Not synced, as [`store`](Self::store).
    pub(crate) fn expunge(&self, writer: &mut Writer, uids: &UidSet) -> Result<(), Error> {
        self.check_alive().map_err(from_io)?;
        let marked = |(_, entry): &(Uid, Entry)| entry.info.contains(Letter::Trashed);
        let _calm = self.calm();
        let outcomes = self.own_change(writer, |_| {
            let remove = |(uid, entry)| Ok((uid, self.remove_one(&entry)?));
            self.entries(uids)
                .into_iter()
                .filter(marked)
                .map(remove)
                .collect::<Vec<io::Result<_>>>()
        });
        self.publish_outcomes(outcomes, Origin::EXTERNAL)
    }

    fn remove_one(&self, known: &Entry) -> io::Result<Outcome> {
        let done = with_file(&self.directory, known, |entry| {
            if !entry.info.contains(Letter::Trashed) {
                // Another program took the flag away in the last moment.
                return Ok(Outcome::Kept(entry.clone()));
            }
            self.directory.steps().at(Step::BeforeRename);
            self.directory.unlink(entry.place, &entry.name)?;
            Ok(Outcome::Gone)
        })?;
        Ok(done.map_or(Outcome::Gone, |(outcome, _)| outcome))
    }

    fn entries(&self, uids: &UidSet) -> Vec<(Uid, Entry)> {
        let hub = self.hub.lock();
        uids.iter()
            .filter_map(|uid| Some((uid, hub.messages.get(&uid)?.clone())))
            .collect()
    }

    /// Publishes what was done, also when an error ended it early: what is on disk is on disk.
    fn publish_outcomes(
        &self,
        outcomes: Vec<io::Result<(Uid, Outcome)>>,
        origin: Origin,
    ) -> Result<(), Error> {
        let mut first_error = None;
        let mut gone = UidSet::new();
        let mut hub = self.hub.lock();
        for outcome in outcomes {
            let (uid, outcome) = match outcome {
                Ok(done) => done,
                Err(error) => {
                    first_error = first_error.or(Some(error));
                    continue;
                }
            };
            let (entry, before) = match outcome {
                Outcome::Gone => {
                    gone.insert(uid);
                    hub.messages.remove(&uid);
                    continue;
                }
                Outcome::Changed { entry, before } => (entry, before.info),
                Outcome::Kept(entry) => {
                    let before = entry.info.clone();
                    (entry, before)
                }
            };
            let flags = hub.flags(&entry);
            let Some(known) = hub.messages.get_mut(&uid) else {
                continue;
            };
            let (expected, now) = (std::mem::replace(known, entry).info, &flags);
            publish_flags(&mut hub, uid, (&expected, &before), now, origin);
        }
        hub.expunge(&gone);
        drop(hub);
        first_error.map_or(Ok(()), |error| Err(from_io(error)))
    }
}

/// Tells the other sessions, and this one too where another program's change came to light by the way.
fn publish_flags(
    hub: &mut imap_updates::HubGuard<'_, crate::mailbox::index::Index>,
    uid: Uid,
    (expected, found): (&Info, &Info),
    now: &Flags,
    origin: Origin,
) {
    let surprised = expected != found;
    let changed = hub
        .messages
        .get(&uid)
        .is_some_and(|entry| entry.info != *expected);
    if changed || surprised {
        let origin = if surprised { Origin::EXTERNAL } else { origin };
        let _ = hub.flags_changed(uid, now.clone(), origin, Echo::Silent);
    }
}
