//! What other processes wrote becomes known here.

use std::collections::HashMap;

use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::{Echo, Origin};

use super::{Numbers, Renewal};
use crate::disk::directory::Subdirectory;
use crate::disk::modseq_file::Reading;
use crate::format::flags::Info;
use crate::format::modseqs::Line;
use crate::mailbox::open::OpenMailbox;

impl OpenMailbox {
    /// Makes known what other processes wrote. Gives the messages whose numbers were lost, because another process wrote the
    /// file anew and did not know them.
    pub(super) fn take_in(&self, numbers: &mut Numbers, reading: Reading) -> Vec<(Uid, Info)> {
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
    pub(super) fn renumber(&self, messages: &[(Uid, Info)], modseq: ModSeq) {
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
        // Of a damaged index nothing is told any more.
        let _ = self.for_each_entry(|uid, entry| {
            if theirs.get(&uid).is_none_or(|modseq| *modseq < entry.modseq) {
                ahead.push((uid, entry.info.clone()));
            }
        });
        ahead
    }
}
