//! What a call changes on the disk, as a test records it.
#![cfg_attr(not(test), allow(dead_code))]

use std::borrow::Cow;
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;

use rustix::path::Arg;

/// A change to the disk that has been made.
pub(super) enum Change<'a> {
    /// A file or a directory came to be.
    Made(Place<'a>),
    Linked {
        from: Place<'a>,
        to: Place<'a>,
    },
    Renamed {
        from: Place<'a>,
        to: Place<'a>,
    },
    Removed(Place<'a>),
    RemovedTree(Place<'a>),
    /// These octets, up to where the file is now.
    Written {
        file: BorrowedFd<'a>,
        octets: &'a [u8],
    },
    Truncated {
        file: BorrowedFd<'a>,
        size: u64,
    },
    Dated {
        file: BorrowedFd<'a>,
        seconds: i64,
    },
    Synced {
        file: BorrowedFd<'a>,
        scope: Scope,
        site: Site,
    },
}

/// A name relative to a directory.
pub(super) struct Place<'a> {
    pub(super) directory: BorrowedFd<'a>,
    pub(super) name: Cow<'a, CStr>,
}

impl<'a> Place<'a> {
    pub(super) fn new(directory: &'a impl AsFd, name: &'a impl Arg) -> Self {
        Self {
            directory: directory.as_fd(),
            name: name.as_cow_c_str().unwrap_or_default(),
        }
    }
}

/// What a sync makes durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Content,
    ContentAndTimes,
    /// The names in a directory.
    Names,
}

/// The line of the source that asks for a sync.
pub(crate) type Site = &'static Location<'static>;

/// Makes a change to the disk. In tests, [`recording`](super) has one that records it too.
#[cfg(not(test))]
#[inline]
pub(super) fn changing<'a, T>(
    call: impl FnOnce() -> std::io::Result<T>,
    _describe: impl FnOnce(&T) -> Change<'a>,
) -> std::io::Result<T> {
    call()
}
