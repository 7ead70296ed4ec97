//! A listing that keeps only what is different from the last one.

use std::collections::BTreeMap;
use std::sync::Arc;

use imap_seq::Uid;

use crate::compare::{Difference, GoesBack, differs};
use crate::listing::Listed;
use crate::whole::Whole;

/// What a listing says, as far as it is not what the last one said: one bit for each message of that one, and the
/// messages that are new or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Against {
    last: Arc<Whole>,
    /// Which messages of `last` were listed.
    seen: Vec<u64>,
    differing: BTreeMap<Uid, Listed>,
    goes_back: bool,
    /// Where the next message lies in `last`, if the store lists them in order.
    next: usize,
}

impl Against {
    pub(crate) fn new(last: Arc<Whole>) -> Self {
        let seen = vec![0; last.messages().len().div_ceil(64)];
        Self {
            last,
            seen,
            differing: BTreeMap::new(),
            goes_back: false,
            next: 0,
        }
    }

    /// Of a message that is listed twice, the later one counts. O(log messages), O(1) in the order of UIDs.
    pub(crate) fn push(&mut self, message: Listed) {
        let next = self.last.messages().get(self.next);
        let place = match next.is_some_and(|next| next.uid == message.uid) {
            true => Some(self.next),
            false => self.last.place(message.uid),
        };
        let Some(at) = place else {
            self.differing.insert(message.uid, message);
            return;
        };
        self.next = at + 1;
        self.seen[at / 64] |= 1 << (at % 64);
        match differs(&self.last.messages()[at], &message) {
            Ok(true) => drop(self.differing.insert(message.uid, message)),
            Ok(false) => drop(self.differing.remove(&message.uid)),
            Err(GoesBack) => self.goes_back = true,
        }
    }

    pub(crate) fn is_against(&self, last: &Arc<Whole>) -> bool {
        Arc::ptr_eq(&self.last, last)
    }

    /// A message as it was listed.
    pub(crate) fn get(&self, uid: Uid) -> Option<&Listed> {
        let unchanged = || {
            let at = self.last.place(uid).filter(|&at| is_set(&self.seen, at))?;
            Some(&self.last.messages()[at])
        };
        self.differing.get(&uid).or_else(unchanged)
    }

    /// The highest UID that was listed.
    pub(crate) fn highest(&self) -> Option<Uid> {
        let seen = |at: &usize| is_set(&self.seen, *at);
        let unchanged = (0..self.last.messages().len()).rev().find(seen);
        let differing = self.differing.last_key_value().map(|(uid, _)| *uid);
        differing.max(unchanged.map(|at| self.last.messages()[at].uid))
    }

    /// As [`compare`](crate::compare::compare) says it.
    pub(crate) fn differences(&self) -> Result<Vec<Difference>, GoesBack> {
        if self.goes_back {
            return Err(GoesBack);
        }
        let mut differences: Vec<_> = self.missing().cloned().map(Difference::Missing).collect();
        let differing = self.differing.values().cloned();
        differences.extend(differing.map(|message| match self.last.place(message.uid) {
            Some(_) => Difference::Changed(message),
            None => Difference::Arrived(message),
        }));
        differences.sort_by_key(Difference::uid);
        Ok(differences)
    }

    /// The messages of the last listing that this one lacks, ascending. O(missing + messages / 64).
    pub(crate) fn missing(&self) -> impl Iterator<Item = &Listed> {
        let messages = self.last.messages();
        let words = self
            .seen
            .iter()
            .enumerate()
            .filter(|(_, word)| **word != u64::MAX);
        let places = words.flat_map(|(word, _)| word * 64..(word * 64 + 64).min(messages.len()));
        places
            .filter(|&at| !is_set(&self.seen, at))
            .map(|at| &messages[at])
    }

    /// Makes `last`, which it is against, what was listed: in its place, if nobody else holds it.
    pub(crate) fn replace(self, last: &mut Arc<Whole>) {
        let is_complete = self.missing().next().is_none();
        let (seen, differing) = (self.seen, self.differing);
        drop(self.last);
        let stays = (!is_complete).then_some(|at| is_set(&seen, at));
        Arc::make_mut(last).update(differing.into_values(), stays);
    }

    /// All that was listed.
    pub(crate) fn into_messages(self) -> Vec<Listed> {
        let seen = |(at, _): &(usize, _)| is_set(&self.seen, *at);
        let messages = self.last.messages().iter().enumerate();
        let unchanged = messages.filter(seen).map(|(_, message)| message.clone());
        // Of a message that stands there twice, the later one counts.
        unchanged.chain(self.differing.into_values()).collect()
    }
}

fn is_set(bits: &[u64], at: usize) -> bool {
    bits[at / 64] >> (at % 64) & 1 == 1
}
