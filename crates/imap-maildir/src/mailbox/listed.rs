//! When a subdirectory has to be listed again: what its time stamps prove, and what they do not.
//!
//! Time comes in as an argument.

use std::time::{Duration, Instant};

use crate::disk::scan::Disturbance;
use crate::disk::storage::FileVersion;
use crate::format::index::ListedNote;

/// A directory that changed this recently may change again without a new time stamp: it is listed once more after this long.
pub(crate) const GRAIN: Duration = Duration::from_millis(1500);
/// Listing once more takes at most one part in so many of the time, so that a mailbox of a million messages to which a
/// message comes every second is not listed all the time.
const SHARE: u32 = 20;
/// Nor is it put off for longer than this.
const LONGEST_GRAIN: Duration = Duration::from_secs(30);

/// One subdirectory as it was when it was listed last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Listed {
    /// None when it has to be listed whatever its state.
    pub(crate) version: Option<FileVersion>,
    /// When to list it again even if it looks the same: until then its time stamp may hide a change. Where events tell of every
    /// change, that is not needed.
    pub(crate) again_at: Option<Instant>,
    /// The time stamp changed and no event said why: one has to come until then.
    unexplained_until: Option<Instant>,
    /// How long the last listing took.
    cost: Duration,
}

/// Whether events tell of every change since the last listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Covered {
    Yes,
    No,
}

/// One listing of a subdirectory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    /// The directory before the pass.
    pub(crate) version: FileVersion,
    pub(crate) disturbance: Disturbance,
    pub(crate) started: Instant,
    pub(crate) took: Duration,
    /// The clock that file systems go by, seconds since the epoch.
    pub(crate) clock: i64,
}

impl Listed {
    /// What an index keeps of it. A time stamp that proves nothing yet is of no use to the next process: what proves it, time or
    /// an event, comes to this one.
    pub(crate) fn note(&self, now: Instant, covered: Covered) -> ListedNote {
        let proven = self
            .version
            .filter(|version| self.is_proven_by(*version, now, covered));
        ListedNote {
            version: proven.map(Into::into),
            cost: u64::try_from(self.cost.as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// As it was when the note was taken.
    pub(crate) fn of_note(note: &ListedNote) -> Self {
        Self {
            version: note.version.map(Into::into),
            again_at: None,
            unexplained_until: None,
            cost: Duration::from_micros(note.cost),
        }
    }

    /// Whether the directory, being at `version`, has to be listed.
    pub(crate) fn is_due(&self, version: FileVersion, now: Instant, covered: Covered) -> bool {
        match covered {
            Covered::Yes => self.version.is_none() || self.due_at(covered).is_some_and(|at| at <= now),
            Covered::No => self.version != Some(version) || self.due_at(covered).is_some_and(|at| at <= now),
        }
    }

    /// When it is to be listed although it looks the same.
    pub(crate) fn due_at(&self, covered: Covered) -> Option<Instant> {
        match covered {
            Covered::Yes => self.unexplained_until,
            Covered::No => self.again_at,
        }
    }

    /// Whether the directory, being at `version`, holds for sure the names that are known.
    pub(crate) fn is_proven_by(&self, version: FileVersion, now: Instant, covered: Covered) -> bool {
        let is_old = || covered == Covered::Yes && self.again_at.is_some_and(|at| at <= now);
        self.version == Some(version)
            && self.unexplained_until.is_none()
            && (self.again_at.is_none() || is_old())
    }

    /// Remembers that events told what changed up to `version`, and whether they told of a change here.
    pub(crate) fn note_told(&mut self, version: FileVersion, stirred: bool, now: Instant) {
        let is_explained = stirred || self.version == Some(version);
        if self.version != Some(version) {
            self.again_at = Some(now + GRAIN);
        }
        self.version = Some(version);
        self.unexplained_until = match self.unexplained_until {
            _ if stirred => None,
            None if !is_explained => Some(now + GRAIN),
            since => since,
        };
    }

    /// Remembers a listing, and when to make another although the directory looks the same.
    pub(crate) fn note_pass(&mut self, pass: Pass) {
        let latest = pass.version.seconds();
        // Another change within the same second may not have changed the time stamp.
        let is_recent = latest >= pass.clock - 1;
        // If our clock runs behind the file system's, a change looks recent for a long time. One more look is enough then.
        let was_listed_again = self.again_at.is_some_and(|at| at <= pass.started);
        let is_ahead_of_our_clock = latest > pass.clock;
        let recent = is_recent && !(was_listed_again && is_ahead_of_our_clock);
        let disturbed = pass.disturbance == Disturbance::Disturbed;
        self.version = Some(pass.version);
        self.cost = pass.took;
        self.again_at = (recent || disturbed).then(|| pass.started + self.grain());
        self.unexplained_until = None;
    }

    /// Remembers a change of our own between two states of the directory, so that it does not look like somebody else's.
    ///
    /// Another program's change in the same moment is hidden by that; the listing at `again_at` finds it.
    pub(crate) fn note_own_change(&mut self, before: FileVersion, after: FileVersion, now: Instant) {
        if self.version == Some(before) && before != after {
            self.version = Some(after);
            self.again_at = Some(now + self.grain());
        }
    }

    /// As if a second had gone by.
    #[cfg(test)]
    pub(crate) fn let_grain_pass(&mut self) {
        let now = Instant::now();
        self.again_at = self.again_at.map(|_| now);
        self.unexplained_until = self.unexplained_until.map(|_| now);
    }

    /// It has to be listed, whatever its state.
    pub(crate) fn forget(&mut self) {
        self.version = None;
    }

    fn grain(&self) -> Duration {
        (self.cost * SHARE).clamp(GRAIN, LONGEST_GRAIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::storage;

    fn version() -> FileVersion {
        let home = tempfile::tempdir().unwrap();
        storage::status(storage::CWD, home.path()).unwrap().version()
    }

    fn pass(version: FileVersion, started: Instant, age: i64, took: Duration) -> Pass {
        Pass {
            version,
            disturbance: Disturbance::Undisturbed,
            started,
            took,
            clock: version.seconds() + age,
        }
    }

    #[test]
    fn a_directory_that_changed_within_the_last_second_is_listed_once_more() {
        let (version, start) = (version(), Instant::now());
        let mut listed = Listed::default();
        assert!(listed.is_due(version, start, Covered::No));
        listed.note_pass(pass(version, start, 1, Duration::ZERO));
        assert!(
            !listed.is_due(version, start, Covered::No)
                && !listed.is_proven_by(version, start + 100 * GRAIN, Covered::No)
        );
        assert!(listed.is_due(version, start + GRAIN, Covered::No));
        listed.note_pass(pass(version, start + GRAIN, 2, Duration::ZERO));
        assert!(
            !listed.is_due(version, start + 100 * GRAIN, Covered::No)
                && listed.is_proven_by(version, start + 100 * GRAIN, Covered::No)
        );
    }

    #[test]
    fn a_file_system_whose_clock_is_ahead_causes_one_more_listing_not_many() {
        let (version, start) = (version(), Instant::now());
        let mut listed = Listed::default();
        listed.note_pass(pass(version, start, -3600, Duration::ZERO));
        assert!(listed.is_due(version, start + GRAIN, Covered::No));
        listed.note_pass(pass(version, start + GRAIN, -3599, Duration::ZERO));
        assert!(listed.is_proven_by(version, start + 100 * GRAIN, Covered::No));
    }

    #[test]
    fn the_listing_after_an_own_change_takes_a_twentieth_of_the_time_at_most() {
        let (before, after, start) = (version(), version(), Instant::now());
        for (took, grain) in [
            (Duration::from_millis(1), GRAIN),
            (Duration::from_millis(200), Duration::from_secs(4)),
            (Duration::from_secs(9), LONGEST_GRAIN),
        ] {
            let mut listed = Listed::default();
            listed.note_pass(pass(before, start, 10, took));
            listed.note_own_change(before, after, start);
            assert!(!listed.is_due(after, start + grain - Duration::from_millis(1), Covered::No));
            assert!(listed.is_due(after, start + grain, Covered::No), "{took:?}");
        }
    }

    #[test]
    fn an_own_change_hides_no_earlier_change_of_another_program() {
        let (listed_at, before, after, now) = (version(), version(), version(), Instant::now());
        let mut listed = Listed::default();
        listed.note_pass(pass(listed_at, now, 10, Duration::ZERO));
        listed.note_own_change(before, after, now);
        assert!(listed.is_due(after, now, Covered::No));
    }

    #[test]
    fn a_time_stamp_that_changed_has_to_be_explained_by_an_event_soon() {
        let (before, after, start) = (version(), version(), Instant::now());
        let mut listed = Listed::default();
        listed.note_pass(pass(before, start, 10, Duration::ZERO));
        listed.note_told(after, true, start);
        assert!(!listed.is_due(after, start + GRAIN, Covered::Yes), "it was");
        listed.note_told(before, false, start);
        assert!(!listed.is_due(before, start, Covered::Yes));
        assert!(listed.is_due(before, start + GRAIN, Covered::Yes));
        assert!(!listed.is_proven_by(before, start + GRAIN, Covered::Yes));
        listed.note_told(before, false, start);
        assert!(listed.is_due(before, start + GRAIN, Covered::Yes), "nothing came");
        listed.note_told(before, true, start);
        assert!(!listed.is_due(before, start + GRAIN, Covered::Yes), "it was late");
    }

    #[test]
    fn while_events_tell_of_everything_a_recent_time_stamp_proves_something_only_when_it_is_old() {
        let (version, start) = (version(), Instant::now());
        let mut listed = Listed::default();
        listed.note_pass(pass(version, start, 0, Duration::ZERO));
        assert!(
            !listed.is_due(version, start + GRAIN, Covered::Yes)
                && listed.is_due(version, start + GRAIN, Covered::No)
        );
        assert!(!listed.is_proven_by(version, start, Covered::Yes));
        assert!(listed.is_proven_by(version, start + GRAIN, Covered::Yes));
    }
}
