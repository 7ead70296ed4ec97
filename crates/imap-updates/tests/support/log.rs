//! A desk for the hub that follows a log.

use imap_updates::{Access, Limits, LogHub, Outcome, Page, UpdateBuffer, kind};

use super::desk::{flags, release};
use super::{modseq, uid};

/// A mailbox whose log begins at version 10, and one session.
pub struct LogDesk {
    pub hub: LogHub,
    pub a: UpdateBuffer,
}

/// A page of changes, for versions as plain numbers.
pub fn changes(after: u64, upto: u64) -> Page {
    Page::changes(modseq(after), modseq(upto))
}

impl LogDesk {
    pub fn with(numbers: &[u32]) -> Self {
        let mut whole = Page::whole(modseq(10));
        for &number in numbers {
            whole = whole.present(modseq(1), uid(number), flags(""));
        }
        let hub = LogHub::open(whole, Limits::default()).unwrap();
        let a = hub.select(Access::ReadOnly).updates;
        Self { hub, a }
    }

    /// Applies a page that has to move the cursor to its end.
    pub fn moved(&self, page: Page) {
        let applied = self.hub.apply(page);
        assert_eq!(applied.outcome(), Outcome::Moved);
    }

    /// `→ NOOP`
    pub fn noop(&mut self) -> Vec<String> {
        release(&mut self.a, kind::Noop)
    }

    /// The UIDs that the client has, in order.
    pub fn view(&mut self) -> Vec<u32> {
        let _command = self.a.begin(kind::Fetch);
        self.a.view().uids().map(imap_seq::Uid::get).collect()
    }
}
