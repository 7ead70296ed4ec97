//! The authenticated state: what a user does with mailboxes as a whole.

use crate::error::Error;
use crate::mailbox::{Mailbox, unsupported};
use crate::name::MailboxName;
use crate::record::{AppendOptions, Appended, ListEntry, Need, Opened, Status};
use bytes::Bytes;
use imap_updates::{Access, Flag};

/// The message of an APPEND while it still arrives.
///
/// The first call of [`chunk`](Self::chunk) tells the client to go on; whoever returns an error before that has
/// refused the message without a single octet of it being sent (RFC 9051, section 4.3).
pub trait MessageSource: Send {
    /// How many octets were announced. All of them arrive, or [`chunk`](Self::chunk) fails.
    fn size(&self) -> u64;

    /// The next octets, never empty; `None` after the last.
    ///
    /// # Errors
    /// [`ErrorKind::ClientGone`](crate::ErrorKind::ClientGone): the connection ended or stalled first. Nothing may be kept then.
    ///
    /// # Cancel safety
    /// Octets are lost when the future is dropped before it is ready; do not poll it in a `select!`.
    fn chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, Error>> + Send;

    /// All of the message at once, for stores that keep messages in memory.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk).
    fn read_all(&mut self) -> impl Future<Output = Result<Bytes, Error>> + Send {
        async {
            let mut all = Vec::new();
            while let Some(chunk) = self.chunk().await? {
                all.extend_from_slice(&chunk);
            }
            Ok(all.into())
        }
    }
}

/// One logged-in connection of a user.
///
/// Methods with a default are optional abilities; the smallest session implements [`list`](Self::list),
/// [`select`](Self::select) and [`append`](Self::append).
pub trait Session: Send + 'static {
    /// A selected mailbox.
    type Mailbox: Mailbox;

    /// The character between the parts of a mailbox name (RFC 9051, section 5.1.1).
    fn delimiter(&self) -> char {
        '/'
    }

    /// Every mailbox of the user, in any order; the server matches patterns and finds out who has children.
    ///
    /// # Errors
    /// The store cannot be read.
    fn list(&mut self) -> impl Future<Output = Result<Vec<ListEntry>, Error>> + Send;

    /// Opens a mailbox: SELECT, or EXAMINE with [`Access::ReadOnly`] (RFC 9051, sections 6.3.2 and 6.3.3).
    ///
    /// What [`Opened`] says about the mailbox and the subscription in [`Opened::updates`] must be one moment's
    /// truth: [`MailboxHub::subscribe_with`](imap_updates::MailboxHub::subscribe_with) takes both at once.
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`](crate::ErrorKind::NonExistent) and whatever keeps the mailbox from being opened.
    fn select(
        &mut self,
        name: &MailboxName,
        access: Access,
    ) -> impl Future<Output = Result<Opened<Self::Mailbox>, Error>> + Send;

    /// Adds a message at the end of a mailbox (RFC 9051, section 6.3.12). When this returns, the message must
    /// survive the end of the process and a loss of power.
    ///
    /// # Errors
    /// [`ErrorKind::TryCreate`](crate::ErrorKind::TryCreate) where the mailbox does not exist; quota, size,
    /// permission. Check what can be checked before reading from `message`.
    fn append(
        &mut self,
        name: &MailboxName,
        options: AppendOptions,
        message: impl MessageSource,
    ) -> impl Future<Output = Result<Appended, Error>> + Send;

    /// What STATUS asks for (RFC 9051, section 6.3.11), without selecting the mailbox.
    ///
    /// The default opens the mailbox read-only and counts.
    ///
    /// # Errors
    /// As [`select`](Self::select).
    fn status(&mut self, name: &MailboxName) -> impl Future<Output = Result<Status, Error>> + Send {
        async move {
            let mut opened = self.select(name, Access::ReadOnly).await?;
            let view = opened.updates.view().clone();
            let uids: Vec<_> = view.uids().collect();
            let mut unseen = 0;
            let mut at = 0;
            while at < uids.len() {
                let end = uids.len().min(at + 256);
                let records = opened.mailbox.fetch(&uids[at..end], Need::FLAGS).await?;
                unseen += records
                    .iter()
                    .flatten()
                    .filter(|r| !r.flags.contains(&Flag::Seen))
                    .count();
                at += records.len().max(1);
            }
            Ok(Status {
                messages: view.exists(),
                recent: opened.updates.recent(),
                unseen: u32::try_from(unseen).unwrap_or(u32::MAX),
                uid_next: opened.uid_next,
                uid_validity: opened.uid_validity,
            })
        }
    }

    /// Creates a mailbox, and the superiors it needs (RFC 9051, section 6.3.4). A new UIDVALIDITY for a name that
    /// was used before.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists), [`ErrorKind::Cannot`](crate::ErrorKind::Cannot).
    fn create(&mut self, name: &MailboxName) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = name;
        async { Err(unsupported()) }
    }

    /// Deletes a mailbox, not its inferiors (RFC 9051, section 6.3.5). Sessions that have it selected are told
    /// with [`HubGuard::close`](imap_updates::HubGuard::close).
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`](crate::ErrorKind::NonExistent); the server refuses INBOX by itself.
    fn delete(&mut self, name: &MailboxName) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = name;
        async { Err(unsupported()) }
    }

    /// Renames a mailbox and its inferiors; INBOX instead gives its messages to the new name (RFC 9051, section 6.3.6).
    ///
    /// # Errors
    /// [`ErrorKind::NonExistent`](crate::ErrorKind::NonExistent), [`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists).
    fn rename(
        &mut self,
        from: &MailboxName,
        to: &MailboxName,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (from, to);
        async { Err(unsupported()) }
    }

    /// The subscribed names, existing or not (RFC 9051, section 6.3.7). The default: every mailbox.
    ///
    /// # Errors
    /// The store cannot be read.
    fn subscriptions(&mut self) -> impl Future<Output = Result<Vec<MailboxName>, Error>> + Send {
        async { Ok(self.list().await?.into_iter().map(|entry| entry.name).collect()) }
    }

    /// Adds a name to the subscriptions (RFC 9051, section 6.3.7). The default accepts and forgets.
    ///
    /// # Errors
    /// The store cannot be written.
    fn subscribe(&mut self, name: &MailboxName) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = name;
        async { Ok(()) }
    }

    /// Takes a name off the subscriptions (RFC 9051, section 6.3.8). The default accepts and forgets.
    ///
    /// # Errors
    /// The store cannot be written.
    fn unsubscribe(&mut self, name: &MailboxName) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = name;
        async { Ok(()) }
    }

    /// The connection ends in good order (LOGOUT). A lost connection only drops.
    fn logout(self) -> impl Future<Output = ()> + Send
    where
        Self: Sized,
    {
        async {}
    }
}
