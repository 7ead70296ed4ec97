//! What one IMAP session has yet to be told, released only when the RFCs allow it.
//!
//! A server that several clients use at once has to tell each of them what the others did, in a numbering that each
//! has for itself, at moments that forty places in the RFCs restrict. These types do that:
//!
//! * [`MailboxHub`], one for each mailbox: owns the storage together with the history of the mailbox. Who changes the
//!   storage holds its [`HubGuard`] and says, by UID, what changed. For a database with a change log there is [`LogHub`]
//!   instead, which reads there what changed.
//! * [`UpdateBuffer`], one for each session: gives out what is to be written ([`drain`](UpdateBuffer::drain)), and is
//!   the only thing that does. EXPUNGE comes out only for a command that may have it.
//!
//! What it leaves to you: the storage, the wire, and the runtime. It has no codec type, no socket, no clock, and no
//! `async` but one future that belongs to no runtime.
//!
//! ```
//! use imap_seq::{Uid, UidSet};
//! use imap_updates::*;
//!
//! let uid = |number| Uid::new(number).expect("not 0");
//! // The storage is a list of subjects here. Three messages, two sessions.
//! let storage = vec!["hello", "again", "bye"];
//! let hub = MailboxHub::new(storage, (1..=3).map(uid).collect())?;
//! let mut reader = hub.subscribe(Access::ReadOnly);
//! let mut writer = hub.subscribe(Access::ReadWrite);
//!
//! // The writer expunges the first message, and somebody delivers a fourth: storage and history in one step each.
//! {
//!     let mut guard = hub.lock();
//!     guard.remove(0);
//!     guard.expunge(&UidSet::from_iter([uid(1)]));
//! }
//! {
//!     let mut guard = hub.lock();
//!     guard.push("new");
//!     assert_eq!(guard.arrive(uid(4), Recency::Recent), Ingest::Applied);
//! }
//!
//! // The reader says `FETCH 2 ..`: it means what *it* has as message 2, and no EXPUNGE may be sent meanwhile.
//! let fetch = reader.begin(kind::Fetch);
//! let set = "2".parse().expect("a set");
//! assert_eq!(reader.resolve_seqs(&set).expect("in range").uids().next(), Some(uid(2)));
//! let drained = reader.drain(Release::hold());
//! assert!(drained.iter().eq([Untagged::Exists(4), Untagged::Recent(1)]));
//! reader.written(drained);
//! drop(fetch);
//!
//! // At its next NOOP it is told the rest.
//! let noop = reader.begin(kind::Noop);
//! let drained = reader.drain(noop.permit(Followers::None));
//! assert!(matches!(drained.iter().collect::<Vec<_>>()[..], [Untagged::Expunge(first)] if first.get() == 1));
//! reader.written(drained);
//! # drop(writer);
//! # Ok::<(), imap_seq::NotAscending>(())
//! ```
//!
//! # The life of a session
//!
//! 1. [`subscribe`](MailboxHub::subscribe) for SELECT or EXAMINE: view and place in the history, in one critical section.
//! 2. For each command, once it was received whole, [`begin`](UpdateBuffer::begin) with its [`kind`]; resolve its set
//!    ([`resolve_seqs`](UpdateBuffer::resolve_seqs), [`resolve_uids`](UpdateBuffer::resolve_uids)) and go on by UID.
//! 3. Before the tagged response, [`drain`](UpdateBuffer::drain) with the [permit](CommandInProgress::permit) that the
//!    command lends, or with [`Release::hold`]; write; confirm with [`written`](UpdateBuffer::written).
//! 4. In IDLE: drain right after the `+`, then whenever [`changed`](UpdateBuffer::changed) is ready.
//! 5. If [`ended`](Drained::ended) says so, BYE. For CLOSE, UNSELECT, SELECT: drop the buffer.
//!
//! [`RELEASE_TABLE`] is the table of what may be sent when. [`misuse`] shows what does not compile.
//!
//! # Ways in
//!
//! * The storage inside the hub ([`MailboxHub::lock`]): files, maps, one connection.
//! * A store that numbers its changes in a log ([`LogHub`]): databases, several nodes.
//! * A store that can only be listed: the crate `imap-poller`.
//!
//! # Costs and trade-offs
//!
//! Publishing costs O(change), for one session and for ten thousand. A session that has been told everything is some
//! 250 octets, whatever the size of the mailbox; an expunge costs 4 octets for all lagging sessions together, a message
//! whose flags changed some 100. A drain with nothing to tell takes no lock.
//!
//! A hub has two locks, the storage's outside and the history's inside. A drain with something to tell takes the inner
//! one, for as long as its changes need; so a store that works under a [`HubGuard`] before it publishes delays no drain.
//! What a client was last told of a message's flags is not kept: a flag that changes there and back is told once, for
//! nothing.

mod flags;
mod history;
mod hub;
mod keyword;
mod origin;
mod session;
mod sync;
mod table;

pub use flags::{Flag, Flags};
pub use history::{Closed, Ingest, IngestCounts, Limits, Recency, Snapshot};
pub use hub::{
    Applied, CaughtUp, Claim, Event, Hub, HubGuard, Hubs, LogHub, MailboxHub, MailboxWatch, NotWhole,
    Outcome, Page, Selection, WatchedStatus,
};
pub use keyword::{InvalidKeyword, Keyword};
pub use origin::{Echo, Origin};
pub use session::{Access, Drained, Ended, ExpungeForm, Held, Resolved, Untagged, UpdateBuffer};
pub use table::{
    Cell, CommandInProgress, CommandKind, Followers, MayExpunge, RELEASE_TABLE, Release, Row, SelectedEvents,
    kind, misuse,
};
