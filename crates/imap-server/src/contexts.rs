//! Results that a client wants to be kept up to date with (RFC 5267, section 4.3).
//!
//! A context holds what was found, and is compared with what is found now among the messages that have changed: whose flags
//! the client was told of, that it changed itself, or that are new. Nothing else is looked at again, so that a change costs
//! what the change is.

use imap_backend::{Error, Mailbox, Query, SearchKey, SortKey};
use imap_seq::{SeqNum, Uid, UidSet, View};
use imap_updates::{Drained, Untagged};

use crate::command::Results;
use crate::numbers::Numbers;
use crate::wire::{Correlator, ESearch};

/// The most contexts of one connection.
const MOST: usize = 16;

/// The most messages in the context of a SORT: it holds their order, and sorts them again when one comes.
const MOST_SORTED: u64 = 100_000;

/// The contexts of a selected mailbox.
#[derive(Debug, Default)]
pub(crate) struct Contexts {
    all: Vec<Context>,
    /// Messages that may match now, or no longer.
    touched: UidSet,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Context {
    correlator: Correlator,
    numbers: Numbers,
    key: SearchKey,
    /// The criteria of a SORT.
    sort: Option<Vec<SortKey>>,
    results: Results,
}

impl Context {
    pub(crate) fn new(
        correlator: Correlator,
        numbers: Numbers,
        key: SearchKey,
        sort: Option<Vec<SortKey>>,
        results: Results,
    ) -> Self {
        Self {
            correlator,
            numbers,
            key,
            sort,
            results,
        }
    }
}

impl Contexts {
    /// Whether the command of this tag has one.
    pub(crate) fn has(&self, tag: &str) -> bool {
        self.all.iter().any(|context| context.correlator.tag() == tag)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Takes one more; not if there are too many.
    pub(crate) fn add(&mut self, context: Context) -> bool {
        let fits = context.sort.is_none() || context.results.count() <= MOST_SORTED;
        let fits = fits && self.all.len() < MOST;
        if fits {
            self.all.push(context);
        }
        fits
    }

    /// Ends those of these tags; says whether there was one of each.
    pub(crate) fn cancel(&mut self, tags: &[String]) -> bool {
        let known = tags.iter().all(|tag| self.has(tag));
        self.all
            .retain(|context| !tags.iter().any(|tag| tag == context.correlator.tag()));
        known
    }

    /// The flags of these messages may have changed.
    pub(crate) fn touch(&mut self, uids: &UidSet) {
        if !self.all.is_empty() {
            self.touched = self.touched.union(uids);
        }
    }

    /// Notes what the client is about to be told, and writes what leaves the results with the messages that leave the
    /// mailbox: before they do, so that their numbers are those of the view before (section 4.3.4).
    pub(crate) fn before(&mut self, out: &mut Vec<u8>, drained: &Drained, before: &View, after: &View) {
        let mut gone = UidSet::new();
        for untagged in drained.iter() {
            match untagged {
                // In descending order, so that each has the number of the view before.
                Untagged::Expunge(seq) => drop(before.uid_of(seq).map(|uid| gone.insert(uid))),
                Untagged::Vanished(uids) => gone = gone.union(uids),
                Untagged::Fetch { uid, .. } => drop(self.touched.insert(uid)),
                _ => {}
            }
        }
        let stayed = u64::from(before.exists()).saturating_sub(gone.len());
        let arrived = u32::try_from(stayed).unwrap_or(u32::MAX)..after.exists();
        let arrived = arrived.filter_map(|place| after.uid_of(SeqNum::new(place + 1)?));
        self.touched = self.touched.union(&arrived.collect());
        self.touched = self.touched.difference(&gone);
        for context in self.all.iter_mut().filter(|_| !gone.is_empty()) {
            let change = context.remove(&gone);
            context.tell(out, before, &change);
        }
    }

    /// Looks at what has changed, and writes what comes into the results and what leaves them.
    pub(crate) async fn update<M: Mailbox>(
        &mut self,
        out: &mut Vec<u8>,
        mailbox: &mut M,
        view: &View,
    ) -> Result<(), Error> {
        if self.touched.is_empty() {
            return Ok(());
        }
        for context in &mut self.all {
            let change = context.look_again(mailbox, view, &self.touched).await?;
            context.tell(out, view, &change);
        }
        self.touched = UidSet::new();
        Ok(())
    }
}

/// Messages that leave the results, then messages that come into them, each run at the position that it has at that moment.
/// Position 0 is wherever the mailbox's order puts them.
#[derive(Debug, Default)]
struct Change {
    removed: Vec<(u32, Results)>,
    added: Vec<(u32, Results)>,
}

impl Context {
    async fn look_again<M: Mailbox>(
        &mut self,
        mailbox: &mut M,
        view: &View,
        touched: &UidSet,
    ) -> Result<Change, Error> {
        let keys = vec![SearchKey::Uids(touched.clone()), self.key.clone()];
        let query = Query::new(SearchKey::And(keys), view.clone());
        let matches = mailbox.search(&query).await?;
        let matches = Results::found(&matches.uids().intersection(touched), view).set();
        let before = self.results.set();
        let mut change = self.remove(&before.intersection(touched).difference(&matches));
        let added = matches.difference(&before);
        if added.is_empty() {
            return Ok(change);
        }
        let Some(by) = &self.sort else {
            self.results = Results::Mailbox(self.results.set().union(&added));
            change.added.push((0, Results::Mailbox(added)));
            return Ok(change);
        };
        let all = SearchKey::Uids(self.results.set().union(&added));
        let sorted = mailbox.sort(&Query::new(all, view.clone()), by).await?;
        let results = Results::sorted(sorted, view);
        // What has gone meanwhile and is not told yet has no order any more.
        let vanished = self.results.set().difference(&results.set());
        change.removed.extend(self.remove(&vanished).removed);
        if let Results::Sorted(sorted) = &results {
            change.added = runs_at(sorted, |uid| added.contains(uid), 0);
        }
        self.results = results;
        Ok(change)
    }

    /// Takes messages out of the results.
    fn remove(&mut self, gone: &UidSet) -> Change {
        let mut change = Change::default();
        match &mut self.results {
            Results::Mailbox(uids) => {
                let removed = uids.intersection(gone);
                if !removed.is_empty() {
                    *uids = uids.difference(gone);
                    change.removed.push((0, Results::Mailbox(removed)));
                }
            }
            Results::Sorted(uids) => {
                change.removed = runs_at(uids, |uid| gone.contains(uid), 1);
                uids.retain(|uid| !gone.contains(*uid));
            }
        }
        change
    }

    fn tell(&self, out: &mut Vec<u8>, view: &View, change: &Change) {
        if change.removed.is_empty() && change.added.is_empty() {
            return;
        }
        let mut update = ESearch::begin(out, &self.correlator, self.numbers);
        for (name, changes) in [("REMOVEFROM", &change.removed), ("ADDTO", &change.added)] {
            if !changes.is_empty() {
                let sets = changes
                    .iter()
                    .map(|(at, set)| (*at, set.runs(view, self.numbers)));
                update.update(name, sets);
            }
        }
        update.end();
    }
}

/// Runs of messages of which something is true, with their positions from 1. Each run that was before takes `shrinks` times
/// its length away from the positions behind it: 1 where runs are removed one after the other.
fn runs_at(uids: &[Uid], is_it: impl Fn(Uid) -> bool, shrinks: u32) -> Vec<(u32, Results)> {
    let mut runs: Vec<(u32, Results)> = Vec::new();
    let mut position = 1;
    for run in uids.chunk_by(|one, other| is_it(*one) == is_it(*other)) {
        let length = u32::try_from(run.len()).unwrap_or(u32::MAX);
        let is_one = run.first().is_some_and(|&uid| is_it(uid));
        if is_one {
            runs.push((position, Results::Sorted(run.to_vec())));
        }
        position += if is_one { length - shrinks * length } else { length };
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// A client that follows the updates has the new results.
        #[test]
        fn rfc5267_4_3_positions_are_those_at_the_moment(
            before in prop::collection::vec(1..30_u32, 0..12),
            keeps in prop::collection::vec(any::<bool>(), 30),
        ) {
            let mut seen = UidSet::new();
            let mut list: Vec<Uid> = before.into_iter().filter_map(Uid::new).collect();
            list.retain(|&uid| seen.insert(uid));
            let is_gone = |uid: Uid| !keeps[uid.get() as usize];
            let rest: Vec<Uid> = list.iter().copied().filter(|&uid| !is_gone(uid)).collect();
            let mut client = list.clone();
            for (position, run) in runs_at(&list, is_gone, 1) {
                for uid in sorted(&run) {
                    prop_assert_eq!(client.remove(position as usize - 1), *uid);
                }
            }
            prop_assert_eq!(&client, &rest);
            for (position, run) in runs_at(&list, is_gone, 0) {
                for (place, uid) in sorted(&run).iter().enumerate() {
                    client.insert(position as usize - 1 + place, *uid);
                }
            }
            prop_assert_eq!(client, list);
        }
    }

    fn sorted(results: &Results) -> &[Uid] {
        match results {
            Results::Sorted(uids) => uids,
            Results::Mailbox(_) => &[],
        }
    }
}
