//! `Pages`: a listing by ids, while it arrives.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use imap_seq::UidSet;
use imap_updates::Flags;
use parking_lot::Mutex;

use crate::absence::{Absence, Missing};
use crate::ids::map::{UidMap, UidMapError, UidStore};
use crate::ids::poller::{Shared, kept};
use crate::listing::Listing;
use crate::poller::MailboxPoller;

/// A listing of a store that has ids of its own, page by page, in any order. A message on two pages is harmless; one that is
/// on none is missing, which proves nothing before [`Absence`](crate::Absence) says so.
///
/// It takes memory for what is new or changed, and one bit for each message that was known before; the first listing of a
/// mailbox takes as much as a [`Listing`]. Made by [`IdPoller::pages`](crate::IdPoller::pages), or by
/// [`first`](Self::first) for a mailbox that is not open yet.
#[must_use = "a listing does nothing until a request is completed with it"]
pub struct Pages<S> {
    pub(super) shared: Arc<Mutex<Shared<S>>>,
    /// `None` for the first listing.
    pub(super) poller: Option<MailboxPoller>,
    pub(super) listing: Listing,
    /// What this process had expunged before the listing began. It is gone, or back as another message.
    pub(super) expunged: UidSet,
    pub(super) absence: Absence,
    /// In the first listing: what has a UID and was on no page so far, and how often that was listed to its end.
    pub(super) unseen: UidSet,
    pub(super) absent: Option<Missing>,
}

impl<S: UidStore> Pages<S> {
    /// The first listing of a mailbox, for [`IdPoller::open`](crate::IdPoller::open). `absence` holds for all its listings.
    pub fn first(map: UidMap<S>, absence: Absence) -> Self {
        let unseen = map.ids().iter().map(|(uid, _)| uid).collect();
        Self {
            shared: Arc::new(Mutex::new(Shared::new(map))),
            poller: None,
            listing: Listing::new(),
            expunged: UidSet::new(),
            absence,
            unseen,
            absent: None,
        }
    }

    /// A page: some messages by their ids, each with all its flags. New ids get UIDs in the order in which they stand here,
    /// durable on return. So a page that has new ids waits for the storage; with an asynchronous runtime it belongs on a
    /// thread that may block.
    ///
    /// # Errors
    /// The UIDs could not be kept, and the poller is closed; or there is none left.
    pub fn page<'a>(
        &mut self,
        messages: impl IntoIterator<Item = (&'a str, Flags)>,
    ) -> Result<(), UidMapError<S::Error>> {
        let mut shared = self.shared.lock();
        // Expunged by this process after the listing had begun: what the page shows is older, and no new message.
        let ghost = |id: &str| {
            let uid = shared.ghosts.get(id).copied();
            uid.filter(|uid| !self.expunged.contains(*uid))
        };
        let (ghosts, messages): (Vec<_>, Vec<_>) = messages
            .into_iter()
            .map(|(id, flags)| (ghost(id), id, flags))
            .partition(|(ghost, ..)| ghost.is_some());
        let before = shared.map.ids().uid_next();
        let uids = shared.map.uids(messages.iter().map(|(_, id, _)| *id));
        let uids = match &self.poller {
            Some(poller) => kept(poller, uids)?,
            None => uids?,
        };
        for &uid in &uids {
            if before.is_some_and(|before| before <= uid) {
                shared.untold.insert(uid);
            }
            self.unseen.remove(uid);
        }
        drop(shared);
        let ghosts = ghosts
            .into_iter()
            .filter_map(|(ghost, _, flags)| Some((ghost?, flags)));
        self.listing.extend(ghosts);
        let flags = messages.into_iter().map(|(.., flags)| flags);
        self.listing.extend(uids.into_iter().zip(flags));
        Ok(())
    }

    /// The same, for a thread to which the pages are handed.
    ///
    /// # Errors
    /// As [`page`](Self::page).
    pub fn with_page<'a>(
        mut self,
        messages: impl IntoIterator<Item = (&'a str, Flags)>,
    ) -> Result<Self, UidMapError<S::Error>> {
        self.page(messages)?;
        Ok(self)
    }

    /// The first listing has come to its end, at `now`: whether to list the store once more, into the same pages, because
    /// something lacks that has a UID, and its absence is not confirmed. Whoever opens the mailbox without that shows
    /// messages that may be gone, until later listings confirm it. Do it a few times at most: an [`Absence`] may take minutes.
    ///
    /// Other listings are never to be made again.
    pub fn again(&mut self, now: Duration) -> bool {
        let absent = Missing::again(self.absent, now);
        self.absent = Some(absent);
        !self.unseen.is_empty() && !self.absence.is_confirmed(absent, now)
    }

    /// The listing is complete, at `now`: what is confirmed to be gone loses its id, durably and before any session is told
    /// that it is gone. So an id that comes back after that is a new message. Waits for the storage as
    /// [`page`](Self::page) does, if something is gone.
    ///
    /// # Errors
    /// It could not be kept.
    pub fn finish(mut self, now: Duration) -> Result<Listing, UidMapError<S::Error>> {
        let mut shared = self.shared.lock();
        if let Some(poller) = &self.poller {
            let gone = poller.would_be_gone(&self.listing, now);
            let untold = shared.untold.iter();
            let untold: UidSet = untold.filter(|uid| !self.listing.lists(*uid)).collect();
            kept(poller, shared.map.forget(&gone.union(&untold)))?;
            shared.untold = UidSet::new();
            shared.ghosts.retain(|_, uid| !self.expunged.contains(*uid));
            self.listing.gone = Some(gone);
        }
        let uid_next = shared.map.ids().uid_next();
        drop(shared);
        Ok(self.listing.with_uid_next(uid_next))
    }
}

impl<S> fmt::Debug for Pages<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("first", &self.poller.is_none())
            .finish_non_exhaustive()
    }
}
