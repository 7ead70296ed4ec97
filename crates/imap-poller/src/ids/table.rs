//! `Ids`: which id has which UID, in memory.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use imap_seq::{Uid, UidValidity};

/// The ids of a mailbox's messages and their UIDs, with UIDVALIDITY and UIDNEXT (RFC 9051 section 2.3.1.1).
///
/// Each id stands there once and so does each UID. UIDs ascend in the order in which they were given, and none is given
/// twice: not even that of a message that is gone. An id is a text of the store's, and names the same message as long as that
/// is there.
///
/// Some 22 octets for each message, and its id; up to twice that while the tables grow.
#[derive(Clone)]
pub struct Ids {
    uid_validity: UidValidity,
    /// 2^32 if no UID is left.
    uid_next: u64,
    /// Ascending. Those of messages that are gone stay until there are too many of them.
    entries: Vec<Entry>,
    gone: usize,
    /// The ids, one behind the other.
    text: String,
    /// Places in `entries`, by the hash of the id. The id is not kept here a second time.
    by_id: HashTable<u32>,
    /// Ids may be chosen by whoever sends mail, so the hash is one that nobody can foresee.
    hasher: RandomState,
}

#[derive(Clone, Copy)]
struct Entry {
    uid: Uid,
    at: u32,
    length: u16,
    is_gone: bool,
}

/// What is wrong with an id or a UID that was to be added to [`Ids`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdsError {
    /// The UID is below UIDNEXT: it was used before, or the order is not ascending.
    UidWasUsed,
    /// The id has a UID already.
    IdIsKnown,
    /// An id is a text of 1 to 65,535 octets.
    IdLength,
    /// There is no UID left, or the ids take more than 4 GiB.
    Full,
}

/// So many octets an id may have.
const LONGEST: usize = u16::MAX as usize;

impl Ids {
    /// No ids: a mailbox whose UIDs begin at 1.
    #[must_use]
    pub fn new(uid_validity: UidValidity) -> Self {
        Self {
            uid_validity,
            uid_next: 1,
            entries: Vec::new(),
            gone: 0,
            text: String::new(),
            by_id: HashTable::new(),
            hasher: RandomState::new(),
        }
    }

    /// Adds an id with its UID: what a store reads when it is opened, in ascending order of UIDs.
    ///
    /// # Errors
    /// The UID is below UIDNEXT, the id is there already, too long or empty, or there is no room.
    pub fn insert(&mut self, uid: Uid, id: &str) -> Result<(), IdsError> {
        if u64::from(uid.get()) < self.uid_next {
            return Err(IdsError::UidWasUsed);
        }
        if self.uid(id).is_some() {
            return Err(IdsError::IdIsKnown);
        }
        Self::check(id)?;
        let length = u16::try_from(id.len()).map_err(|_| IdsError::IdLength)?;
        let full = |_| IdsError::Full;
        let at = u32::try_from(self.text.len()).map_err(full)?;
        let place = u32::try_from(self.entries.len()).map_err(full)?;
        let hash = self.hasher.hash_one(id);
        let (entries, text, hasher) = (&self.entries, &self.text, &self.hasher);
        let rehash = |place: &u32| hasher.hash_one(id_of(text, entries[*place as usize]));
        self.by_id.insert_unique(hash, place, rehash);
        self.text.push_str(id);
        self.entries.push(Entry {
            uid,
            at,
            length,
            is_gone: false,
        });
        self.uid_next = u64::from(uid.get()) + 1;
        Ok(())
    }

    /// Whether a text can be an id.
    pub(crate) const fn check(id: &str) -> Result<(), IdsError> {
        match id.len() {
            1..=LONGEST => Ok(()),
            _ => Err(IdsError::IdLength),
        }
    }

    /// Raises UIDNEXT: all UIDs below were given. `None` if none is left. One that is lower is ignored.
    pub fn raise_uid_next(&mut self, uid_next: Option<Uid>) {
        let uid_next = uid_next.map_or(1 << 32, |uid| u64::from(uid.get()));
        self.uid_next = self.uid_next.max(uid_next);
    }

    /// UIDVALIDITY of the mailbox.
    #[must_use]
    pub const fn uid_validity(&self) -> UidValidity {
        self.uid_validity
    }

    /// UIDNEXT; `None` if no UID is left.
    #[must_use]
    pub fn uid_next(&self) -> Option<Uid> {
        u32::try_from(self.uid_next).ok().and_then(Uid::new)
    }

    /// The UID of an id.
    #[must_use]
    pub fn uid(&self, id: &str) -> Option<Uid> {
        let hash = self.hasher.hash_one(id);
        let is_it = |place: &u32| id_of(&self.text, self.entries[*place as usize]) == id;
        let place = self.by_id.find(hash, is_it)?;
        Some(self.entries[*place as usize].uid)
    }

    /// The id of a UID. O(log messages).
    #[must_use]
    pub fn id(&self, uid: Uid) -> Option<&str> {
        self.place(uid)
            .map(|place| id_of(&self.text, self.entries[place]))
    }

    fn place(&self, uid: Uid) -> Option<usize> {
        let place = self.entries.binary_search_by_key(&uid, |entry| entry.uid).ok()?;
        (!self.entries[place].is_gone).then_some(place)
    }

    /// How many ids there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len() - self.gone
    }

    /// Whether there is no id.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Everything, in ascending order of UIDs.
    pub fn iter(&self) -> impl Iterator<Item = (Uid, &str)> {
        let there = self.entries.iter().filter(|entry| !entry.is_gone);
        there.map(|entry| (entry.uid, id_of(&self.text, *entry)))
    }

    /// Removes a message that is gone; its UID is never given again.
    pub(crate) fn remove(&mut self, uid: Uid) -> bool {
        let Some(place) = self.place(uid) else {
            return false;
        };
        let hash = self.hasher.hash_one(id_of(&self.text, self.entries[place]));
        if let Ok(found) = self.by_id.find_entry(hash, |other| *other as usize == place) {
            found.remove();
        }
        self.entries[place].is_gone = true;
        self.gone += 1;
        if self.gone > 1_000 && self.gone > self.entries.len() / 2 {
            self.make_anew();
        }
        true
    }

    fn make_anew(&mut self) {
        let mut anew = Self::new(self.uid_validity);
        for (uid, id) in self.iter() {
            // What was in order is in order, and what fitted fits.
            let _fits = anew.insert(uid, id);
        }
        anew.raise_uid_next(self.uid_next());
        *self = anew;
    }
}

fn id_of(text: &str, entry: Entry) -> &str {
    let at = entry.at as usize;
    &text[at..at + usize::from(entry.length)]
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ids")
            .field("uid_validity", &self.uid_validity)
            .field("uid_next", &self.uid_next)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Ids {
    fn eq(&self, other: &Self) -> bool {
        let numbers = |ids: &Self| (ids.uid_validity, ids.uid_next);
        numbers(self) == numbers(other) && self.iter().eq(other.iter())
    }
}

impl Eq for Ids {}

impl fmt::Display for IdsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UidWasUsed => "a UID was used before",
            Self::IdIsKnown => "an id has a UID already",
            Self::IdLength => "an id is empty or longer than 65,535 octets",
            Self::Full => "there is no UID left, or no room for ids",
        })
    }
}

impl std::error::Error for IdsError {}
