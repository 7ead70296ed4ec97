//! Handles with a fault.

use crate::world::World;
use bytes::Bytes;
use imap_backend::{Body, Error, ErrorKind, Mailbox, MailboxName, Need, ReadBody, Select, Session};
use imap_updates::Access;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Reads at most so many octets at a time, whatever is asked for.
pub(crate) struct Short(pub(crate) Bytes);

impl ReadBody for Short {
    async fn size(&self) -> Result<u64, Error> {
        Ok(self.0.len() as u64)
    }

    async fn read_at(&self, offset: u64, at_most: usize) -> Result<Bytes, Error> {
        Body::from(self.0.clone())
            .read_at(offset, at_most.min(4000))
            .await
    }
}

/// Reads on from where it stopped, for all clones together, as a file does that is not told where to read.
pub(crate) struct Position {
    octets: Bytes,
    at: AtomicU64,
}

impl Position {
    pub(crate) fn new(octets: Bytes) -> Self {
        Self {
            octets,
            at: AtomicU64::new(0),
        }
    }
}

impl ReadBody for Position {
    async fn size(&self) -> Result<u64, Error> {
        Ok(self.octets.len() as u64)
    }

    async fn read_at(&self, _: u64, at_most: usize) -> Result<Bytes, Error> {
        let at = self.at.fetch_add(at_most as u64, Ordering::Relaxed);
        Body::from(self.octets.clone()).read_at(at, at_most).await
    }
}

/// Reads whatever message is now at this place of the mailbox, counted from 0.
pub(crate) struct Place {
    pub(crate) world: Arc<World>,
    pub(crate) name: MailboxName,
    pub(crate) place: usize,
}

impl Place {
    async fn now(&self) -> Result<Body, Error> {
        let how = Select::new(Access::ReadOnly);
        let opened = self.world.session().await.select(&self.name, &how).await?;
        let (mut mailbox, updates) = opened.into_parts();
        let uid = updates
            .view()
            .uids()
            .nth(self.place)
            .ok_or(ErrorKind::ExpungeIssued)?;
        let record = mailbox.fetch(&[uid], Need::BODY).await?.into_records().next();
        Ok(record.and_then(|record| record.body().cloned()).unwrap())
    }
}

impl ReadBody for Place {
    async fn size(&self) -> Result<u64, Error> {
        self.now().await?.size().await
    }

    async fn read_at(&self, offset: u64, at_most: usize) -> Result<Bytes, Error> {
        self.now().await?.read_at(offset, at_most).await
    }
}
