//! The selected state: what a client does with the messages of one mailbox.

use crate::error::{Error, ErrorKind};
use crate::name::MailboxName;
use crate::record::{Copied, FlagChange, Need, Record};
use crate::search::{self, SearchKey};
use imap_seq::{Uid, UidSet, View};
use imap_updates::{Flag, Flags};

/// Why the server polls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PollReason {
    /// The client asked for news: NOOP, CHECK, or the start of IDLE. Look properly.
    Asked,
    /// Any other command is about to finish. Be cheap: it happens at every command.
    Passing,
}

/// One mailbox that a client has selected, as its backend sees it.
///
/// Everything here speaks UIDs. The server resolves the client's sets in the numbering that this client was told
/// *before* it calls, and translates back when it writes; a backend never meets a message sequence number.
///
/// Changes go two ways: into the store, and into the mailbox's [`MailboxHub`](imap_updates::MailboxHub), in one
/// critical section. The server learns of them from the [`UpdateBuffer`](imap_updates::UpdateBuffer) that was
/// handed over in [`Opened`](crate::Opened), this session's own expunges and arrivals included. Flag changes are
/// published with this session's [`Origin`](imap_updates::Origin), so that they are not echoed: the server writes
/// the answer to STORE itself.
///
/// # Cancel safety
/// The server drops a running future only when the connection has ended. What the client was not told of may be
/// done or not, but must not be half done.
pub trait Mailbox: Send + 'static {
    /// Looks up messages, for FETCH (RFC 9051, section 6.4.5), SEARCH and the answer to STORE.
    ///
    /// Answers one entry for each UID asked for, in that order: `None` where the message is gone. The answer may be
    /// shorter than the question (but not empty) once it holds [`Need::octets_budget`] octets of message
    /// data; the server asks again for the rest. The server asks for at most 256 UIDs at a time.
    ///
    /// # Errors
    /// The store cannot be read; the command ends in NO.
    fn fetch(
        &mut self,
        uids: &[Uid],
        need: Need,
    ) -> impl Future<Output = Result<Vec<Option<Record>>, Error>> + Send;

    /// Changes flags (RFC 9051, section 6.4.6). Messages that are gone are passed over.
    ///
    /// # Errors
    /// The store cannot be written, or [`ErrorKind::Limit`] where no further keyword can be kept.
    fn store(&mut self, uids: &UidSet, change: &FlagChange)
    -> impl Future<Output = Result<(), Error>> + Send;

    /// Copies messages with flags and internal date to the end of another mailbox, all or none (RFC 9051,
    /// section 6.4.7).
    ///
    /// # Errors
    /// [`ErrorKind::TryCreate`] where the target does not exist; [`ErrorKind::ExpungeIssued`] where a message is
    /// gone (nothing is copied then, RFC 2180, section 4.4.1).
    fn copy(
        &mut self,
        uids: &UidSet,
        target: &MailboxName,
    ) -> impl Future<Output = Result<Copied, Error>> + Send;

    /// Removes for good those messages among `uids` that have `\Deleted` (RFC 9051, section 6.4.3; RFC 4315,
    /// section 2.1). For EXPUNGE, `uids` reaches to the last message that this client was told of.
    ///
    /// # Errors
    /// The store cannot be written.
    fn expunge(&mut self, uids: &UidSet) -> impl Future<Output = Result<(), Error>> + Send;

    /// Moves messages (RFC 6851, section 3.3): each one is afterwards here or there, never in both or none.
    ///
    /// The default copies, marks `\Deleted` and expunges: correct wherever nobody interferes between these steps.
    ///
    /// # Errors
    /// As [`copy`](Self::copy).
    fn move_to(
        &mut self,
        uids: &UidSet,
        target: &MailboxName,
    ) -> impl Future<Output = Result<Copied, Error>> + Send {
        async move {
            let copied = self.copy(uids, target).await?;
            self.store(uids, &FlagChange::add(Flags::from_iter([Flag::Deleted])))
                .await?;
            self.expunge(uids).await?;
            Ok(copied)
        }
    }

    /// Finds the messages of `view` that match (RFC 9051, section 6.4.4).
    ///
    /// The default walks the view with [`search::evaluate`] over [`fetch`](Self::fetch), reading message octets
    /// only where flags, dates and sizes have not decided. A store with an index of its own overrides it.
    ///
    /// # Errors
    /// The store cannot be read.
    fn search(&mut self, view: &View, key: &SearchKey) -> impl Future<Output = Result<UidSet, Error>> + Send {
        search::evaluate(self, view, key)
    }

    /// Looks whether the store changed behind the hub's back, and publishes what it finds.
    ///
    /// Called before the updates of a command are written. A store whose every change goes through the hub has
    /// nothing to do here.
    ///
    /// # Errors
    /// Logged; the command that was the occasion goes on.
    fn poll(&mut self, reason: PollReason) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = reason;
        async { Ok(()) }
    }

    /// The client leaves the mailbox: CLOSE, UNSELECT, another SELECT, LOGOUT. A lost connection only drops.
    ///
    /// # Errors
    /// Logged; the client is not told.
    fn close(self) -> impl Future<Output = Result<(), Error>> + Send
    where
        Self: Sized,
    {
        async { Ok(()) }
    }
}

/// For backends without an operation: the error that becomes NO `[CANNOT]`.
pub(crate) fn unsupported() -> Error {
    Error::new(ErrorKind::Unsupported)
}
