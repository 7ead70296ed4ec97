//! Which message has which base name: by hashes, in memory for what the index beside the mail does not know yet.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hasher as _;
use std::io;
use std::sync::Arc;

use imap_seq::Uid;
use siphasher::sip::SipHasher13;

use crate::disk::index_file::IndexFile;

/// A hash of a base name, and the message that has it.
pub(crate) type HashOfName = (u64, u32);

/// The base names of one mailbox.
#[derive(Debug)]
pub(crate) struct Names {
    /// Of this index alone, so that nobody can make many names meet.
    key: (u64, u64),
    /// What has all other names; none while all are in memory.
    file: Option<Arc<IndexFile>>,
    added: HashMap<u64, u32>,
    /// Further messages with a hash that another one has.
    also_added: Vec<HashOfName>,
    gone: Vec<HashOfName>,
}

impl Default for Names {
    fn default() -> Self {
        let number =
            || u64::from(crate::disk::random::number()) << 32 | u64::from(crate::disk::random::number());
        Self::new((number(), number()), None)
    }
}

impl Names {
    /// The names of a file whose hashes have this key.
    pub(crate) fn new(key: (u64, u64), file: Option<Arc<IndexFile>>) -> Self {
        Self {
            key,
            file,
            added: HashMap::new(),
            also_added: Vec::new(),
            gone: Vec::new(),
        }
    }

    pub(crate) const fn key(&self) -> (u64, u64) {
        self.key
    }

    /// From now on names may leave memory, once this file has them.
    pub(crate) fn keep_in(&mut self, file: Arc<IndexFile>) {
        self.file = Some(file);
    }

    fn hash(&self, base: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.key.0, self.key.1);
        hasher.write(base);
        hasher.finish()
    }

    pub(crate) fn add(&mut self, base: &[u8], uid: Uid) {
        let hash = self.hash(base);
        match self.added.entry(hash) {
            Entry::Vacant(free) => drop(free.insert(uid.get())),
            Entry::Occupied(_) => self.also_added.push((hash, uid.get())),
        }
    }

    pub(crate) fn remove(&mut self, base: &[u8], uid: Uid) {
        let hash = self.hash(base);
        let uid = uid.get();
        if self.file.is_some() {
            self.gone.push((hash, uid));
        }
        if self.added.get(&hash) == Some(&uid) {
            self.added.remove(&hash);
            if let Some(at) = self.also_added.iter().position(|(other, _)| *other == hash) {
                self.added.insert(hash, self.also_added.swap_remove(at).1);
            }
        }
        self.also_added.retain(|other| *other != (hash, uid));
    }

    /// Messages that may have this base name.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(crate) fn candidates(&self, base: &[u8]) -> io::Result<Vec<Uid>> {
        let hash = self.hash(base);
        let mut uids: Vec<u32> = self.added.get(&hash).copied().into_iter().collect();
        uids.extend(
            self.also_added
                .iter()
                .filter(|(other, _)| *other == hash)
                .map(|(_, uid)| *uid),
        );
        if let Some(file) = &self.file {
            uids.extend(file.uids_of(hash)?);
        }
        Ok(uids.into_iter().filter_map(Uid::new).collect())
    }

    /// How many names the file does not know yet.
    pub(crate) fn count_added(&self) -> usize {
        self.added.len() + self.also_added.len()
    }

    /// Names that the file does not know yet, ascending.
    pub(crate) fn added(&self) -> Vec<HashOfName> {
        let mut added: Vec<_> = self.added.iter().map(|(hash, uid)| (*hash, *uid)).collect();
        added.extend(&self.also_added);
        added.sort_unstable();
        added
    }

    /// Names that went, and that the file may have.
    pub(crate) fn gone(&self) -> &[HashOfName] {
        &self.gone
    }

    /// The file knows all.
    pub(crate) fn are_written(&mut self) {
        self.added = HashMap::new();
        self.also_added.clear();
        self.gone.clear();
    }
}
