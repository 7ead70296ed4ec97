//! What the sessions of a mailbox were told, and what waits to be told.

use std::collections::BTreeMap;
use std::sync::Arc;

use imap_seq::{ModSeq, Uid};
use imap_updates::{Flags, Recency};

use crate::absence::Missing;
use crate::listing::Listed;
use crate::news::News;
use crate::whole::Whole;

/// The last listing, and beside it whatever is known otherwise: by own changes since, and because a listing that lacks
/// a message is no proof yet.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) numbering: Numbering,
    /// The version up to which everything was told: the hub's cursor.
    pub(crate) version: ModSeq,
    /// Every message with a UID below was told, or is gone. As a number: 2^32 when no UID is left.
    pub(crate) covered: u64,
    pub(crate) listed: Arc<Whole>,
    /// Wins over `listed`.
    pub(crate) aside: BTreeMap<Uid, Aside>,
    /// Own changes are numbered from 1, in the order in which they are reported.
    pub(crate) reports: u64,
}

/// Whose numbers the versions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// The poller counts what it publishes.
    Counted,
    /// The store's own, from its listings.
    OfStore,
}

/// What is known of one message otherwise than by the last listing.
#[derive(Debug)]
pub(crate) struct Aside {
    /// The last own change of it; 0 if there was none. A listing that was asked for before does not undo it.
    pub(crate) report: u64,
    pub(crate) state: Standing,
    /// Since when listings lack it.
    pub(crate) missing: Option<Missing>,
}

#[derive(Debug)]
pub(crate) enum Standing {
    /// The sessions know it, with these flags.
    Told(Flags),
    /// It arrived through this process, and messages with lower UIDs may have to be told before.
    Waiting(Flags, Recency),
    /// It was expunged through this process.
    Gone,
}

impl Known {
    /// What the first listing says.
    pub(crate) fn new(first: Whole) -> Self {
        let numbering = match first.version {
            Some(_) => Numbering::OfStore,
            None => Numbering::Counted,
        };
        Self {
            numbering,
            version: first.version.unwrap_or(ModSeq::MIN),
            covered: first.covered(),
            listed: Arc::new(first),
            aside: BTreeMap::new(),
            reports: 0,
        }
    }

    /// The flags that the sessions were told of a message; `None` if they do not know it.
    pub(crate) fn told(&self, uid: Uid) -> Option<&Flags> {
        match self.aside.get(&uid) {
            Some(aside) => match &aside.state {
                Standing::Told(flags) => Some(flags),
                Standing::Waiting(..) | Standing::Gone => None,
            },
            None => self.listed.get(uid).map(|listed| &listed.flags),
        }
    }

    pub(crate) fn set_aside(&mut self, uid: Uid, report: u64, state: Standing) {
        let aside = Aside {
            report,
            state,
            missing: None,
        };
        self.aside.insert(uid, aside);
    }

    /// A message without flags that sessions are shown, though listings lack it.
    pub(crate) fn missing(&mut self, uid: Uid, since: Missing) {
        let aside = Aside {
            report: 0,
            state: Standing::Told(Flags::empty()),
            missing: Some(since),
        };
        self.aside.insert(uid, aside);
    }

    /// The next news, under a number that the poller counts.
    pub(crate) fn counted_news(&self) -> News {
        News::new(self.version, self.version.next().unwrap_or(ModSeq::MAX))
    }

    /// Own arrivals that wait for nothing any more, because every lower UID is covered.
    pub(crate) fn tell_those_that_follow(&mut self, news: &mut News) {
        loop {
            let next = u32::try_from(self.covered).ok().and_then(Uid::new);
            let Some(uid) = next else { return };
            let Some(aside) = self.aside.get_mut(&uid) else {
                return;
            };
            let Standing::Waiting(flags, recency) = &aside.state else {
                return;
            };
            let (flags, recency) = (flags.clone(), *recency);
            news.arrived(own(uid, flags.clone()), recency);
            aside.state = Standing::Told(flags);
            self.covered += 1;
        }
    }
}

/// A message as an own change describes it.
pub(crate) const fn own(uid: Uid, flags: Flags) -> Listed {
    Listed {
        uid,
        flags,
        modseq: None,
    }
}
