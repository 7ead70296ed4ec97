//! The client's keys as the backend's, without numbers of this session's view.

use chrono::{DateTime, TimeDelta, Utc};
use imap_backend::SearchKey;
use imap_seq::{Bound, ModSeq, SeqNum, SequenceSet, SetItem, UidSet};
use imap_updates::{Flag, UpdateBuffer};

use crate::syntax::search::Key;

/// What the keys of a session refer to.
#[derive(Debug, Clone, Copy)]
pub(in crate::command) struct Session<'s> {
    pub(in crate::command) updates: &'s UpdateBuffer,
    /// What `$` means.
    pub(in crate::command) saved: &'s UidSet,
    /// From when OLDER and YOUNGER count.
    pub(in crate::command) now: DateTime<Utc>,
}

/// The key with the session's numbers as UIDs. Recurses as deep as the parser lets keys nest.
pub(in crate::command) fn resolved(key: Key, session: Session<'_>) -> SearchKey {
    let updates = session.updates;
    let all = |keys: Vec<Key>| keys.into_iter().map(|key| resolved(key, session)).collect();
    let ago = |seconds: std::num::NonZeroU32| {
        let moment = session
            .now
            .checked_sub_signed(TimeDelta::seconds(seconds.get().into()));
        moment.unwrap_or(DateTime::<Utc>::MIN_UTC)
    };
    match key {
        Key::Plain(key) => *key,
        Key::Seqs(set) => numbered(&set, updates),
        Key::Uids(set) => SearchKey::Uids(updates.resolve_uids(&set).uids().collect()),
        Key::Saved => SearchKey::Uids(session.saved.clone()),
        // Every message has one that is higher than none.
        Key::ModSeq(least) => ModSeq::new(least).map_or(SearchKey::All, SearchKey::ModSeq),
        Key::Older(seconds) => SearchKey::ArrivedUpTo(ago(seconds)),
        Key::Younger(seconds) => SearchKey::ArrivedFrom(ago(seconds)),
        Key::Recent => recent(updates),
        Key::New => SearchKey::And(vec![recent(updates), not(SearchKey::Flag(Flag::Seen))]),
        Key::Old => not(recent(updates)),
        Key::And(keys) => SearchKey::And(all(keys)),
        Key::Or(keys) => SearchKey::Or(all(keys)),
        Key::Not(key) => not(resolved(*key, session)),
    }
}
fn not(key: SearchKey) -> SearchKey {
    SearchKey::Not(Box::new(key))
}

fn recent(updates: &UpdateBuffer) -> SearchKey {
    SearchKey::Uids(UidSet::clone(updates.recent_uids()))
}

/// A number that is out of range, `*` in an empty mailbox included, matches nothing. The grammar lets a server answer BAD
/// (RFC 9051, section 9: seq-number); no other server does so for SEARCH, and clients search empty mailboxes.
fn numbered(set: &SequenceSet<SeqNum>, updates: &UpdateBuffer) -> SearchKey {
    let mut found = UidSet::new();
    let (view, exists) = (updates.view(), updates.view().exists());
    let last = SeqNum::new(exists);
    let number = |bound: &Bound<SeqNum>| match bound {
        Bound::Number(number) => Some(number.get()),
        Bound::Last => last.map(SeqNum::get),
    };
    for item in set.items() {
        let (from, to) = match item {
            SetItem::Single(bound) => (bound, bound),
            SetItem::Range(from, to) => (from, to),
        };
        let (Some(from), Some(to)) = (number(from), number(to)) else {
            continue;
        };
        let there = from.min(to)..=from.max(to).min(exists);
        found.extend(there.filter_map(SeqNum::new).filter_map(|seq| view.uid_of(seq)));
    }
    SearchKey::Uids(found)
}
