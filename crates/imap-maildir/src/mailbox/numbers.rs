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

mod give;
mod others;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use imap_seq::{ModSeq, Uid, UidSet, View};

use crate::disk::clock;
use crate::disk::directory::Directory;
use crate::disk::modseq_file::{self, ModSeqFile, Reading, Stamp};
use crate::format::flags::Info;
use crate::format::index::NumbersNote;
use crate::format::keywords::KeywordNames;
use crate::format::modseqs::{Keywords, Line, Running, is_of};
use crate::mailbox::open::OpenMailbox;
use crate::mailbox::vanished::Vanished;

/// Without a file, counting begins at the clock's nanoseconds divided by 2 to this: a change takes longer than 64 of them, and
/// 63 bits last for 18,000 years.
const UNIT: u32 = 6;

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
    /// What the file would have if it were written anew, nearly.
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
    /// Their letters are what they were, and mean other keywords. Another process may have changed the letters too: those that
    /// count are the ones that are known when the number is given.
    OtherMeaning(UidSet),
    Gone(UidSet),
}

impl Batch {
    fn is_empty(&self) -> bool {
        match self {
            Self::Arrived(messages) | Self::Changed(messages) => messages.is_empty(),
            Self::OtherMeaning(uids) | Self::Gone(uids) => uids.is_empty(),
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

    /// What an index keeps; none while the file does not say all.
    pub(crate) fn note(&self) -> Option<NumbersNote> {
        let is_whole = self.renewal == Renewal::NotDue && self.beside.is_empty() && self.resting.is_none();
        let (identity, read) = self.file.stamp().filter(|_| is_whole)?;
        Some(NumbersNote {
            file: identity.into(),
            read,
            checksum: self.file.checksum()?,
            last: self.last.get(),
            running: self
                .running
                .as_ref()
                .map(|running| (running.boot.to_string(), running.ceiling.get())),
            keywords: self
                .keywords
                .iter()
                .map(|(index, name)| (*index, name.to_string()))
                .collect(),
            size_when_new: self.size_when_new,
        })
    }

    /// As they were when the note was taken: a process that slept since. None where the file is another one now, or where a power
    /// failure may have taken lines of it.
    pub(crate) fn of_note(
        directory: &Directory,
        note: &NumbersNote,
        uid_validity: u32,
        boot: Arc<str>,
        is_same_boot: bool,
    ) -> Option<Self> {
        let running = match &note.running {
            Some((of, ceiling)) => Some(Running {
                boot: of.as_str().into(),
                ceiling: ModSeq::new(*ceiling)?,
            }),
            None => None,
        };
        let stamp = (note.file.into(), note.read);
        let is_complete = running.is_none() && modseq_file::stamp_of(directory) == Some(stamp);
        if !is_same_boot && !is_complete {
            return None;
        }
        Some(Self {
            file: ModSeqFile::opened_again(directory, stamp, note.checksum)?,
            uid_validity,
            boot,
            last: ModSeq::new(note.last)?,
            running,
            keywords: note
                .keywords
                .iter()
                .map(|(index, name)| (*index, name.as_str().into()))
                .collect(),
            beside: BTreeMap::new(),
            stage: Stage::Opening,
            renewal: Renewal::NotDue,
            size_when_new: note.size_when_new,
            resting: None,
        })
    }

    fn read_first(&mut self, directory: &Directory, vanished: &mut Vanished) -> io::Result<()> {
        let lines = match self.file.lock(directory) {
            Ok(Reading::Anew(lines) | Reading::More(lines)) => lines,
            Ok(Reading::Unusable) => Vec::new(),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(error),
            // What cannot be written may be read all the same: no number that was told is above those in it. Whoever needs to write
            // says what is wrong.
            Err(_) => modseq_file::inspect(directory).ok().flatten().unwrap_or_default(),
        };
        self.file.unlock();
        if !self.is_ours(&lines) {
            return Ok(());
        }
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
        self.size_when_new = self.size();
        Ok(())
    }

    fn is_ours(&self, lines: &[Line]) -> bool {
        is_of(lines, self.uid_validity)
    }

    /// HIGHESTMODSEQ of a mailbox that is being opened.
    pub(crate) fn last(&self) -> ModSeq {
        self.last
    }

    pub(crate) fn boot(&self) -> &str {
        &self.boot
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

    /// The messages of the file that the index does not have, of those that were looked for: with UIDs below this one. A higher
    /// UID was given by another process after the UID list was read, and nobody has looked for its file.
    pub(super) fn beside(&self, uid_next: u32) -> UidSet {
        let uids = self.beside.keys().copied();
        uids.filter(|uid| uid.get() < uid_next).collect()
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
    /// The messages of `within` that changed after `since`. O(messages on pages with such a message); the hub is not kept from
    /// others for long. Blocks where pages are not in memory.
    pub(crate) fn changed_since(&self, since: ModSeq, within: &View) -> UidSet {
        /// Pages at a time.
        const AT_ONCE: usize = 16;
        let mut changed = UidSet::new();
        let mut next = Some(Uid::MIN);
        while let Some(first) = next {
            let mut hub = self.hub.lock();
            next = hub.pages.for_each_changed(first, since, AT_ONCE, |uid| {
                if within.seq_of(uid).is_some() {
                    changed.insert(uid);
                }
            });
        }
        changed
    }
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
