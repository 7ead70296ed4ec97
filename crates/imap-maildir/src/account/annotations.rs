//! Annotations of mailboxes, and of the server as this user sees it (RFC 5464).

use std::io;
use std::os::fd::AsFd as _;
use std::sync::Arc;

use imap_backend::{Error, ErrorKind, MailboxName, Metadata, MetadataChange};

use super::{Account, nonexistent};
use crate::disk::annotations_file::{self, Annotated};
use crate::disk::uidlist_file::UidListFile;
use crate::format::attributes::Subject;
use crate::format::mailbox_names::directory_name;
use crate::format::object_ids::MailboxGuid;

impl Account {
    pub(crate) async fn metadata(self: &Arc<Self>, name: Option<&MailboxName>) -> Result<Metadata, Error> {
        let place = place(name)?;
        let at = place.clone();
        let reading = self.blocking(move |account| account.annotated(at.as_deref())?.read());
        let found = reading.await.map_err(nonexistent)?;
        if found.is_in_old_file {
            let taking_over = self.blocking(move |account| {
                let annotated = account.annotated(place.as_deref())?;
                annotated.change(account.sharing(), &[])
            });
            // Otherwise the next question tries again: all that is there was read.
            if let Err(error) = taking_over.await.and_then(|taken_over| taken_over) {
                tracing::debug!(%error, maildir = ?self.root(), "annotations stay in the file of a former version");
            }
        }
        Ok(found.metadata)
    }

    pub(crate) async fn set_metadata(
        self: &Arc<Self>,
        name: Option<&MailboxName>,
        changes: &[MetadataChange],
    ) -> Result<(), Error> {
        let place = place(name)?;
        let subject = subject(place.as_deref());
        if !changes.iter().all(|(entry, _)| subject.admits(entry)) {
            return Err(ErrorKind::Cannot.into());
        }
        let at = place.clone();
        let asking = self.blocking(move |account| account.annotated(at.as_deref())?.has_guid());
        if !asking.await.map_err(nonexistent)? {
            self.write_guid(name).await?;
        }
        let changing = self.when_unlocked(|| {
            let (place, changes) = (place.clone(), changes.to_vec());
            self.blocking(move |account| {
                let annotated = account.annotated(place.as_deref())?;
                annotated.change(account.sharing(), &changes)
            })
        });
        changing.await.map_err(nonexistent)?
    }

    /// Where the annotations of a mailbox, by its directory, or of the server lie.
    fn annotated(&self, directory: Option<&str>) -> io::Result<Annotated> {
        Ok(Annotated {
            subject: subject(directory),
            root: self.tree.handle()?,
            // Those of the server are kept as INBOX's.
            directory: self.mailbox_directory(directory.unwrap_or_default())?,
        })
    }

    /// Has the UID list of a mailbox say its identifier, the one that clients were told.
    async fn write_guid(self: &Arc<Self>, name: Option<&MailboxName>) -> Result<(), Error> {
        let inbox = MailboxName::inbox();
        let mailbox = self
            .mailbox(name.unwrap_or(&inbox), ErrorKind::NonExistent)
            .await?;
        mailbox.look().await?;
        self.when_unlocked(|| {
            let mailbox = Arc::clone(&mailbox);
            self.blocking(move |_| UidListFile::write_guid(&mailbox.directory, mailbox.guid))
        })
        .await
    }

    /// Removes the annotations of a mailbox that is gone. It may fail: nobody can reach them, no other mailbox has its identifier.
    pub(super) async fn forget_annotations(self: &Arc<Self>, guid: MailboxGuid) {
        let forgetting = self.when_unlocked(|| {
            self.blocking(move |account| {
                annotations_file::forget(account.tree.handle()?.as_fd(), account.sharing(), guid)
            })
        });
        if let Err(error) = forgetting.await {
            self.tell("annotations of a mailbox that is gone stay", "*", &error);
        }
    }
}

const fn subject(directory: Option<&str>) -> Subject {
    match directory {
        Some(_) => Subject::Mailbox,
        None => Subject::Server,
    }
}

fn place(name: Option<&MailboxName>) -> Result<Option<String>, Error> {
    let directory = name.map(directory_name).transpose();
    directory.map_err(|error| Error::new(ErrorKind::NonExistent).with_source(error))
}
