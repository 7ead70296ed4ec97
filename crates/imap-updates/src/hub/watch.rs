//! A mailbox that a client watches without selecting it (NOTIFY, RFC 5465 section 5.4 and 5.5).

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use imap_seq::{ModSeq, Uid};

use super::LogHub;
use super::mailbox_hub::MailboxHub;
use crate::history::{History, State};
use crate::{Closed, Origin};

/// Tells when a mailbox changed, and what a STATUS of it says. It has no view and pins no history.
pub struct MailboxWatch {
    history: Arc<History>,
    origin: Origin,
    seen: u64,
}

/// What STATUS reports of a mailbox that is not selected: all of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchedStatus {
    /// MESSAGES.
    pub messages: u32,
    /// RECENT: messages that no read-write session was told of.
    pub recent: u32,
    /// UIDNEXT as of [`highest_modseq`](Self::highest_modseq); `None` when no UID is left. A [`MailboxHub`] knows only
    /// which UIDs arrived: its store may have given out higher ones.
    pub uid_next: Option<Uid>,
    /// HIGHESTMODSEQ.
    pub highest_modseq: ModSeq,
    /// The mailbox's new name, if it was renamed.
    pub name: Option<Arc<str>>,
    /// Whether it is gone.
    pub closed: Option<Closed>,
}

impl WatchedStatus {
    pub(super) fn of(state: &State) -> Self {
        Self {
            messages: state.len(),
            recent: u32::try_from(state.recent.len()).unwrap_or(u32::MAX),
            uid_next: state.uid_next(),
            highest_modseq: state.highest_modseq,
            name: state.name.clone(),
            closed: state.closed,
        }
    }
}

impl<S: ?Sized> MailboxHub<S> {
    /// Watches the mailbox from now on.
    pub fn watch(&self) -> MailboxWatch {
        MailboxWatch::open(self.history())
    }
}

impl LogHub {
    /// Watches the mailbox from now on.
    pub fn watch(&self) -> MailboxWatch {
        MailboxWatch::open(self.history())
    }
}

impl MailboxWatch {
    fn open(history: &Arc<History>) -> Self {
        Self {
            origin: Origin::unused(),
            seen: history.signal.version(),
            history: Arc::clone(history),
        }
    }

    /// What the mailbox is now; later changes make [`changed`](Self::changed) ready again. Takes the history's lock for
    /// a moment.
    ///
    /// # Panics
    ///
    /// If a guard of this thread has published to this mailbox and still lives.
    #[track_caller]
    pub fn status(&mut self) -> WatchedStatus {
        let state = self.history.lock();
        self.seen = self.history.signal.version();
        WatchedStatus::of(&state)
    }

    /// Ready when the mailbox changed since the last [`status`](Self::status). Level-triggered.
    pub fn poll_changed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.history.signal.version() != self.seen {
            return Poll::Ready(());
        }
        self.history.signal.sleep(self.origin.number(), context.waker());
        if self.history.signal.version() == self.seen {
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
        self.history.signal.forget(self.origin.number());
    }
}

impl fmt::Debug for MailboxWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailboxWatch")
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}
