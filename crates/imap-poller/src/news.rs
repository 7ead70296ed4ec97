//! A page for the hub, while it is made.

use imap_seq::{ModSeq, Uid};
use imap_updates::{Applied, Event, LogHub, Origin, Page, Recency};

use crate::listing::Listed;

/// What is to be told in one step, under the versions after `after` and up to `upto`.
#[derive(Debug)]
pub(crate) struct News {
    after: ModSeq,
    upto: ModSeq,
    page: Page,
    pub(crate) arrived: u32,
    pub(crate) changed: u32,
    pub(crate) expunged: u32,
}

impl News {
    pub(crate) fn new(after: ModSeq, upto: ModSeq) -> Self {
        Self {
            after,
            upto,
            page: Page::changes(after, upto),
            arrived: 0,
            changed: 0,
            expunged: 0,
        }
    }

    pub(crate) fn arrived(&mut self, message: Listed, recency: Recency) {
        let event = self.present(message).recency(recency);
        self.page.push(event);
        self.arrived += 1;
    }

    pub(crate) fn changed(&mut self, message: Listed, by: Origin) {
        let event = self.present(message).by(by);
        self.page.push(event);
        self.changed += 1;
    }

    /// Nobody knows with which of the versions it went: the hub takes the lowest for HIGHESTMODSEQ below a held EXPUNGE,
    /// and the highest for VANISHED (EARLIER).
    pub(crate) fn gone(&mut self, uid: Uid) {
        self.page.push(Event::gone(self.first(), uid));
        if self.first() < self.upto {
            self.page.push(Event::gone(self.upto, uid));
        }
        self.expunged += 1;
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.arrived == 0 && self.changed == 0 && self.expunged == 0
    }

    /// Hands the page over. Every message below `covered` was told then, or is gone.
    pub(crate) fn publish(self, hub: &LogHub, covered: u64) -> Applied {
        let uid_next = u32::try_from(covered).ok().and_then(Uid::new);
        hub.apply(self.page.uid_next(uid_next))
    }

    pub(crate) const fn upto(&self) -> ModSeq {
        self.upto
    }

    /// A message's own mod-sequence is its version, if it lies where this page does. It does not if the store changed a
    /// message without raising its mod-sequence.
    fn present(&self, message: Listed) -> Event {
        let version = message.modseq.unwrap_or(self.upto);
        let version = if version < self.first() {
            self.upto
        } else {
            version.min(self.upto)
        };
        Event::present(version, message.uid, message.flags)
    }

    fn first(&self) -> ModSeq {
        self.after.next().unwrap_or(ModSeq::MAX)
    }
}
