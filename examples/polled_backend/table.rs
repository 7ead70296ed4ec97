//! Somebody else's store: subjects by UID, which can be listed and read. It has no change feed.

use imap_poller::Listing;
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

    /// Everything that is there; one consistent read, because of the lock.
    pub(crate) fn list(&self) -> Listing {
        self.0.lock().keys().map(|&uid| (uid, Flags::empty())).collect()
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
