//! A disk that keeps what it has to.

use std::collections::BTreeMap;
use std::path::Path;

use crate::trace::Event;

/// What a crash takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss {
    /// The process was killed.
    Nothing,
    /// The power failed, and nothing is there that was not synced.
    Unsynced,
    /// The power failed; of what was not synced some is there. The number chooses.
    Some(u64),
}

/// The files of a folder: as they are, and as the disk has them for sure.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    files: BTreeMap<String, File>,
    /// Files that are gone, and on the disk until the folder is synced.
    removed: BTreeMap<String, File>,
    /// The file whose syncs do nothing.
    lies_about: Option<&'static str>,
}

#[derive(Clone, Debug, Default)]
struct File {
    synced: Vec<u8>,
    /// Since the last sync.
    changes: Vec<Change>,
    /// The folder was synced since it was made.
    is_entered: bool,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl Disk {
    /// A disk that says that it has synced this file, and has not.
    pub(crate) fn that_lies_about(file: &'static str) -> Self {
        Self {
            lies_about: Some(file),
            ..Self::default()
        }
    }

    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::Create { name } => drop(self.files.entry(name.clone()).or_default()),
            Event::Write { name, at, octets } => self.change(name, Change::Write(*at, octets.clone())),
            Event::Truncate { name, size } => self.change(name, Change::Truncate(*size)),
            Event::Sync { name } if name.is_empty() => {
                self.removed.clear();
                self.files.values_mut().for_each(|file| file.is_entered = true);
            }
            Event::Sync { name } if Some(name.as_str()) == self.lies_about => {}
            Event::Sync { name } => {
                let file = self.files.get_mut(name).unwrap();
                file.synced = file.with(&file.changes);
                file.changes.clear();
            }
            Event::Remove { name } => {
                let file = self.files.remove(name).unwrap();
                if file.is_entered {
                    self.removed.insert(name.clone(), file);
                }
            }
            Event::Answered => {}
        }
    }

    fn change(&mut self, name: &str, change: Change) {
        self.files.get_mut(name).unwrap().changes.push(change);
    }

    /// Whether there is a database for sure.
    pub(crate) fn has_database(&self) -> bool {
        self.files.contains_key("mail.db")
    }

    /// Makes the folder as a crash leaves it.
    pub(crate) fn leave(&self, folder: &Path, loss: Loss) {
        let write = |name: &str, octets: Vec<u8>| std::fs::write(folder.join(name), octets).unwrap();
        let mut random = match loss {
            Loss::Some(seed) => Random(seed),
            _ => Random(0),
        };
        for (name, file) in &self.files {
            match loss {
                Loss::Nothing => write(name, file.with(&file.changes)),
                Loss::Unsynced if file.is_entered => write(name, file.synced.clone()),
                Loss::Some(_) if file.is_entered || random.bit() => {
                    write(name, file.with(&some(&file.changes, &mut random)));
                }
                _ => {}
            }
        }
        for (name, file) in &self.removed {
            let is_there = match loss {
                Loss::Nothing => false,
                Loss::Unsynced => true,
                Loss::Some(_) => random.bit(),
            };
            if is_there && !self.files.contains_key(name) {
                write(name, file.synced.clone());
            }
        }
    }
}

impl File {
    fn with(&self, changes: &[Change]) -> Vec<u8> {
        let mut octets = self.synced.clone();
        for change in changes {
            match change {
                Change::Truncate(size) => octets.resize(*size, 0),
                Change::Write(at, written) => {
                    let end = at + written.len();
                    if octets.len() < end {
                        octets.resize(end, 0);
                    }
                    octets[*at..end].copy_from_slice(written);
                }
            }
        }
        octets
    }
}

/// Some of the changes; writes may be torn between sectors.
fn some(changes: &[Change], random: &mut Random) -> Vec<Change> {
    let mut kept = Vec::new();
    for change in changes {
        match (change, random.below(4)) {
            (_, 0) => {}
            (Change::Write(at, octets), 1) if octets.len() > 512 => {
                let sectors = random.below(octets.len() / 512);
                kept.push(Change::Write(*at, octets[..sectors * 512].to_vec()));
            }
            (change, _) => kept.push(change.clone()),
        }
    }
    kept
}

/// xorshift64*: the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn bit(&mut self) -> bool {
        self.next() >> 63 == 1
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % bound.max(1)
    }
}
