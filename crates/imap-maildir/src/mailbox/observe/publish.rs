//! What a look found becomes known, to the index and to the sessions.

use std::io;

use imap_seq::{Uid, UidSet};
use imap_updates::{Echo, HubGuard, Ingest, Origin};

use super::{Arrival, Difference, Renaming};
use crate::disk::dotlock::Dotlock;
use crate::disk::uidlist_file::{Keep, Rewrite};
use crate::mailbox::index::{Entry, Index};
use crate::mailbox::open::{OpenMailbox, Writer};

impl OpenMailbox {
    /// Publishes in one critical section.
    pub(super) fn publish(&self, writer: &mut Writer, difference: Difference) {
        let mut hub = self.hub.lock();
        for uid in difference.expunged.iter() {
            if let Some(entry) = hub.remove(uid)
                && writer.list.uid_of(entry.base()) == Some(uid.get())
            {
                writer.list.forget(entry.base());
            }
        }
        hub.expunge(&difference.expunged);
        for renaming in difference.renamed {
            publish_renaming(&mut hub, &renaming);
        }
        for arrival in difference.arrived {
            publish_arrival(&mut hub, &arrival);
        }
        writer.settled_up_to = writer.list.next_uid() - 1;
        hub.uid_next = writer.uid_next();
    }

    /// Writes the list anew if it is mostly about files that are gone.
    pub(super) fn compact_list(&self, writer: &mut Writer, lock: &Dotlock) -> io::Result<()> {
        let count = usize::try_from(self.hub.lock().len()).unwrap_or(usize::MAX);
        if writer.list.wants_rewrite(count) == Rewrite::NotDue {
            return Ok(());
        }
        let known: UidSet = self.hub.lock().entries().map(|(uid, _)| uid).collect();
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
