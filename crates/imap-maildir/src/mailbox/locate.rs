//! The files of messages that other programs rename while we work with them.

use std::io;

use crate::disk::directory::Directory;
use crate::disk::found::Found;
use crate::disk::scan::{self, Disturbance, FoundFile, Scope};
use crate::mailbox::index::Entry;

/// A program that renames a message again and again may win this often, not for ever.
const ATTEMPTS: usize = 10;
/// How many listings have to miss a file while the directories keep changing before it counts as gone.
const PASSES: usize = 6;

/// Finds the files of a batch of messages where they are not under the names that are known.
///
/// The first that is missing has the directories listed, for all that come after it too: another program may have renamed
/// every message of a large mailbox. They are listed again only for a message whose file was renamed since.
pub(crate) struct Finder<'a> {
    directory: &'a Directory,
    /// Each from the latest listing that had it.
    found: Found,
    /// How many listings were made.
    passes: usize,
    /// Whether one of them was complete.
    is_complete: bool,
}

impl<'a> Finder<'a> {
    pub(crate) fn new(directory: &'a Directory) -> Self {
        Self {
            directory,
            found: Found::default(),
            passes: 0,
            is_complete: false,
        }
    }

    /// Whether messages were not under the names that are known.
    pub(crate) fn has_listed(&self) -> bool {
        self.passes > 0
    }

    /// Does something with a message's file; where other programs renamed it, finds it and tries again.
    ///
    /// `work` says `NotFound` where the file is not under the name that it gets. Gives its result, and the name with which
    /// it succeeded; `None` when the message is gone.
    pub(crate) fn with_file<T>(
        &mut self,
        known: &Entry,
        mut work: impl FnMut(&Entry) -> io::Result<T>,
    ) -> io::Result<Option<(T, Entry)>> {
        let mut entry = known.clone();
        for _ in 0..ATTEMPTS {
            match work(&entry) {
                Ok(result) => return Ok(Some((result, entry))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            match self.find(&entry)? {
                Some(file) => entry = entry.renamed(file.subdirectory, file.name),
                None => return Ok(None),
            }
        }
        Err(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "another program keeps renaming the message",
        ))
    }

    /// The file of a message that is not under the name of `entry`; `None` when it is gone.
    ///
    /// A message that a complete listing did not have is gone, however much was renamed since.
    fn find(&mut self, entry: &Entry) -> io::Result<Option<FoundFile>> {
        if let Some(file) = self.elsewhere(entry) {
            return Ok(Some(file));
        }
        let is_stale = self.found.contains(entry.base());
        if !is_stale && (self.is_complete || self.passes >= PASSES) {
            return Ok(None);
        }
        // Renamed or removed since it was listed, or not listed yet.
        for _ in 0..PASSES {
            let (file, has_all) = match self.list(entry.base()) {
                // The whole mailbox is gone.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                listed => listed?,
            };
            // Also under the name that `entry` has: it may have come back there.
            if file.is_some() {
                return Ok(file);
            }
            if has_all == Disturbance::Undisturbed {
                break;
            }
        }
        Ok(None)
    }

    /// The file with the base name of `entry` and another name.
    fn elsewhere(&self, entry: &Entry) -> Option<FoundFile> {
        let file = self.found.get(entry.base())?;
        let is_elsewhere = file.subdirectory != entry.subdirectory || file.name[..] != entry.name[..];
        is_elsewhere.then(|| FoundFile::of(file))
    }

    /// Lists once more. Gives what this listing has of a message: what an earlier one had may have gone since.
    fn list(&mut self, base: &[u8]) -> io::Result<(Option<FoundFile>, Disturbance)> {
        let listing = scan::list(self.directory, Scope::Both)?;
        self.passes += 1;
        let file = listing.found.get(base).map(FoundFile::of);
        if listing.disturbance == Disturbance::Undisturbed {
            self.is_complete = true;
            self.found = listing.found;
        } else {
            self.found.extend(&listing.found);
        }
        Ok((file, listing.disturbance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::directory::Subdirectory;
    use crate::disk::interference::Moment;
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Fixture {
        home: tempfile::TempDir,
        directory: Directory,
        listings: Arc<AtomicUsize>,
    }

    impl Fixture {
        fn new(files: &[String]) -> Self {
            let home = tempfile::tempdir().unwrap();
            let directory = Directory::open(home.path()).unwrap();
            for file in files {
                std::fs::write(home.path().join("cur").join(file), "x").unwrap();
            }
            let listings: Arc<AtomicUsize> = Arc::default();
            let fixture = Self {
                home,
                directory,
                listings,
            };
            fixture.at_each_listing(|_| {});
            fixture
        }

        /// `act` comes when `new/` has been listed and `cur/` has not.
        fn at_each_listing(&self, act: impl Fn(usize) + Send + Sync + 'static) {
            let listings = Arc::clone(&self.listings);
            self.directory.moments().set(move |moment| {
                if moment == Moment::ListedNew {
                    act(listings.fetch_add(1, Ordering::SeqCst));
                }
            });
        }

        fn listings(&self) -> usize {
            self.listings.load(Ordering::SeqCst)
        }
    }

    fn rename(home: &Path, from: &str, to: &str) {
        std::fs::rename(home.join("cur").join(from), home.join("cur").join(to)).unwrap();
    }

    /// The name under which the file of a message is found that was known as `cur/{base}:2,`.
    fn find(finder: &mut Finder<'_>, base: &str) -> Option<String> {
        let known = Entry::new(Subdirectory::Cur, format!("{base}:2,").into_bytes());
        let directory = finder.directory;
        let found = finder.with_file(&known, |entry| directory.status(entry.at()).map(drop));
        let (_, entry) = found.unwrap()?;
        Some(String::from_utf8(entry.name.to_vec()).unwrap())
    }

    /// T12.
    #[test]
    fn a_thousand_renamed_messages_and_a_thousand_that_are_gone_are_one_listing() {
        let names: Vec<_> = (0..1000).map(|number| format!("{number}.a:2,F")).collect();
        let fixture = Fixture::new(&names);
        scan::wait_for_tick();
        let mut finder = Finder::new(&fixture.directory);
        for (number, name) in names.iter().enumerate() {
            assert_eq!(find(&mut finder, &format!("{number}.a")).as_ref(), Some(name));
            assert_eq!(find(&mut finder, &format!("{number}.gone")), None);
        }
        assert_eq!(fixture.listings(), 1);
    }

    #[test]
    fn while_all_are_where_they_were_nothing_is_listed() {
        let fixture = Fixture::new(&["1.a:2,".to_owned()]);
        let mut finder = Finder::new(&fixture.directory);
        assert_eq!(find(&mut finder, "1.a").unwrap(), "1.a:2,");
        assert!(!finder.has_listed() && fixture.listings() == 0);
    }

    #[test]
    fn a_message_that_is_renamed_after_the_listing_is_found_by_another_one() {
        let fixture = Fixture::new(&["1.a:2,F".to_owned(), "2.b:2,F".to_owned()]);
        let mut finder = Finder::new(&fixture.directory);
        find(&mut finder, "1.a").unwrap();
        rename(fixture.home.path(), "2.b:2,F", "2.b:2,FS");
        assert_eq!(find(&mut finder, "2.b").unwrap(), "2.b:2,FS");
        assert_eq!(fixture.listings(), 2);
    }

    #[test]
    fn a_message_that_goes_to_and_fro_between_two_names_is_not_gone() {
        let fixture = Fixture::new(&["1.a:2,".to_owned()]);
        let home = fixture.home.path().to_owned();
        let names = ["1.a:2,", "1.a:2,F"];
        let mut attempts = 0;
        let mut finder = Finder::new(&fixture.directory);
        let known = Entry::new(Subdirectory::Cur, names[0].as_bytes().to_vec());
        // Away just before each attempt, and back just after it: every listing finds the name that has failed.
        let result = finder.with_file(&known, |_| {
            rename(&home, names[0], names[1]);
            rename(&home, names[1], names[0]);
            attempts += 1;
            Err::<(), _>(io::ErrorKind::NotFound.into())
        });
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        assert_eq!(attempts, ATTEMPTS);
    }

    #[test]
    fn a_listing_that_was_disturbed_proves_no_absence() {
        let fixture = Fixture::new(&["1.a:2,F".to_owned(), "2.b:2,F".to_owned()]);
        // The first listing misses 1.a, because another program is renaming it just then.
        let home = fixture.home.path().to_owned();
        rename(&home, "1.a:2,F", "../hidden");
        let (hidden, target) = (home.join("hidden"), home.join("cur/1.a:2,S"));
        fixture.at_each_listing(move |listing| {
            std::fs::write(home.join(format!("new/noise{listing}")), "x").unwrap();
            if listing == 1 {
                std::fs::rename(&hidden, &target).unwrap();
            }
        });
        let mut finder = Finder::new(&fixture.directory);
        assert_eq!(find(&mut finder, "1.a").unwrap(), "1.a:2,S");
    }

    #[test]
    fn a_message_that_goes_after_a_disturbed_listing_had_it_is_gone_though_all_listings_are_disturbed() {
        let fixture = Fixture::new(&["1.a:2,F".to_owned(), "2.b:2,F".to_owned()]);
        let home = fixture.home.path().to_owned();
        fixture.at_each_listing(move |listing| {
            std::fs::write(home.join(format!("new/noise{listing}")), "x").unwrap();
        });
        let mut finder = Finder::new(&fixture.directory);
        assert_eq!(find(&mut finder, "1.a").unwrap(), "1.a:2,F");
        std::fs::remove_file(fixture.home.path().join("cur/2.b:2,F")).unwrap();
        assert_eq!(find(&mut finder, "2.b"), None);
        assert!(fixture.listings() <= 2 * PASSES);
    }

    #[test]
    fn many_that_are_gone_while_others_keep_changing_are_a_few_listings() {
        let fixture = Fixture::new(&["1.a:2,F".to_owned()]);
        let home = fixture.home.path().to_owned();
        fixture.at_each_listing(move |listing| {
            std::fs::write(home.join(format!("new/noise{listing}")), "x").unwrap();
        });
        let mut finder = Finder::new(&fixture.directory);
        for number in 0..100 {
            assert_eq!(find(&mut finder, &format!("{number}.gone")), None);
        }
        assert!(fixture.listings() <= PASSES, "{}", fixture.listings());
    }
}
