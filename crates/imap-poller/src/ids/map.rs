//! `UidMap`: the ids and their UIDs, and a place where they last.

use std::collections::HashSet;
use std::fmt;

use imap_seq::{Uid, UidSet, UidValidity};

use crate::ids::table::{Ids, IdsError};

/// Where a [`UidMap`] is kept: a [`Journal`](crate::Journal), or a table of a database.
///
/// ```
/// use imap_poller::{Ids, UidMap, UidStore};
/// use imap_seq::{Uid, UidSet, UidValidity};
///
/// /// mailboxes (id, uid_validity, uid_next), messages (mailbox, uid, id; unique (mailbox, uid), unique (mailbox, id)).
/// struct Table;
///
/// # enum DatabaseError {}
/// impl UidStore for Table {
///     type Error = DatabaseError;
///
///     fn give(&mut self, first: Uid, ids: &[&str]) -> Result<(), DatabaseError> {
///         // BEGIN; INSERT INTO messages ..; UPDATE mailboxes SET uid_next = first + ids.len() ..; COMMIT
/// #       let _ = (first, ids);
///         Ok(())
///     }
///     fn forget(&mut self, uids: &UidSet) -> Result<(), DatabaseError> {
///         // DELETE FROM messages WHERE uid IN ..; UIDNEXT stays
/// #       let _ = uids;
///         Ok(())
///     }
/// }
///
/// // SELECT uid_validity, uid_next FROM mailboxes ..; SELECT uid, id FROM messages .. ORDER BY uid
/// let mut ids = Ids::new(UidValidity::MIN);
/// for (uid, id) in [(3, "AAMk3"), (7, "AAMk1")] {
///     ids.insert(Uid::try_from(uid)?, id)?;
/// }
/// ids.raise_uid_next(Some(Uid::try_from(9)?));
/// let mut map = UidMap::new(ids, Table);
/// # let map_uids = |map: &mut UidMap<Table>, ids: [&str; 2]| map.uids(ids).unwrap_or_else(|_| unreachable!());
/// assert_eq!(map_uids(&mut map, ["AAMk1", "AAMk9"]), [Uid::try_from(7)?, Uid::try_from(9)?]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait UidStore {
    /// What can go wrong.
    type Error;

    /// Keeps that these ids, which had no UID, have the UIDs from `first` on, one after the other, and that UIDNEXT is the
    /// one behind the last. On return that survives a loss of power. If it fails, any number of them, from the first on, may
    /// have been kept.
    ///
    /// # Errors
    /// The storage failed. The map then refuses everything, because nobody knows what was kept; it has to be opened again.
    fn give(&mut self, first: Uid, ids: &[&str]) -> Result<(), Self::Error>;

    /// Keeps that these messages are gone. Their UIDs are never given again, so UIDNEXT stays. On return that survives a
    /// loss of power.
    ///
    /// # Errors
    /// As [`give`](Self::give).
    fn forget(&mut self, uids: &UidSet) -> Result<(), Self::Error>;

    /// Called after each change, with everything that is kept by now: a chance to write it anew in less space.
    ///
    /// # Errors
    /// As [`give`](Self::give).
    fn tidy(&mut self, ids: &Ids) -> Result<(), Self::Error> {
        let _ = ids;
        Ok(())
    }
}

/// Which id has which UID, for as long as the mailbox lasts: through restarts, crashes, and listings that come in any
/// order, twice, or with a part missing.
///
/// A UID is durable before anybody can be told of it, because [`uids`](Self::uids) returns it only then. It belongs to its
/// id until [`forget`](Self::forget), and to nothing else afterwards: an id that is forgotten and comes back is a new message.
/// So forget what is confirmed to be gone, and not what a listing lacks; [`IdPoller`](crate::IdPoller) does that.
///
/// One process has the map at a time. Calls wait for the storage: a few milliseconds on a disk, for each page that has new
/// ids, and nothing for one that has none.
pub struct UidMap<S> {
    ids: Ids,
    /// `None` after a failure.
    store: Option<S>,
}

/// Why a [`UidMap`] gave no UID.
#[derive(Debug)]
#[non_exhaustive]
pub enum UidMapError<E> {
    /// The storage failed. Nobody knows what it kept, so the map is of no use any more: drop it and open it again.
    Store(E),
    /// It failed before.
    OpenAgain,
    /// An id that cannot be one, or no UID is left.
    Ids(IdsError),
}

impl<S: UidStore> UidMap<S> {
    /// A map that knows what its store has kept so far.
    pub const fn new(ids: Ids, store: S) -> Self {
        Self {
            ids,
            store: Some(store),
        }
    }

    /// The UIDs of these ids, in their order; those that are new get one, in the order in which they stand here. O(ids).
    ///
    /// # Errors
    /// The storage failed, an id is empty or too long, or no UID is left. No id has got a UID then, as far as the map is
    /// concerned.
    pub fn uids<'a>(
        &mut self,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<Uid>, UidMapError<S::Error>> {
        let ids: Vec<&str> = ids.into_iter().collect();
        let mut twice = HashSet::new();
        let unknown = ids.iter().copied().filter(|id| self.ids.uid(id).is_none());
        let new: Vec<&str> = unknown.filter(|id| twice.insert(*id)).collect();
        if !new.is_empty() {
            self.give(&new)?;
        }
        Ok(ids.iter().filter_map(|id| self.ids.uid(id)).collect())
    }

    fn give(&mut self, new: &[&str]) -> Result<(), UidMapError<S::Error>> {
        new.iter()
            .try_for_each(|id| Ids::check(id))
            .map_err(UidMapError::Ids)?;
        let full = UidMapError::Ids(IdsError::Full);
        let Some(first) = self.ids.uid_next() else {
            return Err(full);
        };
        let left = (1 << 32) - u64::from(first.get());
        if new.len() as u64 > left {
            return Err(full);
        }
        self.kept(|store| store.give(first, new))?;
        for (uid, id) in (first.get()..=u32::MAX).filter_map(Uid::new).zip(new) {
            self.ids.insert(uid, id).map_err(UidMapError::Ids)?;
        }
        self.tidy()
    }

    /// These messages are gone for good. UIDs that no id has are passed over. O(forgotten x log messages).
    ///
    /// # Errors
    /// The storage failed.
    pub fn forget(&mut self, uids: &UidSet) -> Result<(), UidMapError<S::Error>> {
        let known: UidSet = match uids.len() > self.ids.len() as u64 {
            true => self
                .ids
                .iter()
                .map(|(uid, _)| uid)
                .filter(|uid| uids.contains(*uid))
                .collect(),
            false => uids.iter().filter(|uid| self.ids.id(*uid).is_some()).collect(),
        };
        if known.is_empty() {
            return Ok(());
        }
        self.kept(|store| store.forget(&known))?;
        for uid in known.iter() {
            self.ids.remove(uid);
        }
        self.tidy()
    }

    fn tidy(&mut self) -> Result<(), UidMapError<S::Error>> {
        let Some(store) = &mut self.store else {
            return Err(UidMapError::OpenAgain);
        };
        let tidied = store.tidy(&self.ids);
        self.check(tidied)
    }

    fn kept(
        &mut self,
        work: impl FnOnce(&mut S) -> Result<(), S::Error>,
    ) -> Result<(), UidMapError<S::Error>> {
        let kept = work(self.store.as_mut().ok_or(UidMapError::OpenAgain)?);
        self.check(kept)
    }

    /// After a failure the store is dropped, and its lock with it, so that it can be opened again.
    fn check(&mut self, kept: Result<(), S::Error>) -> Result<(), UidMapError<S::Error>> {
        kept.map_err(|error| {
            self.store = None;
            UidMapError::Store(error)
        })
    }

    pub(crate) const fn store(&self) -> Option<&S> {
        self.store.as_ref()
    }

    /// What is known by now.
    pub const fn ids(&self) -> &Ids {
        &self.ids
    }

    /// The id of a UID.
    pub fn id(&self, uid: Uid) -> Option<&str> {
        self.ids.id(uid)
    }

    /// UIDVALIDITY of the mailbox.
    pub const fn uid_validity(&self) -> UidValidity {
        self.ids.uid_validity()
    }
}

impl<S> fmt::Debug for UidMap<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UidMap")
            .field("ids", &self.ids)
            .field("failed", &self.store.is_none())
            .finish_non_exhaustive()
    }
}

impl<E: fmt::Display> fmt::Display for UidMapError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => write!(f, "UIDs could not be kept: {error}"),
            Self::OpenAgain => f.write_str("UIDs could not be kept before; the map has to be opened again"),
            Self::Ids(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for UidMapError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::OpenAgain => None,
            Self::Ids(error) => Some(error),
        }
    }
}

impl<E> From<IdsError> for UidMapError<E> {
    fn from(error: IdsError) -> Self {
        Self::Ids(error)
    }
}
