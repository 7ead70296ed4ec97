//! Own changes: what this process committed to the store, as its sessions report it.

use imap_seq::{Uid, UidSet};
use imap_updates::{Flags, LogHub, Origin, Recency};

use crate::known::{Aside, Known, Numbering, Standing, own};
use crate::news::News;

/// What became of an own change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// There is nothing left to tell.
    Told,
    /// A listing that begins from now on tells it.
    Waits,
}

impl Known {
    /// A message that is known already was told by a listing that showed it. One that does not follow on what is covered
    /// waits: a message with a UID between would be hidden, if it were told later.
    pub(crate) fn appended(&mut self, hub: &LogHub, uid: Uid, flags: Flags, recency: Recency) -> Report {
        if self.aside.contains_key(&uid) || self.listed.get(uid).is_some() {
            return match self.aside.get(&uid).map(|aside| &aside.state) {
                Some(Standing::Waiting(..)) => Report::Waits,
                _ => Report::Told,
            };
        }
        self.reports += 1;
        self.set_aside(uid, self.reports, Standing::Waiting(flags, recency));
        if self.numbering == Numbering::OfStore || self.covered != u64::from(uid.get()) {
            return Report::Waits;
        }
        let mut news = self.counted_news();
        self.tell_those_that_follow(&mut news);
        self.publish(hub, news)
    }

    pub(crate) fn stored(&mut self, hub: &LogHub, uid: Uid, flags: Flags, by: Origin) -> Report {
        if let Some(Aside {
            state: Standing::Waiting(waiting, _),
            ..
        }) = self.aside.get_mut(&uid)
        {
            *waiting = flags;
            return Report::Waits;
        }
        let Some(told) = self.told(uid) else {
            // It is gone.
            return Report::Told;
        };
        let same = *told == flags;
        self.reports += 1;
        if self.numbering == Numbering::OfStore {
            return Report::Waits;
        }
        self.set_aside(uid, self.reports, Standing::Told(flags.clone()));
        let mut news = self.counted_news();
        if !same {
            news.changed(own(uid, flags), by);
        }
        self.publish(hub, news)
    }

    pub(crate) fn expunged(&mut self, hub: &LogHub, uids: &UidSet) -> Report {
        self.reports += 1;
        let mut news = self.counted_news();
        let mut waits = Report::Told;
        for uid in self.those_that_matter(uids) {
            if self.told(uid).is_none() {
                // It overtook the report of its arrival, which then means nothing.
                self.set_aside(uid, self.reports, Standing::Gone);
            } else if self.numbering == Numbering::OfStore {
                waits = Report::Waits;
            } else {
                self.set_aside(uid, self.reports, Standing::Gone);
                news.gone(uid);
            }
        }
        match self.publish(hub, news) {
            Report::Told => waits,
            Report::Waits => Report::Waits,
        }
    }

    /// A set may be a range with far more members than the mailbox has messages.
    fn those_that_matter(&self, uids: &UidSet) -> Vec<Uid> {
        let known = self.listed.messages().len() + self.aside.len();
        if uids.len() <= known as u64 {
            return uids.iter().collect();
        }
        let listed = self.listed.messages().iter().map(|message| message.uid);
        let all: UidSet = listed.chain(self.aside.keys().copied()).collect();
        all.intersection(uids).iter().collect()
    }

    fn publish(&mut self, hub: &LogHub, news: News) -> Report {
        if !news.is_empty() {
            self.version = news.upto();
            let _nothing_is_hidden = news.publish(hub, self.covered);
        }
        Report::Told
    }
}
