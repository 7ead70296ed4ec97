//! UIDVALIDITY values that strictly increase over an account: `dovecot-uidvalidity` and `dovecot-uidvalidity.<8 hex digits>`.
//!
//! The value is in the second file's *name*: renaming it from the old value to the new one is an atomic counter. The first file
//! holds the value as text. A mailbox that is deleted and created again, or renamed onto a former name, thereby never has a former
//! mailbox's UIDVALIDITY. New values are the current time where that is larger, so that losing both files loses nothing.

use std::io;
use std::os::fd::BorrowedFd;

use crate::disk::control_file::{self, Replacement};
use crate::disk::dotlock::Dotlock;
use crate::disk::hold::Sharing;
use crate::disk::storage::{self, Mode};

/// The name of the file with the latest value.
const FILE_NAME: &str = "dovecot-uidvalidity";

/// Gives the next UIDVALIDITY of the account at `root`, not 0, larger than all before it; `now` in seconds since the epoch.
///
/// # Errors
/// As the system says. `StorageFull` when 2^32-1 was reached, [`Held`](crate::disk::dotlock::Held) while another program
/// takes a value.
pub(crate) fn next(root: BorrowedFd<'_>, sharing: Sharing, now: i64) -> io::Result<u32> {
    let _lock = lock(root, sharing)?;
    for _ in 0..1000 {
        let latest = latest(root)?;
        let now = u32::try_from(now).unwrap_or(1).max(1);
        let Some(next) = latest.map_or(Some(now), |latest| Some(latest.checked_add(1)?.max(now))) else {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                "the account has no UIDVALIDITY left to give",
            ));
        };
        if advance(root, latest, next)? == Advance::Done {
            // A crash between the two is harmless: readers take the larger of name and content.
            Replacement {
                name: FILE_NAME,
                temporary: &format!("{FILE_NAME}.tmp.{}", crate::disk::random::guid()?),
                octets: format!("{next:08x}").as_bytes(),
                mode: MODE,
                modified: None,
            }
            .put(root)?;
            return Ok(next);
        }
    }
    Err(faster())
}

/// Makes sure that [`next`] gives values above `value`, which a mailbox of the account already has. Gives the latest value.
///
/// # Errors
/// As the system says; [`Held`](crate::disk::dotlock::Held) while another program takes a value.
pub(crate) fn at_least(root: BorrowedFd<'_>, sharing: Sharing, value: u32) -> io::Result<u32> {
    if let Some(latest) = latest(root)?.filter(|latest| *latest >= value) {
        return Ok(latest);
    }
    let _lock = lock(root, sharing)?;
    for _ in 0..1000 {
        match latest(root)? {
            Some(latest) if latest >= value => return Ok(latest),
            latest if advance(root, latest, value)? == Advance::Done => return Ok(value),
            _ => {}
        }
    }
    Err(faster())
}

fn faster() -> io::Error {
    io::Error::new(
        io::ErrorKind::WouldBlock,
        "other programs keep taking UIDVALIDITY values",
    )
}

/// Keeps our other processes away while a value is taken.
///
/// The rename alone is not enough: a listing may miss the counter file while somebody renames it (see [`crate::disk::scan`]), and
/// the counter would be made anew with a value that has been given already.
fn lock(root: BorrowedFd<'_>, sharing: Sharing) -> io::Result<Dotlock> {
    Dotlock::take(root, FILE_NAME, sharing)
}

const MODE: Mode = Mode::RUSR.union(Mode::WUSR);

#[derive(PartialEq, Eq)]
enum Advance {
    Done,
    /// Another program was faster.
    Lost,
}

/// Not synced: mailboxes have their names in the same directory. Its changes become durable in their order, so none of them
/// comes or goes durably without this one.
fn advance(root: BorrowedFd<'_>, from: Option<u32>, to: u32) -> io::Result<Advance> {
    let target = format!("{FILE_NAME}.{to:08x}");
    let renamed = match from {
        Some(from) => storage::rename(root, &*format!("{FILE_NAME}.{from:08x}"), root, &*target),
        None => Err(io::ErrorKind::NotFound.into()),
    };
    match renamed {
        Ok(()) => {}
        // No counter file under that name: the first value, or only the text file was left, or somebody was faster.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if latest(root)? != from {
                return Ok(Advance::Lost);
            }
            match storage::create_file(root, &*target, MODE) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(Advance::Lost),
                Err(error) => return Err(error),
            }
        }
        Err(error) => return Err(error),
    }
    Ok(Advance::Done)
}

/// The largest value that the files tell of.
fn latest(root: BorrowedFd<'_>) -> io::Result<Option<u32>> {
    let mut latest = None;
    // Unreadable content counts as none: the counter file's name is the value that matters.
    if let Some(octets) = control_file::read(root, FILE_NAME, 16)? {
        latest = hexadecimal(octets.trim_ascii_end());
    }
    // Twice: Dovecot takes no lock, and a listing may miss what it renames.
    for _ in 0..2 {
        storage::list(root, |name, _| {
            let digits = name.to_bytes().strip_prefix(b"dovecot-uidvalidity.");
            latest = latest.max(digits.and_then(hexadecimal));
            Ok(())
        })?;
    }
    Ok(latest)
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    if digits.len() != 8 {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsFd as _;

    #[test]
    fn values_increase_strictly_within_one_second_and_follow_the_clock() {
        let home = tempfile::tempdir().unwrap();
        let root = File::open(home.path()).unwrap();
        let values: Vec<_> = [100, 100, 100, 500, 50]
            .map(|now| next(root.as_fd(), Sharing::Shared, now).unwrap())
            .into();
        assert_eq!(values, [100, 101, 102, 500, 501]);
        let mut names: Vec<_> = std::fs::read_dir(home.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["dovecot-uidvalidity", "dovecot-uidvalidity.000001f5"]);
        assert_eq!(std::fs::read(home.path().join(FILE_NAME)).unwrap(), b"000001f5");
    }

    #[test]
    fn either_file_alone_is_enough_to_go_on() {
        for kept in ["dovecot-uidvalidity", "dovecot-uidvalidity.0000ffff"] {
            let home = tempfile::tempdir().unwrap();
            std::fs::write(
                home.path().join(kept),
                if kept == FILE_NAME { "0000ffff" } else { "" },
            )
            .unwrap();
            let root = File::open(home.path()).unwrap();
            assert_eq!(next(root.as_fd(), Sharing::Shared, 5).unwrap(), 0x10000, "{kept}");
        }
    }

    #[test]
    fn the_end_of_all_values_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("dovecot-uidvalidity.ffffffff"), "").unwrap();
        let root = File::open(home.path()).unwrap();
        assert_eq!(
            next(root.as_fd(), Sharing::Shared, 5).unwrap_err().kind(),
            io::ErrorKind::StorageFull
        );
    }

    #[test]
    fn many_takers_at_once_get_different_values() {
        let home = tempfile::tempdir().unwrap();
        let root = File::open(home.path()).unwrap();
        let take_one = || loop {
            match next(root.as_fd(), Sharing::Shared, 7) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                taken => return taken.unwrap(),
            }
        };
        let take = || (0..20).map(|_| take_one()).collect::<Vec<_>>();
        let mut values: Vec<u32> = std::thread::scope(|scope| {
            let takers: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            takers
                .into_iter()
                .flat_map(|taker| taker.join().unwrap())
                .collect()
        });
        values.sort_unstable();
        let count = values.len();
        values.dedup();
        assert_eq!(values.len(), count);
    }

    #[test]
    fn a_value_that_a_mailbox_brought_along_is_never_given_again() {
        let home = tempfile::tempdir().unwrap();
        let root = File::open(home.path()).unwrap();
        let root = root.as_fd();
        at_least(root, Sharing::Shared, 3_000_000_000).unwrap();
        assert_eq!(next(root, Sharing::Shared, 1_700_000_000).unwrap(), 3_000_000_001);
        at_least(root, Sharing::Shared, 5).unwrap();
        assert_eq!(next(root, Sharing::Shared, 1_700_000_000).unwrap(), 3_000_000_002);
    }
}
