//! SEARCH from the index: what flags, UIDs, sizes and dates decide, without a record for each message.

use imap_backend::SearchKey;
use imap_seq::{Uid, UidSet, View};

use crate::format::flags::Info;
use crate::format::letter_map::LetterMap;
use crate::mailbox::index::Entry;
use crate::mailbox::letter_sets::LetterSets;
use crate::mailbox::open::OpenMailbox;
use crate::mailbox::record::internal_date;

/// How many messages are looked at before the hub is given free for others.
const BATCH: usize = 16_384;

/// What the index says to a search.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Judgement {
    pub(crate) matching: UidSet,
    /// Messages about which the index does not know enough.
    pub(crate) undecided: UidSet,
}

/// A criterion, with flags as the letters of this mailbox.
enum Criterion<'a> {
    All,
    Uids(&'a UidSet),
    /// One of these letters is set.
    Letters(Info),
    Before(chrono::NaiveDate),
    On(chrono::NaiveDate),
    Since(chrono::NaiveDate),
    Larger(u64),
    Smaller(u64),
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    /// Header or body have to be read.
    NeedsContent,
}

impl OpenMailbox {
    /// Judges the messages of `view` that are still there. O(messages of the view), a few nanoseconds each; less where flags
    /// and UIDs decide alone.
    pub(crate) fn judge(&self, view: &View, key: &SearchKey) -> Judgement {
        let criterion = Criterion::of(key, &self.letters());
        if let Some(matching) = self.decided_by_flags(view, &criterion) {
            return Judgement {
                matching,
                undecided: UidSet::new(),
            };
        }
        let mut judgement = Judgement::default();
        let mut uids = view.uids().peekable();
        let mut batch = Vec::with_capacity(BATCH);
        while uids.peek().is_some() {
            batch.clear();
            batch.extend(uids.by_ref().take(BATCH));
            let hub = self.hub.lock();
            let messages = hub.look_up(&batch);
            judgement.add(&criterion, messages);
        }
        judgement
    }
}

impl OpenMailbox {
    /// The answer where flags and UIDs decide alone; as many steps as there are differences between neighbours.
    fn decided_by_flags(&self, view: &View, criterion: &Criterion<'_>) -> Option<UidSet> {
        let hub = self.hub.lock();
        let matching = criterion.members(hub.flagged())?;
        // What has arrived since the client was told has higher UIDs.
        let mut announced = UidSet::new();
        if let Some(last) = view.last() {
            announced.insert_range(Uid::MIN, last);
        }
        Some(matching.intersection(&announced))
    }
}

impl Judgement {
    fn add<'a>(
        &mut self,
        criterion: &Criterion<'_>,
        messages: impl Iterator<Item = (Uid, Option<&'a Entry>)>,
    ) {
        let (mut matching, mut undecided) = (Run::default(), Run::default());
        for (uid, entry) in messages {
            let Some(entry) = entry else { continue };
            match criterion.matches(uid, entry) {
                Some(true) => matching.push(uid, &mut self.matching),
                Some(false) => {}
                None => undecided.push(uid, &mut self.undecided),
            }
        }
        matching.end(&mut self.matching);
        undecided.end(&mut self.undecided);
    }
}

/// Neighbouring UIDs on their way into a set: one insertion for all of them.
#[derive(Default)]
struct Run(Option<(Uid, Uid)>);

impl Run {
    fn push(&mut self, uid: Uid, set: &mut UidSet) {
        match &mut self.0 {
            Some((_, last)) if last.get() + 1 == uid.get() => *last = uid,
            _ => {
                self.end(set);
                self.0 = Some((uid, uid));
            }
        }
    }

    fn end(&mut self, set: &mut UidSet) {
        if let Some((first, last)) = self.0.take() {
            set.insert_range(first, last);
        }
    }
}

impl<'a> Criterion<'a> {
    fn of(key: &'a SearchKey, letters: &LetterMap) -> Self {
        match key {
            SearchKey::All => Self::All,
            SearchKey::Uids(uids) => Self::Uids(uids),
            SearchKey::Flag(flag) => Self::Letters(letters.letters_of(flag)),
            SearchKey::Before(day) => Self::Before(*day),
            SearchKey::On(day) => Self::On(*day),
            SearchKey::Since(day) => Self::Since(*day),
            SearchKey::Larger(size) => Self::Larger(*size),
            SearchKey::Smaller(size) => Self::Smaller(*size),
            SearchKey::And(keys) => Self::And(keys.iter().map(|key| Self::of(key, letters)).collect()),
            SearchKey::Or(keys) => Self::Or(keys.iter().map(|key| Self::of(key, letters)).collect()),
            SearchKey::Not(key) => Self::Not(Box::new(Self::of(key, letters))),
            _ => Self::NeedsContent,
        }
    }

    /// The messages that match; `None` where flags and UIDs do not decide.
    fn members(&self, messages: &LetterSets) -> Option<UidSet> {
        Some(match self {
            Self::All => messages.all().clone(),
            Self::Uids(uids) => messages.all().intersection(uids),
            Self::Letters(letters) => messages.with_any(letters),
            Self::And(criteria) => {
                let mut found = messages.all().clone();
                for criterion in criteria {
                    found = found.intersection(&criterion.members(messages)?);
                }
                found
            }
            Self::Or(criteria) => {
                let mut found = UidSet::new();
                for criterion in criteria {
                    found = found.union(&criterion.members(messages)?);
                }
                found
            }
            Self::Not(criterion) => messages.all().difference(&criterion.members(messages)?),
            _ => return None,
        })
    }

    /// `None` where the index does not know enough.
    fn matches(&self, uid: Uid, entry: &Entry) -> Option<bool> {
        let day = || Some(internal_date(entry.date?).date_naive());
        match self {
            Self::All => Some(true),
            Self::Uids(uids) => Some(uids.contains(uid)),
            Self::Letters(letters) => Some(entry.info.shares_a_letter_with(letters)),
            Self::Before(limit) => Some(day()? < *limit),
            Self::On(limit) => Some(day()? == *limit),
            Self::Since(limit) => Some(day()? >= *limit),
            Self::Larger(limit) => Some(entry.size? > *limit),
            Self::Smaller(limit) => Some(entry.size? < *limit),
            Self::And(all) => decide(all, uid, entry, false),
            Self::Or(any) => decide(any, uid, entry, true),
            Self::Not(criterion) => criterion.matches(uid, entry).map(|matches| !matches),
            Self::NeedsContent => None,
        }
    }
}

/// One criterion that says `decisive` settles it however little is known of the others: false for AND, true for OR.
fn decide(criteria: &[Criterion<'_>], uid: Uid, entry: &Entry, decisive: bool) -> Option<bool> {
    let mut all_known = Some(!decisive);
    for criterion in criteria {
        match criterion.matches(uid, entry) {
            Some(answer) if answer == decisive => return Some(decisive),
            Some(_) => {}
            None => all_known = None,
        }
    }
    all_known
}
