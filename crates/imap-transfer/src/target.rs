//! Where mail goes.

use imap_backend::{Append, MailboxName, MessageSource, Session};

use crate::Failure;
use crate::message::{Item, Message};

/// What became of a message that was to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// It is stored.
    Stored,
    /// It was there before.
    TakenBefore,
    /// It cannot be stored, for this reason; others can.
    Refused(String),
}

/// A user's mail, into which messages go.
pub trait Target {
    /// By this, mailboxes are made.
    type Session: Session;

    /// The session.
    fn session(&mut self) -> &mut Self::Session;

    /// Whose mail it is.
    fn user(&self) -> &str;

    /// The next messages go to this mailbox, which is there.
    ///
    /// # Errors
    /// It cannot be read.
    async fn open(&mut self, mailbox: &MailboxName) -> Result<(), Failure>;

    /// Whether this message was taken before. Asked once for each, in their order.
    fn has(&mut self, item: &Item) -> bool;

    /// Stores a message that it has not.
    ///
    /// # Errors
    /// Nothing more can be stored, or the message cannot be read.
    async fn deliver(&mut self, item: &Item, message: &mut impl Message) -> Result<Delivered, Failure>;

    /// There are no more messages for this mailbox.
    ///
    /// # Errors
    /// That cannot be noted.
    async fn close(&mut self) -> Result<(), Failure>;
}

/// Stores a message by APPEND.
pub(crate) async fn append<S: Session>(
    session: &mut S,
    mailbox: &MailboxName,
    append: &Append,
    octets: impl MessageSource,
) -> Result<Result<imap_backend::Appended, String>, Failure> {
    use imap_backend::ErrorKind::{TooBig, UnknownEncoding};
    match session.append(mailbox, append, octets).await {
        Ok(appended) => Ok(Ok(appended)),
        Err(error) if matches!(error.kind(), TooBig | UnknownEncoding) => Ok(Err(error.to_string())),
        Err(error) => Err(error.into()),
    }
}
