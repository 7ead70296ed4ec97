//! SEARCH from the index: what flags, UIDs, sizes and dates decide, without a record for each message.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;

use imap_backend::{Error, SearchKey};
use imap_seq::{Uid, UidSet, View};

use crate::format::flags::Info;
use crate::format::letter_map::LetterMap;
use crate::mailbox::index::Entry;
use crate::mailbox::letter_sets::LetterSets;
use crate::mailbox::open::OpenMailbox;
use crate::mailbox::pages::Pages;
use crate::mailbox::record::{internal_date, save_date};

/// How many times a message is compared with a criterion before the hub is given free for others.
const COMPARISONS: usize = 16_384;
/// How many messages at least are looked at each time, however many criteria there are.
const SMALLEST_BATCH: usize = 16;
/// After so much work on sets other tasks have their turn: in units of a set operation on 65,536 messages, some microseconds
/// each.
const WORK: u64 = 64;
const UNIT: u64 = 65_536;

/// What the index says to a search.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Judgement {
    pub(crate) matching: UidSet,
    /// Messages about which the index does not know enough.
    pub(crate) undecided: UidSet,
}

/// A criterion, with flags as the letters of this mailbox.
#[derive(Debug, PartialEq, Eq)]
enum Criterion<'a> {
    All,
    Uids(&'a UidSet),
    /// One of these letters is set.
    Letters(Info),
    Before(chrono::NaiveDate),
    On(chrono::NaiveDate),
    Since(chrono::NaiveDate),
    SavedBefore(chrono::NaiveDate),
    SavedOn(chrono::NaiveDate),
    SavedSince(chrono::NaiveDate),
    HasSaveDate,
    Larger(u64),
    Smaller(u64),
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    /// Header or body have to be read.
    NeedsContent,
}

impl OpenMailbox {
    /// Judges the messages of `view` that are still there. O(messages of the view), a few nanoseconds each where they are in
    /// memory; less where flags and UIDs decide alone.
    ///
    /// Neither the hub nor the thread is kept from others for long, however many criteria there are.
    ///
    /// # Errors
    /// Where the index beside the mail is damaged.
    pub(crate) async fn judge(self: &Arc<Self>, view: &View, key: &SearchKey) -> Result<Judgement, Error> {
        let criterion = Criterion::of(key, &self.letters());
        if criterion.is_decided_by_flags() {
            return Ok(Judgement {
                matching: self.decided_by_flags(view, &criterion).await,
                undecided: UidSet::new(),
            });
        }
        if criterion.needs_content_alone() {
            let undecided = self.hub.lock().all().intersection(&announced(view));
            return Ok(Judgement {
                undecided,
                ..Judgement::default()
            });
        }
        let size = (COMPARISONS / criterion.count()).max(SMALLEST_BATCH);
        let mut judgement = Judgement::default();
        let mut uids = view.uids();
        loop {
            let batch: Vec<Uid> = uids.by_ref().take(size).collect();
            if batch.is_empty() {
                return Ok(judgement);
            }
            self.hold(&batch).await?;
            judgement.add(&criterion, &batch, &mut self.hub.lock().pages);
            tokio::task::consume_budget().await;
        }
    }

    /// The answer where flags and UIDs decide alone; as many steps as there are differences between neighbours.
    async fn decided_by_flags(&self, view: &View, criterion: &Criterion<'_>) -> UidSet {
        let mut letters = Info::default();
        criterion.add_letters(&mut letters);
        // Taken out, so that nobody waits for the hub meanwhile.
        let messages = self.hub.lock().flagged().only(&letters);
        let mut turns = Turns::default();
        criterion
            .members(&messages, &mut turns)
            .await
            .intersection(&announced(view))
    }
}

/// All UIDs up to the last that the client was told of: what has arrived since has higher ones.
fn announced(view: &View) -> UidSet {
    let mut announced = UidSet::new();
    if let Some(last) = view.last() {
        announced.insert_range(Uid::MIN, last);
    }
    announced
}

/// Gives other tasks their turn after some work.
#[derive(Default)]
struct Turns {
    work: u64,
}

impl Turns {
    async fn after_work_on(&mut self, messages: &LetterSets) {
        self.work += 1 + messages.all().len() / UNIT;
        if self.work >= WORK {
            self.work = 0;
            tokio::task::yield_now().await;
        }
    }
}

impl Judgement {
    fn add(&mut self, criterion: &Criterion<'_>, uids: &[Uid], pages: &mut Pages) {
        let (mut matching, mut undecided) = (Run::default(), Run::default());
        pages.look_up(uids, |uid, entry| {
            match entry.map(|entry| criterion.matches(uid, entry)) {
                Some(Some(true)) => matching.push(uid, &mut self.matching),
                Some(None) => undecided.push(uid, &mut self.undecided),
                Some(Some(false)) | None => {}
            }
        });
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
            SearchKey::SavedBefore(day) => Self::SavedBefore(*day),
            SearchKey::SavedOn(day) => Self::SavedOn(*day),
            SearchKey::SavedSince(day) => Self::SavedSince(*day),
            SearchKey::SaveDateSupported => Self::HasSaveDate,
            SearchKey::Larger(size) => Self::Larger(*size),
            SearchKey::Smaller(size) => Self::Smaller(*size),
            SearchKey::And(keys) => Self::And(Self::of_different(keys, letters)),
            SearchKey::Or(keys) => Self::Or(Self::of_different(keys, letters)),
            SearchKey::Not(key) => Self::Not(Box::new(Self::of(key, letters))),
            _ => Self::NeedsContent,
        }
    }

    /// What is said twice is asked once.
    fn of_different(keys: &'a [SearchKey], letters: &LetterMap) -> Vec<Self> {
        let criteria: Vec<_> = keys.iter().map(|key| Self::of(key, letters)).collect();
        let mut seen = HashSet::with_capacity(criteria.len());
        let is_first: Vec<_> = criteria.iter().map(|criterion| seen.insert(criterion)).collect();
        let each = criteria.into_iter().zip(is_first);
        each.filter_map(|(criterion, is_first)| is_first.then_some(criterion))
            .collect()
    }

    /// How many there are in it, itself included.
    fn count(&self) -> usize {
        match self {
            Self::And(criteria) | Self::Or(criteria) => 1 + criteria.iter().map(Self::count).sum::<usize>(),
            Self::Not(criterion) => 1 + criterion.count(),
            _ => 1,
        }
    }

    /// Whether it says nothing of what the index knows.
    fn needs_content_alone(&self) -> bool {
        match self {
            Self::NeedsContent => true,
            Self::And(criteria) | Self::Or(criteria) => criteria.iter().all(Self::needs_content_alone),
            Self::Not(criterion) => criterion.needs_content_alone(),
            _ => false,
        }
    }

    fn is_decided_by_flags(&self) -> bool {
        match self {
            Self::All | Self::Uids(_) | Self::Letters(_) => true,
            Self::And(criteria) | Self::Or(criteria) => criteria.iter().all(Self::is_decided_by_flags),
            Self::Not(criterion) => criterion.is_decided_by_flags(),
            _ => false,
        }
    }

    fn add_letters(&self, to: &mut Info) {
        match self {
            Self::Letters(letters) => to.add_letters(letters),
            Self::And(criteria) | Self::Or(criteria) => {
                criteria.iter().for_each(|criterion| criterion.add_letters(to));
            }
            Self::Not(criterion) => criterion.add_letters(to),
            _ => {}
        }
    }

    /// The messages that match, where flags and UIDs decide.
    fn members<'b>(&'b self, messages: &'b LetterSets, turns: &'b mut Turns) -> Members<'b> {
        Box::pin(async move {
            turns.after_work_on(messages).await;
            match self {
                Self::Uids(uids) => messages.all().intersection(uids),
                Self::Letters(letters) => messages.with_any(letters),
                Self::And(criteria) => {
                    let mut found = messages.all().clone();
                    for criterion in criteria {
                        found = found.intersection(&criterion.members(messages, turns).await);
                    }
                    found
                }
                Self::Or(criteria) => {
                    let mut found = UidSet::new();
                    for criterion in criteria {
                        found = found.union(&criterion.members(messages, turns).await);
                    }
                    found
                }
                Self::Not(criterion) => {
                    let members = criterion.members(messages, turns).await;
                    messages.all().difference(&members)
                }
                _ => messages.all().clone(),
            }
        })
    }

    /// `None` where the index does not know enough.
    fn matches(&self, uid: Uid, entry: &Entry) -> Option<bool> {
        let day = || Some(internal_date(entry.date?).date_naive());
        // INTERNALDATE in the place of a save date that is not known (RFC 8514, section 4.3).
        let saved = || match entry.saved {
            Some(saved) => Some(save_date(saved).date_naive()),
            None => day(),
        };
        match self {
            Self::All => Some(true),
            Self::Uids(uids) => Some(uids.contains(uid)),
            Self::Letters(letters) => Some(entry.info.shares_a_letter_with(letters)),
            Self::Before(limit) => Some(day()? < *limit),
            Self::On(limit) => Some(day()? == *limit),
            Self::Since(limit) => Some(day()? >= *limit),
            Self::SavedBefore(limit) => Some(saved()? < *limit),
            Self::SavedOn(limit) => Some(saved()? == *limit),
            Self::SavedSince(limit) => Some(saved()? >= *limit),
            Self::HasSaveDate => Some(entry.saved.is_some()),
            Self::Larger(limit) => Some(entry.size? > *limit),
            Self::Smaller(limit) => Some(entry.size? < *limit),
            Self::And(all) => decide(all, uid, entry, false),
            Self::Or(any) => decide(any, uid, entry, true),
            Self::Not(criterion) => criterion.matches(uid, entry).map(|matches| !matches),
            Self::NeedsContent => None,
        }
    }
}

type Members<'a> = Pin<Box<dyn Future<Output = UidSet> + Send + 'a>>;

impl Hash for Criterion<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            // Equal sets are of one size and begin with one UID.
            Self::Uids(uids) => (uids.len(), uids.first()).hash(state),
            Self::Letters(letters) => letters.hash(state),
            Self::Before(day)
            | Self::On(day)
            | Self::Since(day)
            | Self::SavedBefore(day)
            | Self::SavedOn(day)
            | Self::SavedSince(day) => day.hash(state),
            Self::Larger(size) | Self::Smaller(size) => size.hash(state),
            Self::And(criteria) | Self::Or(criteria) => criteria.hash(state),
            Self::Not(criterion) => criterion.hash(state),
            Self::All | Self::HasSaveDate | Self::NeedsContent => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::keywords::KeywordNames;
    use imap_updates::Flag;

    fn letters() -> LetterMap {
        LetterMap::new(&KeywordNames::parse(b"0 todo\n"))
    }

    #[test]
    fn what_is_said_twice_is_asked_once() {
        let flag = |flag: Flag| SearchKey::Flag(flag);
        let many = |keys: &[SearchKey]| keys.iter().cycle().take(1000).cloned().collect::<Vec<_>>();
        let uids = SearchKey::Uids([3, 5].into_iter().filter_map(Uid::new).collect());
        let not = SearchKey::Not(Box::new(flag(Flag::Seen)));
        let keys = [flag(Flag::Seen), not, uids, SearchKey::Larger(3), SearchKey::All];
        let and = SearchKey::And(many(&keys));
        let key = SearchKey::Or(many(&[and, flag(Flag::Deleted)]));
        // The OR, the AND, its five keys and what stands behind the NOT, and the last flag.
        assert_eq!(Criterion::of(&key, &letters()).count(), 9);
    }

    #[test]
    fn different_keys_stay_different() {
        let keys: Vec<_> = (1..=100)
            .flat_map(|number| {
                let uids = SearchKey::Uids([number, number + 1].into_iter().filter_map(Uid::new).collect());
                [
                    uids,
                    SearchKey::Larger(number.into()),
                    SearchKey::Smaller(number.into()),
                ]
            })
            .collect();
        assert_eq!(Criterion::of(&SearchKey::Or(keys), &letters()).count(), 301);
    }
}
