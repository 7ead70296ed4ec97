//! What a look found becomes known, to the index and to the sessions.

use std::io;

use imap_seq::{Uid, UidSet};
use imap_updates::{Echo, HubGuard, Ingest, Origin};

use super::{Arrival, BATCH, Difference, Renaming};
use crate::disk::dotlock::Dotlock;
use crate::disk::uidlist_file::{Keep, Rewrite};
use crate::mailbox::index::{Entry, Index};
use crate::mailbox::open::{OpenMailbox, Writer};

impl OpenMailbox {
    /// Publishes, a batch of messages in each critical section. UIDs ascend, and UIDNEXT is never ahead of what is told.
    pub(super) fn publish(&self, writer: &mut Writer, difference: Difference) {
        let expunged: Vec<Uid> = difference.expunged.iter().collect();
        for uids in expunged.chunks(BATCH) {
            self.publish_expunged(writer, uids);
        }
        for renamings in difference.renamed.chunks(BATCH) {
            let mut hub = self.hub.lock();
            for renaming in renamings {
                publish_renaming(&mut hub, renaming);
            }
        }
        for arrivals in difference.arrived.chunks(BATCH) {
            let mut hub = self.hub.lock();
            for arrival in arrivals {
                publish_arrival(&mut hub, arrival);
                let next = Uid::new(arrival.uid.get().saturating_add(1));
                hub.uid_next = hub.uid_next.and_then(|known| next.map(|next| known.max(next)));
            }
        }
        writer.settled_up_to = writer.list.next_uid() - 1;
        self.hub.lock().uid_next = writer.uid_next();
    }

    fn publish_expunged(&self, writer: &mut Writer, uids: &[Uid]) {
        let mut hub = self.hub.lock();
        for &uid in uids {
            if let Some(entry) = hub.remove(uid)
                && writer.list.uid_of(entry.base()) == Some(uid.get())
            {
                writer.list.forget(entry.base());
            }
        }
        hub.expunge(&uids.iter().copied().collect());
    }

    /// Writes the list anew if it is mostly about files that are gone.
    pub(super) fn compact_list(&self, writer: &mut Writer, lock: &Dotlock) -> io::Result<()> {
        let count = usize::try_from(self.hub.lock().len()).unwrap_or(usize::MAX);
        if writer.list.wants_rewrite(count) == Rewrite::NotDue {
            return Ok(());
        }
        let mut known = UidSet::new();
        self.for_each_entry(|uid, _| {
            known.insert(uid);
        });
        let settled = writer.settled_up_to;
        lock.keep()?;
        writer.list.rewrite(&self.directory, lock, |record| {
            let is_known = Uid::new(record.uid).is_some_and(|uid| known.contains(uid));
            if is_known || record.uid > settled {
                Keep::Yes
            } else {
                Keep::No
            }
        })
    }
}

fn publish_renaming(hub: &mut HubGuard<'_, Index>, renaming: &Renaming) {
    let uid = renaming.uid;
    let Some(known) = hub.get(uid) else { return };
    let entry = known.renamed(renaming.file.subdirectory, &*renaming.file.name);
    let changed = known.info != entry.info;
    let flags = hub.flags(&entry);
    hub.insert(uid, entry);
    if changed {
        let _ = hub.flags_changed(uid, flags, Origin::EXTERNAL, Echo::Tell);
    }
}

fn publish_arrival(hub: &mut HubGuard<'_, Index>, arrival: &Arrival) {
    match hub.arrive(arrival.uid, arrival.recency) {
        Ingest::Applied | Ingest::Late => drop(hub.insert(arrival.uid, Entry::of(&arrival.file))),
        refused => {
            let uid = arrival.uid.get();
            tracing::warn!(uid, ?refused, "a message cannot be shown under its recorded UID");
        }
    }
}
