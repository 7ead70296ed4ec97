//! A message on its way.

use bytes::Bytes;
use chrono::{DateTime, FixedOffset};
use imap_backend::{Append, Error, ErrorKind, MessageSource};

use crate::Failure;
use crate::target::Delivered;

/// What a message is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// By this, another transfer from the same place knows it again.
    pub name: String,
    /// What people are told of it where it is left out.
    pub shown: String,
    /// INTERNALDATE.
    pub date: Option<DateTime<FixedOffset>>,
    /// RFC822.SIZE, if it is known before the message is read.
    pub size: Option<u64>,
    /// How much of the [amount](crate::Folder::amount) of its mailbox it is.
    pub amount: u64,
}

/// Why a message cannot be read.
#[derive(Debug)]
pub enum Unreadable {
    /// That says something about this message alone.
    This(String),
    /// Nothing more can be read there.
    Source(Failure),
}

impl Unreadable {
    /// What it means for a target that was storing the message.
    ///
    /// # Errors
    /// Nothing more can be read.
    pub fn refusal(self) -> Result<Delivered, Failure> {
        match self {
            Self::This(why) => Ok(Delivered::Refused(why)),
            Self::Source(failure) => Err(failure),
        }
    }

    /// The reason, for who cannot go on.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::This(why) => why.into(),
            Self::Source(failure) => failure,
        }
    }
}

impl From<Error> for Unreadable {
    fn from(error: Error) -> Self {
        match error.kind().concerns_one_message() {
            true => Self::This(error.to_string()),
            false => Self::Source(error.into()),
        }
    }
}

/// The octets of a message, which can be read more than once.
pub trait Message: Send {
    /// What is to be said of it when it is stored.
    fn append(&self) -> Append;

    /// How many octets will be read, if that is certain.
    fn size(&self) -> Option<u64>;

    /// Begins anew.
    ///
    /// # Errors
    /// See [`Unreadable`].
    fn rewind(&mut self) -> impl Future<Output = Result<(), Unreadable>> + Send;

    /// The next octets, never empty; `None` after the last.
    ///
    /// # Errors
    /// See [`Unreadable`].
    fn chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, Unreadable>> + Send;
}

/// A message as a store takes it, and why it could not be read.
#[derive(Debug)]
pub struct Octets<'m, M> {
    message: &'m mut M,
    failed: Option<Unreadable>,
}

impl<'m, M: Message> Octets<'m, M> {
    /// The octets of this message, from where it is.
    pub fn of(message: &'m mut M) -> Self {
        Self {
            message,
            failed: None,
        }
    }

    /// Why not all of them were read; the store's own error does not know.
    pub fn failed(self) -> Option<Unreadable> {
        self.failed
    }
}

impl<M: Message> MessageSource for &mut Octets<'_, M> {
    fn size(&self) -> Option<u64> {
        self.message.size()
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        match self.message.chunk().await {
            Ok(octets) => Ok(octets),
            Err(why) => {
                self.failed = Some(why);
                Err(ErrorKind::ClientGone.into())
            }
        }
    }
}
