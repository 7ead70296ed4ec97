//! Message sequence numbers and unique identifiers of one mailbox, as each client was told them.
//!
//! You keep the messages, the lock and the connection; this crate keeps the two numberings apart.
//!
//! # Costs

mod log;
mod mailbox_index;
mod number;
mod pending;
pub mod rank_tree;
mod seq_mapper;
mod sequence_set;
mod uid_ranges;
mod uid_set;
mod view;

pub use mailbox_index::{AppendError, MailboxIndex, NotAscending};
pub use number::{ModSeq, SeqNum, Uid, UidValidity};
pub use seq_mapper::{Announcement, Expunged, Expunges, SeqMapper};
pub use sequence_set::{Bound, Number, ParseSetError, SequenceSet, SetItem};
pub use uid_ranges::UidRanges;
pub use uid_set::UidSet;
pub use view::{SeqOutOfRange, View};
