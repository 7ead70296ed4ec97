//! Somebody else's store: subjects by UID, which can be listed and read. It has no change feed.

use imap_poller::{Listed, Listing};
use imap_seq::Uid;
use imap_updates::Flags;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone)]
pub(crate) struct Table(Arc<Mutex<BTreeMap<Uid, &'static str>>>);

impl Table {
    pub(crate) fn new<const N: usize>(subjects: [(Uid, &'static str); N]) -> Self {
        Self(Arc::new(Mutex::new(subjects.into())))
    }

    /// Everything that is there, ascending; one consistent read, because of the lock.
    pub(crate) fn list(&self) -> Listing {
        let listed = |&uid: &Uid| Listed { uid, flags: Flags::empty(), modseq: None };
        Listing::new(self.0.lock().keys().map(listed).collect()).expect("a map ascends")
    }

    pub(crate) fn message(&self, uid: Uid) -> Option<String> {
        Some(format!("Subject: {}\r\n\r\n", self.0.lock().get(&uid)?))
    }

    /// What another program does, without a word to us.
    pub(crate) fn replace(&self, old: Uid, new: Uid, subject: &'static str) {
        let mut table = self.0.lock();
        table.remove(&old);
        table.insert(new, subject);
    }
}
