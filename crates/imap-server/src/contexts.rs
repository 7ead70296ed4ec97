//! Results that a client wants to be kept up to date (RFC 5267, section 4.3).
//!
//! A context holds what was found, and is compared with what is found now among the messages that may have changed for it:
//! those that are new, and where its keys look at flags also those whose flags the client was told of or changed itself.
//! Nothing else is looked at again, so that a change costs what the change is.
//!
//! A large change of flags can still make a context read the whole mailbox. So what reads messages is looked at in parts, of
//! which one is due with each report; in IDLE and under NOTIFY the next one follows as long as the client sends nothing.

use imap_backend::{Error, Mailbox, Query, SearchKey, SortKey};
use imap_seq::{SeqNum, Uid, UidSet, View};
use imap_updates::{Drained, Untagged};

use crate::command::Results;
use crate::numbers::Numbers;
use crate::syntax::extension::NewMessageItems;
use crate::syntax::search::Reading;
use crate::wire::{Correlator, ESearch};

/// The most contexts of one connection.
const MOST: usize = 16;

/// The most messages in the contexts of SORTs together: such a context holds their order, and sorts them again when one comes.
const MOST_SORTED: u64 = 100_000;

/// So many messages are read at most between two looks at the client, by all contexts together.
const READ_AT_ONCE: u64 = 256;

/// The contexts of a selected mailbox.
#[derive(Debug, Default)]
pub(crate) struct Contexts {
    /// The one that is looked at first comes first.
    all: Vec<Context>,
    /// What the client has to be told of them.
    news: Vec<u8>,
    /// Rows that belong to it.
    rows: Vec<Rows>,
    waits: Waits,
}

/// Whether the messages that are still to be looked at wait for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Waits {
    /// They are looked at as soon as there is time.
    #[default]
    No,
    /// The client has sent something meanwhile. Its command is answered first.
    ForTheNextCommand,
    /// It was. The command after it waits, so that a client that sends one after the other is told all the same.
    NoLonger,
    /// The store has failed. It is asked again with the next command.
    ForTheStore,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Context {
    correlator: Correlator,
    numbers: Numbers,
    key: SearchKey,
    keeping: Keeping,
    depends_on_flags: bool,
    /// The criteria of a SORT.
    sort: Option<Vec<SortKey>>,
    results: Results,
    /// Messages that may match now, or no longer.
    touched: UidSet,
    /// Those of them that are new, and that the client has not put here itself.
    new: UidSet,
}

/// How a context is kept up to date.
#[derive(Debug)]
pub(crate) struct Keeping {
    pub(crate) reading: Reading,
    /// What a row about a new message that matches has (RFC 5465, section 7); nothing where no row is wanted.
    pub(crate) new_rows: Option<NewMessageItems>,
}

/// Messages, and what the row of each has.
pub(crate) type Rows = (UidSet, NewMessageItems);

impl Context {
    pub(crate) fn new(
        correlator: Correlator,
        numbers: Numbers,
        (key, keeping): (SearchKey, Keeping),
        sort: Option<Vec<SortKey>>,
        results: Results,
    ) -> Self {
        Self {
            correlator,
            numbers,
            depends_on_flags: key.depends_on_flags(),
            key,
            keeping,
            sort,
            results,
            touched: UidSet::new(),
            new: UidSet::new(),
        }
    }

    /// How many messages it has to sort.
    fn sorted(&self) -> u64 {
        match self.sort {
            Some(_) => self.results.count(),
            None => 0,
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
        let sorted: u64 = self.all.iter().map(Context::sorted).sum();
        let fits = context.sort.is_none() || sorted + context.sorted() <= MOST_SORTED;
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
        for context in self.all.iter_mut().filter(|context| context.depends_on_flags) {
            context.touched = context.touched.union(uids);
        }
    }

    /// Notes what the client is about to be told, and writes what leaves the results with the messages that leave the
    /// mailbox: before they do, so that their numbers are those of the view before (section 4.3.4).
    ///
    /// `own` are new messages that the client has put here itself.
    pub(crate) fn before(
        &mut self,
        out: &mut Vec<u8>,
        drained: &Drained,
        (before, after): (&View, &View),
        own: &UidSet,
    ) {
        let (mut gone, mut changed) = (UidSet::new(), UidSet::new());
        for untagged in drained.iter() {
            match untagged {
                // In descending order, so that each has the number of the view before.
                Untagged::Expunge(seq) => drop(before.uid_of(seq).map(|uid| gone.insert(uid))),
                Untagged::Vanished(uids) => gone = gone.union(uids),
                Untagged::Fetch { uid, .. } => drop(changed.insert(uid)),
                _ => {}
            }
        }
        let stayed = u64::from(before.exists()).saturating_sub(gone.len());
        let arrived = u32::try_from(stayed).unwrap_or(u32::MAX)..after.exists();
        let arrived = arrived.filter_map(|place| after.uid_of(SeqNum::new(place + 1)?));
        let arrived: UidSet = arrived.collect();
        self.touch(&changed);
        for context in &mut self.all {
            context.touched = context.touched.union(&arrived).difference(&gone);
            if context.keeping.new_rows.is_some() {
                let new = arrived.difference(own);
                context.new = context.new.union(&new).difference(&gone);
            }
            if !gone.is_empty() {
                let change = context.remove(&gone);
                context.tell(out, before, &change);
            }
        }
    }

    /// Whether there is something to look at.
    pub(crate) fn are_touched(&self) -> bool {
        self.all.iter().any(|context| !context.touched.is_empty())
    }

    /// The same, and it is to be done as soon as there is time.
    pub(crate) fn are_behind(&self) -> bool {
        matches!(self.waits, Waits::No | Waits::NoLonger) && self.are_touched()
    }

    /// Whether the next look may take long without a pause.
    pub(crate) fn read_messages(&self) -> bool {
        let reads =
            |context: &Context| context.keeping.reading == Reading::Contents || context.sort.is_some();
        self.all
            .iter()
            .any(|context| reads(context) && !context.touched.is_empty())
    }

    /// A command ends. Whether there is something to look at before that is told: not for one that came while this was done.
    pub(crate) fn are_due(&mut self) -> bool {
        match self.waits {
            Waits::ForTheNextCommand => {
                self.waits = Waits::NoLonger;
                false
            }
            _ => {
                self.waits = Waits::No;
                self.are_touched()
            }
        }
    }

    /// The client has sent something during the last look.
    pub(crate) fn wait(&mut self) {
        if self.waits == Waits::No {
            self.waits = Waits::ForTheNextCommand;
        }
    }

    /// Looks at a part of what has changed. What comes into the results and what leaves them is [news](Self::take_news), also
    /// where only some of this part could be looked at.
    ///
    /// # Errors
    /// The store cannot be read.
    ///
    /// # Cancel safety
    /// What was not looked at to its end is looked at again.
    pub(crate) async fn update<M: Mailbox>(&mut self, mailbox: &mut M, view: &View) -> Result<(), Error> {
        let mut may_read = READ_AT_ONCE;
        for context in self.all.iter_mut().filter(|context| !context.touched.is_empty()) {
            let part = context.part(&mut may_read);
            match context.look_again(mailbox, view, &part).await {
                Ok(change) => {
                    context.tell(&mut self.news, view, &change);
                    self.rows.extend(context.rows(&change));
                }
                Err(error) => {
                    self.waits = Waits::ForTheStore;
                    return Err(error);
                }
            }
            context.touched = context.touched.difference(&part);
            context.new = context.new.difference(&part);
        }
        self.waits = Waits::No;
        // One that much is changed for is not in the way of the others.
        if self.are_touched() {
            self.all.rotate_left(1);
        }
        Ok(())
    }

    /// What the client has to be told, in the numbering of the view of the last look.
    pub(crate) fn take_news(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.news)
    }

    /// Rows that are due for another reason.
    pub(crate) fn add_rows(&mut self, rows: Rows) {
        self.rows.push(rows);
    }

    /// The rows that are due with it.
    pub(crate) fn take_rows(&mut self) -> Vec<Rows> {
        std::mem::take(&mut self.rows)
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
    /// The messages that are looked at next.
    fn part(&self, may_read: &mut u64) -> UidSet {
        if self.keeping.reading == Reading::Attributes {
            return self.touched.clone();
        }
        let most = usize::try_from(*may_read).unwrap_or(usize::MAX);
        let part: UidSet = self.touched.iter().take(most).collect();
        *may_read -= part.len();
        part
    }

    /// Nothing is changed before all that may fail, or be dropped, is over.
    async fn look_again<M: Mailbox>(
        &mut self,
        mailbox: &mut M,
        view: &View,
        touched: &UidSet,
    ) -> Result<Change, Error> {
        if touched.is_empty() {
            return Ok(Change::default());
        }
        let keys = vec![SearchKey::Uids(touched.clone()), self.key.clone()];
        let query = Query::new(SearchKey::And(keys), view.clone());
        let matches = mailbox.search(&query).await?;
        let matches = Results::found(&matches.uids().intersection(touched), view).set();
        let before = self.results.set();
        let removed = before.intersection(touched).difference(&matches);
        let added = matches.difference(&before);
        let sorted = match &self.sort {
            Some(by) if !added.is_empty() => {
                let all = SearchKey::Uids(before.difference(&removed).union(&added));
                let sorted = mailbox.sort(&Query::new(all, view.clone()), by).await?;
                Some(Results::sorted(sorted, view))
            }
            _ => None,
        };
        let mut change = self.remove(&removed);
        if let Some(results) = sorted {
            // What has gone meanwhile and is not told yet has no order any more.
            let vanished = self.results.set().difference(&results.set());
            change.removed.extend(self.remove(&vanished).removed);
            if let Results::Sorted(sorted) = &results {
                change.added = runs_at(sorted, |uid| added.contains(uid), 0);
            }
            self.results = results;
        } else if !added.is_empty() {
            self.results = Results::Mailbox(self.results.set().union(&added));
            change.added.push((0, Results::Mailbox(added)));
        }
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

    /// The new messages among those that come into the results.
    fn rows(&self, change: &Change) -> Option<Rows> {
        let items = self.keeping.new_rows.as_ref()?;
        let added = change.added.iter().map(|(_, run)| run.set());
        let added = added.fold(UidSet::new(), |all, run| all.union(&run));
        let new = added.intersection(&self.new);
        (!new.is_empty()).then(|| (new, items.clone()))
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
