//! STORE and EXPUNGE of sessions. Those that come at the same time are made durable together.
//!
//! Messages are worked on in parts. Of each part: rename or remove, of all sessions that are worked on; sync the directories, once; publish.
//! So nobody is told of what a power failure could take back.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use imap_backend::{Error, ErrorKind, FlagChange};
use imap_seq::{Uid, UidSet};
use imap_updates::Origin;

use crate::disk::dotlock::Dotlock;
use crate::disk::scan::Scope;
use crate::format::flags::Letter;
use crate::format::letter_map::LetterMap;
use crate::format::maildirsize::Amount;
use crate::mailbox::change::{NewLetters, Outcomes};
use crate::mailbox::error::from_io;
use crate::mailbox::locate::Finder;
use crate::mailbox::open::{OpenMailbox, Writer};
use crate::mailbox::together::{Answer, HasBegun, Request, Shared};

/// Messages of one session that are worked on at once: each is held three times over, some kilobyte.
const PART: usize = if cfg!(test) { 64 } else { 16_384 };

/// What one session wants to be changed.
pub(crate) struct Change {
    uids: UidSet,
    deed: Deed,
}

enum Deed {
    Store {
        change: FlagChange,
        origin: Origin,
        /// Gets the messages that UNCHANGEDSINCE left alone.
        answer: Answer<UidSet>,
    },
    Expunge {
        give_back: GiveBack,
        answer: Answer<()>,
    },
}

/// Gives back the room that removed messages took in a mailbox.
pub(crate) type GiveBack = Box<dyn FnOnce(&Path, Amount) + Send>;

impl Request for Change {
    type Batch = UidSet;

    fn weight(&self) -> usize {
        usize::try_from(self.uids.len()).unwrap_or(usize::MAX)
    }

    /// What another one did to a message is known when it is published: two changes of one message are not in one batch.
    fn enter(&self, batch: &mut UidSet) -> bool {
        let is_free = batch.intersection(&self.uids).is_empty();
        if is_free {
            for (first, last) in self.uids.ranges() {
                batch.insert_range(first, last);
            }
        }
        is_free
    }
}

/// A change that is worked on.
struct Job<'a> {
    deed: &'a Deed,
    left: Box<dyn Iterator<Item = Uid> + 'a>,
    /// As they are while the change is worked on; of STORE.
    letters: LetterMap,
    finder: Finder<'a>,
    /// What UNCHANGEDSINCE left alone.
    modified: UidSet,
    removed: Amount,
    /// Of the messages that could not be changed, the first one's error.
    unchanged: Option<Error>,
}

/// A change that is worked on, or what it ended with before its end.
type Begun<'a> = Result<Job<'a>, Stopped>;

/// A change that ended with an error.
struct Stopped {
    error: Error,
    removed: Amount,
}

impl From<Error> for Stopped {
    /// Of a change that has not removed anything.
    fn from(error: Error) -> Self {
        Self {
            error,
            removed: Amount::default(),
        }
    }
}

/// Whether there are parts to work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Some,
    Nothing,
}

/// What became of a change.
struct Ended {
    modified: UidSet,
    /// Also where it ended with an error.
    removed: Amount,
    result: Result<(), Error>,
}

impl OpenMailbox {
    /// Changes flags by renaming; durable when it returns.
    ///
    /// Gives the messages that UNCHANGEDSINCE left alone; that nobody changed one in between is certain, because a file is
    /// renamed from the name that was known.
    pub(crate) async fn store(
        self: &Arc<Self>,
        uids: &UidSet,
        change: &FlagChange,
        origin: Origin,
    ) -> Result<UidSet, Error> {
        if self.needs_new_letters(change) == NewLetters::Needed {
            let change = change.clone();
            let define =
                move |open: &Self, writer: &mut Writer, lock| open.define_for(writer, &lock, &change);
            self.write_with_list(define).await?;
        }
        let deed = |answer| Deed::Store {
            change: change.clone(),
            origin,
            answer,
        };
        self.change(uids, deed).await
    }

    /// Removes those of the messages that have `\Deleted`, on disk and now; durable when it returns.
    pub(crate) async fn expunge(self: &Arc<Self>, uids: &UidSet, give_back: GiveBack) -> Result<(), Error> {
        let deed = |answer| Deed::Expunge { give_back, answer };
        self.change(uids, deed).await
    }

    async fn change<T>(
        self: &Arc<Self>,
        uids: &UidSet,
        deed: impl FnOnce(Answer<T>) -> Deed,
    ) -> Result<T, Error> {
        let change = |answer| Change {
            uids: uids.clone(),
            deed: deed(answer),
        };
        let turn = |has_begun: HasBegun| {
            self.write_with_list_if_free(move |mailbox, writer, lock| {
                has_begun.note();
                mailbox.change_waiting(writer, lock);
                Ok(())
            })
        };
        self.changes.answer(change, turn).await
    }

    /// Works on changes that wait. Blocks.
    ///
    /// `lock` is held before letters are read: under it they stay what they are.
    pub(crate) fn change_waiting(&self, writer: &mut Writer, lock: Option<Dotlock>) {
        let waiting = self.changes.take();
        if waiting.is_empty() {
            return;
        }
        let (uids, deeds): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .map(|change| (change.uids, change.deed))
            .unzip();
        let begun = uids.iter().zip(&deeds);
        let mut jobs: Vec<_> = begun
            .map(|(uids, deed)| self.begin_change(writer, lock.as_ref(), uids, deed))
            .collect();
        let mut left = Left::Some;
        while left == Left::Some {
            left = self.work_on_parts(writer, lock.as_ref(), &mut jobs);
            self.save_early();
        }
        drop(lock);
        let ended: Vec<_> = jobs.into_iter().map(Ended::of).collect();
        // Before the answers: what a session does next finds all as it is.
        self.leave_traces(writer);
        let path = self.path();
        for (deed, ended) in deeds.into_iter().zip(ended) {
            deed.answer(ended, &path);
        }
    }

    fn begin_change<'a>(
        &'a self,
        writer: &mut Writer,
        lock: Option<&Dotlock>,
        uids: &'a UidSet,
        deed: &'a Deed,
    ) -> Begun<'a> {
        self.check_alive().map_err(from_io)?;
        if let Deed::Store { change, .. } = deed {
            self.refresh_keywords(writer).map_err(from_io)?;
            self.read_numbers(writer).map_err(from_io)?;
            if self.needs_new_letters(change) == NewLetters::Needed {
                // Another program took a keyword's letter away since the session looked.
                let lock = lock.ok_or(Error::from(ErrorKind::InUse))?;
                self.define_for(writer, lock, change)?;
            }
        }
        Ok(Job {
            deed,
            left: Box::new(uids.iter()),
            letters: self.letters(),
            finder: Finder::new(&self.directory),
            modified: UidSet::new(),
            removed: Amount::default(),
            unchanged: None,
        })
    }

    /// Works on a part of each change, so that a million messages need not be in memory. A change goes on after messages that could not
    /// be changed, and ends with a part that could not be published or made durable.
    fn work_on_parts(&self, writer: &mut Writer, lock: Option<&Dotlock>, jobs: &mut [Begun<'_>]) -> Left {
        let mut left = Left::Nothing;
        let parts: Vec<_> = self.own_change(writer, |_| {
            let part = |begun: &mut Begun<'_>| {
                let job = begun.as_mut().ok()?;
                let uids: Vec<Uid> = job.left.by_ref().take(PART).collect();
                if uids.len() == PART {
                    left = Left::Some;
                }
                match self.work_on(lock, job, &uids) {
                    Ok(outcomes) => Some(outcomes),
                    Err(error) => {
                        *begun = Err(job.stopped(error));
                        None
                    }
                }
            };
            jobs.iter_mut().map(part).collect()
        });
        let synced = self
            .sync_if_needed(&parts, jobs)
            .map_err(from_io)
            .map_err(Shared::from);
        for (begun, part) in jobs.iter_mut().zip(parts) {
            let (Ok(job), Some(part)) = (&mut *begun, part) else {
                continue;
            };
            let published = self.publish_each(writer, part.of_each, job.deed.origin());
            let synced = synced.clone().map_err(Error::from);
            if let Err(error) = published.map_err(from_io).and(synced) {
                // It was done all the same; a listing shows what there is now.
                writer.forget(Scope::Both);
                *begun = Err(job.stopped(error));
            } else if job.unchanged.is_none() {
                job.unchanged = part.first_error.map(from_io);
            }
        }
        left
    }

    fn work_on(&self, lock: Option<&Dotlock>, job: &mut Job<'_>, uids: &[Uid]) -> Result<Outcomes, Error> {
        let mut known = self.known(uids).map_err(from_io)?;
        Ok(match job.deed {
            Deed::Store { change, .. } => {
                let others = known.extract_if(.., |(_, entry)| !change.concerns(entry.modseq));
                job.modified.extend(others.map(|(uid, _)| uid));
                let outcomes = Self::change_each(lock, known, |entry| {
                    self.store_one(&mut job.finder, entry, change, &job.letters)
                });
                let of_each = outcomes.of_each.iter();
                let refused = of_each.filter(|(_, outcome)| outcome.is_refused());
                job.modified.extend(refused.map(|(uid, _)| *uid));
                outcomes
            }
            Deed::Expunge { .. } => {
                known.retain(|(_, entry)| entry.info.contains(Letter::Trashed));
                Self::change_each(lock, known, |entry| {
                    self.remove_one(&mut job.finder, entry, &mut job.removed)
                })
            }
        })
    }

    /// What is answered is on the disk: what these parts changed, and what was removed before a sync that failed.
    fn sync_if_needed(&self, parts: &[Option<Outcomes>], jobs: &[Begun<'_>]) -> io::Result<()> {
        let has_changed = parts.iter().flatten().any(|part| !part.of_each.is_empty());
        let expunges = |begun: &Begun<'_>| {
            begun
                .as_ref()
                .is_ok_and(|job| matches!(job.deed, Deed::Expunge { .. }))
        };
        let may_come_back = || self.is_unsynced.load(Ordering::Relaxed) && jobs.iter().any(expunges);
        if has_changed || may_come_back() {
            self.sync_names()
        } else {
            Ok(())
        }
    }
}

impl Deed {
    /// Whose news the change is.
    fn origin(&self) -> Origin {
        match self {
            Self::Store { origin, .. } => *origin,
            // The session that expunges is told of it as the others are.
            Self::Expunge { .. } => Origin::EXTERNAL,
        }
    }

    /// Who does not wait any more has lost the connection; what was changed stays so.
    fn answer(self, ended: Ended, mailbox: &Path) {
        match self {
            Self::Store { answer, .. } => {
                let _ = answer.send(ended.result.map(|()| ended.modified));
            }
            Self::Expunge { give_back, answer } => {
                give_back(mailbox, ended.removed);
                let _ = answer.send(ended.result);
            }
        }
    }
}

impl Job<'_> {
    fn stopped(&self, error: Error) -> Stopped {
        Stopped {
            error,
            removed: self.removed,
        }
    }
}

impl Ended {
    fn of(begun: Begun<'_>) -> Self {
        match begun {
            Ok(job) => Self {
                modified: job.modified,
                removed: job.removed,
                result: job.unchanged.map_or(Ok(()), Err),
            },
            Err(Stopped { error, removed }) => Self {
                modified: UidSet::new(),
                removed,
                result: Err(error),
            },
        }
    }
}
