//! The file `special-uses` in an account's root directory.

use std::io;
use std::os::fd::BorrowedFd;

use crate::disk::control_file::{self, Replacement};
use crate::disk::dotlock::Dotlock;
use crate::disk::storage::Mode;
use crate::format::special_uses::SpecialUses;

/// Its name.
pub(crate) const FILE_NAME: &str = "special-uses";
const TEMPORARY_NAME: &str = "special-uses.tmp";
/// How many mailboxes may have a line: more than there are uses, because mailboxes that lost theirs keep their line.
const MOST: usize = 1000;
/// What is read of a file, octets: some 400 for each of [`MOST`] names.
const LARGEST: u64 = 400 << 10;

/// The account has as many lines as it may have.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the file {FILE_NAME} can have {MOST} mailboxes and {LARGEST} octets")]
struct TooMany;

/// The uses that were given.
pub(crate) fn read(root: BorrowedFd<'_>) -> io::Result<SpecialUses> {
    let octets = control_file::read(root, FILE_NAME, LARGEST)?;
    Ok(SpecialUses::parse(&octets.unwrap_or_default()))
}

/// Changes the uses, durably. A change of nothing writes nothing. On an error nothing is changed;
/// [`Held`](crate::disk::dotlock::Held) is one.
pub(crate) fn change(root: BorrowedFd<'_>, change: impl FnOnce(&mut SpecialUses)) -> io::Result<()> {
    let lock = Dotlock::take(root, FILE_NAME)?;
    let before = read(root)?;
    let mut after = before.clone();
    change(&mut after);
    if after == before {
        return Ok(());
    }
    let octets = after.write();
    if octets.len() as u64 >= LARGEST || after.len() > MOST {
        return Err(io::Error::new(io::ErrorKind::QuotaExceeded, TooMany));
    }
    lock.check()?;
    Replacement {
        name: FILE_NAME,
        temporary: TEMPORARY_NAME,
        octets: &octets,
        mode: Mode::RUSR | Mode::WUSR,
        modified: None,
    }
    .put(root)?;
    Ok(())
}
