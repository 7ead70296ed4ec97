//! What went wrong, in the terms of the traits.

use std::io;

use imap_backend::{Error, ErrorKind};
use rustix::io::Errno;

use crate::disk::control_file::TooLong;
use crate::disk::delivery::NulOctet;
use crate::disk::dotlock::Held;
use crate::disk::hold::HeldByAnother;
use crate::disk::keywords_file::DefineError;
use crate::disk::locked_file::TooLarge;
use crate::disk::subscriptions_file::TooManySubscriptions;
use crate::disk::uidlist_file::UidsExhausted;

/// An error of the file system. What a user can do something about has its own kind; the rest is the operator's.
pub(crate) fn from_io(error: io::Error) -> Error {
    let inner = error.get_ref();
    let kind = if inner.is_some_and(|inner| inner.is::<NulOctet>()) {
        ErrorKind::UnknownEncoding
    } else if inner.is_some_and(|inner| {
        inner.is::<UidsExhausted>()
            || inner.is::<TooManySubscriptions>()
            || inner.is::<TooLarge>()
            || inner.is::<TooLong>()
    }) {
        ErrorKind::Limit
    } else if inner.is_some_and(|inner| inner.is::<Gone>()) {
        ErrorKind::NonExistent
    } else if inner.is_some_and(|inner| inner.is::<Held>() || inner.is::<HeldByAnother>()) {
        ErrorKind::InUse
    } else {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::OverQuota,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::NoPermission,
            io::ErrorKind::TimedOut | io::ErrorKind::ResourceBusy => ErrorKind::InUse,
            io::ErrorKind::InvalidData => ErrorKind::Corruption,
            _ => ErrorKind::Unavailable,
        }
    };
    Error::new(kind).with_source(error)
}

/// The mailbox was deleted, or its UIDs changed, while it was open.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the mailbox is not there any more")]
pub(crate) struct Gone;

impl From<Gone> for io::Error {
    fn from(gone: Gone) -> Self {
        Self::new(io::ErrorKind::NotFound, gone)
    }
}

pub(crate) fn from_define(error: DefineError) -> Error {
    match error {
        DefineError::Full(full) => Error::new(ErrorKind::Limit).with_source(full),
        DefineError::Io(error) => from_io(error),
    }
}

/// Whether a failed link may work as a copy of the octets, or a failed rename as copy and removal.
pub(crate) fn crosses_file_systems(error: &io::Error) -> CrossesFileSystems {
    if Errno::from_io_error(error) == Some(Errno::XDEV) {
        CrossesFileSystems::Yes
    } else {
        CrossesFileSystems::No
    }
}

/// Whether two directories are on different file systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CrossesFileSystems {
    Yes,
    No,
}

/// A thread of ours panicked: the operation's state is unknown, the mailbox's files are whole.
pub(crate) fn panicked(error: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::ServerBug).with_source(error)
}

/// A target that was deleted meanwhile is one that does not exist.
pub(crate) fn try_create(error: Error) -> Error {
    if error.kind() == ErrorKind::NonExistent {
        Error::new(ErrorKind::TryCreate).with_source(error)
    } else {
        error
    }
}
