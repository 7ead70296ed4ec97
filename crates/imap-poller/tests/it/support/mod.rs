//! Short words for the tests: numbers, listings, a client.

#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::num::NonZeroU32;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use imap_poller::{Absence, Begun, Completed, Listing, MailboxPoller, Pace, Reason, Request};
use imap_seq::{ModSeq, Uid, UidSet};
use imap_updates::{Access, Flag, Flags, Followers, Untagged, UpdateBuffer, kind};

pub(crate) fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

pub(crate) fn uids(numbers: &[u32]) -> UidSet {
    numbers.iter().copied().map(uid).collect()
}

pub(crate) fn modseq(number: u64) -> ModSeq {
    ModSeq::new(number).unwrap()
}

pub(crate) const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

pub(crate) fn flags(flags: &[Flag]) -> Flags {
    flags.iter().cloned().collect()
}

pub(crate) fn listed(messages: &[(u32, &[Flag])]) -> Listing {
    messages
        .iter()
        .map(|(number, set)| (uid(*number), flags(set)))
        .collect()
}

pub(crate) fn plain(numbers: &[u32]) -> Listing {
    numbers
        .iter()
        .map(|&number| (uid(number), Flags::empty()))
        .collect()
}

pub(crate) fn versioned(messages: &[(u32, u64, &[Flag])]) -> Listing {
    let rows = messages.iter();
    rows.map(|(number, version, set)| (uid(*number), flags(set), modseq(*version)))
        .collect()
}

pub(crate) fn in_listings(number: u32) -> Absence {
    Absence::InListings(NonZeroU32::new(number).unwrap())
}

pub(crate) fn open(listing: Listing, absence: Absence) -> (MailboxPoller, UpdateBuffer) {
    let poller = MailboxPoller::open(listing, absence, Pace::default()).unwrap();
    let session = poller.select(Access::ReadOnly).updates;
    (poller, session)
}

pub(crate) fn ask(poller: &MailboxPoller, now: u64) -> Request {
    match poller.begin(Reason::Asked, seconds(now)) {
        Begun::Ask(request) => request,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn list(poller: &MailboxPoller, listing: Listing, now: u64) -> Completed {
    ask(poller, now).complete(listing, seconds(now))
}

pub(crate) fn noop(session: &mut UpdateBuffer) -> Vec<String> {
    let command = session.begin(kind::Noop);
    let drained = session.drain(command.permit(Followers::None));
    let lines = drained
        .iter()
        .filter_map(|line| match line {
            Untagged::Fetch { seq, flags, .. } => Some(format!("{seq} FETCH {flags}")),
            Untagged::Expunge(seq) => Some(format!("{seq} EXPUNGE")),
            Untagged::Exists(exists) => Some(format!("{exists} EXISTS")),
            Untagged::MailboxFlags(keywords) => Some(format!("FLAGS {keywords:?}")),
            _ => None,
        })
        .collect();
    session.written(drained);
    lines
}

/// The UIDs that the client has, in the order of their numbers.
pub(crate) fn numbered(session: &mut UpdateBuffer) -> Vec<u32> {
    let _command = session.begin(kind::Fetch);
    session.view().uids().map(Uid::get).collect()
}

/// Polls a future once.
pub(crate) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}
