//! Annotations of mailboxes, and of the server as this user sees it (RFC 5464).

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use imap_backend::{Error, ErrorKind, MailboxName, Metadata, MetadataChange};

use super::{Account, nonexistent};
use crate::disk::annotations_file::{self, Annotated};
use crate::format::mailbox_names::directory_name;

impl Account {
    pub(crate) async fn metadata(self: &Arc<Self>, name: Option<&MailboxName>) -> Result<Metadata, Error> {
        let place = place(name)?;
        let reading = self.blocking(move |account| {
            let (directory, annotated) = account.annotated(place.as_deref())?;
            annotations_file::read(directory.as_fd(), annotated)
        });
        reading.await.map_err(nonexistent)
    }

    pub(crate) async fn set_metadata(
        self: &Arc<Self>,
        name: Option<&MailboxName>,
        changes: &[MetadataChange],
    ) -> Result<(), Error> {
        let place = place(name)?;
        let changing = self.when_unlocked(|| {
            let (place, changes) = (place.clone(), changes.to_vec());
            self.blocking(move |account| {
                let (directory, annotated) = account.annotated(place.as_deref())?;
                annotations_file::change(directory.as_fd(), account.sharing(), annotated, &changes)
            })
        });
        changing.await.map_err(nonexistent)?
    }

    /// The directory in which the annotations of a mailbox, or of the server, lie.
    fn annotated(&self, directory: Option<&str>) -> io::Result<(OwnedFd, Annotated)> {
        let Some(directory) = directory else {
            return Ok((self.tree.handle()?, Annotated::Server));
        };
        Ok((self.mailbox_directory(directory)?, Annotated::Mailbox))
    }
}

fn place(name: Option<&MailboxName>) -> Result<Option<String>, Error> {
    let directory = name.map(directory_name).transpose();
    directory.map_err(|error| Error::new(ErrorKind::NonExistent).with_source(error))
}
