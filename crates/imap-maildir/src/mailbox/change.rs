//! STORE and EXPUNGE of some messages: renaming and removing files that other programs rename and remove too. Which messages, and
//! for whom, is in [`changes`](super::changes).

use std::io;
use std::sync::atomic::Ordering;

use imap_backend::{Error, FlagAction, FlagChange};
use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::{Echo, HubGuard, Origin};

use crate::disk::directory::{FileAt, Subdirectory};
use crate::disk::dotlock::Dotlock;
use crate::disk::interference::Moment;
use crate::disk::keywords_file::ExcessKeywords;
use crate::format::flags::{Info, Letter};
use crate::format::letter_map::LetterMap;
use crate::format::maildirsize::Amount;
use crate::mailbox::error::from_io;
use crate::mailbox::index::{Entry, Index};
use crate::mailbox::locate::Finder;
use crate::mailbox::numbers::Batch;
use crate::mailbox::open::{OpenMailbox, Writer};

/// What became of one message.
#[derive(Debug)]
pub(super) enum Outcome {
    Changed {
        /// Its file before the change; other programs may have renamed it since it was known.
        before: Entry,
        /// Its file now.
        after: Entry,
    },
    /// It has this file and keeps it.
    Kept(Entry),
    /// It keeps this file, because another program changed its flags since the client knew them (UNCHANGEDSINCE).
    Refused(Entry),
    Gone,
}

impl Outcome {
    pub(super) fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

/// What STORE did to a file.
enum Stored {
    Renamed(Entry),
    AsItWas,
    Refused,
}

/// What became of several messages.
#[derive(Debug)]
pub(super) struct Outcomes {
    pub(super) of_each: Vec<(Uid, Outcome)>,
    /// Of the messages that could not be changed, the first one's error.
    pub(super) first_error: Option<io::Error>,
}

impl OpenMailbox {
    /// Gives letters to the keywords that a change sets, if they have none. Blocks.
    ///
    /// The list is locked for it, which may take long; so it is done before the change, which can do without.
    pub(crate) fn define_for(
        &self,
        writer: &mut Writer,
        lock: &Dotlock,
        change: &FlagChange,
    ) -> Result<(), Error> {
        self.check_alive().map_err(from_io)?;
        self.refresh_keywords(writer).map_err(from_io)?;
        let unknown = self.letters().unknown(change.flags());
        self.define_keywords(writer, lock, &unknown, ExcessKeywords::Refuse)?;
        Ok(())
    }

    /// Whether a change sets a keyword that has no letter yet, as far as is known.
    pub(crate) fn needs_new_letters(&self, change: &FlagChange) -> NewLetters {
        let unknown = self.letters().unknown(change.flags());
        if change.action() == FlagAction::Remove || unknown.is_empty() {
            NewLetters::NotNeeded
        } else {
            NewLetters::Needed
        }
    }

    /// Works on one message after the other. Of those that cannot be changed the first error is kept; the others go on.
    ///
    /// The UID list is locked for it, if that can be had: Dovecot lists `cur/` under that lock and trusts the listing, so
    /// that a file which is renamed meanwhile may be missing from it and get a new UID there. The change goes on without
    /// the lock: it is right for us, and a program that died must not stop it.
    pub(super) fn change_each(
        lock: Option<&Dotlock>,
        messages: Vec<(Uid, Entry)>,
        mut change: impl FnMut(&Entry) -> io::Result<Outcome>,
    ) -> Outcomes {
        let mut outcomes = Outcomes {
            of_each: Vec::with_capacity(messages.len()),
            first_error: None,
        };
        for (uid, entry) in messages {
            if let Some(Err(error)) = lock.map(Dotlock::keep) {
                tracing::debug!(%error, "the UID list's lock was taken away during a change");
            }
            match change(&entry) {
                Ok(outcome) => outcomes.of_each.push((uid, outcome)),
                Err(error) => {
                    let _ = outcomes.first_error.get_or_insert(error);
                }
            }
        }
        outcomes
    }

    /// Makes the names of messages durable, whoever gave or took them: a name that was there already may be another program's that
    /// has not synced it. `new/` too: a message may have come from there a moment ago, and would be there again.
    pub(super) fn sync_names(&self) -> io::Result<()> {
        // The new names first: after a power failure in between, a message has two rather than none.
        let mut all = [Subdirectory::Cur, Subdirectory::New].into_iter();
        let synced = all.try_for_each(|subdirectory| self.directory.sync(subdirectory));
        self.is_unsynced.store(synced.is_err(), Ordering::Relaxed);
        synced
    }

    pub(super) fn store_one(
        &self,
        finder: &mut Finder<'_>,
        known: &Entry,
        change: &FlagChange,
        letters: &LetterMap,
    ) -> io::Result<Outcome> {
        let stored = finder.with_file(known, |entry| {
            if change.unchanged_since().is_some() && entry.info != known.info {
                return Ok(Stored::Refused);
            }
            let info = letters.apply(change, &entry.info);
            if info == entry.info {
                // Nothing to rename; the name is checked all the same, for flags that others changed meanwhile.
                self.directory.status(entry.at())?;
                return Ok(Stored::AsItWas);
            }
            let name = [entry.base(), &info.suffix()].concat();
            self.directory.moments().at(Moment::BeforeRename);
            let to = FileAt::new(Subdirectory::Cur, &name);
            self.directory.rename(entry.at(), to)?;
            Ok(Stored::Renamed(entry.renamed(Subdirectory::Cur, name)))
        })?;
        Ok(match stored {
            Some((Stored::Renamed(after), before)) => Outcome::Changed { before, after },
            Some((Stored::AsItWas, entry)) => Outcome::Kept(entry),
            Some((Stored::Refused, entry)) => Outcome::Refused(entry),
            None => Outcome::Gone,
        })
    }

    /// Adds to `all` what it removes. What another program removed, that one has counted.
    pub(super) fn remove_one(
        &self,
        finder: &mut Finder<'_>,
        known: &Entry,
        all: &mut Amount,
    ) -> io::Result<Outcome> {
        let removed = finder.with_file(known, |entry| {
            if !entry.info.contains(Letter::Trashed) {
                // Another program took the flag away at the last moment.
                return Ok(Outcome::Kept(entry.clone()));
            }
            self.directory.moments().at(Moment::BeforeRename);
            let weight = self.weight(entry);
            self.directory.unlink(entry.at())?;
            *all = all.and(weight);
            Ok(Outcome::Gone)
        })?;
        Ok(removed.map_or(Outcome::Gone, |(outcome, _)| outcome))
    }

    /// What is known of the messages that are there.
    pub(super) fn known(&self, uids: &[Uid]) -> io::Result<Vec<(Uid, Entry)>> {
        let mut known = Vec::with_capacity(uids.len());
        self.hub.lock().pages.look_up(uids, |uid, entry| {
            known.extend(entry.map(|entry| (uid, entry.clone())));
        });
        self.check_index()?;
        Ok(known)
    }

    /// Publishes what was done.
    ///
    /// # Errors
    /// Where no mod-sequence can be had: the next look publishes it.
    pub(super) fn publish_each(
        &self,
        writer: &mut Writer,
        outcomes: Vec<(Uid, Outcome)>,
        origin: Origin,
    ) -> io::Result<()> {
        let mut gone = UidSet::new();
        let mut stayed = Vec::with_capacity(outcomes.len());
        for (uid, outcome) in outcomes {
            match outcome {
                Outcome::Gone => {
                    gone.insert(uid);
                }
                Outcome::Changed { before, after } => stayed.push((uid, before, after)),
                Outcome::Kept(entry) | Outcome::Refused(entry) => stayed.push((uid, entry.clone(), entry)),
            }
        }
        let changed: Vec<(Uid, Info)> = {
            let mut hub = self.hub.lock();
            let mut is_changed = |uid: Uid, before: &Entry, after: &Entry| {
                let known = hub.get(uid);
                known.is_some_and(|known| known.info != before.info || known.info != after.info)
            };
            let changed = stayed
                .iter()
                .filter(|(uid, before, after)| is_changed(*uid, before, after));
            changed
                .map(|(uid, _, after)| (*uid, after.info.clone()))
                .collect()
        };
        let numbered: UidSet = changed.iter().map(|(uid, _)| *uid).collect();
        let number = self
            .number(writer, vec![Batch::Changed(changed)])?
            .into_iter()
            .flatten()
            .next();
        let mut hub = self.publishing()?;
        hub.set_modseq(number.unwrap_or(ModSeq::MIN));
        for (uid, before, after) in stayed {
            let number = number.filter(|_| numbered.contains(uid));
            publish_change(&mut hub, uid, (&before, after), number, origin);
        }
        drop(hub);
        self.publish_gone(writer, gone)
    }

    /// Tells the sessions that messages are not here any more.
    ///
    /// # Errors
    /// Where no mod-sequence can be had.
    pub(super) fn publish_gone(&self, writer: &mut Writer, uids: UidSet) -> io::Result<()> {
        let number = self
            .number(writer, vec![Batch::Gone(uids.clone())])?
            .into_iter()
            .flatten()
            .next();
        let Some(number) = number else { return Ok(()) };
        let mut hub = self.publishing()?;
        hub.set_modseq(number);
        for uid in uids.iter() {
            hub.remove(uid);
        }
        hub.expunge(&uids);
        hub.vanished.add(number, uids);
        Ok(())
    }
}

/// Whether keywords have to be defined before a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewLetters {
    Needed,
    NotNeeded,
}

/// Tells the other sessions; and this one too where another program's change came to light on the way. `number` is of a
/// message whose flags are others than were known.
fn publish_change(
    hub: &mut HubGuard<'_, Index>,
    uid: Uid,
    (before, mut after): (&Entry, Entry),
    number: Option<ModSeq>,
    origin: Origin,
) {
    let Some(known) = hub.get(uid) else { return };
    let (changed_by_others, is_changed) = (known.info != before.info, known.info != after.info);
    if number.is_none() && (changed_by_others || is_changed) {
        // Another process of ours said otherwise meanwhile; the next listing shows who is right.
        return;
    }
    after.modseq = number.unwrap_or(known.modseq);
    let flags = hub.flags(&after);
    hub.insert(uid, after);
    if changed_by_others || is_changed {
        let origin = if changed_by_others {
            Origin::EXTERNAL
        } else {
            origin
        };
        let _ = hub.flags_changed(uid, flags, origin, Echo::Silent);
    }
}
