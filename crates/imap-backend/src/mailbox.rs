//! The selected state: what a client does with the messages of one mailbox.

use imap_seq::{ModSeq, Uid, UidSet, View};
use imap_updates::{Flag, Flags};

use crate::copy::Copied;
use crate::error::{Error, ErrorKind};
use crate::name::MailboxName;
use crate::record::{Fetched, Need};
use crate::rights::Rights;
use crate::search::{self, Found, Query};
use crate::select::NewKeywords;
use crate::sort::{self, SortKey};
use crate::store::{FlagAction, FlagChange, Stored};
use crate::thread::{self, Algorithm, Threads};
use crate::walk::Walk;

/// Why the server polls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PollReason {
    /// The client asked for news: NOOP, CHECK, the beginning of IDLE, STATUS of this mailbox. Look properly.
    Asked,
    /// The client idles and time has passed: every `imap_server::Limits::idle_poll`, 15 s by default. Look properly, or
    /// less often than for a client that asked, because many clients may idle.
    Idling,
    /// Any other command is about to finish. Be cheap: it happens at every command.
    Passing,
}

/// One mailbox that a client has selected, as its backend sees it.
///
/// Everything here speaks UIDs. The server resolves the client's sets in the numbering that this client was told
/// *before* it calls, and translates back when it writes; a backend never meets a message sequence number.
///
/// Changes go two ways: into the store, and into the mailbox's hub ([`HubGuard`](imap_updates::HubGuard)), or from the
/// store's log into the hub ([`LogHub::catch_up`](imap_updates::LogHub::catch_up)). The server learns of them from the
/// [`UpdateBuffer`](imap_updates::UpdateBuffer) that was handed over in [`Opened`](crate::Opened), this session's own
/// expunges and arrivals included; so [`expunge`](Self::expunge) answers nothing but that it is done. Flag changes are
/// published with this session's [`Origin`](imap_updates::Origin), so that they are not echoed: the server writes the
/// answer to STORE itself.
///
/// # Cancel safety
/// The server drops a running future only when the connection has ended. What the client was not told of may be
/// done or not, but must not be half done.
pub trait Mailbox: Send + 'static {
    /// Looks up messages, for FETCH (RFC 9051, section 6.4.5), SEARCH and the answer to STORE.
    ///
    /// Answers one entry for each UID asked for, in that order: `None` where the message is gone. The server asks for at
    /// most [`MOST_UIDS`](crate::walk::MOST_UIDS) at a time.
    ///
    /// # Errors
    /// The store cannot be read; the command ends in NO. One message that cannot be read must not hide the others:
    /// answer a body whose reading fails.
    fn fetch(&mut self, uids: &[Uid], need: Need) -> impl Future<Output = Result<Fetched, Error>> + Send;

    /// Changes flags (RFC 9051, section 6.4.6). Messages that are gone are passed over.
    ///
    /// # Errors
    /// The store cannot be written, or [`ErrorKind::Limit`] where no further keyword can be kept.
    fn store(
        &mut self,
        uids: &UidSet,
        change: &FlagChange,
    ) -> impl Future<Output = Result<Stored, Error>> + Send;

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
    /// The default copies, marks `\Deleted` and expunges: right wherever nobody interferes between these steps.
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
            remove(self, uids).await?;
            Ok(copied)
        }
    }

    /// As [`copy`](Self::copy), but the copies have only those flags that these rights are enough to set
    /// ([`Rights::changeable`]): COPY to a mailbox where this user may not set all of them (RFC 4314, section 4). Asked for only
    /// of backends with [`Ability::Acl`](crate::Ability::Acl).
    ///
    /// There is no right default where flags are lost.
    ///
    /// # Errors
    /// As [`copy`](Self::copy).
    fn copy_with_rights(
        &mut self,
        uids: &UidSet,
        target: &MailboxName,
        rights: Rights,
    ) -> impl Future<Output = Result<Copied, Error>> + Send {
        async move {
            match rights.may_change_all_flags() {
                true => self.copy(uids, target).await,
                false => Err(unsupported()),
            }
        }
    }

    /// As [`move_to`](Self::move_to), with the flags of [`copy_with_rights`](Self::copy_with_rights).
    ///
    /// The default copies, marks `\Deleted` and expunges where flags are lost: right wherever nobody interferes between these
    /// steps.
    ///
    /// # Errors
    /// As [`copy`](Self::copy).
    fn move_with_rights(
        &mut self,
        uids: &UidSet,
        target: &MailboxName,
        rights: Rights,
    ) -> impl Future<Output = Result<Copied, Error>> + Send {
        async move {
            if rights.may_change_all_flags() {
                return self.move_to(uids, target).await;
            }
            let copied = self.copy_with_rights(uids, target, rights).await?;
            remove(self, uids).await?;
            Ok(copied)
        }
    }

    /// Finds the messages that match (RFC 9051, section 6.4.4).
    ///
    /// The default walks the view with [`search::evaluate`] over [`fetch`](Self::fetch), reading message octets
    /// only where flags, dates and sizes have not decided. A store with an index of its own overrides it.
    ///
    /// # Errors
    /// The store cannot be read.
    fn search(&mut self, query: &Query) -> impl Future<Output = Result<Found, Error>> + Send {
        search::evaluate(self, query)
    }

    /// Finds the messages that match, and sorts them (RFC 5256, section 3, SORT). Those that are equal by all criteria are
    /// in the order of the mailbox.
    ///
    /// The default sorts what [`search`](Self::search) finds with [`sort::evaluate`], by the summaries that
    /// [`fetch`](Self::fetch) answers or the headers. A store that has an order ready overrides it, and compares texts by
    /// [`casemap`](imap_message::casemap): all commands have one collation.
    ///
    /// # Errors
    /// The store cannot be read.
    fn sort(
        &mut self,
        query: &Query,
        by: &[SortKey],
    ) -> impl Future<Output = Result<Vec<Uid>, Error>> + Send {
        sort::evaluate(self, query, by)
    }

    /// Finds the messages that match, and threads them (RFC 5256, section 3, THREAD).
    ///
    /// The default threads what [`search`](Self::search) finds with [`thread::evaluate`], by the summaries that
    /// [`fetch`](Self::fetch) answers or the headers.
    ///
    /// # Errors
    /// The store cannot be read.
    fn thread(
        &mut self,
        query: &Query,
        algorithm: Algorithm,
    ) -> impl Future<Output = Result<Threads, Error>> + Send {
        thread::evaluate(self, query, algorithm)
    }

    /// The UIDs of messages that were expunged after `since`, for VANISHED (EARLIER) (RFC 7162, section 3.2.10). More
    /// than those is allowed, as long as no message of the mailbox is among them.
    ///
    /// `None`, the default, says that the store does not remember so far back. The server then reports whatever the
    /// client knows and the mailbox has not (section 3.2.5.2), which is right and longer.
    ///
    /// # Errors
    /// The store cannot be read.
    fn vanished_since(
        &mut self,
        since: ModSeq,
    ) -> impl Future<Output = Result<Option<UidSet>, Error>> + Send {
        let _ = since;
        async { Ok(None) }
    }

    /// Those messages of `within` whose last change came after `since` (RFC 7162, section 3.1.4.1: CHANGEDSINCE).
    ///
    /// The default asks [`fetch`](Self::fetch) for the mod-sequence of each. A message without one counts as changed:
    /// the client is told once too often, and misses nothing.
    ///
    /// # Errors
    /// The store cannot be read.
    fn changed_since(
        &mut self,
        since: ModSeq,
        within: &View,
    ) -> impl Future<Output = Result<UidSet, Error>> + Send {
        async move {
            let mut changed = UidSet::new();
            let mut walk = Walk::new(within.uids(), Need::MODSEQ);
            while let Some(records) = walk.next(self).await? {
                for record in records.into_records() {
                    if record.modseq().is_none_or(|modseq| modseq > since) {
                        changed.insert(record.uid());
                    }
                }
            }
            Ok(changed)
        }
    }

    /// Whether a client may define further keywords now, in a store that has room for a bounded number of them: the server
    /// asks whenever it tells what flags the mailbox has.
    ///
    /// `None`, the default, says that it is as [`Opened`](crate::Opened) said.
    fn new_keywords(&self) -> Option<NewKeywords> {
        None
    }

    /// Looks whether the store changed behind the hub's back, and publishes what it finds: a
    /// [`LogHub`](imap_updates::LogHub) catches up with its log, a poller lists the mailbox.
    ///
    /// Called before the updates of a command are written. A store whose every change goes through a
    /// [`MailboxHub`](imap_updates::MailboxHub) has nothing to do here.
    ///
    /// Who finds that the mailbox is gone closes the hub ([`LogHub::close`](imap_updates::LogHub::close),
    /// [`HubGuard::close`](imap_updates::HubGuard::close)) and answers `Ok`: by that the session ends, and an error ends
    /// nothing.
    ///
    /// # Errors
    /// The store cannot be read. Logged; the command that was the occasion goes on, and the next poll looks again.
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

/// Marks messages `\Deleted`, and expunges them.
async fn remove<M: Mailbox + ?Sized>(mailbox: &mut M, uids: &UidSet) -> Result<(), Error> {
    let delete = FlagChange::new(FlagAction::Add, Flags::from_iter([Flag::Deleted]));
    mailbox.store(uids, &delete).await?;
    mailbox.expunge(uids).await
}

/// For backends without an operation: the error that becomes NO `[CANNOT]`.
pub(crate) fn unsupported() -> Error {
    Error::new(ErrorKind::Unsupported)
}
