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
    /// When to list it again even if it looks the same.
    pub(crate) again_at: Option<Instant>,
    /// How long the last listing took.
    cost: Duration,
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
    /// What an index keeps of it.
    pub(crate) fn note(&self) -> ListedNote {
        ListedNote {
            version: self.version.map(Into::into),
            is_fresh: self.again_at.is_some(),
            cost: u64::try_from(self.cost.as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// As it was when the note was taken. A time stamp that proved nothing then proves nothing now: the directory is listed
    /// before long.
    pub(crate) fn of_note(note: &ListedNote, now: Instant) -> Self {
        let listed = Self {
            version: note.version.map(Into::into),
            again_at: None,
            cost: Duration::from_micros(note.cost),
        };
        Self {
            again_at: note.is_fresh.then(|| now + listed.grain()),
            ..listed
        }
    }

    /// Whether the directory, being at `version`, has to be listed.
    pub(crate) fn is_due(&self, version: FileVersion, now: Instant) -> bool {
        self.version != Some(version) || self.again_at.is_some_and(|at| at <= now)
    }

    /// Whether the directory, being at `version`, holds for sure the names that it was listed with.
    pub(crate) fn is_proven_by(&self, version: FileVersion) -> bool {
        self.version == Some(version) && self.again_at.is_none()
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
        assert!(listed.is_due(version, start));
        listed.note_pass(pass(version, start, 1, Duration::ZERO));
        assert!(!listed.is_due(version, start) && !listed.is_proven_by(version));
        assert!(listed.is_due(version, start + GRAIN));
        listed.note_pass(pass(version, start + GRAIN, 2, Duration::ZERO));
        assert!(!listed.is_due(version, start + 100 * GRAIN) && listed.is_proven_by(version));
    }

    #[test]
    fn a_file_system_whose_clock_is_ahead_causes_one_more_listing_not_many() {
        let (version, start) = (version(), Instant::now());
        let mut listed = Listed::default();
        listed.note_pass(pass(version, start, -3600, Duration::ZERO));
        assert!(listed.is_due(version, start + GRAIN));
        listed.note_pass(pass(version, start + GRAIN, -3599, Duration::ZERO));
        assert!(listed.is_proven_by(version));
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
            assert!(!listed.is_due(after, start + grain - Duration::from_millis(1)));
            assert!(listed.is_due(after, start + grain), "{took:?}");
        }
    }

    #[test]
    fn an_own_change_hides_no_earlier_change_of_another_program() {
        let (listed_at, before, after, now) = (version(), version(), version(), Instant::now());
        let mut listed = Listed::default();
        listed.note_pass(pass(listed_at, now, 10, Duration::ZERO));
        listed.note_own_change(before, after, now);
        assert!(listed.is_due(after, now));
    }
}
