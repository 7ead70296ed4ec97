//! What a look found becomes known, to the index and to the sessions.

use std::io;

use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::{Echo, HubGuard, Ingest, Origin};

use super::{Arrival, BATCH, Difference, Means, Renaming};
use crate::disk::dotlock::Dotlock;
use crate::disk::scan::Scope;
use crate::disk::uidlist_file::{Keep, Rewrite};
use crate::format::flags::Info;
use crate::format::letter_map::LetterMap;
use crate::format::uidlist::UidRecord;
use crate::mailbox::index::{Entry, Index};
use crate::mailbox::numbers::Batch;
use crate::mailbox::open::{OpenMailbox, Writer};

/// A message that gets a number.
type Numbered = (Uid, Info);

impl OpenMailbox {
    /// Publishes what became of known messages, a batch in each critical section.
    ///
    /// # Errors
    /// Where no mod-sequences can be had; nothing is published then.
    pub(super) fn publish(
        &self,
        writer: &mut Writer,
        difference: Difference,
        means: Means,
    ) -> io::Result<()> {
        let Difference {
            mut expunged,
            renamed,
            claimed,
        } = difference;
        let known: Vec<Uid> = expunged.iter().collect();
        if means != Means::Listing(Scope::New) {
            // Messages that the file of mod-sequences has and the disk has not: every record of the UID list is accounted for.
            expunged = expunged.union(&writer.numbers.beside(writer.list.next_uid()));
        }
        let changed: Vec<Vec<Numbered>> = renamed
            .chunks(BATCH)
            .map(|renamed| self.changed(renamed))
            .collect();
        let mut batches = vec![Batch::Gone(expunged.clone())];
        batches.extend(changed.iter().cloned().map(Batch::Changed));
        let mut numbers = self.number(writer, batches)?.into_iter();
        if let Some(modseq) = numbers.next().flatten() {
            self.publish_expunged(writer, &known, expunged, modseq)?;
        }
        for ((renamed, changed), number) in renamed.chunks(BATCH).zip(changed).zip(&mut numbers) {
            let changed: UidSet = changed.into_iter().map(|(uid, _)| uid).collect();
            let mut hub = self.publishing()?;
            hub.set_modseq(number.unwrap_or(ModSeq::MIN));
            for renaming in renamed {
                if claimed.contains(renaming.uid) {
                    hub.claimed_elsewhere(renaming.uid);
                }
                publish_renaming(
                    &mut hub,
                    renaming,
                    number.filter(|_| changed.contains(renaming.uid)),
                );
            }
        }
        Ok(())
    }

    /// Publishes messages that came, a batch in each critical section. UIDs ascend, and UIDNEXT is never ahead of what is told.
    ///
    /// # Errors
    /// Where no mod-sequences can be had; nothing is published then.
    pub(super) fn publish_arrived(&self, writer: &mut Writer, arrived: &[Arrival]) -> io::Result<()> {
        let batches = arrived.chunks(BATCH).map(new_ones).collect();
        let numbers = self.number(writer, batches)?;
        for (arrived, number) in arrived.chunks(BATCH).zip(numbers) {
            let entry = |arrival: &Arrival| Entry {
                saved: writer.list.saved_at(arrival.uid.get()),
                ..Entry::of(&arrival.file)
            };
            let entries: Vec<Entry> = arrived.iter().map(entry).collect();
            let mut hub = self.publishing()?;
            hub.set_modseq(number.unwrap_or(ModSeq::MIN));
            for (arrival, entry) in arrived.iter().zip(entries) {
                let next = Uid::new(arrival.uid.get().saturating_add(1));
                publish_arrival(&mut hub, arrival, entry, number);
                hub.uid_next = hub.uid_next.and_then(|known| next.map(|next| known.max(next)));
            }
            drop(hub);
            self.save_early();
        }
        Ok(())
    }

    /// The messages among renamed ones that have other flags now.
    fn changed(&self, renamed: &[Renaming]) -> Vec<Numbered> {
        let mut hub = self.hub.lock();
        let changed = |renaming: &Renaming| {
            let info = Info::parse(renaming.file.suffix());
            let is_changed = hub.get(renaming.uid).is_some_and(|known| known.info != info);
            is_changed.then_some((renaming.uid, info))
        };
        renamed.iter().filter_map(changed).collect()
    }

    /// `gone` are the messages of `uids`, and those that were gone before anybody here knew them.
    fn publish_expunged(
        &self,
        writer: &mut Writer,
        uids: &[Uid],
        gone: UidSet,
        modseq: ModSeq,
    ) -> io::Result<()> {
        let mut hub = self.publishing()?;
        hub.set_modseq(modseq);
        for &uid in uids {
            if let Some(entry) = hub.remove(uid)
                && writer.list.uid_of(entry.base()) == Some(uid.get())
            {
                writer.list.forget(entry.base());
            }
        }
        hub.expunge(&uids.iter().copied().collect());
        hub.vanished.add(modseq, gone);
        hub.reach_modseq(modseq);
        Ok(())
    }

    /// Tells of the messages that have other flags because letters mean something else than they meant before.
    pub(super) fn publish_letters(&self, writer: &mut Writer, before: &LetterMap) -> io::Result<()> {
        let letters = self.letters();
        let mut changed: Vec<Uid> = Vec::new();
        self.for_each_entry(|uid, entry| {
            if entry.info.keywords().next().is_some()
                && before.flags(&entry.info) != letters.flags(&entry.info)
            {
                changed.push(uid);
            }
        })?;
        let batches = changed
            .chunks(BATCH)
            .map(|changed| Batch::OtherMeaning(changed.iter().copied().collect()));
        let numbers = self.number(writer, batches.collect())?;
        for (changed, number) in changed.chunks(BATCH).zip(numbers) {
            let mut hub = self.publishing()?;
            hub.set_modseq(number.unwrap_or(ModSeq::MIN));
            for &uid in changed {
                let Some(mut entry) = hub.get(uid).cloned() else {
                    continue;
                };
                entry.modseq = number.unwrap_or(entry.modseq);
                let flags = hub.flags(&entry);
                hub.insert(uid, entry);
                let _ = hub.flags_changed(uid, flags, Origin::EXTERNAL, Echo::Tell);
            }
        }
        Ok(())
    }

    /// Writes the list anew if it is mostly about files that are gone.
    pub(super) fn compact_list(&self, writer: &mut Writer, lock: &Dotlock) -> io::Result<()> {
        let count = usize::try_from(self.hub.lock().len()).unwrap_or(usize::MAX);
        if writer.list.wants_rewrite(count) == Rewrite::NotDue {
            return Ok(());
        }
        let known = self.hub.lock().all().clone();
        let settled = writer.settled_up_to;
        lock.keep()?;
        let known_records = || self.known_records();
        writer
            .list
            .rewrite(&self.directory, lock, &known_records, |record| {
                let is_known = Uid::new(record.uid).is_some_and(|uid| known.contains(uid));
                if is_known || record.uid > settled {
                    Keep::Yes
                } else {
                    Keep::No
                }
            })
    }

    /// The records of the messages that are known, as the list would have them; others' keys are not known here.
    pub(crate) fn known_records(&self) -> io::Result<Vec<UidRecord>> {
        let mut records = Vec::new();
        self.for_each_entry(|uid, entry| {
            records.push(UidRecord {
                uid: uid.get(),
                saved: entry.saved,
                keys: Box::default(),
                base: entry.base().into(),
            });
        })?;
        Ok(records)
    }
}

fn new_ones(arrived: &[Arrival]) -> Batch {
    let new = arrived.iter().filter(|arrival| arrival.kept.is_none());
    let numbered = |arrival: &Arrival| (arrival.uid, Info::parse(arrival.file.suffix()));
    Batch::Arrived(new.map(numbered).collect())
}

/// `number` is of a message whose flags are others than were known.
fn publish_renaming(hub: &mut HubGuard<'_, Index>, renaming: &Renaming, number: Option<ModSeq>) {
    let uid = renaming.uid;
    let Some(known) = hub.get(uid) else { return };
    let mut entry = known.renamed(renaming.file.subdirectory, &*renaming.file.name);
    let is_changed = known.info != entry.info;
    if is_changed && number.is_none() {
        // Another process of ours said otherwise meanwhile; the next listing shows who is right.
        return;
    }
    entry.modseq = number.unwrap_or(entry.modseq);
    let flags = hub.flags(&entry);
    hub.insert(uid, entry);
    if is_changed {
        let _ = hub.flags_changed(uid, flags, Origin::EXTERNAL, Echo::Tell);
    }
}

fn publish_arrival(
    hub: &mut HubGuard<'_, Index>,
    arrival: &Arrival,
    mut entry: Entry,
    number: Option<ModSeq>,
) {
    match hub.arrive(arrival.uid, arrival.recency) {
        Ingest::Applied | Ingest::Late => {
            entry.modseq = arrival.kept.or(number).unwrap_or(entry.modseq);
            hub.insert(arrival.uid, entry);
        }
        refused => {
            let uid = arrival.uid.get();
            tracing::warn!(uid, ?refused, "a message cannot be shown under its recorded UID");
        }
    }
}
