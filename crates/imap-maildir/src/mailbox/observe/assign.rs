//! UIDs for files that have none.

use std::io;
use std::sync::Arc;

use imap_seq::Uid;
use imap_updates::Recency;

use super::{Arrival, Uids};
use crate::disk::clock;
use crate::disk::dotlock::Dotlock;
use crate::disk::scan::FoundFile;
use crate::format::file_name::arrival_order;
use crate::mailbox::open::{OpenMailbox, Writer};

/// What came of the files without a UID.
#[derive(Debug, Default)]
pub(super) struct Assigned {
    pub(super) arrivals: Vec<Arrival>,
    /// How many got no UID and stay hidden for now.
    pub(super) postponed: usize,
}

impl Assigned {
    fn postponed(count: usize) -> Self {
        Self {
            postponed: count,
            ..Self::default()
        }
    }
}

impl OpenMailbox {
    /// Gives UIDs, or postpones that where `uids` allows it.
    pub(super) fn assign(
        &self,
        writer: &mut Writer,
        files: Vec<FoundFile>,
        uids: Uids<'_>,
    ) -> io::Result<Assigned> {
        let count = files.len();
        match (count, uids) {
            (0, _) => Ok(Assigned::default()),
            (_, Uids::NotNow) => Ok(Assigned::postponed(count)),
            (_, Uids::Required(lock)) => self.assign_in_order(writer, lock, files),
            (_, Uids::OrLater(lock)) => {
                Ok(self.assign_in_order(writer, lock, files).unwrap_or_else(|error| {
                    tracing::warn!(%error, "new messages get no UID and stay hidden");
                    Assigned::postponed(count)
                }))
            }
        }
    }

    /// Gives UIDs in the order of arrival.
    fn assign_in_order(
        &self,
        writer: &mut Writer,
        lock: &Dotlock,
        mut files: Vec<FoundFile>,
    ) -> io::Result<Assigned> {
        files.sort_by_cached_key(|file| arrival_order(file.base()));
        for at_once in
            files.chunk_by_mut(|one, other| arrival_order(one.base()) == arrival_order(other.base()))
        {
            at_once.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        }
        let names = files.iter().map(|file| Arc::from(file.base())).collect();
        lock.keep()?;
        let uids = writer
            .list
            .assign(&self.directory, lock, names, clock::saved_at(), &|| {
                self.known_records()
            })?;
        let arrivals = uids.into_iter().zip(files).filter_map(|(uid, file)| {
            Some(Arrival {
                uid: Uid::new(uid)?,
                file,
                recency: Recency::Recent,
            })
        });
        Ok(Assigned {
            arrivals: arrivals.collect(),
            postponed: 0,
        })
    }
}
