//! A mailbox that a client watches without selecting it (NOTIFY, RFC 5465 section 5.4 and 5.5).

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use imap_seq::ModSeq;

use crate::hub::AnyHub;
use crate::{Closed, MailboxHub, Origin};

/// Tells when a mailbox changed, and what a STATUS of it says. It has no view and pins no history.
pub struct MailboxWatch {
    hub: Arc<AnyHub>,
    origin: Origin,
    seen: u64,
}

/// What STATUS reports of a mailbox that is not selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedStatus {
    /// MESSAGES.
    pub messages: u32,
    /// RECENT: messages that no read-write session was told of.
    pub recent: u32,
    /// HIGHESTMODSEQ.
    pub highest_modseq: ModSeq,
    /// The mailbox's new name, if it was renamed.
    pub name: Option<Arc<str>>,
    /// Whether it is gone.
    pub closed: Option<Closed>,
}

impl<S: Send + 'static> MailboxHub<S> {
    /// Watches the mailbox from now on.
    pub fn watch(&self) -> MailboxWatch {
        let hub: Arc<AnyHub> = self.shared.clone();
        MailboxWatch {
            origin: self.shared.new_origin(),
            seen: hub.signal.version(),
            hub,
        }
    }
}

impl MailboxWatch {
    /// What the mailbox is now; later changes make [`changed`](Self::changed) ready again.
    pub fn status(&mut self) -> WatchedStatus {
        let mut locked = self.hub.locked.lock();
        self.seen = self.hub.signal.version();
        let state = &mut locked.state;
        state.settle_arrivals();
        WatchedStatus {
            messages: state.index.len(),
            recent: u32::try_from(state.recent.len()).unwrap_or(u32::MAX),
            highest_modseq: state.told_highest_modseq(),
            name: state.name.clone(),
            closed: state.closed,
        }
    }

    /// Ready when the mailbox changed since the last [`status`](Self::status). Level-triggered.
    pub fn poll_changed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.hub.signal.version() != self.seen {
            return Poll::Ready(());
        }
        self.hub.signal.sleep(self.origin.0, context.waker());
        if self.hub.signal.version() == self.seen {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    /// Waits until the mailbox changed since the last [`status`](Self::status). Cancel safe.
    pub async fn changed(&mut self) {
        poll_fn(|context| self.poll_changed(context)).await;
    }
}

impl Drop for MailboxWatch {
    fn drop(&mut self) {
        self.hub.signal.forget(self.origin.0);
    }
}

impl fmt::Debug for MailboxWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailboxWatch")
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}
