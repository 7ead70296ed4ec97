//! Who changed flags whose history nobody needs any more.

use std::collections::HashMap;

use imap_seq::{Uid, UidSet};

use crate::Origin;

/// The makers of flag changes that were told to everybody and dropped: at most 2 octets a message.
#[derive(Debug, Default)]
pub(super) struct PastMakers {
    /// The messages that only this origin changed.
    sole: HashMap<Origin, UidSet>,
    /// The messages that several origins changed, or that are no longer kept by origin.
    several: UidSet,
}

/// Most origins for which messages are kept apart.
const MOST_ORIGINS: usize = 64;

impl PastMakers {
    /// `by` was the last to change the message, and as far as is remembered the only one.
    pub(super) fn add_sole(&mut self, uid: Uid, by: Origin) {
        if self.changed_by_another(uid, by) {
            self.add_several(uid);
        } else if self.sole.len() < MOST_ORIGINS || self.sole.contains_key(&by) {
            self.sole.entry(by).or_default().insert(uid);
        } else {
            self.several.insert(uid);
        }
    }

    /// Several origins changed the message.
    pub(super) fn add_several(&mut self, uid: Uid) {
        self.several.insert(uid);
    }

    /// Whether somebody else than `by` changed the message.
    pub(super) fn changed_by_another(&self, uid: Uid, by: Origin) -> bool {
        let others = self.sole.iter().filter(|(maker, _)| **maker != by);
        self.several.contains(uid) || others.into_iter().any(|(_, uids)| uids.contains(uid))
    }
}
