//! What other programs did to a mailbox.
//!
//! One look goes through four steps, each with a value that the next one takes:
//!
//! | step | takes | gives |
//! | --- | --- | --- |
//! | compare | a listing, the index, the UID list | [`Comparison`]: what is new, renamed, gone |
//! | assign | files without a UID, the list's lock | [`Arrival`]s with UIDs, synced |
//! | move | arrivals and renamed files | the same, out of `new/` where a session may do that |
//! | publish | [`Difference`] | what sessions are told |

mod assign;
mod compare;
mod publish;
mod tidy;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use imap_backend::Error;
use imap_seq::{Uid, UidSet};
use imap_updates::{Closed, Echo, Origin, Recency};

use crate::disk::dotlock::{Dotlock, SHORT_PATIENCE};
use crate::disk::name_generator::NameGenerator;
use crate::disk::scan::{self, Disturbance, FoundFile, Listing};
use crate::disk::uidlist_file::{Change, FILE_NAME, Reading, Rewrite};
use crate::format::letter_map::LetterMap;
use crate::mailbox::cache::Cache;
use crate::mailbox::error::{Gone, from_io};
use crate::mailbox::open::{GRAIN, MovesNew, OpenMailbox, Writer};
use compare::Comparison;

/// A look at the disk, compared with what was known.
#[derive(Debug)]
struct Observation {
    listing: Listing,
    comparison: Comparison,
    started: Instant,
}

/// A message of which the sessions have not been told.
#[derive(Debug)]
struct Arrival {
    uid: Uid,
    file: FoundFile,
    recency: Recency,
}

/// A known message whose file has another name or subdirectory now.
#[derive(Debug, PartialEq)]
struct Renaming {
    uid: Uid,
    file: FoundFile,
}

/// What is to be published.
#[derive(Debug, Default)]
struct Difference {
    expunged: UidSet,
    renamed: Vec<Renaming>,
    /// Ascending by UID.
    arrived: Vec<Arrival>,
}

/// Where messages without a UID get one.
#[derive(Clone, Copy)]
enum Uids<'a> {
    /// Nowhere now: the list cannot be locked, or nothing needs it.
    NotNow,
    /// From the locked list. If that fails, they stay hidden until the next look.
    OrLater(&'a Dotlock),
    /// From the locked list. If that fails, so does the whole look.
    Required(&'a Dotlock),
}

impl<'a> Uids<'a> {
    fn lock(self) -> Option<&'a Dotlock> {
        match self {
            Self::NotNow => None,
            Self::OrLater(lock) | Self::Required(lock) => Some(lock),
        }
    }
}

impl OpenMailbox {
    /// Opens a mailbox and lists it. Blocks.
    ///
    /// # Errors
    /// `NotFound` where there is no such directory.
    pub(crate) fn open(
        path: &Path,
        names: Arc<NameGenerator>,
        cache: Arc<Cache>,
        next_uid_validity: impl FnOnce() -> io::Result<u32>,
    ) -> io::Result<Self> {
        let mailbox = Self::new(path, names, cache, next_uid_validity)?;
        let mut writer = mailbox.writer_of_new()?;
        let _ = mailbox.directory.clean_temporaries(crate::disk::clock::seconds());
        mailbox.observe(&mut writer)?;
        drop(writer);
        Ok(mailbox)
    }

    /// Looks for what other programs did, if anything hints at it. Gives the time at which to look again, if that is known.
    pub(crate) async fn look(self: &Arc<Self>) -> Result<Option<Instant>, Error> {
        self.write(|mailbox, writer| {
            mailbox.observe(writer).map_err(from_io)?;
            Ok(writer.again_at)
        })
        .await
    }

    /// Looks for changes by other programs, if anything hints at some, and publishes them. Blocks.
    ///
    /// What needs the UID list's lock may fail (a full disk, no permission, somebody else's lock): the messages that have
    /// UIDs are shown all the same, so that a user can make room, and the others are tried again.
    ///
    /// # Errors
    /// [`Gone`] when the mailbox was deleted or has a new UIDVALIDITY: it has been closed for its sessions then.
    pub(crate) fn observe(&self, writer: &mut Writer) -> io::Result<()> {
        self.check_alive()?;
        let change = writer.list.refresh(&self.directory, Reading::Unlocked)?;
        self.check_list(change)?;
        self.refresh_keywords(writer)?;
        if !self.is_listing_due(writer, change)? {
            return Ok(());
        }
        let observation = self.compare_with_disk(writer)?;
        let rewrite = writer.list.wants_rewrite(observation.listing.found.len());
        if observation.comparison.without_uid.is_empty() && rewrite == Rewrite::NotDue {
            return self.adopt(writer, observation, Uids::NotNow);
        }
        let lock = match Dotlock::acquire(self.directory.root(), FILE_NAME, SHORT_PATIENCE) {
            Ok(lock) => lock,
            Err(error) => {
                tracing::warn!(%error, "the UID list cannot be locked: new messages stay hidden");
                return self.adopt(writer, observation, Uids::NotNow);
            }
        };
        let change = writer.list.refresh(&self.directory, Reading::Locked(&lock))?;
        self.check_list(change)?;
        let observation = match change {
            Change::None => observation,
            // Files of records that were added since may be younger than the listing.
            _ => self.compare_with_disk(writer)?,
        };
        self.adopt(writer, observation, Uids::OrLater(&lock))
    }

    /// The same for a caller that has locked and read the list, and is about to add messages of its own.
    ///
    /// # Errors
    /// When a message of another program can get no UID: those of the caller would come before it.
    pub(crate) fn observe_locked(&self, writer: &mut Writer, lock: &Dotlock) -> io::Result<()> {
        let observation = self.compare_with_disk(writer)?;
        lock.keep()?;
        self.adopt(writer, observation, Uids::Required(lock))
    }

    fn is_listing_due(&self, writer: &Writer, change: Change) -> io::Result<bool> {
        let changed = writer.listed != Some(self.directory.versions()?);
        let due = writer.again_at.is_some_and(|at| at <= Instant::now());
        let waiting = self.moves_new() == MovesNew::Yes && writer.left_in_new > 0;
        Ok(changed || due || waiting || change != Change::None || writer.has_unsettled_records())
    }

    /// A list with another UIDVALIDITY is another mailbox.
    pub(crate) fn check_list(&self, change: Change) -> io::Result<()> {
        if change == Change::UidValidity {
            self.hub.lock().close(Closed::UidValidityChanged);
            return Err(Gone.into());
        }
        Ok(())
    }

    /// Reads the keywords again if their file changed.
    pub(crate) fn refresh_keywords(&self, writer: &mut Writer) -> io::Result<()> {
        writer.keywords.refresh(&self.directory)?;
        let letters = LetterMap::new(writer.keywords.names());
        let mut hub = self.hub.lock();
        if letters == hub.letters {
            return Ok(());
        }
        let before = std::mem::replace(&mut hub.letters, letters);
        let keywords = hub.letters.keywords();
        hub.keywords_changed(keywords);
        let changed: Vec<_> = hub
            .entries()
            .filter(|(_, entry)| entry.info.keywords().next().is_some())
            .map(|(uid, entry)| (uid, before.flags(&entry.info), hub.flags(entry)))
            .filter(|(_, before, now)| before != now)
            .collect();
        for (uid, _, now) in changed {
            let _ = hub.flags_changed(uid, now, Origin::EXTERNAL, Echo::Tell);
        }
        Ok(())
    }

    /// Lists the mailbox, makes sure of what is missing, and compares.
    fn compare_with_disk(&self, writer: &Writer) -> io::Result<Observation> {
        let started = Instant::now();
        let mut listing = scan::list(&self.directory)?;
        let missing = self.missing(writer, &listing);
        scan::confirm_missing(&self.directory, &mut listing, missing)?;
        let comparison = self.compare(writer, &listing.found);
        Ok(Observation {
            listing,
            comparison,
            started,
        })
    }

    /// Makes what is known agree with what was seen.
    fn adopt(&self, writer: &mut Writer, observation: Observation, uids: Uids<'_>) -> io::Result<()> {
        let Observation {
            listing,
            comparison,
            started,
        } = observation;
        let Comparison {
            renamed,
            recorded,
            without_uid,
            expunged,
        } = comparison;
        let assigned = self.assign(writer, without_uid, uids)?;
        writer.note_listing(&listing, started);
        let mut arrived = recorded;
        arrived.extend(assigned.arrivals);
        arrived.sort_by_key(|arrival| arrival.uid);
        let mut difference = Difference {
            expunged,
            renamed,
            arrived,
        };
        self.own_change(writer, |writer| self.move_new_to_cur(writer, &mut difference));
        self.separate_doubles(writer, &listing.doubles);
        self.publish(writer, difference);
        if let Some(lock) = uids.lock()
            && let Err(error) = self.compact_list(writer, lock)
        {
            tracing::warn!(%error, "the UID list cannot be written anew");
        }
        if assigned.postponed > 0 {
            writer.listed = None;
        }
        Ok(())
    }
}

impl Writer {
    /// Whether the list has records whose files were not looked for yet.
    pub(crate) fn has_unsettled_records(&self) -> bool {
        self.list.next_uid() - 1 > self.settled_up_to
    }

    pub(crate) fn uid_next(&self) -> Option<Uid> {
        Uid::new(self.list.next_uid()).filter(|uid| *uid < Uid::MAX)
    }

    /// Remembers what was listed, and when to list again although it looks the same.
    fn note_listing(&mut self, listing: &Listing, started: Instant) {
        self.listed = Some(listing.versions);
        let now = crate::disk::clock::seconds();
        let latest = listing.versions.seconds();
        // Another change within the same second may not have changed the time stamp.
        let is_recent = latest >= now - 1;
        // If our clock runs behind the file system's, a change looks recent for a long time. One more look is enough then.
        let was_looked_at_again = self.again_at.is_some_and(|at| at <= started);
        let is_ahead_of_our_clock = latest > now;
        let recent = is_recent && !(was_looked_at_again && is_ahead_of_our_clock);
        let disturbed = listing.disturbance == Disturbance::Disturbed;
        self.again_at = (recent || disturbed).then(|| started + GRAIN);
    }
}
