//! A mailbox with its hub and its sessions, for the benchmarks of updates.

use imap_seq::{Uid, UidSet};
use imap_updates::{Access, Drained, Followers, MailboxHub, UpdateBuffer, kind};

/// A UID.
///
/// # Panics
///
/// For 0.
#[must_use]
pub fn uid(number: u32) -> Uid {
    Uid::new(number).expect("not 0")
}

/// A mailbox of UIDs from 1 to `messages`.
///
/// # Panics
///
/// Never: the UIDs ascend.
#[must_use]
pub fn mailbox(messages: u32) -> MailboxHub<()> {
    MailboxHub::new((), (1..=messages).map(uid).collect()).expect("ascending")
}

/// So many sessions on it.
#[must_use]
pub fn sessions(hub: &MailboxHub<()>, count: usize) -> Vec<UpdateBuffer> {
    (0..count).map(|_| hub.subscribe(Access::ReadOnly)).collect()
}

/// One UID in ten, up to `of`.
pub fn every_tenth(of: u32) -> impl DoubleEndedIterator<Item = u32> {
    (1..=of).filter(|number| number % 10 == 3)
}

/// The same as a set.
#[must_use]
pub fn every_tenth_uid(of: u32) -> UidSet {
    every_tenth(of).map(uid).collect()
}

/// What a NOOP has to tell.
pub fn drain(session: &mut UpdateBuffer) -> Drained {
    let command = session.begin(kind::Noop);
    session.drain(command.permit(Followers::None))
}

/// A whole NOOP: how many updates it told.
pub fn noop(session: &mut UpdateBuffer) -> usize {
    let drained = drain(session);
    let lines = drained.iter().count();
    session.written(drained);
    lines
}
