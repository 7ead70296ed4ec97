//! The files of annotations: `annotations` in a mailbox's directory, with which it is renamed and removed, and
//! `server-annotations` in the account's root.

use std::io;
use std::os::fd::BorrowedFd;

use imap_backend::{Error, Metadata, MetadataChange};

use crate::disk::control_file::{self, Replacement};
use crate::disk::dotlock::Dotlock;
use crate::disk::storage::Mode;
use crate::format::annotations;

/// Whose annotations they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Annotated {
    Mailbox,
    Server,
}

impl Annotated {
    const fn file_name(self) -> &'static str {
        match self {
            Self::Mailbox => "annotations",
            Self::Server => "server-annotations",
        }
    }

    const fn temporary_name(self) -> &'static str {
        match self {
            Self::Mailbox => "annotations.tmp",
            Self::Server => "server-annotations.tmp",
        }
    }
}

/// What is read of a file, octets: twice all values, for the octets that are escaped, and the names.
const LARGEST: u64 = (2 * Metadata::MOST_OCTETS + 300 * Metadata::MOST_ENTRIES) as u64;

pub(crate) fn read(directory: BorrowedFd<'_>, annotated: Annotated) -> io::Result<Metadata> {
    let octets = control_file::read(directory, annotated.file_name(), LARGEST)?;
    Ok(annotations::parse(&octets.unwrap_or_default()))
}

/// Makes all of these changes, or none, durably. [`Held`](crate::disk::dotlock::Held) is one of the errors; the inner one
/// says that there would be too many.
pub(crate) fn change(
    directory: BorrowedFd<'_>,
    annotated: Annotated,
    changes: &[MetadataChange],
) -> io::Result<Result<(), Error>> {
    let lock = Dotlock::take(directory, annotated.file_name())?;
    let mut metadata = read(directory, annotated)?;
    if let Err(error) = metadata.apply(changes) {
        return Ok(Err(error));
    }
    lock.check()?;
    Replacement {
        name: annotated.file_name(),
        temporary: annotated.temporary_name(),
        octets: &annotations::write(&metadata),
        mode: Mode::RUSR | Mode::WUSR,
        modified: None,
    }
    .put(directory)?;
    Ok(Ok(()))
}
