//! `IdPoller`: a `MailboxPoller` for a store that has ids of its own.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use imap_seq::{Uid, UidSet, UidValidity};
use imap_updates::{Closed, Flags, Hub, Recency};
use parking_lot::Mutex;

use crate::absence::Missing;
use crate::ids::map::{UidMap, UidMapError, UidStore};
use crate::ids::pages::Pages;
use crate::pace::Pace;
use crate::poller::{MailboxPoller, Told};

/// A [`MailboxPoller`] for a store whose messages have ids and no UIDs, and whose listings come in pages: it joins the poller
/// with a [`UidMap`].
///
/// What a listing lacks keeps its UID until the poller's [`Absence`](crate::Absence) confirms that it is gone. From then on its
/// id has none, and if it comes back, it is a new message with a new UID. Both are durable before a session is told.
///
/// When the storage fails, the poller is closed with [`Closed::Lost`], which ends its sessions: drop it and open the mailbox again.
///
/// ```
/// use std::convert::Infallible;
/// use std::time::Duration;
/// use imap_poller::{Absence, IdPoller, Pace, Pages, Reason, UidMap, UidMapError};
/// # use imap_poller::{Ids, UidStore};
/// use imap_seq::{Uid, UidSet};
/// use imap_updates::Flags;
///
/// # struct Kept;
/// # impl UidStore for Kept {
/// #     type Error = Infallible;
/// #     fn give(&mut self, _: Uid, _: &[&str]) -> Result<(), Infallible> { Ok(()) }
/// #     fn forget(&mut self, _: &UidSet) -> Result<(), Infallible> { Ok(()) }
/// # }
/// /// GET /messages?after=.., again and again.
/// async fn list<S: UidStore>(store: &[[&str; 2]], mut pages: Pages<S>) -> Result<Pages<S>, UidMapError<S::Error>> {
///     for page in store {
///         pages.page(page.iter().map(|id| (*id, Flags::empty())))?;
///     }
///     Ok(pages)
/// }
///
/// # fn run<T>(future: impl Future<Output = T>) -> T {
/// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #     match std::pin::pin!(future).poll(&mut context) {
/// #         std::task::Poll::Ready(ready) => ready,
/// #         std::task::Poll::Pending => unreachable!("nothing here waits"),
/// #     }
/// # }
/// # run(async {
/// # let map = || UidMap::new(Ids::new(imap_seq::UidValidity::MIN), Kept);
/// # let clock = || Duration::ZERO;
/// // let map = UidMap::open("inbox.uids", seconds_since_1970)?;
/// let first = list(&[["x", "c"], ["c", "b"]], Pages::first(map(), Absence::IsProof)).await?;
/// let mailbox = IdPoller::open(first, Pace::default(), clock())?;
/// assert_eq!(mailbox.uid("b"), Uid::new(3));
///
/// let look = || async { list(&[["b", "c"], ["a", "c"]], mailbox.pages()).await?.finish(clock()) };
/// let _told = mailbox.poller().look(Reason::Asked, clock, look).await?;
/// assert_eq!((mailbox.uid("x"), mailbox.uid("b"), mailbox.uid("a")), (None, Uid::new(3), Uid::new(4)));
/// # Ok::<(), UidMapError<Infallible>>(())
/// # }).expect("no error");
/// ```
///
/// Clones share the mailbox. Keep them in [`Hubs`](imap_updates::Hubs), one for each open mailbox.
pub struct IdPoller<S> {
    poller: MailboxPoller,
    shared: Arc<Mutex<Shared<S>>>,
}

/// What the handles of one mailbox share, and its pages.
pub(super) struct Shared<S> {
    pub(super) map: UidMap<S>,
    /// Have got their UIDs from a page, and no listing with them was finished since.
    pub(super) untold: UidSet,
    /// Expunged by this process since the last listing began that was finished. They have lost their ids already, but a page
    /// that was read before may still show them.
    pub(super) ghosts: BTreeMap<String, Uid>,
}

impl<S> Shared<S> {
    pub(super) fn new(map: UidMap<S>) -> Self {
        Self {
            map,
            untold: UidSet::new(),
            ghosts: BTreeMap::new(),
        }
    }
}

/// What the storage has answered. After a failure it keeps nothing any more: the sessions end, and whoever selects the mailbox then
/// finds it closed, and opens it again.
pub(super) fn kept<T, E>(
    poller: &MailboxPoller,
    answered: Result<T, UidMapError<E>>,
) -> Result<T, UidMapError<E>> {
    if matches!(answered, Err(UidMapError::Store(_) | UidMapError::OpenAgain)) {
        poller.close(Closed::Lost);
    }
    answered
}

impl<S: UidStore> IdPoller<S> {
    /// A poller for the mailbox that its first listing shows, which was complete at `now`. What that lacks and had a UID is
    /// shown too until its absence is confirmed, as in every later listing, but without flags; [`Pages::again`] says how to
    /// avoid that. O(messages).
    ///
    /// # Errors
    /// The storage failed.
    #[expect(clippy::missing_panics_doc, reason = "a listing is a whole page of the log")]
    pub fn open(mut first: Pages<S>, pace: Pace, now: Duration) -> Result<Self, UidMapError<S::Error>> {
        let missing = first.absent.unwrap_or(Missing::again(None, now));
        let mut shared = first.shared.lock();
        if first.absence.is_confirmed(missing, now) {
            shared.map.forget(&first.unseen)?;
            first.unseen = UidSet::new();
        }
        let unseen = first.unseen.iter().map(|uid| (uid, Flags::empty()));
        first.listing.extend(unseen);
        shared.untold = UidSet::new();
        let listing = first.listing.with_uid_next(shared.map.ids().uid_next());
        drop(shared);
        let poller = MailboxPoller::open(listing, first.absence, pace).expect("a listing is whole");
        poller.missing(&first.unseen, missing);
        let shared = first.shared;
        Ok(Self { poller, shared })
    }

    /// A listing to be filled: within [`MailboxPoller::look`], or after [`MailboxPoller::begin`], because what is expunged
    /// before it begins counts as gone.
    pub fn pages(&self) -> Pages<S> {
        let (listing, expunged) = self.poller.listing_and_expunged();
        Pages {
            shared: Arc::clone(&self.shared),
            poller: Some(self.poller.clone()),
            absence: self.poller.absence(),
            listing,
            expunged,
            unseen: UidSet::new(),
            absent: None,
        }
    }

    /// This process stored a message, and the store says under which id: APPEND, or the target of COPY and MOVE. It gets a
    /// UID, if no listing was quicker, and the sessions are told as [`MailboxPoller::appended`] does it. Waits for the storage.
    ///
    /// # Errors
    /// The UID could not be kept, and the poller is closed ([`Closed::Lost`]); or there is none left.
    pub fn appended(
        &self,
        id: &str,
        flags: Flags,
        recency: Recency,
    ) -> Result<(Uid, Told), UidMapError<S::Error>> {
        // UIDs are told under the lock under which they are given, so that no listing has a UIDNEXT above one that is not.
        let mut shared = self.shared.lock();
        let uids = kept(&self.poller, shared.map.uids([id]))?;
        let uid = *uids.first().ok_or(UidMapError::OpenAgain)?;
        shared.untold.remove(uid);
        Ok((uid, self.poller.appended(uid, flags, recency)))
    }

    /// A session of this process expunged these messages, and the store has removed them: EXPUNGE, CLOSE, or the source of
    /// MOVE. They lose their ids, durably, and the sessions are told as [`MailboxPoller::expunged`] does it. Waits for the
    /// storage.
    ///
    /// # Errors
    /// It could not be kept, nobody was told, and the poller is closed ([`Closed::Lost`]).
    pub fn expunged(&self, uids: &UidSet) -> Result<Told, UidMapError<S::Error>> {
        let mut shared = self.shared.lock();
        let named = uids
            .iter()
            .filter_map(|uid| Some((shared.map.id(uid)?.to_owned(), uid)));
        let ghosts: Vec<_> = named.collect();
        kept(&self.poller, shared.map.forget(uids))?;
        shared.ghosts.extend(ghosts);
        Ok(self.poller.expunged(uids))
    }

    /// The id of a message.
    pub fn id(&self, uid: Uid) -> Option<String> {
        self.shared.lock().map.id(uid).map(str::to_owned)
    }

    /// The UID of an id.
    pub fn uid(&self, id: &str) -> Option<Uid> {
        self.shared.lock().map.ids().uid(id)
    }

    /// UIDVALIDITY of the mailbox.
    pub fn uid_validity(&self) -> UidValidity {
        self.shared.lock().map.uid_validity()
    }
}

impl<S> IdPoller<S> {
    /// The poller, for everything that is about UIDs alone: looking, sessions, flags.
    pub const fn poller(&self) -> &MailboxPoller {
        &self.poller
    }
}

impl<S> Clone for IdPoller<S> {
    fn clone(&self) -> Self {
        Self {
            poller: self.poller.clone(),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S> Hub for IdPoller<S> {
    fn closed(&self) -> Option<Closed> {
        self.poller.closed()
    }

    fn is_unused(&self) -> bool {
        Arc::strong_count(&self.shared) == 1 && self.poller.is_unused()
    }
}

impl<S> fmt::Debug for IdPoller<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdPoller")
            .field("poller", &self.poller)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use imap_updates::Access;

    use super::*;
    use crate::absence::Absence;
    use crate::ids::table::Ids;

    /// Keeps so many changes, and then fails.
    struct Full(u32);

    impl Full {
        fn keep(&mut self) -> Result<(), &'static str> {
            self.0 = self.0.checked_sub(1).ok_or("no room")?;
            Ok(())
        }
    }

    impl UidStore for Full {
        type Error = &'static str;

        fn give(&mut self, _: Uid, _: &[&str]) -> Result<(), Self::Error> {
            self.keep()
        }

        fn forget(&mut self, _: &UidSet) -> Result<(), Self::Error> {
            self.keep()
        }
    }

    /// A mailbox with the message `a`, whose storage has room for one change more.
    fn opened() -> IdPoller<Full> {
        let map = UidMap::new(Ids::new(UidValidity::MIN), Full(2));
        let mut first = Pages::first(map, Absence::IsProof);
        first.page([("a", Flags::empty())]).unwrap();
        IdPoller::open(first, Pace::default(), Duration::ZERO).unwrap()
    }

    #[test]
    fn where_uids_cannot_be_kept_the_sessions_end() {
        let append =
            |mailbox: &IdPoller<Full>| mailbox.appended("b", Flags::empty(), Recency::Recent).is_ok();
        let expunge = |mailbox: &IdPoller<Full>| mailbox.expunged(&UidSet::from_iter([Uid::MIN])).is_ok();
        let page = |mailbox: &IdPoller<Full>| mailbox.pages().page([("c", Flags::empty())]).is_ok();
        let finish = |mailbox: &IdPoller<Full>| mailbox.pages().finish(Duration::ZERO).is_ok();
        for fails in [append, expunge, page, finish] {
            let mailbox = opened();
            let session = mailbox.poller().select(Access::ReadWrite);
            let kept = mailbox.appended("z", Flags::empty(), Recency::Recent);
            assert!(kept.is_ok() && mailbox.closed().is_none());
            assert!(!fails(&mailbox));
            assert_eq!(mailbox.closed(), Some(Closed::Lost));
            drop(session);
        }
    }

    #[test]
    fn an_id_that_cannot_be_one_ends_nothing() {
        let mailbox = opened();
        let refused = mailbox.appended("", Flags::empty(), Recency::Recent);
        assert!(matches!(refused, Err(UidMapError::Ids(_))));
        assert_eq!(mailbox.closed(), None);
    }
}
