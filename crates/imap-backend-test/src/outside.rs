//! What other programs do to a store: a hand of the author's, so that the kit can change mail behind the backend's back.

use imap_backend::{Error, ErrorKind, MailboxName};
use imap_seq::Uid;
use imap_updates::Flags;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// Which message another program means. It may know the UID, or find the message by its text; take what your store knows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutsideMessage {
    /// Its UID, as a client was told.
    pub uid: Uid,
    /// Its Subject. No other message of the mailbox has it, and it is plain ASCII.
    pub subject: String,
}

/// What another program does to the store that a [`Subject`](crate::Subject) serves: not through the backend under test, and
/// without telling it.
///
/// A delivery agent, an administrator, a second mail program: write straight into the store here, as they do. Whoever has
/// [`deliver`](Self::deliver) gets the cases of the area `outside`; what answers
/// [`Unsupported`](ErrorKind::Unsupported), as the defaults do, is skipped.
///
/// The kit then asks as a client does, with NOOP. Where the backend cannot have heard of the change by then, because it looks
/// every few seconds only, [`settle`](Self::settle) waits so long, or turns the backend's clock.
///
/// ```
/// use imap_backend::{Error, ErrorKind, MailboxName};
/// use imap_backend_test::Outside;
///
/// /// A spool directory into which anybody may put messages.
/// struct Spool(std::path::PathBuf);
///
/// impl Outside for Spool {
///     async fn deliver(&self, mailbox: &MailboxName, octets: &[u8]) -> Result<(), Error> {
///         let path = self.0.join(mailbox.as_str()).join("message");
///         std::fs::write(path, octets).map_err(|error| Error::new(ErrorKind::Unavailable).with_source(error))
///     }
/// }
/// ```
#[allow(
    async_fn_in_trait,
    reason = "the kit runs a case in one task, and needs no `Send`"
)]
pub trait Outside {
    /// Stores a message in a mailbox that exists.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) where no other program can; whatever else is a failure of the case.
    async fn deliver(&self, mailbox: &MailboxName, octets: &[u8]) -> Result<(), Error>;

    /// Removes a message for good.
    ///
    /// # Errors
    /// As [`deliver`](Self::deliver).
    async fn remove(&self, mailbox: &MailboxName, message: &OutsideMessage) -> Result<(), Error> {
        let _ = (mailbox, message);
        Err(ErrorKind::Unsupported.into())
    }

    /// Gives a message these flags and no others. The kit asks for `\Seen`, `\Flagged`, `\Answered` and `\Draft`.
    ///
    /// # Errors
    /// As [`deliver`](Self::deliver).
    async fn set_flags(
        &self,
        mailbox: &MailboxName,
        message: &OutsideMessage,
        flags: &Flags,
    ) -> Result<(), Error> {
        let _ = (mailbox, message, flags);
        Err(ErrorKind::Unsupported.into())
    }

    /// Deletes a mailbox with all messages.
    ///
    /// # Errors
    /// As [`deliver`](Self::deliver).
    async fn delete(&self, mailbox: &MailboxName) -> Result<(), Error> {
        let _ = mailbox;
        Err(ErrorKind::Unsupported.into())
    }

    /// Renames a mailbox.
    ///
    /// # Errors
    /// As [`deliver`](Self::deliver).
    async fn rename(&self, from: &MailboxName, to: &MailboxName) -> Result<(), Error> {
        let _ = (from, to);
        Err(ErrorKind::Unsupported.into())
    }

    /// Stores a message, removes every other one of the mailbox, and takes it all back: a transaction that is rolled back.
    ///
    /// # Errors
    /// As [`deliver`](Self::deliver).
    async fn roll_back(&self, mailbox: &MailboxName, octets: &[u8]) -> Result<(), Error> {
        let _ = (mailbox, octets);
        Err(ErrorKind::Unsupported.into())
    }

    /// Waits until the backend notices at the next NOOP whatever was done so far. At once, by default.
    async fn settle(&self) {}
}

type Done<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>;

/// An [`Outside`] of any type.
pub(crate) trait AnyOutside {
    fn deliver<'a>(&'a self, mailbox: &'a MailboxName, octets: &'a [u8]) -> Done<'a>;
    fn remove<'a>(&'a self, mailbox: &'a MailboxName, message: &'a OutsideMessage) -> Done<'a>;
    fn set_flags<'a>(
        &'a self,
        mailbox: &'a MailboxName,
        message: &'a OutsideMessage,
        flags: &'a Flags,
    ) -> Done<'a>;
    fn delete<'a>(&'a self, mailbox: &'a MailboxName) -> Done<'a>;
    fn rename<'a>(&'a self, from: &'a MailboxName, to: &'a MailboxName) -> Done<'a>;
    fn roll_back<'a>(&'a self, mailbox: &'a MailboxName, octets: &'a [u8]) -> Done<'a>;
    fn settle<'a>(&'a self) -> Pin<Box<dyn Future<Output = ()> + 'a>>;
}

impl<T: Outside> AnyOutside for T {
    fn deliver<'a>(&'a self, mailbox: &'a MailboxName, octets: &'a [u8]) -> Done<'a> {
        Box::pin(Outside::deliver(self, mailbox, octets))
    }

    fn remove<'a>(&'a self, mailbox: &'a MailboxName, message: &'a OutsideMessage) -> Done<'a> {
        Box::pin(Outside::remove(self, mailbox, message))
    }

    fn set_flags<'a>(
        &'a self,
        mailbox: &'a MailboxName,
        message: &'a OutsideMessage,
        flags: &'a Flags,
    ) -> Done<'a> {
        Box::pin(Outside::set_flags(self, mailbox, message, flags))
    }

    fn delete<'a>(&'a self, mailbox: &'a MailboxName) -> Done<'a> {
        Box::pin(Outside::delete(self, mailbox))
    }

    fn rename<'a>(&'a self, from: &'a MailboxName, to: &'a MailboxName) -> Done<'a> {
        Box::pin(Outside::rename(self, from, to))
    }

    fn roll_back<'a>(&'a self, mailbox: &'a MailboxName, octets: &'a [u8]) -> Done<'a> {
        Box::pin(Outside::roll_back(self, mailbox, octets))
    }

    fn settle<'a>(&'a self) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        Box::pin(Outside::settle(self))
    }
}

impl fmt::Debug for dyn AnyOutside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outside")
    }
}
