//! Message sequence numbers and unique identifiers of one mailbox, as each client was told them.
//!
//! A client calls messages by number: its place in the mailbox *as that client was last told*. Others expunge and
//! append meanwhile, so that every session has a numbering of its own. This crate keeps it. You keep the messages, the
//! lock that guards them, and the connection that the numbers travel on; nothing here does I/O or waits.
//!
//! # The RFC's example, worked through
//!
//! A mailbox has 9 messages and the last 5 are expunged (RFC 9051, section 7.5.1), while a client is fetching:
//!
//! ```
//! use imap_seq::{Expunges, MailboxIndex, SeqNum, Uid, UidSet};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let uid = |number| Uid::new(number).unwrap();
//! let seq = |number| SeqNum::new(number).unwrap();
//!
//! // One index for the mailbox, one `SeqMapper` for each session on it.
//! let mut index = MailboxIndex::from_ascending((101..=109).map(uid))?;
//! let mut session = index.open();
//!
//! // `FETCH 7:*` starts: its set is resolved once, in the numbering of this client.
//! let view = session.sync(&mut index);
//! let meant = view.resolve_seqs(&"7:*".parse()?)?;
//!
//! // Somebody else expunges the last five, and a new message arrives.
//! let gone: UidSet = (105..=109).map(uid).collect();
//! assert_eq!(index.expunge_all(&gone), gone);
//! index.append(uid(110))?;
//!
//! // The command goes on with the UIDs that the client meant, under the numbers that it knows.
//! assert!(view.uids_in(&meant).eq([107, 108, 109].map(uid)));
//! assert_eq!(view.seq_of(uid(107)), Some(seq(7)));
//!
//! // At the end of FETCH expunges must wait. EXISTS need not: it counts the nine and the new one.
//! let told = session.announce(&mut index, Expunges::Hold);
//! assert_eq!((told.expunged().len(), told.exists()), (0, Some(10)));
//!
//! // `NOOP`: message 7 still is UID 107, and is known to be gone.
//! let view = session.sync(&mut index);
//! assert_eq!((view.uid_of(seq(7)), view.is_expunged(uid(107))), (Some(uid(107)), true));
//!
//! // At its end all is told: a server that goes from higher to lower numbers sends 9, 8, 7, 6 and 5.
//! let told = session.announce(&mut index, Expunges::Release);
//! assert!(told.expunged().descending().eq([9, 8, 7, 6, 5].map(seq)));
//!
//! // The new message was number 10 and is number 5 now, as the client has computed for itself.
//! assert_eq!(session.sync(&mut index).seq_of(uid(110)), Some(seq(5)));
//! # Ok(())
//! # }
//! ```
//!
//! # Where to look
//!
//! * [`MailboxIndex`]: what the sessions on a mailbox share. Put it under the lock that guards the mailbox.
//! * [`SeqMapper`]: one session's place, and [`Announcement`]: what to tell its client.
//! * [`View`]: the frozen numbering that one command lives in; the only way between [`Uid`] and [`SeqNum`].
//! * [`SequenceSet`]: what a client wrote, [`UidRanges`]: what it meant, [`UidSet`]: UIDs handed around.
//!
//! # Costs
//!
//! For n messages, k expunges since the session's last look, m in a batch:
//!
//! | operation | time | memory |
//! | --- | --- | --- |
//! | [`View::seq_of`], [`View::uid_of`] | O(1) typically, O(log n) at worst; + O(log k) with k pending | |
//! | [`View::resolve_seqs`], [`View::resolve_uids`] | O(items of the set), however many messages | one range an item |
//! | [`MailboxIndex::append`], [`MailboxIndex::expunge`] | O(1), whatever the number of sessions | 4 bytes an expunge, once |
//! | [`MailboxIndex::expunge_all`] | O(m) | 4 bytes each, once |
//! | [`MailboxIndex::open`] | O(1) | 32 bytes |
//! | [`SeqMapper::sync`], [`SeqMapper::announce`] | O(1) when k = 0, O(k log k) once for all sessions at one place | 8 bytes each of k, shared |
//! | the index itself | | 0.2 to 1.6 bytes a message, at most 7 before expunges |
//!
//! `docs/sequence-numbers.md` in the repository has the measurements beside seven other ways.
//!
//! # Trade-offs
//!
//! * UIDs enter in ascending order only, so they must be allocated under the lock of the index.
//! * A session that never syncs keeps the log alive since its place, 4 bytes an expunge
//!   ([`MailboxIndex::unread`] counts).
//! * The pending set built last stays until the next expunge, in case another session stands at the same place.

mod log;
mod mailbox_index;
mod number;
mod pending;
mod rank_tree;
mod seq_mapper;
mod sequence_set;
mod sync;
mod told;
mod uid_ranges;
mod uid_set;
mod view;

pub use mailbox_index::{AppendError, MailboxIndex, NotAscending};
pub use number::{ModSeq, NumberOutOfRange, SeqNum, Uid, UidValidity};
pub use seq_mapper::{Announcement, Expunged, Expunges, SeqMapper};
pub use sequence_set::{Bound, Number, ParseSetError, SequenceSet, SetItem};
pub use uid_ranges::UidRanges;
pub use uid_set::{InvalidUidSet, UidSet};
pub use view::{SeqOutOfRange, View};
