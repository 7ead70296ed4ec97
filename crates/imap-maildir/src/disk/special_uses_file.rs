//! The file `special-uses` in an account's root directory.

use std::io;
use std::os::fd::BorrowedFd;

use crate::disk::hold::Sharing;
use crate::disk::locked_file::LockedFile;
use crate::format::special_uses::SpecialUses;

const FILE: LockedFile = LockedFile {
    name: "special-uses",
    temporary: "special-uses.tmp",
    largest: LARGEST,
};
/// How many mailboxes may have a line: more than there are uses, because mailboxes that lost theirs keep their line.
const MOST: usize = 1000;
/// What is read of a file, octets: some 400 for each of [`MOST`] names.
const LARGEST: u64 = 400 << 10;

/// The account has as many lines as it may have.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the file {} can have {MOST} mailboxes and {LARGEST} octets", FILE.name)]
struct TooMany;

/// The uses that were given.
pub(crate) fn read(root: BorrowedFd<'_>) -> io::Result<SpecialUses> {
    Ok(SpecialUses::parse(&FILE.read(root)?.unwrap_or_default()))
}

/// Changes the uses, durably. A change of nothing writes nothing. On an error nothing is changed;
/// [`Held`](crate::disk::dotlock::Held) is one.
pub(crate) fn change(
    root: BorrowedFd<'_>,
    sharing: Sharing,
    change: impl FnOnce(&mut SpecialUses),
) -> io::Result<()> {
    FILE.change(root, sharing, |octets| {
        let before = SpecialUses::parse(&octets.unwrap_or_default());
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return Ok(None);
        }
        let octets = after.write();
        if octets.len() as u64 >= LARGEST || after.len() > MOST {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, TooMany));
        }
        Ok(Some(octets))
    })
}
