//! What other programs did to a mailbox: lists it, compares with what is known, gives UIDs, and publishes the difference.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use imap_seq::{Uid, UidSet};
use imap_updates::{Closed, Echo, Ingest, Origin, Recency};

use crate::disk::directory::Place;
use crate::disk::dotlock::Dotlock;
use crate::disk::scan::{self, Calm, Found, Listing};
use crate::disk::uidlist_file::{Change, FILE_NAME, Keep, Reading, Rewrite};
use crate::format::filename::arrival_order;
use crate::format::flags::Info;
use crate::mailbox::error::Gone;
use crate::mailbox::index::{Entry, LetterMap, Renames};
use crate::mailbox::open::{GRAIN, OpenMailbox, TakesNew, Writer, recency};

/// A file whose hard link of the same name is this old, seconds, is a leftover of a program that links and then unlinks.
const DOUBLE_SECONDS: i64 = 30;

/// What a listing says about the messages that were known, and about others.
#[derive(Default)]
struct Plan {
    /// Known messages whose file has another name or place now.
    renamed: Vec<(Uid, Found)>,
    /// Messages with a UID that was recorded by another program.
    recorded: Vec<(u32, Found)>,
    /// Messages without a UID.
    newcomers: Vec<Found>,
    /// Messages without a UID that get none now.
    postponed: usize,
    expunged: UidSet,
}

/// What happens when a message cannot be given a UID.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// It is shown later.
    Postpones,
    /// The caller is told.
    Returns,
}

impl OpenMailbox {
    /// Looks for changes by other programs, if anything hints at some, and publishes them. Blocks.
    ///
    /// # Errors
    /// [`Gone`] when the mailbox was deleted or has a new UIDVALIDITY: it has been closed for its sessions then.
    pub(crate) fn sync(&self, writer: &mut Writer) -> io::Result<()> {
        self.check_alive()?;
        let change = writer.list.refresh(&self.directory, Reading::Unlocked)?;
        self.check_list(change)?;
        self.refresh_keywords(writer)?;
        if self.wants_listing(writer, change)? {
            self.list_and_adopt(writer, None)
        } else {
            Ok(())
        }
    }

    #[allow(clippy::wrong_self_convention)]
    fn wants_listing(&self, writer: &Writer, change: Change) -> io::Result<bool> {
        let changed = writer.listed != Some(self.directory.stamps()?);
        let due = writer.again_at.is_some_and(|at| at <= Instant::now());
        let waiting = self.takes_new() == TakesNew::Yes && writer.left_in_new > 0;
        Ok(changed || due || waiting || change != Change::None || writer.unsettled())
    }

    /// A list with another UIDVALIDITY is another mailbox.
    pub(crate) fn check_list(&self, change: Change) -> io::Result<()> {
        if change == Change::UidValidity {
            self.hub.lock().close(Closed::UidValidityChanged);
            return Err(Gone.into());
        }
        Ok(())
    }

    /// Reads the keywords anew if their file changed.
    pub(crate) fn refresh_keywords(&self, writer: &mut Writer) -> io::Result<()> {
        writer.keywords.refresh(&self.directory)?;
        let letters = LetterMap::new(&writer.keywords);
        let mut hub = self.hub.lock();
        if letters.differs_from(&hub.letters) == Renames::No {
            return Ok(());
        }
        let before = std::mem::replace(&mut hub.letters, letters);
        let keywords = hub.letters.keywords();
        hub.keywords_changed(keywords);
        let changed: Vec<_> = hub
            .messages
            .iter()
            .filter(|(_, entry)| entry.info.keywords().next().is_some())
            .map(|(&uid, entry)| (uid, before.flags(&entry.info), hub.flags(entry)))
            .filter(|(_, before, now)| before != now)
            .collect();
        for (uid, _, now) in changed {
            let _ = hub.flags_changed(uid, now, Origin::EXTERNAL, Echo::Tell);
        }
        Ok(())
    }

    /// Lists the mailbox and makes what is known agree with it. `held` is the UID list's lock, if the caller has it.
    ///
    /// Without `held`, what needs the lock may fail (a full disk, no permission, somebody else's lock): the messages that
    /// have UIDs are shown all the same, so that a user can make room, and the others are tried again.
    pub(crate) fn list_and_adopt(&self, writer: &mut Writer, held: Option<&Dotlock>) -> io::Result<()> {
        let started = Instant::now();
        let mut listing = scan::list(&self.directory)?;
        let missing = self.missing(writer, &listing);
        scan::confirm_missing(&self.directory, &mut listing, missing)?;
        let mut plan = self.plan(writer, &listing.found);
        let rewrite = writer.list.wants_rewrite(listing.found.len());
        if held.is_none() && (!plan.newcomers.is_empty() || rewrite == Rewrite::Due) {
            match Dotlock::acquire(self.directory.root(), FILE_NAME, crate::SHORT_PATIENCE) {
                Ok(lock) => {
                    let change = writer.list.refresh(&self.directory, Reading::Locked(&lock))?;
                    self.check_list(change)?;
                    if change != Change::None {
                        // Files of records that were added since may be younger than the listing.
                        return self.list_and_adopt(writer, Some(&lock));
                    }
                    return self.adopt(writer, (&listing, plan, started), Some(&lock), Failure::Postpones);
                }
                Err(error) => {
                    tracing::warn!(%error, "the UID list cannot be locked: new messages stay hidden")
                }
            }
        }
        if held.is_none() {
            plan.postponed = std::mem::take(&mut plan.newcomers).len();
        }
        self.adopt(writer, (&listing, plan, started), held, Failure::Returns)
    }

    fn adopt(
        &self,
        writer: &mut Writer,
        (listing, mut plan, started): (&Listing, Plan, Instant),
        lock: Option<&Dotlock>,
        failure: Failure,
    ) -> io::Result<()> {
        let newcomers = std::mem::take(&mut plan.newcomers);
        let count = newcomers.len();
        let assigned = match lock.map_or(Ok(Vec::new()), |lock| self.assign(writer, lock, newcomers)) {
            Err(error) if failure == Failure::Postpones => {
                tracing::warn!(%error, "new messages get no UID and stay hidden");
                plan.postponed = count;
                Vec::new()
            }
            assigned => assigned?,
        };
        let postponed = plan.postponed;
        writer.note_listing(listing, started);
        let arrived = self.own_change(writer, |writer| self.take_new(writer, &mut plan, assigned));
        self.set_doubles_apart(writer, &listing.doubles);
        self.publish(writer, plan, arrived);
        if let Some(error) = lock.and_then(|lock| self.compact(writer, lock).err()) {
            tracing::warn!(%error, "the UID list cannot be written anew");
        }
        if postponed > 0 {
            writer.listed = None;
        }
        Ok(())
    }

    /// Base names that should be there and that the listing does not have.
    fn missing(&self, writer: &Writer, listing: &Listing) -> Vec<Box<[u8]>> {
        let absent = |base: &[u8]| !listing.found.contains_key(base);
        let mut missing: Vec<Box<[u8]>> = Vec::new();
        let hub = self.hub.lock();
        missing.extend(
            hub.messages
                .values()
                .map(Entry::base)
                .filter(|base| absent(base))
                .map(Box::from),
        );
        drop(hub);
        // Records of other programs: publishing a later UID first would hide these messages.
        let records = writer.list.records();
        let start = records.partition_point(|record| record.uid <= writer.settled_up_to);
        missing.extend(
            records[start..]
                .iter()
                .filter(|record| absent(&record.base))
                .map(|r| Box::from(&*r.base)),
        );
        missing
    }

    fn plan(&self, writer: &Writer, found: &HashMap<Box<[u8]>, Found>) -> Plan {
        let mut plan = Plan::default();
        let hub = self.hub.lock();
        for (&uid, entry) in &hub.messages {
            let here = found
                .get(entry.base())
                .filter(|_| writer.list.uid_of(entry.base()) == Some(uid.get()));
            match here {
                None => drop(plan.expunged.insert(uid)),
                Some(file) if file.place != entry.place || file.name[..] != entry.name[..] => {
                    plan.renamed.push((uid, file.clone()));
                }
                Some(_) => {}
            }
        }
        for (base, file) in found {
            match writer.list.uid_of(base) {
                Some(uid) if Uid::new(uid).is_some_and(|uid| hub.messages.contains_key(&uid)) => {
                    // Known, unless the list gives the number to two names one after the other: then this one is new.
                    let same = Uid::new(uid)
                        .and_then(|uid| hub.messages.get(&uid))
                        .is_some_and(|e| e.base() == &**base);
                    if !same {
                        plan.newcomers.push(file.clone());
                    }
                }
                Some(uid) if uid > writer.settled_up_to => plan.recorded.push((uid, file.clone())),
                // Expunged and back again, or never given a UID.
                _ => plan.newcomers.push(file.clone()),
            }
        }
        plan
    }

    /// Gives UIDs in the order of arrival.
    fn assign(
        &self,
        writer: &mut Writer,
        lock: &Dotlock,
        mut files: Vec<Found>,
    ) -> io::Result<Vec<(u32, Found)>> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        files.sort_by(|a, b| (arrival_order(a.base()), &a.name).cmp(&(arrival_order(b.base()), &b.name)));
        let names = files
            .iter()
            .map(|file| (Arc::from(file.base()), Box::default()))
            .collect();
        let uids = writer.list.assign(&self.directory, lock, names)?;
        Ok(uids.into_iter().zip(files).collect())
    }

    /// Moves messages from `new/` to `cur/` if a session is there that may; gives all that arrived, with their recency.
    fn take_new(
        &self,
        writer: &mut Writer,
        plan: &mut Plan,
        assigned: Vec<(u32, Found)>,
    ) -> Vec<(u32, Found, Recency)> {
        let recorded = std::mem::take(&mut plan.recorded).into_iter().map(|(uid, file)| {
            let recency = recency(file.place);
            (uid, file, recency)
        });
        let assigned = assigned
            .into_iter()
            .map(|(uid, file)| (uid, file, Recency::Recent));
        let mut arrived: Vec<_> = recorded.chain(assigned).collect();
        arrived.sort_by_key(|(uid, ..)| *uid);
        let mut known: Vec<(Uid, Found)> = Vec::new();
        {
            let hub = self.hub.lock();
            let renamed: std::collections::HashSet<Uid> = plan.renamed.iter().map(|(uid, _)| *uid).collect();
            let staying = hub.messages.iter().filter(|(uid, entry)| {
                entry.place == Place::New && !plan.expunged.contains(**uid) && !renamed.contains(uid)
            });
            known.extend(staying.map(|(&uid, entry)| {
                (
                    uid,
                    Found {
                        place: entry.place,
                        name: (&*entry.name).into(),
                    },
                )
            }));
        }
        let mut left = 0;
        if self.takes_new() == TakesNew::Yes {
            known.retain_mut(|(_, file)| self.move_to_cur(file) == Moved::Yes);
            plan.renamed.append(&mut known);
            for file in plan
                .renamed
                .iter_mut()
                .map(|(_, file)| file)
                .chain(arrived.iter_mut().map(|(_, file, _)| file))
            {
                self.move_to_cur(file);
            }
        } else {
            let renamed = plan.renamed.iter().map(|(_, file)| file);
            let files = renamed
                .chain(arrived.iter().map(|(_, file, _)| file))
                .chain(known.iter().map(|(_, file)| file));
            left = files.filter(|file| file.place == Place::New).count();
        }
        // What could not be moved (no space, no permission) is tried again when something changes, not at every look.
        writer.left_in_new = left;
        arrived
    }

    fn move_to_cur(&self, file: &mut Found) -> Moved {
        if file.place == Place::Cur {
            return Moved::No;
        }
        let name = [file.base(), &Info::parse(file.suffix()).suffix()[..]].concat();
        match self
            .directory
            .rename((Place::New, &file.name), (Place::Cur, &name))
        {
            Ok(()) => {
                *file = Found {
                    place: Place::Cur,
                    name: name.into(),
                };
                Moved::Yes
            }
            Err(_) => Moved::No,
        }
    }

    /// Of two files with one base name, links to one file become one, and different messages get different names.
    fn set_doubles_apart(&self, writer: &mut Writer, doubles: &[Found]) {
        if self.takes_new() == TakesNew::No {
            writer.left_in_new += doubles.len();
            return;
        }
        for double in doubles {
            let Ok(stat) = self.directory.stat(double.place, &double.name) else {
                continue;
            };
            let other = scan::find_other(&self.directory, double);
            if other == Some((stat.st_dev, stat.st_ino)) {
                if crate::disk::clock::seconds() - stat.st_ctime > DOUBLE_SECONDS {
                    let _ = self.directory.unlink(double.place, &double.name);
                }
            } else if other.is_some() {
                let name = self.names.next();
                let _ = self
                    .directory
                    .rename((double.place, &double.name), (Place::New, &name));
                writer.listed = None;
            }
        }
    }

    fn publish(&self, writer: &mut Writer, plan: Plan, arrived: Vec<(u32, Found, Recency)>) {
        let mut hub = self.hub.lock();
        for uid in plan.expunged.iter() {
            if let Some(entry) = hub.messages.remove(&uid)
                && writer.list.uid_of(entry.base()) == Some(uid.get())
            {
                writer.list.forget(entry.base());
            }
        }
        hub.expunge(&plan.expunged);
        for (uid, file) in plan.renamed {
            let entry = Entry::new(file.place, file.name);
            let flags = hub.flags(&entry);
            let Some(known) = hub.messages.get_mut(&uid) else {
                continue;
            };
            let changed = known.info != entry.info;
            *known = Entry {
                wire: known.wire,
                modified: known.modified,
                ..entry
            };
            if changed {
                let _ = hub.flags_changed(uid, flags, Origin::EXTERNAL, Echo::Tell);
            }
        }
        for (uid, file, recency) in arrived {
            let Some(uid) = Uid::new(uid) else { continue };
            match hub.arrive(uid, recency) {
                Ingest::Applied | Ingest::Late => {}
                refused => {
                    tracing::warn!(
                        uid = uid.get(),
                        ?refused,
                        "a message cannot be shown under its recorded UID"
                    );
                    continue;
                }
            }
            let entry = Entry::new(file.place, file.name);
            hub.messages.insert(uid, entry);
        }
        writer.settled_up_to = writer.list.next_uid() - 1;
        hub.uid_next = writer.uid_next();
    }

    /// Writes the list anew if it is mostly about files that are gone.
    fn compact(&self, writer: &mut Writer, lock: &Dotlock) -> io::Result<()> {
        let known: UidSet = self.hub.lock().messages.keys().copied().collect();
        if writer
            .list
            .wants_rewrite(usize::try_from(known.len()).unwrap_or(usize::MAX))
            == Rewrite::NotDue
        {
            return Ok(());
        }
        let settled = writer.settled_up_to;
        writer.list.rewrite(&self.directory, lock, |record| {
            let alive = Uid::new(record.uid).is_some_and(|uid| known.contains(uid));
            if alive || record.uid > settled {
                Keep::Yes
            } else {
                Keep::No
            }
        })
    }
}

#[derive(PartialEq, Eq)]
enum Moved {
    Yes,
    No,
}

impl Writer {
    /// Whether the list has records that were not looked for yet.
    pub(crate) fn unsettled(&self) -> bool {
        self.list.next_uid() - 1 > self.settled_up_to
    }

    pub(crate) fn uid_next(&self) -> Option<Uid> {
        Uid::new(self.list.next_uid()).filter(|uid| *uid < Uid::MAX)
    }

    fn note_listing(&mut self, listing: &Listing, started: Instant) {
        self.listed = Some(listing.stamps);
        let latest = listing.stamps.new.seconds().max(listing.stamps.cur.seconds());
        // A clock that runs behind the file system's makes a change look recent for ever: once more is enough.
        let recent = latest >= crate::disk::clock::seconds() - 1;
        let recent = recent
            && self
                .again_at
                .is_none_or(|at| at > started || latest <= crate::disk::clock::seconds());
        self.again_at = (recent || listing.calm == Calm::Disturbed).then(|| started + GRAIN);
    }
}
