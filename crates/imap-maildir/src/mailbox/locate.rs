//! The file of a message that other programs rename while we work with it.

use std::io;

use crate::disk::directory::Directory;
use crate::disk::scan;
use crate::mailbox::index::Entry;

/// A program that renames a message again and again may win this often, not for ever.
const ATTEMPTS: usize = 10;

/// Does something with a message's file; where other programs renamed it, finds it and tries again.
///
/// `work` says `NotFound` where the file is not under the name that it gets. Gives its result, and the name with which it
/// succeeded; `None` when the message is gone.
pub(crate) fn with_file<T>(
    directory: &Directory,
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
        let found = match scan::find(directory, entry.base()) {
            // The whole mailbox is gone.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            found => found?,
        };
        match found {
            Some(file) => entry = entry.renamed(file.subdirectory, file.name),
            None => return Ok(None),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::ResourceBusy,
        "another program keeps renaming the message",
    ))
}
