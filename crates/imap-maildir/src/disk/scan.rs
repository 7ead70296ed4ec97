//! Which message files are there: listing `new/` and `cur/` while other programs rename what is in them.
//!
//! A listing is no snapshot. While another program renames files in a directory, one pass over it misses some of them and shows
//! others twice: of 20,000 files under constant renaming, 0.4 % per pass on ext4, 2.7 % on tmpfs. A client must not be told
//! that such a message was expunged, for it would come back under another UID. So:
//!
//! 1. `new/` is listed before `cur/`: a message on its way from one to the other is seen at least once.
//! 2. A name that one pass misses counts as missing only after further passes have missed it too: one more if nothing in the
//!    directories changed during it, up to five otherwise.
//! 3. A name shown twice is looked up; the file that is really there counts.

use std::io;
use std::time::Duration;

use crate::disk::clock;
use crate::disk::directory::{Directory, DirectoryVersions, FileAt, Subdirectory};
use crate::disk::found::Found;
use crate::disk::interference::Moment;
use crate::format::file_name::split;

/// How often a missing file is looked for while the directories keep changing.
const PASSES: usize = 6;

/// Time stamps go by the kernel's tick, at most this long (before Linux 6.13, and on other systems): a directory that changed
/// within it may change again and look the same.
const TICK: Duration = Duration::from_millis(10);

/// Where a message's file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundFile {
    /// The subdirectory.
    pub(crate) subdirectory: Subdirectory,
    /// The file name, information part included.
    pub(crate) name: Box<[u8]>,
}

impl FoundFile {
    pub(crate) fn of(file: FileAt<'_>) -> Self {
        Self {
            subdirectory: file.subdirectory,
            name: file.name.into(),
        }
    }

    pub(crate) fn at(&self) -> FileAt<'_> {
        FileAt::new(self.subdirectory, &self.name)
    }

    /// The base name.
    #[must_use]
    pub(crate) fn base(&self) -> &[u8] {
        split(&self.name).0
    }

    /// The information part, with its colon; empty when there is none.
    #[must_use]
    pub(crate) fn suffix(&self) -> &[u8] {
        split(&self.name).1
    }
}

/// What one pass saw.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) found: Found,
    /// Base names that two files really have.
    pub(crate) doubles: Vec<Double>,
    /// The directories as they were before the pass.
    pub(crate) versions: DirectoryVersions,
    /// Whether they were the same afterwards.
    pub(crate) disturbance: Disturbance,
}

/// A file that was left out of a listing because another one has its base name.
#[derive(Debug, PartialEq)]
pub(crate) struct Double {
    pub(crate) file: FoundFile,
    pub(crate) other: FoundFile,
}

/// Whether the directories changed while they were listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disturbance {
    /// They did not, and their time stamps prove it: the listing is complete.
    Undisturbed,
    /// They did, or may have: it may miss files that are there.
    Disturbed,
}

/// Base names that no pass has seen.
#[derive(Debug, PartialEq)]
pub(crate) struct Missing {
    pub(crate) bases: Vec<Box<[u8]>>,
    /// Whether the directories stood still in the last pass: then these files are gone for sure. Else somebody may have renamed
    /// one of them in each pass.
    pub(crate) disturbance: Disturbance,
}

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// `new/` alone.
    New,
    Both,
}

impl Scope {
    fn subdirectories(self) -> &'static [Subdirectory] {
        match self {
            Self::New => &[Subdirectory::New],
            Self::Both => &Subdirectory::BOTH,
        }
    }
}

/// Lists the subdirectories of the scope once.
///
/// # Errors
/// When they cannot be read.
pub(crate) fn list(directory: &Directory, scope: Scope) -> io::Result<Listing> {
    let versions = directory.versions()?;
    let started = clock::since_epoch();
    let mut found = Found::default();
    let mut twice = Vec::new();
    for &subdirectory in scope.subdirectories() {
        directory.list(subdirectory, |name| {
            twice.extend(found.insert(FileAt::new(subdirectory, name)));
        })?;
        directory.moments().at(listed(subdirectory));
    }
    let doubles = keep_existing(directory, &mut found, twice);
    let disturbance = if directory.versions()? == versions && !is_fresh(versions, started) {
        Disturbance::Undisturbed
    } else {
        Disturbance::Disturbed
    };
    Ok(Listing {
        found,
        doubles,
        versions,
        disturbance,
    })
}

/// Whether time stamps may hide a change that came after `now`.
fn is_fresh(versions: DirectoryVersions, now: Duration) -> bool {
    [versions.new, versions.cur]
        .iter()
        .any(|version| version.age(now).is_some_and(|age| age < TICK))
}

/// For base names seen twice, keeps the file that exists; gives those of which both exist.
fn keep_existing(directory: &Directory, found: &mut Found, twice: Vec<FoundFile>) -> Vec<Double> {
    let exists = |file: &FoundFile| directory.status(file.at()).is_ok();
    let mut doubles = Vec::new();
    for earlier in twice {
        let Some(later) = found.get(earlier.base()).map(FoundFile::of) else {
            continue;
        };
        if later == earlier || !exists(&earlier) {
            continue;
        }
        if exists(&later) {
            let (file, other) = (earlier, later);
            doubles.push(Double { file, other });
        } else {
            found.insert(earlier.at());
        }
    }
    doubles
}

/// Looks again for base names that a listing misses, adds those it finds to the listing, and gives the others.
///
/// # Errors
/// When the directories cannot be read.
pub(crate) fn confirm_missing(
    directory: &Directory,
    scope: Scope,
    listing: &mut Listing,
    mut missing: Vec<Box<[u8]>>,
) -> io::Result<Missing> {
    let mut disturbance = Disturbance::Disturbed;
    for _ in 1..PASSES {
        if missing.is_empty() {
            break;
        }
        let again = list(directory, scope)?;
        missing.retain(|base| match again.found.get(base) {
            Some(file) => {
                listing.found.insert(file);
                false
            }
            None => true,
        });
        disturbance = again.disturbance;
        if disturbance == Disturbance::Undisturbed {
            break;
        }
    }
    Ok(Missing {
        bases: missing,
        disturbance,
    })
}

fn listed(subdirectory: Subdirectory) -> Moment {
    match subdirectory {
        Subdirectory::New => Moment::ListedNew,
        Subdirectory::Cur => Moment::Listed,
    }
}

/// Waits until time stamps hide nothing of what was done before.
#[cfg(test)]
pub(crate) fn wait_for_tick() {
    std::thread::sleep(2 * TICK);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Fixture {
        home: tempfile::TempDir,
        directory: Directory,
    }

    impl Fixture {
        fn new(files: &[&str]) -> Self {
            let home = tempfile::tempdir().unwrap();
            let directory = Directory::open(home.path()).unwrap();
            files
                .iter()
                .for_each(|file| std::fs::write(home.path().join(file), "x").unwrap());
            Self { home, directory }
        }

        /// Renames at the n-th occurrence of a moment, counted from 0.
        fn rename_at(&self, moment: Moment, nth: usize, from: &str, to: &str) {
            let (from, to): (PathBuf, PathBuf) = (self.home.path().join(from), self.home.path().join(to));
            let count = AtomicUsize::new(0);
            self.directory.moments().set(move |at| {
                if at == moment && count.fetch_add(1, Ordering::SeqCst) == nth {
                    std::fs::rename(&from, &to).unwrap();
                }
            });
        }
    }

    fn names(listing: &Listing) -> Vec<String> {
        let mut names: Vec<_> = listing
            .found
            .iter()
            .map(|(_, file)| String::from_utf8_lossy(file.name).into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn flags_are_read_in_new_as_well_as_in_cur() {
        let fixture = Fixture::new(&["new/1.a:2,FS", "cur/2.b:2,", "cur/.hidden", "new/3.c"]);
        wait_for_tick();
        let listing = list(&fixture.directory, Scope::Both).unwrap();
        assert_eq!(names(&listing), ["1.a:2,FS", "2.b:2,", "3.c"]);
        assert_eq!(listing.found.get(b"1.a").unwrap().name, b"1.a:2,FS");
        assert_eq!(listing.disturbance, Disturbance::Undisturbed);
    }

    #[test]
    fn a_message_that_moves_from_new_to_cur_between_the_listings_is_seen() {
        let fixture = Fixture::new(&["new/1.a"]);
        fixture.rename_at(Moment::ListedNew, 0, "new/1.a", "cur/1.a:2,S");
        let listing = list(&fixture.directory, Scope::Both).unwrap();
        assert_eq!(names(&listing), ["1.a:2,S"]);
        assert!(
            listing.doubles.is_empty(),
            "it is one file, under two names one after the other"
        );
        assert_eq!(listing.disturbance, Disturbance::Disturbed);
    }

    #[test]
    fn a_message_missed_by_one_listing_is_not_gone() {
        let fixture = Fixture::new(&["cur/1.a:2,", "cur/2.b:2,"]);
        let mut listing = list(&fixture.directory, Scope::Both).unwrap();
        // What a listing looks like that missed both, of which one was then removed.
        listing.found = Found::default();
        std::fs::remove_file(fixture.home.path().join("cur/2.b:2,")).unwrap();
        let missing = vec![Box::from(&b"1.a"[..]), Box::from(&b"2.b"[..])];
        let gone = confirm_missing(&fixture.directory, Scope::Both, &mut listing, missing).unwrap();
        assert_eq!(gone.bases, [Box::from(&b"2.b"[..])]);
        assert_eq!(names(&listing), ["1.a:2,"]);
    }

    #[test]
    fn a_file_is_looked_for_as_long_as_the_directory_is_busy() {
        let fixture = Fixture::new(&["cur/1.a:2,"]);
        let hidden = fixture.home.path().join("hidden");
        std::fs::rename(fixture.home.path().join("cur/1.a:2,"), &hidden).unwrap();
        let mut listing = list(&fixture.directory, Scope::Both).unwrap();
        // Every pass is disturbed; the third brings the file back.
        let home = fixture.home.path().to_owned();
        let passes = AtomicUsize::new(0);
        fixture.directory.moments().set(move |moment| {
            if moment == Moment::Listed {
                let pass = passes.fetch_add(1, Ordering::SeqCst);
                std::fs::write(home.join(format!("cur/noise{pass}:2,")), "x").unwrap();
                if pass == 2 {
                    std::fs::rename(&hidden, home.join("cur/1.a:2,S")).unwrap();
                }
            }
        });
        let gone = confirm_missing(
            &fixture.directory,
            Scope::Both,
            &mut listing,
            vec![Box::from(&b"1.a"[..])],
        )
        .unwrap();
        assert!(gone.bases.is_empty());
        assert!(names(&listing).contains(&"1.a:2,S".to_owned()));
    }

    #[test]
    fn a_directory_that_changed_a_moment_ago_may_change_again_and_look_the_same() {
        let fixture = Fixture::new(&["cur/1.a:2,"]);
        let versions = fixture.directory.versions().unwrap();
        let now = clock::since_epoch();
        let changed = now - versions.cur.age(now).unwrap();
        assert!(is_fresh(versions, changed + TICK / 2));
        assert!(!is_fresh(versions, changed + Duration::from_secs(1)));
        let by_a_clock_that_is_ahead = changed - Duration::from_secs(1);
        assert!(!is_fresh(versions, by_a_clock_that_is_ahead));
    }

    #[test]
    fn two_files_with_one_base_name_are_told() {
        let fixture = Fixture::new(&["new/1.a", "cur/1.a:2,S"]);
        let listing = list(&fixture.directory, Scope::Both).unwrap();
        assert_eq!(names(&listing), ["1.a:2,S"]);
        assert_eq!(
            listing.doubles,
            [Double {
                file: FoundFile {
                    subdirectory: Subdirectory::New,
                    name: Box::from(&b"1.a"[..])
                },
                other: FoundFile {
                    subdirectory: Subdirectory::Cur,
                    name: Box::from(&b"1.a:2,S"[..])
                }
            }]
        );
    }
}
