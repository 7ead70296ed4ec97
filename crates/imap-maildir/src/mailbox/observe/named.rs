//! Files that events named, compared with the index and the UID list: what other programs did costs what it is worth.
//!
//! Events say which names to look at; what is there is asked of the disk. Of a known message that is under none of its names
//! there are three explanations: it was removed; it was moved to another directory; or a program is in the midst of renaming it,
//! for the system gives up the old name and tells of it before it tells of the new one. Clients must not be told of an EXPUNGE
//! in the third case. So the look waits until nobody is in the midst of anything with these names
//! ([`wait_for_changes_of`](crate::disk::directory::Directory::wait_for_changes_of)), reads the events up to then, and only
//! then believes that a message is gone: every name that it had was given up, and none was taken.

use std::collections::{HashMap, HashSet};
use std::io;
use std::time::Instant;

use imap_seq::{Uid, UidSet};

use super::compare::Comparison;
use super::{Means, Observation, Renaming, Seen};
use crate::disk::directory::{DirectoryVersions, FileAt, Subdirectory};
use crate::disk::events::{Named, News, WatchId};
use crate::disk::inotify::Happened;
use crate::disk::interference::Moment;
use crate::disk::scan::{Disturbance, FoundFile, Missing, Scope};
use crate::disk::storage::FileKind;
use crate::format::file_name::{is_message_name, split};
use crate::mailbox::index::Entry;
use crate::mailbox::listed::Covered;
use crate::mailbox::open::{OpenMailbox, Writer};

/// How often one look waits for programs that are in the midst of something.
const ROUNDS: usize = 4;
/// After so many looks in a row that could not say what became of a message, the directories are listed.
const LOOKS: usize = 8;

/// What events told, as far as no look is done with it.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    news: News,
    /// The directories before the latest events were read: what they were like then is known once the names are done with.
    versions: Option<DirectoryVersions>,
    /// The watch that was there before the directories were listed, while it has told of everything since.
    covered_by: Option<WatchId>,
    /// Looks in a row that could not say what became of a message.
    undecided: usize,
}

impl Heard {
    /// Whether events tell of every change since the directories were listed.
    pub(crate) fn covered(&self) -> Covered {
        if self.covered_by.is_some() {
            Covered::Yes
        } else {
            Covered::No
        }
    }

    /// Whether names wait for a look.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.news.is_empty()
    }

    /// The directories have to be listed: what was told before that is of no use.
    fn forget(&mut self) {
        self.news = News::default();
        self.covered_by = None;
        self.undecided = 0;
    }
}

/// The files of one base name that events named.
#[derive(Default)]
struct Group<'a> {
    /// With the place of each among all.
    told: Vec<(usize, &'a Named)>,
}

/// What became of the files of one base name.
enum Verdict {
    /// Nothing that is not known.
    Same,
    Renamed(Renaming),
    Recorded(Uid, FoundFile),
    WithoutUid(FoundFile),
    Gone(Uid),
    /// Another program gave it a UID and removed it before anybody here saw it.
    NeverSeen,
    /// It cannot be said before nobody is in the midst of changing these names.
    Undecided(Vec<FoundFile>),
    /// Two different files have the base name.
    Listing,
}

/// What a look at all named files says.
#[derive(Default)]
struct Verdicts {
    comparison: Comparison,
    /// Base names of files that are there, or that are known to be gone.
    found: HashSet<Box<[u8]>>,
    undecided: Vec<Box<[u8]>>,
    /// The names that programs may be in the midst of changing.
    doubtful: Vec<FoundFile>,
}

impl OpenMailbox {
    /// Takes what events told, and says whether they told of every change up to now. Where they did not and should have, the
    /// directories have to be listed.
    pub(super) fn hear(&self, writer: &mut Writer, versions: DirectoryVersions) -> Covered {
        let watched = self.watched.lock();
        let was_covered = writer.heard.covered_by.is_some();
        writer.heard.versions = Some(versions);
        if let Some(watched) = &*watched {
            writer.heard.news.append(watched.take_news());
            let is_known = writer.heard.covered_by == Some(watched.id()) || writer.is_proven_by(versions);
            if is_known && watched.tells_all_of(versions) && !writer.heard.news.is_incomplete {
                writer.heard.covered_by = Some(watched.id());
                return Covered::Yes;
            }
        }
        writer.heard.forget();
        if was_covered {
            writer.forget(Scope::Both);
        }
        Covered::No
    }

    /// Makes sure that events tell of every change from now on, if they can: a listing comes next.
    pub(super) fn listen(&self, writer: &mut Writer) -> io::Result<Option<WatchId>> {
        let versions = self.directory.versions()?;
        let mut watched = self.watched.lock();
        writer.heard.forget();
        let Some(watched) = &mut *watched else {
            return Ok(None);
        };
        let tells_all = watched.ensure(&self.path(), versions);
        self.directory.announce_changes(watched.own_changes());
        drop(watched.take_news());
        Ok(tells_all.then(|| watched.id()))
    }

    /// Takes what events told during a listing that began with [`listen`](Self::listen): the next look has to do with it. What
    /// the listing missed because it was renamed meanwhile is not gone; nor, where events were lost, what may have been renamed.
    pub(super) fn listened(
        &self,
        writer: &mut Writer,
        by: Option<WatchId>,
        missing: &Missing,
        comparison: &mut Comparison,
    ) -> io::Result<()> {
        let watched = self.watched.lock();
        let (Some(by), Some(watched)) = (by, &*watched) else {
            return Ok(());
        };
        let news = watched.take_news();
        if news.is_incomplete {
            if missing.disturbance == Disturbance::Disturbed {
                let missing = missing.bases.iter().map(|base| &**base);
                self.keep_known(writer, missing, comparison)?;
            }
            return Ok(());
        }
        let named = news.names.iter().map(|named| split(&named.name).0);
        self.keep_known(writer, named, comparison)?;
        writer.heard.news = News {
            stirred: Vec::new(),
            ..news
        };
        writer.heard.covered_by = Some(by);
        Ok(())
    }

    /// Messages of these base names are not gone, or not for sure.
    fn keep_known<'a>(
        &self,
        writer: &Writer,
        bases: impl Iterator<Item = &'a [u8]>,
        comparison: &mut Comparison,
    ) -> io::Result<()> {
        for base in bases {
            if let Some(uid) = self.hub.lock().uid_of(base)?
                && writer.list.still_has(uid.get(), base)
            {
                comparison.expunged.remove(uid);
            }
        }
        Ok(())
    }

    /// Has the mailbox looked at once more if names are left that nothing else keeps from being understood.
    pub(super) fn mark_if_waiting(&self, writer: &Writer) {
        if writer.heard.is_waiting()
            && let Some(watched) = &*self.watched.lock()
        {
            watched.mark();
        }
    }

    /// Compares what events named with what is known: O(names). None where that does not tell what happened.
    pub(super) fn compare_named(&self, writer: &mut Writer) -> io::Result<Option<Observation>> {
        let started = Instant::now();
        let mut settled = 0;
        let mut verdicts = self.judge_all(writer, settled)?;
        for _ in 1..ROUNDS {
            let Some(doubtful) = verdicts.as_ref().map(|verdicts| &verdicts.doubtful) else {
                return Ok(None);
            };
            if doubtful.is_empty() {
                break;
            }
            for file in doubtful {
                match self.directory.wait_for_changes_of(file.at()) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Ok(None),
                    _ => {}
                }
            }
            settled = writer.heard.news.names.len();
            let versions = self.directory.versions()?;
            if self.hear(writer, versions) == Covered::No {
                return Ok(None);
            }
            verdicts = self.judge_all(writer, settled)?;
        }
        self.directory.moments().at(Moment::LookedAtNamed);
        Ok(verdicts.and_then(|verdicts| self.observation(writer, verdicts, started)))
    }

    fn observation(&self, writer: &mut Writer, verdicts: Verdicts, started: Instant) -> Option<Observation> {
        let mut unsettled = writer.list.records_above(writer.settled_up_to).iter();
        if unsettled.any(|record| !verdicts.found.contains(&*record.base)) {
            return None;
        }
        let heard = &mut writer.heard;
        heard.undecided = if verdicts.undecided.is_empty() {
            0
        } else {
            heard.undecided + 1
        };
        if heard.undecided > LOOKS {
            return None;
        }
        let waiting: HashSet<_> = verdicts.undecided.into_iter().collect();
        let names = heard.news.names.iter();
        let waiting = names.filter(|named| waiting.contains(split(&named.name).0));
        Some(Observation {
            seen: Seen {
                means: Means::Names,
                versions: heard.versions?,
                disturbance: Disturbance::Undisturbed,
                started,
                took: started.elapsed(),
            },
            doubles: Vec::new(),
            waiting: waiting.cloned().collect(),
            comparison: verdicts.comparison,
        })
    }

    /// Says of each named file what became of it. What was told up to `settled` was told before the look waited. None where
    /// the directories have to be listed.
    fn judge_all(&self, writer: &Writer, settled: usize) -> io::Result<Option<Verdicts>> {
        let names = &writer.heard.news.names;
        let mut arrived_by = HashSet::new();
        let mut groups: HashMap<&[u8], Group<'_>> = HashMap::new();
        for (at, named) in names.iter().enumerate() {
            if let Happened::MovedHere(number) = named.happened {
                arrived_by.insert(number);
            }
            if !named.name.starts_with(b".") && is_message_name(&named.name) {
                let group = groups.entry(split(&named.name).0).or_default();
                group.told.push((at, named));
            }
        }
        // Another program may have given a known message a second UID.
        for record in writer.list.records_above(writer.settled_up_to) {
            groups.entry(&record.base).or_default();
        }
        // A name that was given up for another one in this mailbox explains itself; so does one that nobody works on any more.
        let is_explained = |at: usize, number: u32| at < settled || arrived_by.contains(&number);
        let mut verdicts = Verdicts::default();
        for (base, group) in groups {
            match self.verdict(
                writer,
                base,
                &group,
                &mut verdicts.comparison.expunged,
                is_explained,
            )? {
                Verdict::Listing => return Ok(None),
                verdict => verdicts.add(base, verdict),
            }
        }
        self.check_index()?;
        Ok(Some(verdicts))
    }

    /// Adds to `expunged` a known message that has another UID now.
    fn verdict(
        &self,
        writer: &Writer,
        base: &[u8],
        group: &Group<'_>,
        expunged: &mut UidSet,
        is_explained: impl Fn(usize, u32) -> bool,
    ) -> io::Result<Verdict> {
        let in_index = self.known_as(base)?;
        let present = self.present(group, in_index.as_ref().map(|(_, entry)| entry));
        let known = in_index.filter(|(uid, _)| {
            let is_still = writer.list.still_has(uid.get(), base);
            if !is_still {
                expunged.insert(*uid);
            }
            is_still
        });
        let recorded = writer.list.uid_of(base).and_then(Uid::new);
        let recorded = recorded.filter(|uid| uid.get() > writer.settled_up_to && !self.hub.lock().has(*uid));
        if present.is_empty() && writer.doubled.contains(base) {
            return Ok(Verdict::Listing);
        }
        Ok(match (&present[..], known, recorded) {
            ([], Some((uid, known)), _) => went(Verdict::Gone(uid), Some(&known), group, is_explained),
            ([], None, Some(_)) if !group.told.is_empty() => {
                went(Verdict::NeverSeen, None, group, is_explained)
            }
            ([], ..) => Verdict::Same,
            ([(file, _)], Some((uid, known)), _) => {
                if file.subdirectory == known.subdirectory && file.name[..] == known.name[..] {
                    return Ok(Verdict::Same);
                }
                let file = file.clone();
                Verdict::Renamed(Renaming { uid, file })
            }
            ([(file, _)], None, Some(uid)) => Verdict::Recorded(uid, file.clone()),
            ([(file, _)], None, None) => Verdict::WithoutUid(file.clone()),
            // A program that links and then unlinks, or a rename between our two questions.
            ([(_, one), others @ ..], ..) if others.iter().all(|(_, other)| other == one) => {
                Verdict::Undecided(Vec::new())
            }
            _ => Verdict::Listing,
        })
    }

    /// The known message with this base name.
    fn known_as(&self, base: &[u8]) -> io::Result<Option<(Uid, Entry)>> {
        let mut hub = self.hub.lock();
        let Some(uid) = hub.uid_of(base)? else {
            return Ok(None);
        };
        Ok(hub.get(uid).cloned().map(|entry| (uid, entry)))
    }

    /// The files that are there among those that were named and the known one.
    fn present(
        &self,
        group: &Group<'_>,
        known: Option<&Entry>,
    ) -> Vec<(FoundFile, crate::disk::storage::FileIdentity)> {
        let told = group.told.iter().map(|(_, named)| named.at());
        let mut seen: HashSet<(Subdirectory, &[u8])> = HashSet::new();
        let mut present = Vec::new();
        for at in told.chain(known.map(Entry::at)) {
            if !seen.insert((at.subdirectory, at.name)) {
                continue;
            }
            if let Ok(status) = self.directory.status(at)
                && status.kind == FileKind::Regular
            {
                present.push((found(at), status.identity));
            }
        }
        present
    }
}

/// What became of a message that is under none of its names: `gone`, if events say so.
fn went(
    gone: Verdict,
    known: Option<&Entry>,
    group: &Group<'_>,
    is_explained: impl Fn(usize, u32) -> bool,
) -> Verdict {
    let mut names: HashSet<_> = known
        .map(|known| (known.subdirectory, &*known.name))
        .into_iter()
        .collect();
    let mut unexplained = Vec::new();
    for (at, named) in &group.told {
        let name = (named.subdirectory, &*named.name);
        match named.happened {
            Happened::Made | Happened::MovedHere(_) => {
                names.insert(name);
            }
            Happened::Removed => {
                names.remove(&name);
            }
            Happened::MovedAway(number) => {
                names.remove(&name);
                if !is_explained(*at, number) {
                    unexplained.push(name);
                }
            }
            Happened::ToItself | Happened::Ended => {}
        }
    }
    if names.is_empty() && unexplained.is_empty() {
        return gone;
    }
    // A name that is gone and of which nothing was told: its event is on the way.
    let doubtful = names.into_iter().chain(unexplained);
    Verdict::Undecided(
        doubtful
            .map(|(subdirectory, name)| found(FileAt::new(subdirectory, name)))
            .collect(),
    )
}

fn found(at: FileAt<'_>) -> FoundFile {
    FoundFile {
        subdirectory: at.subdirectory,
        name: at.name.into(),
    }
}

impl Verdicts {
    fn add(&mut self, base: &[u8], verdict: Verdict) {
        let comparison = &mut self.comparison;
        match verdict {
            Verdict::Same | Verdict::Listing => {}
            Verdict::Renamed(renaming) => {
                self.found.insert(base.into());
                comparison.renamed.push(renaming);
            }
            Verdict::Recorded(uid, file) => {
                self.found.insert(base.into());
                let number = comparison.add_file(&file);
                comparison.recorded.extend(number.map(|number| (uid, number)));
            }
            Verdict::NeverSeen => {
                self.found.insert(base.into());
            }
            Verdict::WithoutUid(file) => {
                let number = comparison.add_file(&file);
                comparison.without_uid.extend(number);
            }
            Verdict::Gone(uid) => {
                comparison.expunged.insert(uid);
            }
            Verdict::Undecided(doubtful) => {
                self.undecided.push(base.into());
                self.doubtful.extend(doubtful);
            }
        }
    }
}

impl Writer {
    /// Whether the directories, being at `versions`, hold for sure the names that are known.
    fn is_proven_by(&self, versions: DirectoryVersions) -> bool {
        let now = Instant::now();
        self.new.is_proven_by(versions.new, now, Covered::No)
            && self.cur.is_proven_by(versions.cur, now, Covered::No)
    }

    /// The names that a look is done with need none any more, save those of which it could not tell.
    pub(super) fn note_named(&mut self, waiting: Vec<Named>) {
        let stirred = std::mem::take(&mut self.heard.news.stirred);
        self.heard.news.names = waiting;
        let Some(versions) = self.heard.versions else {
            return;
        };
        let now = Instant::now();
        let is_stirred = |subdirectory| stirred.contains(&subdirectory);
        self.new
            .note_told(versions.new, is_stirred(Subdirectory::New), now);
        self.cur
            .note_told(versions.cur, is_stirred(Subdirectory::Cur), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a program does with the one message that there is.
    #[derive(Clone, Copy, Debug)]
    enum Act {
        Rename(usize),
        /// Out of the mailbox, and from there.
        Leave,
        Return(usize),
        /// Under another name too, and then without the first.
        Link(usize),
        Remove,
    }

    fn act() -> impl Strategy<Value = Act> {
        let name = 0usize..4;
        prop_oneof![
            4 => name.clone().prop_map(Act::Rename),
            1 => Just(Act::Leave),
            1 => name.clone().prop_map(Act::Return),
            2 => name.prop_map(Act::Link),
            1 => Just(Act::Remove),
        ]
    }

    fn named(name: usize, happened: Happened) -> Named {
        let subdirectory = Subdirectory::BOTH[name % 2];
        let name = format!("1.a:2,{}", ["", "F", "S", "R"][name]).into_bytes().into();
        Named {
            subdirectory,
            name,
            happened,
        }
    }

    /// The events of a program's acts, each with whether the message had a name in the mailbox, or was on its way from one to
    /// another, when the event came into the queue.
    fn events(acts: &[Act]) -> Vec<(Named, bool)> {
        let mut at = Some(0);
        let mut events = Vec::new();
        for (number, act) in acts.iter().enumerate() {
            let number = u32::try_from(number).unwrap();
            match (*act, at) {
                (Act::Rename(to), Some(from)) if from != to => {
                    events.push((named(from, Happened::MovedAway(number)), true));
                    events.push((named(to, Happened::MovedHere(number)), true));
                    at = Some(to);
                }
                (Act::Leave, Some(from)) => {
                    events.push((named(from, Happened::MovedAway(number)), false));
                    at = None;
                }
                (Act::Return(to), None) => {
                    events.push((named(to, Happened::MovedHere(number)), true));
                    at = Some(to);
                }
                (Act::Link(to), Some(from)) if from != to => {
                    events.push((named(to, Happened::Made), true));
                    events.push((named(from, Happened::Removed), true));
                    at = Some(to);
                }
                (Act::Remove, Some(from)) => {
                    events.push((named(from, Happened::Removed), false));
                    at = None;
                }
                _ => {}
            }
        }
        events
    }

    fn verdict(told: &[Named], settled: usize) -> Verdict {
        let known = Entry::new(Subdirectory::New, &b"1.a:2,"[..]);
        let numbers: HashSet<u32> = told
            .iter()
            .filter_map(|named| match named.happened {
                Happened::MovedHere(number) => Some(number),
                _ => None,
            })
            .collect();
        let group = Group {
            told: told.iter().enumerate().collect(),
        };
        went(Verdict::Gone(Uid::MIN), Some(&known), &group, |at, number| {
            at < settled || numbers.contains(&number)
        })
    }

    proptest! {
        /// The events are cut off anywhere, also between the two of one rename: what comes later is still on its way.
        #[test]
        fn a_message_that_is_somewhere_is_never_gone_however_late_events_come(
            acts in proptest::collection::vec(act(), 0..12),
            told in 0usize..30,
        ) {
            let events = events(&acts);
            let told = told.min(events.len());
            let is_there = events[..told].last().is_none_or(|(_, is_there)| *is_there);
            let names: Vec<Named> = events[..told].iter().map(|(named, _)| named.clone()).collect();
            let is_gone = matches!(verdict(&names, 0), Verdict::Gone(_));
            prop_assert!(!(is_there && is_gone), "{names:?}");
            // Once nobody is in the midst of anything, all has been told.
            if told == events.len() {
                let is_gone = matches!(verdict(&names, names.len()), Verdict::Gone(_));
                prop_assert_eq!(is_gone, !is_there, "{:?}", names);
            }
        }
    }
}
