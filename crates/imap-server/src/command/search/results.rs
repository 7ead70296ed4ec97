//! What was found, in its order and in the numbers that the client wants.

use std::ops::Range;

use imap_seq::{Uid, UidSet, View};

use crate::numbers::Numbers;
use crate::syntax::search::Return;

/// Messages of the view, in the order of a searching command (RFC 5267, section 4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Results {
    /// In the order of the mailbox.
    Mailbox(UidSet),
    /// In the order of a SORT.
    Sorted(Vec<Uid>),
}

impl Results {
    /// Those that the client knows of.
    pub(crate) fn found(found: &UidSet, view: &View) -> Self {
        let seq = |uid| view.seq_of(uid).map(|seq| u64::from(seq.get()));
        let is_known = |(first, last): (Uid, Uid)| {
            let span = u64::from(last.get() - first.get());
            seq(first)
                .zip(seq(last))
                .is_some_and(|(from, to)| to - from == span)
        };
        if found.ranges().all(is_known) {
            return Self::Mailbox(found.clone());
        }
        Self::Mailbox(found.iter().filter(|&uid| view.seq_of(uid).is_some()).collect())
    }

    /// Those that the client knows of.
    pub(crate) fn sorted(mut sorted: Vec<Uid>, view: &View) -> Self {
        sorted.retain(|&uid| view.seq_of(uid).is_some());
        Self::Sorted(sorted)
    }

    pub(crate) fn count(&self) -> u64 {
        match self {
            Self::Mailbox(uids) => uids.len(),
            Self::Sorted(uids) => uids.len() as u64,
        }
    }

    pub(super) fn first(&self) -> Option<Uid> {
        match self {
            Self::Mailbox(uids) => uids.first(),
            Self::Sorted(uids) => uids.first().copied(),
        }
    }

    pub(super) fn last(&self) -> Option<Uid> {
        match self {
            Self::Mailbox(uids) => uids.last(),
            Self::Sorted(uids) => uids.last().copied(),
        }
    }

    /// All, without an order.
    pub(crate) fn set(&self) -> UidSet {
        match self {
            Self::Mailbox(uids) => uids.clone(),
            Self::Sorted(uids) => uids.iter().copied().collect(),
        }
    }

    /// From the highest UID to the lowest.
    pub(super) fn descending(&self) -> Self {
        let mut uids: Vec<Uid> = self.set().iter().collect();
        uids.reverse();
        Self::Sorted(uids)
    }

    /// Those at these places. O(runs) in the order of the mailbox.
    pub(super) fn at(&self, places: Range<u32>) -> Self {
        let (start, end) = (places.start as usize, places.end as usize);
        match self {
            Self::Sorted(uids) => Self::Sorted(uids[start..end].to_vec()),
            Self::Mailbox(uids) => {
                let mut chosen = UidSet::new();
                let mut place = 0;
                for (first, last) in uids.ranges() {
                    let next = place + (last.get() - first.get()) + 1;
                    let (from, to) = (place.max(places.start), next.min(places.end));
                    if from < to {
                        let uid = |at: u32| Uid::new(first.get() + (at - place));
                        if let (Some(from), Some(to)) = (uid(from), uid(to - 1)) {
                            chosen.insert_range(from, to);
                        }
                    }
                    place = next;
                }
                Self::Mailbox(chosen)
            }
        }
    }

    /// What of it `$` and MODSEQ are about: all, unless only some of them are told (RFC 5182, section 2.4; RFC 9394,
    /// section 3.2; RFC 4731, section 3.2).
    pub(in crate::command) fn told(&self, options: Option<Return>) -> UidSet {
        let options = match options {
            Some(options) if !options.all && !options.count => options,
            _ => return self.set(),
        };
        if !options.min && !options.max && options.partial.is_none() {
            return self.set();
        }
        let mut told: UidSet = match options.partial {
            Some(window) => self.at(window.places(self.len())).set(),
            None => UidSet::new(),
        };
        told = told.union(&self.first().filter(|_| options.min).into_iter().collect());
        told.union(&self.last().filter(|_| options.max).into_iter().collect())
    }

    /// How many there are; a mailbox has no more messages than UIDs.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.count()).unwrap_or(u32::MAX)
    }

    /// Runs of them in their order, as the client numbers them. O(runs).
    pub(crate) fn runs<'r>(
        &'r self,
        view: &'r View,
        numbers: Numbers,
    ) -> Box<dyn Iterator<Item = (u32, u32)> + Send + 'r> {
        let number = move |uid| number_of(uid, view, numbers);
        match self {
            // All of a run are in the view, so their numbers are a run as well.
            Self::Mailbox(uids) => {
                let run = move |(first, last)| number(first).zip(number(last));
                Box::new(uids.ranges().filter_map(run))
            }
            Self::Sorted(uids) => {
                let run = move |&uid| number(uid).map(|number| (number, number));
                Box::new(uids.iter().filter_map(run))
            }
        }
    }
}

/// The number of a message of the view.
pub(crate) fn number_of(uid: Uid, view: &View, numbers: Numbers) -> Option<u32> {
    match numbers {
        Numbers::Uids => Some(uid.get()),
        Numbers::Seqs => view.seq_of(uid).map(|seq| seq.get()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use imap_seq::MailboxIndex;

    fn uids(of: &[u32]) -> Vec<Uid> {
        of.iter().map(|&uid| Uid::new(uid).unwrap()).collect()
    }

    fn view(of: &[u32]) -> View {
        MailboxIndex::from_ascending(uids(of)).unwrap().view()
    }

    fn listed(results: &Results, view: &View, numbers: Numbers) -> String {
        let mut out = Vec::new();
        crate::wire::runs(&mut out, results.runs(view, numbers));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_the_client_was_not_told_of_is_left_out() {
        let view = view(&[2, 3, 7, 8, 9]);
        let mut found = UidSet::new();
        found.insert_range(Uid::MIN, Uid::new(8).unwrap());
        let results = Results::found(&found, &view);
        assert_eq!(listed(&results, &view, Numbers::Uids), "2:3,7:8");
        assert_eq!(listed(&results, &view, Numbers::Seqs), "1:4");
        let sorted = Results::sorted(uids(&[9, 1, 8, 2, 3]), &view);
        assert_eq!(listed(&sorted, &view, Numbers::Uids), "9,8,2:3");
        assert_eq!(listed(&sorted, &view, Numbers::Seqs), "5,4,1:2");
    }

    #[test]
    fn places_are_counted_over_runs() {
        let all: Vec<u32> = (1..100).filter(|uid| uid % 7 != 0).collect();
        let view = view(&all);
        let results = Results::found(&uids(&all).into_iter().collect(), &view);
        for start in 0..results.len() {
            for end in [start, start + 1, (start + 20).min(results.len()), results.len()] {
                let wanted = uids(&all[start as usize..end as usize]);
                assert_eq!(results.at(start..end).set(), wanted.into_iter().collect());
            }
        }
    }
}
