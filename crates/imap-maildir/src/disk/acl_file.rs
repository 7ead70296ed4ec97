//! `dovecot-acl` in a mailbox's directory, with which it is renamed and removed: who may do what there, shared with Dovecot.

use std::io;
use std::os::fd::BorrowedFd;

use crate::disk::control_file::Replacement;
use crate::disk::hold::Sharing;
use crate::disk::locked_file::LockedFile;
use crate::disk::storage::Mode;
use crate::format::acl::AclLines;

const FILE: LockedFile = LockedFile {
    name: "dovecot-acl",
    temporary: "dovecot-acl.tmp",
    // Of half a file nobody knows what it denies: a larger one is an error.
    largest: 2 << 20,
};

/// The text of the file; `None` where there is none.
pub(crate) fn read(directory: BorrowedFd<'_>) -> io::Result<Option<Vec<u8>>> {
    let octets = FILE.read(directory)?;
    FILE.check_read_whole(octets.as_deref())?;
    Ok(octets)
}

/// Changes the lines, durably. [`Held`](crate::disk::dotlock::Held) is one of the errors; on one of `change`'s own nothing is
/// written.
pub(crate) fn change<E>(
    directory: BorrowedFd<'_>,
    sharing: Sharing,
    change: impl FnOnce(&mut AclLines) -> Result<(), E>,
) -> io::Result<Result<(), E>> {
    let mut changed = Ok(());
    FILE.change(directory, sharing, |octets| {
        let before = AclLines::parse(&octets.unwrap_or_default());
        let mut lines = before.clone();
        changed = change(&mut lines);
        Ok((changed.is_ok() && lines != before).then(|| lines.write()))
    })?;
    Ok(changed)
}

/// Puts the text of another mailbox's file into a directory that nobody knows yet.
pub(crate) fn put(directory: BorrowedFd<'_>, octets: &[u8]) -> io::Result<()> {
    let replacement = Replacement {
        name: FILE.name,
        temporary: FILE.temporary,
        octets,
        mode: Mode::RUSR | Mode::WUSR,
        modified: None,
    };
    replacement.put(directory).map(drop)
}
