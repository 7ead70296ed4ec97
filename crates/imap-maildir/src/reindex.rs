//! The indices of a user's mailboxes, made anew.

use std::io;
use std::path::Path;
use std::sync::Arc;

use imap_backend::{Error, ErrorKind, Need};
use imap_seq::Uid;

use crate::account::Account;
use crate::disk::directory::Directory;
use crate::disk::index_file::{FILE_NAME, IndexFile};
use crate::disk::sqlite_file::Claims;
use crate::disk::storage::{self, CWD};
use crate::mailbox::error::{from_io, panicked};

/// Messages that are read at once.
const BATCH: usize = 256;

/// What becomes of a mailbox's index ([`MaildirBackend::reindex`](crate::MaildirBackend::reindex)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Indexed {
    /// Its messages are being read.
    Reading {
        /// How many have been.
        done: u64,
        /// How many there are.
        of: u64,
    },
    /// It is there, of so many messages.
    Made(u64),
    /// The mailbox is too small to have one.
    Small,
    /// Another process has it: it stays as it is.
    InUse,
}

impl Account {
    /// Makes the index of each mailbox anew.
    pub(crate) async fn reindex(self: &Arc<Self>, mut told: impl FnMut(&str, Indexed)) -> Result<(), Error> {
        let names = self.blocking(|account| account.mailboxes()).await?;
        for name in names {
            let path = self.find(&name, ErrorKind::NonExistent).await?;
            let claims = self.claims();
            let discard = move || discard(&path, &claims);
            match tokio::task::spawn_blocking(discard).await.map_err(panicked)? {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    told(name.as_str(), Indexed::InUse);
                    continue;
                }
                Err(error) => return Err(from_io(error)),
            }
            let mailbox = match self.mailbox(&name, ErrorKind::NonExistent).await {
                // Deleted meanwhile.
                Err(error) if error.kind() == ErrorKind::NonExistent => continue,
                mailbox => mailbox?,
            };
            if !mailbox.has_index() {
                told(name.as_str(), Indexed::Small);
                continue;
            }
            let uids: Vec<Uid> = mailbox.hub.lock().all().iter().collect();
            let (mut done, of) = (0, uids.len() as u64);
            for batch in uids.chunks(BATCH) {
                told(name.as_str(), Indexed::Reading { done, of });
                let need = Need::SUMMARY.and(Need::SIZE).and(Need::INTERNAL_DATE);
                mailbox.read(batch, need).await?;
                done += batch.len() as u64;
            }
            let save = mailbox.write(|mailbox, writer| {
                mailbox.save(writer);
                Ok(())
            });
            save.await?;
            told(name.as_str(), Indexed::Made(of));
        }
        Ok(())
    }
}

/// Removes an index that nobody has.
fn discard(directory: &Path, claims: &Arc<Claims>) -> io::Result<()> {
    if storage::status(CWD, directory.join(FILE_NAME)).is_ok() {
        IndexFile::open(&Directory::open(directory)?, directory, claims)?.discard();
    }
    Ok(())
}
