//! The keys of messages, gathered in any order and sorted in the end.

use imap_seq::{Uid, UidSet};

use super::key::{Entry, Octets, Sortable, need};
use super::{SortKey, paced};
use crate::error::Error;
use crate::mailbox::Mailbox;
use crate::record::Need;
use crate::search::header;
use crate::search::pace::Pace;
use crate::walk::Walk;

/// What it takes to make the key of a message, as much as so many octets of text; see [`Pace`].
const KEY_WORK: usize = 512;

/// The keys of messages that are to be sorted: those that [`Mailbox::fetch`] knows ([`read`](Self::read)), and those of a store that
/// reads what they are made of faster by itself ([`add`](Self::add)).
///
/// # Complexity
/// That of [`sort::evaluate`](super::evaluate).
#[derive(Debug)]
pub struct Keys {
    by: Vec<SortKey>,
    octets: Octets,
    entries: Vec<Entry>,
    is_whole: bool,
}

impl Keys {
    /// Of no message yet. A criterion that comes a second time says nothing.
    #[must_use]
    pub fn new(by: &[SortKey]) -> Self {
        let mut first: Vec<SortKey> = Vec::new();
        for key in by {
            if first.iter().all(|before| before.by() != key.by()) {
                first.push(*key);
            }
        }
        Self {
            by: first,
            octets: Octets::default(),
            entries: Vec::new(),
            is_whole: true,
        }
    }

    /// What has to be known of a message.
    #[must_use]
    pub fn need(&self) -> Need {
        need(&self.by)
    }

    /// Adds a message, which is not added twice.
    pub fn add(&mut self, message: &Sortable<'_>) {
        self.entries.push(self.octets.add(&self.by, message));
    }

    /// Adds these messages. Those that are gone are left out; one whose header cannot be read counts as one without any field.
    ///
    /// The future gives way after some hundred messages. Dropped, it reads no further.
    ///
    /// # Errors
    /// Those of [`Mailbox::fetch`].
    pub async fn read<M: Mailbox + ?Sized>(&mut self, mailbox: &mut M, uids: &UidSet) -> Result<(), Error> {
        let need = self.need();
        let mut pace = Pace::new();
        let mut walk = Walk::new(uids.iter(), need);
        while let Some(records) = walk.next(mailbox).await? {
            for record in records.into_records() {
                let mut summary = None;
                if need.includes_octets() {
                    summary = header(&record, &mut pace).await?;
                    self.is_whole &= summary.is_some();
                }
                self.add(&Sortable::of(
                    &record,
                    summary.as_ref().map(|summary| summary.header()),
                ));
                pace.after(KEY_WORK).await;
            }
        }
        Ok(())
    }

    /// The messages in their order: those that are equal by all criteria in that of the mailbox. Gives way now and then.
    pub async fn sorted(self) -> Vec<Uid> {
        let Self { octets, entries, .. } = self;
        let compare = |one: &Entry, other: &Entry| octets.compare(one, other);
        let entries = paced::sorted(entries, compare, &mut Pace::new()).await;
        entries.iter().map(Entry::uid).collect()
    }

    /// Whether every header could be read.
    pub(super) const fn is_whole(&self) -> bool {
        self.is_whole
    }
}
