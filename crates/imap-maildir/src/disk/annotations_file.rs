//! The files of annotations: `annotations` in a mailbox's directory, with which it is renamed and removed, and
//! `server-annotations` in the account's root.

use std::io;
use std::os::fd::BorrowedFd;

use imap_backend::{Error, Metadata, MetadataChange};

use crate::disk::hold::Sharing;
use crate::disk::locked_file::LockedFile;
use crate::format::annotations;

/// Whose annotations they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Annotated {
    Mailbox,
    Server,
}

impl Annotated {
    const fn file(self) -> LockedFile {
        let (name, temporary) = match self {
            Self::Mailbox => ("annotations", "annotations.tmp"),
            Self::Server => ("server-annotations", "server-annotations.tmp"),
        };
        LockedFile {
            name,
            temporary,
            largest: LARGEST,
        }
    }
}

/// What is read of a file, octets: twice all values, for the octets that are escaped, and the names.
const LARGEST: u64 = (2 * Metadata::MOST_OCTETS + 300 * Metadata::MOST_ENTRIES) as u64;

pub(crate) fn read(directory: BorrowedFd<'_>, annotated: Annotated) -> io::Result<Metadata> {
    let octets = annotated.file().read(directory)?;
    Ok(annotations::parse(&octets.unwrap_or_default()))
}

/// Makes all of these changes, or none, durably. [`Held`](crate::disk::dotlock::Held) is one of the errors; the inner one
/// says that there would be too many.
pub(crate) fn change(
    directory: BorrowedFd<'_>,
    sharing: Sharing,
    annotated: Annotated,
    changes: &[MetadataChange],
) -> io::Result<Result<(), Error>> {
    let mut applied = Ok(());
    annotated.file().change(directory, sharing, |octets| {
        let mut metadata = annotations::parse(&octets.unwrap_or_default());
        applied = metadata.apply(changes);
        Ok(applied.is_ok().then(|| annotations::write(&metadata)))
    })?;
    Ok(applied)
}
