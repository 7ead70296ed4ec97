//! The messages that become known, in parts: of a million of them no more than one part is in memory beside their names.
//!
//! First come those to which another program gave UIDs, then those that get one here, in the order of arrival.

use std::io;
use std::sync::Arc;
use std::vec::IntoIter;

use imap_seq::{ModSeq, Uid};
use imap_updates::Recency;

use super::compare::Comparison;
use super::{Arrival, Uids};
use crate::disk::clock;
use crate::disk::directory::Subdirectory;
use crate::disk::dotlock::Dotlock;
use crate::disk::found::Found;
use crate::disk::scan::FoundFile;
use crate::format::file_name::{arrival_order, split};
use crate::format::flags::Info;
use crate::mailbox::open::{OpenMailbox, Trouble, Writer};

/// So many messages become known at once, some 300 octets each.
const PART: usize = if cfg!(test) { 3 } else { 32_768 };

/// The messages that are yet to become known.
#[derive(Debug)]
pub(super) struct Coming {
    files: Found,
    /// Ascending, with the mod-sequences that they keep.
    recorded: IntoIter<(Uid, u32, Option<ModSeq>)>,
    /// In the order of arrival.
    without_uid: IntoIter<u32>,
    /// How many got no UID and stay hidden for now.
    pub(super) postponed: usize,
}

impl Coming {
    /// All messages of a comparison that are not known, of which the numbers of those that were there when the mailbox was
    /// closed are kept. From here on none of them counts as one that another process numbered.
    pub(super) fn of(comparison: &mut Comparison, writer: &mut Writer) -> Self {
        let files = std::mem::take(&mut comparison.files);
        let mut recorded = std::mem::take(&mut comparison.recorded);
        recorded.sort_unstable_by_key(|(uid, _)| *uid);
        let kept = |(uid, number)| (uid, number, keep_number(writer, uid, files.file(number).name));
        let recorded: Vec<_> = recorded.into_iter().map(kept).collect();
        let without_uid = in_order_of_arrival(&files, &comparison.without_uid);
        Self {
            files,
            recorded: recorded.into_iter(),
            without_uid: without_uid.into_iter(),
            postponed: 0,
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.recorded.len() + self.without_uid.len()
    }

    /// Whether all are known that have a UID by another program.
    pub(super) fn has_no_recorded(&self) -> bool {
        self.recorded.len() == 0
    }

    fn take_recorded(&mut self) -> Vec<Arrival> {
        let recorded = self.recorded.by_ref().take(PART);
        let arrival = |(uid, number, kept)| {
            let file = FoundFile::of(self.files.file(number));
            // Found in `new/`: no session has been told of it.
            let recency = match file.subdirectory {
                Subdirectory::New => Recency::Recent,
                Subdirectory::Cur => Recency::NotRecent,
            };
            Arrival {
                uid,
                file,
                recency,
                kept,
            }
        };
        recorded.map(arrival).collect()
    }

    fn take_without_uid(&mut self, most: usize) -> Vec<FoundFile> {
        let numbers = self.without_uid.by_ref().take(most);
        numbers
            .map(|number| FoundFile::of(self.files.file(number)))
            .collect()
    }

    /// The others without a UID stay hidden too.
    fn postpone(&mut self, count: usize) {
        self.postponed = count + self.without_uid.len();
        self.without_uid = IntoIter::default();
    }
}

impl OpenMailbox {
    /// The next part, ascending by UID; empty at the end. Gives UIDs, or postpones that where `uids` allows it.
    pub(super) fn next_part(
        &self,
        writer: &mut Writer,
        coming: &mut Coming,
        uids: Uids<'_>,
    ) -> io::Result<Vec<Arrival>> {
        let mut part = coming.take_recorded();
        let files = coming.take_without_uid(PART - part.len());
        if files.is_empty() {
            return Ok(part);
        }
        let count = files.len();
        let assigned = match uids {
            Uids::NotNow => None,
            Uids::Required(lock) => Some(self.assign(writer, lock, files)?),
            Uids::OrLater(lock) => match self.assign(writer, lock, files) {
                Ok(assigned) => Some(assigned),
                Err(error) => {
                    if self.is_to_be_logged(Trouble::NoUid) {
                        tracing::warn!(path = %self.path().display(), %error, "new messages get no UID and stay hidden");
                    }
                    None
                }
            },
        };
        match assigned {
            Some(assigned) => part.extend(assigned),
            None => coming.postpone(count),
        }
        Ok(part)
    }

    /// Gives UIDs, in this order.
    fn assign(&self, writer: &mut Writer, lock: &Dotlock, files: Vec<FoundFile>) -> io::Result<Vec<Arrival>> {
        let names = files.iter().map(|file| Arc::from(file.base())).collect();
        lock.keep()?;
        let uids = writer
            .list
            .assign(&self.directory, lock, names, clock::saved_at(), &|| {
                self.known_records()
            })?;
        let arrival = |(uid, file): (u32, FoundFile)| {
            let uid = Uid::new(uid)?;
            Some(Arrival {
                uid,
                kept: keep_number(writer, uid, &file.name),
                file,
                recency: Recency::Recent,
            })
        };
        Ok(uids.into_iter().zip(files).filter_map(arrival).collect())
    }
}

/// The number that a message keeps which was there when the mailbox was closed.
fn keep_number(writer: &mut Writer, uid: Uid, name: &[u8]) -> Option<ModSeq> {
    let kept = writer.numbers.kept(uid, &Info::parse(split(name).1));
    writer.numbers.is_now_known(uid);
    kept
}

/// The order of arrival, by the times in the names; of one time, the order of the names.
fn in_order_of_arrival(files: &Found, numbers: &[u32]) -> Vec<u32> {
    let name = |number: u32| files.file(number).name;
    let timed = |&number: &u32| (arrival_order(split(name(number)).0), number);
    let mut timed: Vec<((u64, u64), u32)> = numbers.iter().map(timed).collect();
    timed.sort_unstable_by(|one, other| one.0.cmp(&other.0).then_with(|| name(one.1).cmp(name(other.1))));
    timed.into_iter().map(|(_, number)| number).collect()
}
