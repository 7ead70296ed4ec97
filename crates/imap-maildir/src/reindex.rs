//! The indices of a user's mailboxes, made anew.

use std::io;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::{Arc, Weak};

use imap_backend::{Error, ErrorKind, Need};
use imap_seq::Uid;

use crate::account::Account;
use crate::disk::directory::Directory;
use crate::disk::index_file::{FILE_NAME, IndexFile};
use crate::disk::storage;
use crate::mailbox::error::{from_io, panicked};
use crate::mailbox::fill::{Turn, turn};
use crate::mailbox::open::OpenMailbox;

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
    /// Its index of texts is being filled.
    Filling {
        /// How many messages it has.
        done: u64,
        /// How many there are.
        of: u64,
    },
    /// It is there, of so many messages.
    Made(u64),
    /// It is there, but so many messages are not in the index of texts: that cannot be written, or another process has it.
    NotFilled(u64),
    /// The mailbox is too small to have one.
    Small,
    /// Another process has it: it stays as it is.
    InUse,
}

impl Account {
    /// Makes the index of each mailbox anew, and fills its index of texts, if there is to be one.
    pub(crate) async fn reindex(self: &Arc<Self>, mut told: impl FnMut(&str, Indexed)) -> Result<(), Error> {
        let names = self.blocking(|account| account.mailboxes()).await?;
        let _lent = self.lend_filler();
        for name in names {
            let path = self.find(&name, ErrorKind::NonExistent).await?;
            let account = Arc::clone(self);
            let discard = move || account.discard_index(&path);
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
            let indexed = index(&mailbox, |indexed| told(name.as_str(), indexed)).await?;
            self.close(mailbox.into_inner()).await?;
            told(name.as_str(), indexed);
        }
        Ok(())
    }

    /// Removes an index that nobody has. Blocks.
    fn discard_index(&self, path: &Path) -> io::Result<()> {
        let root = self.root_handle()?;
        let directory = Directory::open_held(self.location(root.as_fd(), path))?;
        if storage::status(directory.root(), FILE_NAME).is_ok() {
            IndexFile::open(&directory, path, &self.claims())?.discard(&directory);
        }
        Ok(())
    }
}

/// Reads what an index has of each message, and writes it.
async fn index(mailbox: &Arc<OpenMailbox>, mut told: impl FnMut(Indexed)) -> Result<Indexed, Error> {
    if !mailbox.has_index() {
        return Ok(Indexed::Small);
    }
    let uids: Vec<Uid> = mailbox.hub.lock().all().iter().collect();
    let (mut done, of) = (0, uids.len() as u64);
    for batch in uids.chunks(BATCH) {
        told(Indexed::Reading { done, of });
        let need = Need::SUMMARY.and(Need::SIZE).and(Need::INTERNAL_DATE);
        mailbox.read(batch, need).await?;
        done += batch.len() as u64;
    }
    let save = mailbox.write(|mailbox, writer| {
        mailbox.save(writer);
        Ok(())
    });
    save.await?;
    let lacking = fill(mailbox, |done| told(Indexed::Filling { done, of })).await?;
    Ok(match lacking {
        0 => Indexed::Made(of),
        lacking => Indexed::NotFilled(lacking),
    })
}

/// Takes the messages into the index of texts that it does not have, a segment at a time. Gives how many it still does not have
/// at the end; none where there is to be no such index.
async fn fill(mailbox: &Arc<OpenMailbox>, mut told: impl FnMut(u64)) -> Result<u64, Error> {
    if !mailbox.is_full_text() {
        return Ok(0);
    }
    loop {
        let (open, all) = (Arc::clone(mailbox), mailbox.hub.lock().all().clone());
        let known = move || open.texts().map(|texts| texts.known().intersection(&all).len());
        let known = tokio::task::spawn_blocking(known).await.map_err(panicked)?;
        let (done, of) = (known.unwrap_or(0), mailbox.hub.lock().all().len());
        told(done);
        let open: Weak<OpenMailbox> = Arc::downgrade(mailbox);
        let turned = tokio::task::spawn_blocking(move || turn(&open, |_| true)).await;
        if turned.map_err(panicked)? == Turn::Ends {
            return Ok(of.saturating_sub(done));
        }
    }
}
