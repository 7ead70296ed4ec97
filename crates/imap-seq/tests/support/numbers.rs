//! Short names for what every test of this crate needs.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the answer")]

use imap_seq::{MailboxIndex, SeqNum, Uid};

pub(crate) fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

pub(crate) fn seq(number: u32) -> SeqNum {
    SeqNum::new(number).unwrap()
}

pub(crate) fn mailbox(uids: impl IntoIterator<Item = u32>) -> MailboxIndex {
    MailboxIndex::from_ascending(uids.into_iter().map(uid)).unwrap()
}
