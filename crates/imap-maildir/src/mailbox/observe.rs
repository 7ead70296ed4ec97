//! What other programs did to a mailbox.
//!
//! One look goes through four steps, each with a value that the next one takes:
//!
//! | step | takes | gives |
//! | --- | --- | --- |
//! | compare | a listing or the names that events told, the index, the UID list | [`Comparison`]: what is new, renamed, gone |
//! | assign | files without a UID, the list's lock | [`Arrival`]s with UIDs, synced, a part at a time |
//! | move | arrivals and renamed files | the same, out of `new/` where a session may do that |
//! | publish | [`Difference`] | what sessions are told |

mod assign;
mod compare;
mod named;
mod publish;
mod tidy;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::{Closed, Recency};

use crate::disk::directory::{DirectoryVersions, Location};
use crate::disk::dotlock::Dotlock;
use crate::disk::events::{Named, WatchedDirectories};
use crate::disk::inotify::Told;
use crate::disk::interference::Moment;
use crate::disk::name_generator::NameGenerator;
use crate::disk::scan::{self, Disturbance, Double, FoundFile, Listing, Scope};
use crate::disk::uidlist_file::{Change, Reading, Rewrite};
use crate::format::letter_map::LetterMap;
use crate::mailbox::cache::Cache;
use crate::mailbox::error::Gone;
use crate::mailbox::keep::Indexing;
use crate::mailbox::listed::{Covered, Listed, Pass};
use crate::mailbox::open::{MovesNew, OpenMailbox, Trouble, Writer};
use assign::Coming;
use compare::Comparison;
pub(crate) use named::Heard;

/// How many messages are worked on before the hub is given free for others.
pub(super) const BATCH: usize = 4096;

/// A look at the disk, compared with what was known.
#[derive(Debug)]
struct Observation {
    seen: Seen,
    doubles: Vec<Double>,
    /// What events told and cannot be understood yet.
    waiting: Vec<Named>,
    comparison: Comparison,
}

/// How a look learns what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    /// Events told of every change.
    Names,
    Listing(Scope),
}

/// What was looked at, and when.
#[derive(Clone, Copy, Debug)]
struct Seen {
    means: Means,
    versions: DirectoryVersions,
    disturbance: Disturbance,
    started: Instant,
    took: Duration,
}

impl Seen {
    fn new(scope: Scope, listing: &Listing, started: Instant) -> Self {
        Self {
            means: Means::Listing(scope),
            versions: listing.versions,
            disturbance: listing.disturbance,
            started,
            took: started.elapsed(),
        }
    }
}

/// A message of which the sessions have not been told.
#[derive(Debug)]
struct Arrival {
    uid: Uid,
    file: FoundFile,
    recency: Recency,
    /// The mod-sequence it had when the mailbox was closed.
    kept: Option<ModSeq>,
}

/// A known message whose file has another name or subdirectory now.
#[derive(Debug, PartialEq)]
struct Renaming {
    uid: Uid,
    file: FoundFile,
}

/// What is to be published of known messages.
#[derive(Debug, Default)]
struct Difference {
    expunged: UidSet,
    renamed: Vec<Renaming>,
    /// Known messages that another process has moved to `cur/`: a session of its own was told of them first.
    claimed: UidSet,
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
    /// Opens a mailbox, has it watched, and lists it. Blocks.
    ///
    /// # Errors
    /// `NotFound` where there is no such directory.
    pub(crate) fn open(
        at: Location<'_>,
        names: Arc<NameGenerator>,
        cache: Arc<Cache>,
        boot: Arc<str>,
        indexing: Indexing,
        next_uid_validity: impl FnOnce() -> io::Result<u32>,
        watch: impl Fn(Told, DirectoryVersions) -> WatchedDirectories,
    ) -> io::Result<Self> {
        if let Some(mailbox) = Self::kept(at, &names, &cache, &boot, indexing) {
            match mailbox.begin(&watch) {
                Ok(()) => return Ok(mailbox),
                // The index is as good as before, and may be what a list is made good from.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
                // Another UIDVALIDITY, or a damaged file: as if there were no index.
                Err(error) => tracing::debug!(path = %at.path.display(), %error, "the index is of no use"),
            }
            mailbox.forget_index();
        }
        let mailbox = Self::new(at, names, cache, boot, indexing, next_uid_validity)?;
        mailbox.begin(&watch)?;
        Ok(mailbox)
    }

    /// Makes what is known agree with the disk, before anybody is told.
    fn begin(&self, watch: impl Fn(Told, DirectoryVersions) -> WatchedDirectories) -> io::Result<()> {
        // Before anything is looked at, so that events tell of everything since.
        let watched = watch(self.directory.told(), self.directory.versions()?);
        self.directory.announce_changes(watched.own_changes());
        *self.watched.lock() = Some(watched);
        let mut writer = self.writer_of_new()?;
        let _ = self.directory.clean_temporaries(crate::disk::clock::seconds());
        self.observe(&mut writer)?;
        // A file that is to be written anew is, also where there is no message: HIGHESTMODSEQ will be told.
        self.number(&mut writer, Vec::new())?;
        writer.numbers.is_open();
        self.leave_traces(&writer);
        Ok(())
    }

    /// Looks for changes by other programs, if anything hints at some, and publishes them. Blocks.
    ///
    /// What needs the UID list's lock may fail (a full disk, no permission, somebody else's lock): the messages that have
    /// UIDs are shown all the same, so that a user can make room, and the others are tried again.
    ///
    /// # Errors
    /// [`Gone`] when the mailbox was deleted or has a new UIDVALIDITY: it has been closed for its sessions then.
    pub(crate) fn observe(&self, writer: &mut Writer) -> io::Result<()> {
        self.observe_what_is_there(writer)
            .map_err(|error| self.perhaps_removed(error))
    }

    fn observe_what_is_there(&self, writer: &mut Writer) -> io::Result<()> {
        self.directory.moments().at(Moment::Looking);
        self.check_alive()?;
        let (change, lock) = self.read_list(writer)?;
        self.check_list(change)?;
        self.directory.moments().at(Moment::ReadList);
        self.refresh_keywords(writer)?;
        self.read_numbers(writer)?;
        let lock = lock.or_else(|| self.retry_lock(writer));
        let Some(means) = self.due(writer, change)? else {
            return Ok(());
        };
        let observation = self.compare_with_disk(writer, means)?;
        let rewrite = writer.list.wants_rewrite(self.count_with(&observation));
        if observation.comparison.without_uid.is_empty() && rewrite == Rewrite::NotDue {
            return self.adopt(writer, observation, Uids::NotNow);
        }
        let Some(lock) = lock.or_else(|| self.lock_or_note(writer)) else {
            return self.adopt(writer, observation, Uids::NotNow);
        };
        let change = writer.list.refresh(&self.directory, Reading::Locked(&lock))?;
        self.check_list(change)?;
        let observation = match change {
            Change::None => observation,
            // Files of records that were added since may be younger than the listing.
            change => {
                let means = self.means_after(writer, change)?;
                self.compare_with_disk(writer, means)?
            }
        };
        self.adopt(writer, observation, Uids::OrLater(&lock))
    }

    /// What has changed in the UID list. One whose header is lost is made good from what is known: it is locked for that.
    fn read_list(&self, writer: &mut Writer) -> io::Result<(Change, Option<Dotlock>)> {
        let error = match writer.list.refresh(&self.directory, Reading::Unlocked) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => error,
            read => return Ok((read?, None)),
        };
        let lock = self.lock_or_note(writer).ok_or(error)?;
        let change = writer.list.refresh(&self.directory, Reading::Locked(&lock))?;
        Ok((change, Some(lock)))
    }

    /// The same for a caller that has locked and read the list, and is about to add messages of its own.
    ///
    /// # Errors
    /// When a message of another program can get no UID: those of the caller would come before it.
    pub(crate) fn observe_locked(
        &self,
        writer: &mut Writer,
        lock: &Dotlock,
        change: Change,
    ) -> io::Result<()> {
        let means = self.means_after(writer, change)?;
        let observation = self.compare_with_disk(writer, means)?;
        lock.keep()?;
        self.adopt(writer, observation, Uids::Required(lock))
    }

    /// What has to be looked at, if anything.
    fn due(&self, writer: &mut Writer, change: Change) -> io::Result<Option<Means>> {
        let moves_new = self.moves_new() == MovesNew::Yes;
        let means = self.means_after(writer, change)?;
        let (versions, now) = (self.directory.versions()?, Instant::now());
        let waiting = moves_new && writer.left_in_new > 0 || writer.has_unsettled_records();
        if moves_new && writer.doubles > 0 {
            return Ok(Some(Means::Listing(Scope::Both)));
        }
        let is_due = match means {
            Means::Names => writer.heard.is_waiting() || !writer.has_seen(versions),
            Means::Listing(Scope::Both) => true,
            Means::Listing(Scope::New) => writer.new.is_due(versions.new, now, Covered::No),
        };
        Ok((is_due || waiting).then_some(means))
    }

    /// How to learn what is there, if it has to be learnt.
    fn means_after(&self, writer: &mut Writer, change: Change) -> io::Result<Means> {
        let versions = self.directory.versions()?;
        let covered = self.hear(writer, versions);
        let (now, scope) = (Instant::now(), scope_after(change));
        let is_due = |listed: &Listed, version| listed.is_due(version, now, covered);
        if scope == Scope::Both || is_due(&writer.cur, versions.cur) {
            return Ok(Means::Listing(Scope::Both));
        }
        Ok(match covered {
            Covered::No => Means::Listing(Scope::New),
            // What events told of `cur/` has to be looked at too.
            Covered::Yes if is_due(&writer.new, versions.new) => Means::Listing(Scope::Both),
            Covered::Yes => Means::Names,
        })
    }

    /// How many messages there are if an observation is right.
    fn count_with(&self, observation: &Observation) -> usize {
        let Comparison {
            recorded,
            without_uid,
            expunged,
            ..
        } = &observation.comparison;
        let known = u64::from(self.hub.lock().len()).saturating_sub(expunged.len());
        usize::try_from(known).unwrap_or(usize::MAX) + recorded.len() + without_uid.len()
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
        match writer.keywords.refresh(&self.directory) {
            // As where the file is removed: what was known still counts.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                if self.is_to_be_logged(Trouble::KeywordsUnreadable) {
                    tracing::warn!(%error, "keywords stay as they were known");
                }
            }
            refreshed => refreshed?,
        }
        let letters = LetterMap::new(writer.keywords.names());
        let before = {
            let mut hub = self.hub.lock();
            if letters == hub.letters {
                return Ok(());
            }
            let before = std::mem::replace(&mut hub.letters, letters);
            let keywords = hub.letters.keywords();
            hub.keywords_changed(keywords);
            before
        };
        let told = self.publish_letters(writer, &before);
        if told.is_err() {
            // To be told at the next look.
            self.hub.lock().letters = before;
        }
        told
    }

    /// Looks at the files that events named, or lists the mailbox and makes sure of what is missing, and compares. Where the
    /// names do not tell what happened, or `new/` alone, `cur/` is listed too.
    fn compare_with_disk(&self, writer: &mut Writer, means: Means) -> io::Result<Observation> {
        if means == Means::Names
            && let Some(observation) = self.compare_named(writer)?
        {
            return Ok(observation);
        }
        if means != Means::Listing(Scope::Both)
            && !writer.heard.is_waiting()
            && let Some(observation) = self.compare_new(writer)?
        {
            return Ok(observation);
        }
        let listening = self.listen(writer)?;
        writer.doubled.clear();
        let started = Instant::now();
        let mut listing = scan::list(&self.directory, Scope::Both)?;
        let missing = self.missing(writer, &listing)?;
        let missing = scan::confirm_missing(&self.directory, Scope::Both, &mut listing, missing)?;
        let seen = Seen::new(Scope::Both, &listing, started);
        let mut comparison = self.compare(writer, listing.found)?;
        self.listened(writer, listening, &missing, &mut comparison)?;
        Ok(Observation {
            seen,
            doubles: listing.doubles,
            waiting: Vec::new(),
            comparison,
        })
    }

    /// The same with a listing of `new/` alone: O(messages in `new/`). None where that does not tell what happened.
    ///
    /// `cur/` must not have changed since it was listed. Before a message of `new/` counts as gone, the time stamp of
    /// `cur/` has to prove that: the file may have been moved there.
    fn compare_new(&self, writer: &Writer) -> io::Result<Option<Observation>> {
        let started = Instant::now();
        let mut listing = scan::list(&self.directory, Scope::New)?;
        let missing = self.missing_in_new(writer, &listing)?;
        let missing = scan::confirm_missing(&self.directory, Scope::New, &mut listing, missing)?;
        let cur = self.directory.versions()?.cur;
        let is_complete = if missing.bases.is_empty() {
            writer.cur.version == Some(cur)
        } else {
            writer
                .cur
                .is_proven_by(cur, Instant::now(), writer.heard.covered())
        };
        let is_doubled = missing.bases.iter().any(|base| writer.doubled.contains(base));
        if !is_complete || is_doubled || !listing.doubles.is_empty() {
            return Ok(None);
        }
        let seen = Seen::new(Scope::New, &listing, started);
        let comparison = self.compare_in_new(writer, listing.found)?;
        Ok(comparison.map(|comparison| Observation {
            seen,
            doubles: Vec::new(),
            waiting: Vec::new(),
            comparison,
        }))
    }

    /// Makes what is known agree with what was seen.
    fn adopt(&self, writer: &mut Writer, observation: Observation, uids: Uids<'_>) -> io::Result<()> {
        let Observation {
            seen,
            doubles,
            waiting,
            mut comparison,
        } = observation;
        let mut coming = Coming::of(&mut comparison, writer);
        let count = coming.len();
        let part = self.next_part(writer, &mut coming, uids)?;
        let postponed_at_first = coming.postponed;
        match seen.means {
            // The messages that have no UID yet are still to be looked at.
            Means::Names if coming.postponed > 0 => {}
            Means::Names => writer.note_named(waiting),
            Means::Listing(scope) => writer.note_listing(seen, scope),
        }
        let mut difference = Difference {
            claimed: self.moved_by_others(&comparison.renamed),
            expunged: comparison.expunged,
            renamed: comparison.renamed,
        };
        self.separate_doubles(writer, &doubles);
        self.prepare_index(count);
        self.own_change(writer, |writer| self.move_known_to_cur(writer, &mut difference));
        let published = self
            .publish(writer, difference, seen.means)
            .and_then(|()| self.adopt_parts(writer, part, &mut coming, uids));
        if let Err(error) = published {
            writer.forget(Scope::Both);
            return Err(error);
        }
        if let Some(lock) = uids.lock()
            && let Err(error) = self.compact_list(writer, lock)
            && self.is_to_be_logged(Trouble::ListNotCompacted)
        {
            tracing::warn!(path = %self.path().display(), %error, "the UID list cannot be written anew");
        }
        if seen.means == Means::Names && coming.postponed > postponed_at_first {
            // The names that told of them are done with.
            writer.forget(Scope::Both);
        }
        writer.note_postponed(coming.postponed, seen.means);
        if coming.postponed == 0 {
            self.mark_if_waiting(writer);
        }
        Ok(())
    }

    /// Makes this part known, and what is still to come.
    fn adopt_parts(
        &self,
        writer: &mut Writer,
        mut part: Vec<Arrival>,
        coming: &mut Coming,
        uids: Uids<'_>,
    ) -> io::Result<()> {
        loop {
            if !part.is_empty() {
                self.own_change(writer, |writer| self.move_arrived_to_cur(writer, &mut part));
                self.publish_arrived(writer, &part)?;
            }
            if coming.has_no_recorded() {
                writer.settle();
                self.hub.lock().uid_next = writer.uid_next();
            }
            if coming.len() == 0 {
                return Ok(());
            }
            part = self.next_part(writer, coming, uids)?;
        }
    }
}

/// What has to be listed after the UID list changed. Another program's records are of messages that it delivered: those
/// are in `new/`, or `cur/` has changed too.
fn scope_after(change: Change) -> Scope {
    match change {
        Change::None | Change::Appended => Scope::New,
        Change::Replaced | Change::UidValidity | Change::Missing => Scope::Both,
    }
}

impl Writer {
    /// Whether the list has records whose files were not looked for yet.
    pub(crate) fn has_unsettled_records(&self) -> bool {
        self.list.next_uid() - 1 > self.settled_up_to
    }

    /// All records of the list were looked for.
    pub(crate) fn settle(&mut self) {
        self.settled_up_to = self.list.next_uid() - 1;
        self.list.settle(self.settled_up_to);
    }

    pub(crate) fn uid_next(&self) -> Option<Uid> {
        Uid::new(self.list.next_uid()).filter(|uid| *uid < Uid::MAX)
    }

    /// When to look again although nothing has changed.
    pub(crate) fn again_at(&self) -> Option<Instant> {
        let lock_out = self.lock_out.as_ref().map(|lock_out| lock_out.retry_at);
        let due_at = |listed: &Listed| listed.due_at(self.heard.covered());
        let all = [due_at(&self.new), due_at(&self.cur), lock_out];
        all.into_iter().flatten().min()
    }

    /// The directories have to be listed again, whatever their state.
    pub(crate) fn forget(&mut self, scope: Scope) {
        self.new.forget();
        if scope == Scope::Both {
            self.cur.forget();
        }
    }

    /// Whether what is known is of these states of the directories.
    fn has_seen(&self, versions: DirectoryVersions) -> bool {
        self.new.version == Some(versions.new) && self.cur.version == Some(versions.cur)
    }

    /// So many messages got no UID and have to be looked at again: once the lock is free that they wait for, or at every look.
    fn note_postponed(&mut self, count: usize, means: Means) {
        if count == 0 {
            self.lock_out = None;
        } else if let Means::Listing(scope) = means {
            match &mut self.lock_out {
                Some(lock_out) => lock_out.widen(scope),
                None => self.forget(scope),
            }
        }
    }

    fn note_listing(&mut self, seen: Seen, scope: Scope) {
        let pass = |version| Pass {
            version,
            disturbance: seen.disturbance,
            started: seen.started,
            took: seen.took,
            clock: crate::disk::clock::seconds(),
        };
        self.new.note_pass(pass(seen.versions.new));
        if scope == Scope::Both {
            self.cur.note_pass(pass(seen.versions.cur));
        }
    }
}
