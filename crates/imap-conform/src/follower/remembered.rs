//! What was said of a mailbox before, selected or not.

use crate::rule::Rule;

/// The numbers of a mailbox that do not become less while its UIDVALIDITY stays.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Remembered {
    pub(super) uid_validity: Option<u32>,
    pub(super) uid_next: Option<u32>,
    pub(super) highest: Option<u64>,
}

impl Remembered {
    /// Takes newer numbers; gives the rule that they break.
    pub(super) fn update(&mut self, newer: Self) -> Option<(Rule, String)> {
        if newer.uid_validity.is_none() || newer.uid_validity != self.uid_validity {
            *self = newer;
            return None;
        }
        let before = *self;
        self.uid_next = newer.uid_next.max(before.uid_next);
        self.highest = newer.highest.max(before.highest);
        match (before.uid_next, newer.uid_next, before.highest, newer.highest) {
            (Some(before), Some(now), ..) if now < before => {
                Some((Rule::UidNext, format!("UIDNEXT {now}, it was {before}")))
            }
            (.., Some(before), Some(now)) if now < before => Some((
                Rule::HighestModSeqBack,
                format!("HIGHESTMODSEQ {now}, it was {before}"),
            )),
            _ => None,
        }
    }
}
