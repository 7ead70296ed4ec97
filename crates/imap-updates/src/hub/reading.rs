//! The reading loop: how a hub gets the pages of its store's log.

use std::future::{Future, ready};

use imap_seq::ModSeq;

use super::caught_up::CaughtUp;
use super::log_hub::LogHub;
use super::page::{End, Page};
use super::turns::{Kind, Served, block_on};

/// What a caller wants to have been told.
#[derive(Clone, Copy, Debug)]
enum Need {
    /// Everything that was committed before the call.
    EndOfLog,
    /// Everything up to this version.
    Version(ModSeq),
}

impl Need {
    fn is_met(self, cursor: ModSeq) -> bool {
        matches!(self, Self::Version(version) if version <= cursor)
    }
}

impl LogHub {
    /// Reads the log from the cursor to its end, and applies it: `read` gives the page after the version that it is
    /// handed, or a whole listing if the log does not reach back so far, or that the mailbox is [gone](Page::deleted). When this returns, everything that was committed
    /// before the call has been told.
    ///
    /// One future reads at a time, and one thread beside it ([`catch_up_blocking`](Self::catch_up_blocking)). Whoever calls
    /// meanwhile waits for a read that begins after the call, which all who wait share. If the reader fails or its future
    /// is dropped, one of them reads in its place; so it is cancel safe. Belongs to no runtime; the future is `Send` if
    /// those of `read` are.
    ///
    /// # Errors
    ///
    /// What `read` answered. Who waited is not concerned: it reads by itself.
    pub async fn catch_up<E, F, R>(&self, read: F) -> Result<CaughtUp, E>
    where
        F: FnMut(ModSeq) -> R,
        R: Future<Output = Result<Page, E>>,
    {
        self.catch_up_as(Kind::Future, Need::EndOfLog, read).await
    }

    /// As [`catch_up`](Self::catch_up), for a store that blocks: the thread reads, or waits for another thread that does. It
    /// never waits for the future of a [`catch_up`](Self::catch_up), whose read may wait for a thread of the pool to which
    /// this one belongs. For the same reason `read` must not wait for another thread of that pool.
    ///
    /// # Errors
    ///
    /// As [`catch_up`](Self::catch_up).
    pub fn catch_up_blocking<E>(
        &self,
        mut read: impl FnMut(ModSeq) -> Result<Page, E>,
    ) -> Result<CaughtUp, E> {
        block_on(self.catch_up_as(Kind::Thread, Need::EndOfLog, |after| ready(read(after))))
    }

    /// As [`catch_up`](Self::catch_up), and returns at once if everything up to `version` has been told already: after a
    /// commit of one's own whose page somebody else has read meanwhile, because a notification came. Reads once at most: if
    /// the store does not have the version yet (a replica that lags), the cursor is below it afterwards.
    ///
    /// # Errors
    ///
    /// As [`catch_up`](Self::catch_up).
    pub async fn catch_up_to<E, F, R>(&self, version: ModSeq, read: F) -> Result<CaughtUp, E>
    where
        F: FnMut(ModSeq) -> R,
        R: Future<Output = Result<Page, E>>,
    {
        self.catch_up_as(Kind::Future, Need::Version(version), read).await
    }

    /// As [`catch_up_to`](Self::catch_up_to), for a store that blocks.
    ///
    /// # Errors
    ///
    /// As [`catch_up`](Self::catch_up).
    pub fn catch_up_to_blocking<E>(
        &self,
        version: ModSeq,
        mut read: impl FnMut(ModSeq) -> Result<Page, E>,
    ) -> Result<CaughtUp, E> {
        block_on(self.catch_up_as(Kind::Thread, Need::Version(version), |after| ready(read(after))))
    }

    async fn catch_up_as<E, F, R>(&self, kind: Kind, need: Need, mut read: F) -> Result<CaughtUp, E>
    where
        F: FnMut(ModSeq) -> R,
        R: Future<Output = Result<Page, E>>,
    {
        let mut caught_up = CaughtUp::at(self.cursor());
        if need.is_met(caught_up.cursor()) {
            return Ok(caught_up);
        }
        if let Served::ByItself(turn) = self.shared.turns.wait(kind).await {
            let mut after = self.cursor();
            // Who read meanwhile may have begun too early to serve everybody, and late enough for this call. Its turn then
            // goes on to the next.
            if need.is_met(after) {
                return Ok(caught_up.with_cursor(after));
            }
            while self.closed().is_none() {
                let page = read(after).await?.in_order();
                let (upto, end) = (page.upto, page.end);
                caught_up.note(&self.apply(page));
                // A store that has more to say, and says nothing new, is not asked for ever.
                if end == End::OfLog || upto <= after {
                    break;
                }
                after = upto;
            }
            turn.complete();
        }
        Ok(caught_up.with_cursor(self.cursor()))
    }
}
