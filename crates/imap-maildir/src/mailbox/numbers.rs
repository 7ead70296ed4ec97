//! Mod-sequences (RFC 7162): one order of all changes, whoever made them, that outlives the process.
//!
//! `imap-modseqs` has for each message its number and the flag letters that belong to it. What lies in `new/` and `cur/` is the
//! truth: a message with other letters than in the file, one that the file does not know, one that is missing, has changed
//! while nobody looked, and gets a new number. So another program needs to know nothing of the file, and a line that a dead
//! process did not write is made up for.
//!
//! * **Written before told.** A number is in the file before any session can see it. A process that dies takes nothing along.
//! * **Not synced.** Before the first number after a quiet time a mark is synced: so many numbers may be given from now on, by
//!   a process of this boot. A mailbox that is opened with the mark of another boot may have lost lines in a power failure:
//!   all its messages get numbers above the mark. Clients are told once too often, and miss nothing.
//! * **Several processes.** A number is given under the file's lock, after the lines of others were taken in. A message that
//!   another process numbered and that is not known here yet is numbered again above each number that is given here: no
//!   client of this process can go past it.
//! * **Without the file** (removed, damaged, of another UIDVALIDITY, not writable) counting begins at the clock, in units of
//!   64 nanoseconds, so above all that was told before: numbers are given one after the other, and each takes longer. If the
//!   clock went back, the time of the latest change of `new/` and `cur/` stands in for it.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use imap_seq::{ModSeq, Uid, UidSet, View};
use imap_updates::{Echo, Origin};

use crate::disk::clock;
use crate::disk::directory::{Directory, Subdirectory};
use crate::disk::modseq_file::{self, Durability, FILE_NAME, ModSeqFile, Reading, Stamp};
use crate::format::flags::Info;
use crate::format::keywords::KeywordNames;
use crate::format::modseqs::{Keywords, Line, Running, is_of};
use crate::mailbox::observe::BATCH;
use crate::mailbox::open::{OpenMailbox, Writer};
use crate::mailbox::vanished::Vanished;

/// So many numbers may be given before the mark is synced again. Few, because counting goes on above the mark after a power
/// failure, and must not run ahead of the clock.
const STEP: u64 = 1 << 12;
/// Without a file, counting begins at the clock's nanoseconds divided by 2 to this: a change takes longer than 64 of them, and
/// 63 bits last for 18,000 years.
const UNIT: u32 = 6;
/// A file that grew beyond twice its size when it was written anew, and by this, is written anew.
const SLACK: u64 = 64 << 10;
/// How long a file that could not be written is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// What is known of the mailbox's mod-sequences beside the index.
#[derive(Debug)]
pub(crate) struct Numbers {
    file: ModSeqFile,
    uid_validity: u32,
    boot: Arc<str>,
    /// The last number that anybody gave out, as far as is known.
    last: ModSeq,
    /// Who may give out numbers, by the file; nobody after a process left.
    running: Option<Running>,
    /// What the letters mean, by the file.
    keywords: Keywords,
    /// Messages that the file numbers and the index does not have.
    beside: BTreeMap<Uid, Numbered>,
    stage: Stage,
    /// The file has to be written anew: from the index, for it knows less.
    renewal: Renewal,
    size_when_new: u64,
    /// Until then the file is not tried again.
    resting: Option<Instant>,
}

/// A message by the file.
#[derive(Clone, Debug)]
struct Numbered {
    modseq: ModSeq,
    info: Info,
    /// Its flags are not what they were, although its letters are.
    is_outdated: bool,
}

/// Whether sessions may have been told of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Opening,
    Open,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renewal {
    Due,
    NotDue,
}

/// Messages that change together and get one number.
#[derive(Debug)]
pub(crate) enum Batch {
    Arrived(Vec<(Uid, Info)>),
    Changed(Vec<(Uid, Info)>),
    Gone(UidSet),
}

impl Batch {
    fn is_empty(&self) -> bool {
        match self {
            Self::Arrived(messages) | Self::Changed(messages) => messages.is_empty(),
            Self::Gone(uids) => uids.is_empty(),
        }
    }
}

impl Numbers {
    /// Reads the file of a mailbox of which nothing is known yet. Gives also what it remembers of expunged messages.
    pub(crate) fn open(
        directory: &Directory,
        uid_validity: u32,
        keywords: &KeywordNames,
        boot: Arc<str>,
    ) -> io::Result<(Self, Vanished)> {
        let mut numbers = Self {
            file: ModSeqFile::default(),
            uid_validity,
            boot,
            last: ModSeq::MIN,
            running: None,
            keywords: Keywords::new(),
            beside: BTreeMap::new(),
            stage: Stage::Opening,
            renewal: Renewal::Due,
            size_when_new: 0,
            resting: None,
        };
        let mut vanished = Vanished::default();
        if modseq_file::stamp_of(directory).is_some() {
            numbers.read_first(directory, &mut vanished)?;
        }
        if numbers.renewal == Renewal::Due {
            numbers.last = numbers.last.max(by_the_clock(directory));
            numbers.beside.clear();
            vanished = Vanished::after(numbers.last);
        }
        numbers.outdate(&names(keywords));
        Ok((numbers, vanished))
    }

    fn read_first(&mut self, directory: &Directory, vanished: &mut Vanished) -> io::Result<()> {
        let reading = match self.file.lock(directory) {
            Ok(reading) => reading,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "{FILE_NAME} cannot be used; all messages count as changed");
                return Ok(());
            }
        };
        self.file.unlock();
        let lines = match reading {
            Reading::Anew(lines) | Reading::More(lines) if self.is_ours(&lines) => lines,
            _ => return Ok(()),
        };
        for line in lines {
            match line {
                Line::Head { forgotten, .. } => *vanished = Vanished::after(forgotten),
                Line::Gone { modseq, ref uids } => vanished.add(modseq, uids.clone()),
                _ => {}
            }
            self.take_in_beside(line);
        }
        match &self.running {
            Some(running) if *running.boot != *self.boot => self.last = self.last.max(running.ceiling),
            _ => self.renewal = Renewal::NotDue,
        }
        self.size_when_new = self.file.stamp().map_or(0, |(_, size)| size);
        Ok(())
    }

    fn is_ours(&self, lines: &[Line]) -> bool {
        is_of(lines, self.uid_validity)
    }

    /// HIGHESTMODSEQ of a mailbox that is being opened.
    pub(crate) fn last(&self) -> ModSeq {
        self.last
    }

    pub(crate) fn stamp(&self) -> Option<Stamp> {
        self.file.stamp()
    }

    /// Takes in what a line says, but for messages that the index has.
    fn take_in_beside(&mut self, line: Line) {
        match line {
            Line::Head { last, .. } => self.last = self.last.max(last),
            Line::Running(running) => self.running = Some(running),
            Line::Kept => self.running = None,
            Line::Keywords(keywords) => self.keywords = keywords,
            Line::Changed { modseq, info, uids } => {
                self.last = self.last.max(modseq);
                for uid in uids.iter() {
                    let numbered = Numbered {
                        modseq,
                        info: info.clone(),
                        is_outdated: false,
                    };
                    self.beside.insert(uid, numbered);
                }
            }
            Line::Gone { modseq, uids } => {
                self.last = self.last.max(modseq);
                uids.iter().for_each(|uid| drop(self.beside.remove(&uid)));
            }
        }
    }

    /// Messages with a letter that means something else now have other flags.
    fn outdate(&mut self, keywords: &Keywords) {
        let name = |names: &Keywords, index: u8| names.iter().find(|(at, _)| *at == index).cloned();
        let is_other = |index: u8| name(&self.keywords, index) != name(keywords, index);
        let others: Vec<u8> = (0..26).filter(|&index| is_other(index)).collect();
        if others.is_empty() {
            return;
        }
        for numbered in self.beside.values_mut() {
            numbered.is_outdated = numbered.info.keywords().any(|index| others.contains(&index));
        }
    }

    /// The number of a message that is found when the mailbox is opened, if it is as the file says.
    ///
    /// Later on a message of another process gets a new number: sessions may have been told of higher ones.
    pub(super) fn kept(&self, uid: Uid, info: &Info) -> Option<ModSeq> {
        let numbered = self.beside.get(&uid).filter(|_| self.stage == Stage::Opening)?;
        (!numbered.is_outdated && numbered.info == *info).then_some(numbered.modseq)
    }

    /// From now on sessions are told of numbers.
    pub(super) fn is_open(&mut self) {
        self.stage = Stage::Open;
    }

    /// The messages of the file that the index does not have.
    pub(super) fn beside(&self) -> UidSet {
        self.beside.keys().copied().collect()
    }

    pub(super) fn is_now_known(&mut self, uid: Uid) {
        self.beside.remove(&uid);
    }

    /// At the end of the 63 bits it stays there.
    fn take_next(&mut self, least: ModSeq) -> ModSeq {
        self.last = self.last.next().unwrap_or(ModSeq::MAX).max(least);
        self.last
    }
}

impl OpenMailbox {
    /// A number for each batch, ascending, written down; none for an empty one. Takes in first what other processes wrote.
    ///
    /// Blocks. The batches are to be published then, each in a critical section of its own: who is told of a number is told of
    /// all of its messages.
    ///
    /// # Errors
    /// `TimedOut` while another process keeps the file locked: nothing is to be published then, and the next look finds it.
    pub(crate) fn number(&self, writer: &mut Writer, batches: Vec<Batch>) -> io::Result<Vec<Option<ModSeq>>> {
        if batches.iter().all(Batch::is_empty) && writer.numbers.renewal == Renewal::NotDue {
            return Ok(batches.iter().map(|_| None).collect());
        }
        self.with_numbers(writer, batches)
    }

    /// Takes in what other processes wrote. A file that is gone is written anew at once: what was in it another process may
    /// have told.
    ///
    /// # Errors
    /// As [`number`](Self::number).
    pub(crate) fn read_numbers(&self, writer: &mut Writer) -> io::Result<()> {
        if modseq_file::stamp_of(&self.directory) == writer.numbers.stamp() {
            return Ok(());
        }
        self.with_numbers(writer, Vec::new()).map(drop)
    }

    fn with_numbers(&self, writer: &mut Writer, batches: Vec<Batch>) -> io::Result<Vec<Option<ModSeq>>> {
        let numbers = &mut writer.numbers;
        if numbers.resting.is_some_and(|until| Instant::now() < until) {
            return Ok(self.number_without_file(numbers, &batches));
        }
        numbers.resting = None;
        let current = names(writer.keywords.names());
        let reading = numbers.file.lock(&self.directory);
        let written = reading.and_then(|reading| self.number_locked(numbers, reading, &batches, current));
        numbers.file.unlock();
        match written {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(error),
            Err(error) => {
                tracing::warn!(%error, "{FILE_NAME} cannot be written; clients will be told of all messages once more");
                numbers.file.abandon(&self.directory);
                (numbers.renewal, numbers.running) = (Renewal::Due, None);
                numbers.resting = Some(Instant::now() + RETRY_AFTER);
                Ok(self.number_without_file(numbers, &batches))
            }
            written => written,
        }
    }

    fn number_without_file(&self, numbers: &mut Numbers, batches: &[Batch]) -> Vec<Option<ModSeq>> {
        let least = by_the_clock(&self.directory);
        let number = |batch: &Batch| (!batch.is_empty()).then(|| numbers.take_next(least));
        batches.iter().map(number).collect()
    }

    fn number_locked(
        &self,
        numbers: &mut Numbers,
        reading: Reading,
        batches: &[Batch],
        keywords: Keywords,
    ) -> io::Result<Vec<Option<ModSeq>>> {
        let mut lost = self.take_in(numbers, reading);
        if numbers.renewal == Renewal::Due || numbers.has_outgrown() {
            lost.extend(self.write_anew(numbers, &keywords)?);
        }
        let mut lines = Vec::new();
        if numbers.keywords != keywords {
            lines.push(Line::Keywords(keywords.clone()));
        }
        if !lost.is_empty() {
            let modseq = numbers.take_next(ModSeq::MIN);
            self.renumber(&lost, modseq);
            add_changed(&mut lines, modseq, lost.iter());
        }
        let mut given = Vec::with_capacity(batches.len());
        for batch in batches {
            let modseq = (!batch.is_empty()).then(|| numbers.take_next(ModSeq::MIN));
            if let Some(modseq) = modseq {
                self.add_lines(batch, modseq, numbers, &mut lines);
            }
            given.push(modseq);
        }
        if numbers.passes_over(numbers.last) {
            let modseq = numbers.take_next(ModSeq::MIN);
            numbers.number_beside(modseq, &mut lines);
        }
        if !lines.is_empty() {
            numbers.announce()?;
            numbers.file.append(&lines, Durability::Eventual)?;
            numbers.keywords = keywords;
        }
        Ok(given)
    }

    /// Replaces the file. Gives the messages whose numbers another process has replaced at the same time.
    fn write_anew(&self, numbers: &mut Numbers, keywords: &Keywords) -> io::Result<Vec<(Uid, Info)>> {
        if numbers.renewal == Renewal::Due {
            // What other processes wrote to the file before it was lost is not known here: go past that.
            numbers.last = numbers.last.max(by_the_clock(&self.directory));
        }
        if numbers.renewal == Renewal::NotDue {
            // The old file is back after a power failure, perhaps: nobody may rely on it then.
            numbers.announce()?;
        }
        let lines = self.all_lines(numbers, keywords);
        let reading = numbers.file.replace(&self.directory, &lines)?;
        // Whoever reads this file tells it as HIGHESTMODSEQ.
        self.hub.lock().reach_modseq(numbers.last);
        numbers.running = lines.iter().find_map(Line::running).cloned();
        numbers.keywords.clone_from(keywords);
        numbers.renewal = Renewal::NotDue;
        numbers.size_when_new = numbers.file.stamp().map_or(0, |(_, size)| size);
        Ok(self.take_in(numbers, reading))
    }

    /// The lines of a batch, without messages that another process expunged before.
    fn add_lines(&self, batch: &Batch, modseq: ModSeq, numbers: &mut Numbers, lines: &mut Vec<Line>) {
        let hub = self.hub.lock();
        match batch {
            Batch::Arrived(messages) => {
                add_changed(lines, modseq, messages.iter());
                messages.iter().for_each(|(uid, _)| numbers.is_now_known(*uid));
            }
            Batch::Changed(messages) => {
                let known = messages.iter().filter(|(uid, _)| hub.get(*uid).is_some());
                add_changed(lines, modseq, known);
            }
            Batch::Gone(uids) => {
                let is_known = |uid: &Uid| hub.get(*uid).is_some() || numbers.beside.contains_key(uid);
                let uids: UidSet = uids.iter().filter(is_known).collect();
                uids.iter().for_each(|uid| numbers.is_now_known(uid));
                if !uids.is_empty() {
                    lines.push(Line::Gone { modseq, uids });
                }
            }
        }
    }

    /// Makes known what other processes wrote. Gives the messages whose numbers were lost, because another process wrote the
    /// file anew and did not know them.
    fn take_in(&self, numbers: &mut Numbers, reading: Reading) -> Vec<(Uid, Info)> {
        let mut lost = Vec::new();
        let lines = match reading {
            Reading::More(lines) => lines,
            Reading::Anew(lines) if numbers.is_ours(&lines) => {
                lost = self.ahead_of(&lines);
                numbers.size_when_new = numbers.file.stamp().map_or(0, |(_, size)| size);
                lines
            }
            Reading::Anew(_) | Reading::Unusable => {
                numbers.renewal = Renewal::Due;
                return lost;
            }
        };
        for line in lines {
            match &line {
                Line::Changed { modseq, info, uids } => {
                    let unknown = self.take_in_changed(*modseq, info, uids);
                    let (modseq, info) = (*modseq, info.clone());
                    numbers.take_in_beside(Line::Changed {
                        modseq,
                        info,
                        uids: unknown,
                    });
                }
                Line::Gone { modseq, uids } => {
                    self.take_in_gone(*modseq, uids);
                    numbers.take_in_beside(line);
                }
                Line::Head { last, .. } => {
                    self.hub.lock().reach_modseq(*last);
                    numbers.take_in_beside(line);
                }
                _ => numbers.take_in_beside(line),
            }
        }
        lost
    }

    /// Makes known what another process changed; gives the messages that are not known here.
    fn take_in_changed(&self, modseq: ModSeq, info: &Info, uids: &UidSet) -> UidSet {
        let mut unknown = UidSet::new();
        let mut hub = self.hub.lock();
        hub.set_modseq(modseq);
        for uid in uids.iter() {
            let Some(known) = hub.get(uid) else {
                unknown.insert(uid);
                continue;
            };
            if known.modseq >= modseq {
                continue;
            }
            let mut entry = known.clone();
            let is_same = entry.info == *info;
            if !is_same {
                // Where the file is: a guess. Whoever does not find it there looks for it.
                let name = [entry.base(), &info.suffix()].concat();
                entry = entry.renamed(Subdirectory::Cur, name);
            }
            entry.modseq = modseq;
            let flags = hub.flags(&entry);
            hub.insert(uid, entry);
            if !is_same {
                let _ = hub.flags_changed(uid, flags, Origin::EXTERNAL, Echo::Tell);
            }
        }
        hub.reach_modseq(modseq);
        unknown
    }

    fn take_in_gone(&self, modseq: ModSeq, uids: &UidSet) {
        let mut hub = self.hub.lock();
        if hub
            .vanished
            .expunges()
            .last()
            .is_some_and(|(last, _)| *last >= modseq)
        {
            return;
        }
        hub.set_modseq(modseq);
        let known: UidSet = uids.iter().filter(|&uid| hub.remove(uid).is_some()).collect();
        hub.vanished.add(modseq, uids.clone());
        hub.expunge(&known);
        hub.reach_modseq(modseq);
    }

    /// Gives messages a number that is above all that anybody told.
    fn renumber(&self, messages: &[(Uid, Info)], modseq: ModSeq) {
        let mut hub = self.hub.lock();
        for (uid, _) in messages {
            if let Some(mut entry) = hub.get(*uid).cloned() {
                entry.modseq = modseq;
                hub.insert(*uid, entry);
            }
        }
        hub.reach_modseq(modseq);
    }

    /// The messages of the index whose number is above that of these lines.
    fn ahead_of(&self, lines: &[Line]) -> Vec<(Uid, Info)> {
        let mut theirs: HashMap<Uid, ModSeq> = HashMap::new();
        for line in lines {
            if let Line::Changed { modseq, uids, .. } = line {
                theirs.extend(uids.iter().map(|uid| (uid, *modseq)));
            }
        }
        let mut ahead = Vec::new();
        self.for_each_entry(|uid, entry| {
            if theirs.get(&uid).is_none_or(|modseq| *modseq < entry.modseq) {
                ahead.push((uid, entry.info.clone()));
            }
        });
        ahead
    }

    /// The whole file, from the index.
    fn all_lines(&self, numbers: &Numbers, keywords: &Keywords) -> Vec<Line> {
        let mut messages: Vec<(ModSeq, Info, Uid)> = Vec::new();
        self.for_each_entry(|uid, entry| messages.push((entry.modseq, entry.info.clone(), uid)));
        let beside = numbers.beside.iter();
        messages.extend(beside.map(|(uid, numbered)| (numbered.modseq, numbered.info.clone(), *uid)));
        messages.sort_unstable_by_key(|(modseq, _, uid)| (*modseq, *uid));
        let hub = self.hub.lock();
        let mut lines = vec![
            Line::Head {
                uid_validity: numbers.uid_validity,
                last: numbers.last,
                forgotten: hub.vanished.forgotten(),
            },
            Line::Running(numbers.running_up_to(numbers.last)),
            Line::Keywords(keywords.clone()),
        ];
        let gone = hub.vanished.expunges().cloned();
        lines.extend(gone.map(|(modseq, uids)| Line::Gone { modseq, uids }));
        drop(hub);
        for of_one_number in messages.chunk_by(|one, other| one.0 == other.0) {
            let of_each = of_one_number.iter().map(|(_, info, uid)| (*uid, info));
            add_changed_infos(&mut lines, of_one_number[0].0, of_each);
        }
        lines
    }

    /// The messages of `within` that changed after `since`. O(messages of the mailbox), a few nanoseconds each; neither the hub
    /// nor the thread is kept from others for long.
    pub(crate) async fn changed_since(&self, since: ModSeq, within: &View) -> UidSet {
        let mut changed = UidSet::new();
        let mut next = Some(Uid::MIN);
        while let Some(first) = next {
            next = {
                let hub = self.hub.lock();
                let mut messages = hub.entries_from(first);
                let batch = messages.by_ref().take(BATCH);
                let newer = batch
                    .filter(|(_, entry)| entry.modseq > since)
                    .map(|(uid, _)| uid);
                changed.extend(newer.filter(|&uid| within.seq_of(uid).is_some()));
                messages.next().map(|(uid, _)| uid)
            };
            tokio::task::consume_budget().await;
        }
        changed
    }

    /// Says in the file that nobody is at work, so that a power failure from now on takes nothing. Waits for nobody.
    pub(crate) fn leave_numbers(&self, writer: &mut Writer) {
        let numbers = &mut writer.numbers;
        let is_ours = |running: &Running| *running.boot == *numbers.boot;
        if !numbers.running.as_ref().is_some_and(is_ours) || numbers.renewal == Renewal::Due {
            return;
        }
        // What others wrote since is not taken in any more: it stands before this line.
        if let Ok(Some(Reading::More(_))) = numbers.file.lock_if_free(&self.directory) {
            let _ = numbers.file.append(&[Line::Kept], Durability::Eventual);
        }
        numbers.file.unlock();
    }
}

impl Numbers {
    fn has_outgrown(&self) -> bool {
        let size = self.file.stamp().map_or(0, |(_, size)| size);
        size > 2 * self.size_when_new + SLACK
    }

    fn running_up_to(&self, last: ModSeq) -> Running {
        let ceiling = ModSeq::new(last.get().saturating_add(STEP)).unwrap_or(ModSeq::MAX);
        Running {
            boot: (*self.boot).into(),
            ceiling,
        }
    }

    /// Makes sure that the file says, durably, that numbers up to the last one may be told.
    fn announce(&mut self) -> io::Result<()> {
        let is_enough = |running: &Running| *running.boot == *self.boot && self.last <= running.ceiling;
        if !self.running.as_ref().is_some_and(is_enough) {
            let running = self.running_up_to(self.last);
            self.file
                .append(&[Line::Running(running.clone())], Durability::Synced)?;
            self.running = Some(running);
        }
        Ok(())
    }

    /// Whether a client that is told of `modseq` would go past a message that is not known here.
    fn passes_over(&self, modseq: ModSeq) -> bool {
        self.beside.values().any(|numbered| numbered.modseq <= modseq)
    }

    fn number_beside(&mut self, modseq: ModSeq, lines: &mut Vec<Line>) {
        for numbered in self.beside.values_mut() {
            numbered.modseq = modseq;
        }
        let messages = self.beside.iter().map(|(uid, numbered)| (*uid, &numbered.info));
        add_changed_infos(lines, modseq, messages);
    }
}

fn add_changed<'a>(lines: &mut Vec<Line>, modseq: ModSeq, messages: impl Iterator<Item = &'a (Uid, Info)>) {
    add_changed_infos(lines, modseq, messages.map(|(uid, info)| (*uid, info)));
}

/// One line for all messages with the same letters.
fn add_changed_infos<'a>(
    lines: &mut Vec<Line>,
    modseq: ModSeq,
    messages: impl Iterator<Item = (Uid, &'a Info)>,
) {
    let mut of_info: HashMap<&Info, UidSet> = HashMap::new();
    for (uid, info) in messages {
        of_info.entry(info).or_default().insert(uid);
    }
    let line = |(info, uids): (&Info, UidSet)| Line::Changed {
        modseq,
        info: info.clone(),
        uids,
    };
    lines.extend(of_info.into_iter().map(line));
}

fn names(keywords: &KeywordNames) -> Keywords {
    keywords
        .iter()
        .map(|(index, name)| (index, name.into()))
        .collect()
}

/// Above all numbers that were told before now, if nothing is known of them: time goes on faster than changes are made. Where
/// the clock went back, the time of the latest change of the directories stands in for it.
fn by_the_clock(directory: &Directory) -> ModSeq {
    let changed = directory
        .versions()
        .map(|versions| versions.new.seconds().max(versions.cur.seconds()));
    // Time stamps are a little behind the clock: a second later is after the change.
    let changed = changed.map_or(Duration::ZERO, |seconds| {
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0).saturating_add(1))
    });
    let now = clock::since_epoch();
    let time = if now + Duration::from_secs(1) < changed {
        changed
    } else {
        now
    };
    let units = time.as_nanos() >> UNIT;
    u64::try_from(units)
        .ok()
        .and_then(ModSeq::new)
        .unwrap_or(ModSeq::MAX)
}
