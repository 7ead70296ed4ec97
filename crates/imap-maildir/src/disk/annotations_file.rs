//! The files of annotations: Dovecot's `dovecot-attributes` in the account's root, which has those of all mailboxes and of the server,
//! and those of former versions, from which they are taken over: `annotations` in a mailbox's directory and `server-annotations` in
//! the root.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use imap_backend::{Error, ErrorKind, Metadata, MetadataChange};

use crate::disk::hold::Sharing;
use crate::disk::locked_file::LockedFile;
use crate::disk::storage;
use crate::disk::uidlist_file::written_guid;
use crate::format::annotations;
use crate::format::attributes::{Keys, Subject};
use crate::format::object_ids::MailboxGuid;

const FILE: LockedFile = LockedFile {
    name: "dovecot-attributes",
    temporary: "dovecot-attributes.tmp",
    largest: 8 << 20,
};

/// What would make it longer than this is refused. Dovecot may have made it longer.
const MOST_OCTETS: usize = 4 << 20;

/// What is read of a file of a former version, octets: twice all values, for the octets that are escaped, and the names.
const LARGEST_OLD: u64 = (2 * Metadata::MOST_OCTETS + 300 * Metadata::MOST_ENTRIES) as u64;

/// Where the annotations of a mailbox, or of the server, lie.
pub(crate) struct Annotated {
    pub(crate) subject: Subject,
    /// The account's root.
    pub(crate) root: OwnedFd,
    /// The mailbox's directory; the root for the server.
    pub(crate) directory: OwnedFd,
}

/// The annotations that are there.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) metadata: Metadata,
    /// Whether some of them are still in the file of a former version.
    pub(crate) is_in_old_file: bool,
}

/// The UID list says no identifier, and Dovecot's file knows mailboxes by theirs.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the mailbox has no identifier yet")]
struct WithoutGuid;

impl Annotated {
    /// Whether the mailbox has the identifier that a change needs.
    pub(crate) fn has_guid(&self) -> io::Result<bool> {
        Ok(written_guid(self.directory.as_fd())?.is_some())
    }

    pub(crate) fn read(&self) -> io::Result<Found> {
        // Who takes them over removes this file last.
        let old = self.read_old()?;
        let metadata = match written_guid(self.directory.as_fd())? {
            Some(guid) => {
                let octets = FILE.read(self.root.as_fd())?;
                Keys::new(self.subject, guid).read(&octets.unwrap_or_default())
            }
            None => Metadata::default(),
        };
        Ok(Found {
            is_in_old_file: old.is_some(),
            metadata: with_old(metadata, old),
        })
    }

    /// Makes all of these changes, or none, durably, and takes over what is in the file of a former version.
    /// [`Held`](crate::disk::dotlock::Held) is one of the errors; the inner one says that there would be too many.
    pub(crate) fn change(
        &self,
        sharing: Sharing,
        changes: &[MetadataChange],
    ) -> io::Result<Result<(), Error>> {
        let guid = written_guid(self.directory.as_fd())?.ok_or_else(|| io::Error::other(WithoutGuid))?;
        let keys = Keys::new(self.subject, guid);
        let mut applied = Ok(());
        let change = |octets: Option<Vec<u8>>| {
            let before = octets.unwrap_or_default();
            let old = self.read_old()?;
            let mut metadata = with_old(keys.read(&before), old);
            applied = metadata.apply(changes);
            if applied.is_err() {
                return Ok(None);
            }
            let after = keys.write(&before, &metadata);
            if after.len() > before.len().max(MOST_OCTETS) {
                applied = Err(ErrorKind::Limit.into());
                return Ok(None);
            }
            Ok(Some(after))
        };
        // Durably: it would bring back old values. And before another change: that would take them over once more.
        let remove_old = || match storage::unlink(&self.directory, self.old_name()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| storage::sync_directory(&self.directory)),
        };
        FILE.change_and_then(self.root.as_fd(), sharing, change, remove_old)?;
        Ok(applied)
    }

    const fn old_name(&self) -> &'static str {
        match self.subject {
            Subject::Mailbox => "annotations",
            Subject::Server => "server-annotations",
        }
    }

    fn read_old(&self) -> io::Result<Option<Metadata>> {
        let file = LockedFile {
            name: self.old_name(),
            temporary: "",
            largest: LARGEST_OLD,
        };
        let octets = file.read(self.directory.as_fd())?;
        file.check_read_whole(octets.as_deref())?;
        Ok(octets.map(|octets| annotations::parse(&octets)))
    }
}

/// Those of a former version go before: clients were told them last.
fn with_old(metadata: Metadata, old: Option<Metadata>) -> Metadata {
    let Some(old) = old else { return metadata };
    let both = metadata.iter().chain(old.iter());
    both.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Removes what is kept of a mailbox that is gone. [`Held`](crate::disk::dotlock::Held) is one of the errors.
pub(crate) fn forget(root: BorrowedFd<'_>, sharing: Sharing, guid: MailboxGuid) -> io::Result<()> {
    let there = FILE.read(root)?.unwrap_or_default();
    if Keys::forget(guid, &there).is_none() {
        return Ok(());
    }
    FILE.change(root, sharing, |octets| {
        Ok(Keys::forget(guid, &octets.unwrap_or_default()))
    })
}
