//! Numbers are given out, and written down before anybody is told.

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use imap_seq::{ModSeq, Uid, UidSet};

use super::{Batch, Numbers, Renewal, Stage, by_the_clock, names};
use crate::disk::modseq_file::{self, Durability, FILE_NAME, Reading};
use crate::format::flags::Info;
use crate::format::modseqs::{Keywords, Line, Running};
use crate::mailbox::open::{OpenMailbox, Trouble, Writer};
use crate::mailbox::vanished::Vanished;

/// So many numbers may be given before the mark is synced again. Few, because counting goes on above the mark after a power
/// failure, and must not run ahead of the clock.
const STEP: u64 = 1 << 12;
/// A file that grew beyond twice what it would have if it were written anew, and by this, is written anew.
const SLACK: u64 = 64 << 10;
/// How long a file that could not be written is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(30);

impl OpenMailbox {
    /// A number for each batch, ascending, written down; none for one that is empty, or about messages that are gone. Takes in first what other processes wrote.
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
                if self.is_to_be_logged(Trouble::NumbersNotWritten) {
                    let path = self.path();
                    tracing::warn!(path = %path.display(), %error, "{FILE_NAME} cannot be written: clients may be told of all messages once more");
                }
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
            given.push(self.add_lines(batch, numbers, &mut lines));
        }
        // While the mailbox is opened they may still turn out to be there, with the number that they have.
        let is_told = numbers.stage == Stage::Open || !batches.iter().all(Batch::is_empty);
        if is_told && numbers.passes_over(numbers.last) {
            let modseq = numbers.take_next(ModSeq::MIN);
            numbers.number_beside(modseq, &mut lines);
        }
        if !lines.is_empty() {
            numbers.announce()?;
            let before = numbers.size();
            numbers.file.append(&lines, Durability::Eventual)?;
            numbers.keywords = keywords;
            if batches.iter().all(|batch| matches!(batch, Batch::Arrived(_))) {
                // The file would have these lines if it were written anew.
                numbers.size_when_new += numbers.size() - before;
            }
        }
        Ok(given)
    }

    /// Replaces the file. Gives the messages whose numbers another process has replaced at the same time.
    fn write_anew(&self, numbers: &mut Numbers, keywords: &Keywords) -> io::Result<Vec<(Uid, Info)>> {
        if numbers.renewal == Renewal::Due {
            // What other processes wrote to the file before it was lost is not known here: go past that.
            numbers.last = numbers.last.max(by_the_clock(&self.directory));
            // Nor which messages they told of that came and went meanwhile.
            self.hub.lock().vanished = Vanished::after(numbers.last);
        }
        if numbers.renewal == Renewal::NotDue {
            // The old file is back after a power failure, perhaps: nobody may rely on it then.
            numbers.announce()?;
        }
        let lines = self.all_lines(numbers, keywords)?;
        let reading = numbers.file.replace(&self.directory, &lines)?;
        // Whoever reads this file tells it as HIGHESTMODSEQ.
        self.hub.lock().reach_modseq(numbers.last);
        numbers.running = lines.iter().find_map(Line::running).cloned();
        numbers.keywords.clone_from(keywords);
        numbers.renewal = Renewal::NotDue;
        numbers.size_when_new = numbers.size();
        Ok(self.take_in(numbers, reading))
    }

    /// The lines of a batch, without messages that another process expunged before, and their number. None where nothing is
    /// left to be said: a number that is told and not written down would go back after a restart.
    fn add_lines(&self, batch: &Batch, numbers: &mut Numbers, lines: &mut Vec<Line>) -> Option<ModSeq> {
        let mut hub = self.hub.lock();
        match batch {
            Batch::Arrived(messages) => {
                let number = (!messages.is_empty()).then(|| numbers.take_next(ModSeq::MIN))?;
                add_changed(lines, number, messages.iter());
                messages.iter().for_each(|(uid, _)| numbers.is_now_known(*uid));
                Some(number)
            }
            Batch::Changed(messages) => {
                let is_known = |(uid, _): &&(Uid, Info)| hub.has(*uid);
                let mut known = messages.iter().filter(is_known).peekable();
                let number = known.peek().map(|_| numbers.take_next(ModSeq::MIN))?;
                add_changed(lines, number, known);
                Some(number)
            }
            Batch::OtherMeaning(uids) => {
                let info = |uid: Uid| Some((uid, hub.get(uid)?.info.clone()));
                let known: Vec<_> = uids.iter().filter_map(info).collect();
                let number = (!known.is_empty()).then(|| numbers.take_next(ModSeq::MIN))?;
                add_changed(lines, number, known.iter());
                Some(number)
            }
            Batch::Gone(uids) => {
                let is_known = |uid: &Uid| hub.has(*uid) || numbers.beside.contains_key(uid);
                let uids: UidSet = uids.iter().filter(is_known).collect();
                let modseq = (!uids.is_empty()).then(|| numbers.take_next(ModSeq::MIN))?;
                uids.iter().for_each(|uid| numbers.is_now_known(uid));
                lines.push(Line::Gone { modseq, uids });
                Some(modseq)
            }
        }
    }

    /// The whole file, from the index.
    fn all_lines(&self, numbers: &Numbers, keywords: &Keywords) -> io::Result<Vec<Line>> {
        let mut messages: Vec<(ModSeq, Info, Uid)> = Vec::new();
        self.for_each_entry(|uid, entry| messages.push((entry.modseq, entry.info.clone(), uid)))?;
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
        Ok(lines)
    }

    /// Says in the file that nobody is at work, so that a power failure from now on takes nothing. Waits for nobody.
    pub(crate) fn leave_numbers(&self, writer: &mut Writer) {
        let numbers = &mut writer.numbers;
        let is_ours = |running: &Running| *running.boot == *numbers.boot;
        if !numbers.running.as_ref().is_some_and(is_ours) || numbers.renewal == Renewal::Due {
            return;
        }
        if let Ok(Some(reading @ Reading::More(_))) = numbers.file.lock_if_free(&self.directory) {
            // What others wrote since stands before this line, and counts as read.
            self.take_in(numbers, reading);
            if numbers.file.append(&[Line::Kept], Durability::Eventual).is_ok() {
                numbers.running = None;
            }
        }
        numbers.file.unlock();
    }
}

impl Numbers {
    /// Octets of the file, as far as it is known.
    pub(super) fn size(&self) -> u64 {
        self.file.stamp().map_or(0, |(_, size)| size)
    }

    fn has_outgrown(&self) -> bool {
        self.size() > 2 * self.size_when_new + SLACK
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
