//! Live updates for an IMAP store that can only be listed.
//!
//! Some stores tell nobody when a message arrives: a directory, a table without a change log, another server.
//! [`MailboxPoller`] says when to list the mailbox, compares the [`Listing`] with what is known, and tells every session
//! what is different, in IDLE too. What it leaves to you: the listing itself, a clock, and a timer for IDLE.
//!
//! If the store has ids of its own and no UIDs, begin with [`IdPoller`]. It joins the poller with a [`UidMap`], which gives
//! each id a UID that lasts: in a [`Journal`], or in a table of yours ([`UidStore`]). Its listings come in pages.
//!
//! ```
//! use std::convert::Infallible;
//! use std::time::Instant;
//! use imap_poller::{Absence, Listing, MailboxPoller, Pace, Reason, Told};
//! use imap_seq::Uid;
//! use imap_updates::{Access, Flags, Followers, Recency, Untagged, kind};
//!
//! /// What your store does: all messages, and UIDNEXT if it keeps one.
//! async fn list(uids: &[u32], uid_next: u32) -> Result<Listing, Infallible> {
//!     let messages = uids.iter().filter_map(|&uid| Some((Uid::new(uid)?, Flags::empty())));
//!     Ok(messages.collect::<Listing>().with_uid_next(Uid::new(uid_next)))
//! }
//!
//! # fn run<T>(future: impl Future<Output = T>) -> T {
//! #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! #     match std::pin::pin!(future).poll(&mut context) {
//! #         std::task::Poll::Ready(ready) => ready,
//! #         std::task::Poll::Pending => unreachable!("nothing here waits"),
//! #     }
//! # }
//! # run(async {
//! let started = Instant::now();
//! let clock = || started.elapsed();
//! let poller = MailboxPoller::open(list(&[1, 2], 3).await?, Absence::IsProof, Pace::default())?;
//! let mut session = poller.select(Access::ReadWrite).updates;
//!
//! // Another program removes message 1 and delivers message 3. Then somebody appends message 4 through this server.
//! let four = Uid::new(4).expect("not 0");
//! let told = poller.appended(four, Flags::empty(), Recency::Recent);
//! // It cannot be told yet: message 3, which nobody knows of so far, could not be shown after it.
//! assert!(matches!(told, Told::NotBefore(_)));
//! let told = poller.look(Reason::Asked, clock, || list(&[2, 3, 4], 5)).await?;
//! assert_eq!(told, Told::Now);
//!
//! let noop = session.begin(kind::Noop);
//! let drained = session.drain(noop.permit(Followers::None));
//! assert!(matches!(drained.iter().collect::<Vec<_>>()[..], [Untagged::Expunge(_), Untagged::Exists(3), ..]));
//! session.written(drained);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).expect("no error");
//! ```
//!
//! # What to call when
//!
//! | what happens | call |
//! |---|---|
//! | a client says NOOP or CHECK | [`look`](MailboxPoller::look) with [`Reason::Asked`] |
//! | a client is in IDLE | [`look`](MailboxPoller::look) with [`Reason::Idle`], whenever its interval has passed |
//! | the operating system says that something changed | [`look`](MailboxPoller::look) with [`Reason::Asked`] |
//! | APPEND, COPY, MOVE stored a message | [`appended`](MailboxPoller::appended), after the commit |
//! | STORE set flags, or EXPUNGE removed messages | [`stored`](MailboxPoller::stored), [`expunged`](MailboxPoller::expunged) |
//! | one of these answered [`Told::NotBefore`] | [`look`](MailboxPoller::look) with [`Reason::Asked`], before the command ends |
//! | no async here | [`begin`](MailboxPoller::begin), list, [`Request::complete`] |
//!
//! # What holds
//!
//! * **One listing at a time** for all sessions, as often as [`Pace`] allows; after a failure there is a pause.
//! * **In the order of UIDs**: nothing is hidden because an own change was quicker than a listing.
//! * **Confirmed absence**: no EXPUNGE before [`Absence`] says that a missing message is gone.
//! * **Never backwards**: a listing that is older than one before it is [left out](Answer::LeftOut) whole. One that was
//!   asked for before an own change does not undo it, and one that shows it does not repeat it.
//! * **Nothing runs ahead**: UIDNEXT and HIGHESTMODSEQ of SELECT and STATUS are those of what the sessions can be told.
//!
//! What no poller can see: flags that another program changed and changed back between two listings, unless the messages
//! carry mod-sequences ([`Listing::push_versioned`]).
//!
//! # Costs
//!
//! A listing is compared in one pass, without a lock; the mailbox's locks are held for the differences only. The last
//! listing is kept, about 40 octets for each message, once for the mailbox and not for each session; two of them while a
//! request is completed. One that [`MailboxPoller::listing`] made takes memory for what is new or changed only, and one bit
//! for each message. [`Ids`] take 22 octets for each message, and its id. An own change costs some 100 octets until a
//! listing that began after it. If the store can say what changed since a version, take [`LogHub`](imap_updates::LogHub) in
//! place of this crate: it reads changes, and not all messages.

/// The examples of the book that need both crates are compiled and run here.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/locks-and-stores.md")]
mod book {}

mod absence;
mod against;
mod compare;
mod completed;
mod ids;
mod journal;
mod known;
mod listing;
mod look;
mod news;
mod pace;
mod poller;
mod reports;
mod request;
mod schedule;
mod settle;
mod shared;
mod whole;

pub use absence::Absence;
pub use completed::{Answer, Completed};
pub use ids::{IdPoller, Ids, IdsError, Pages, UidMap, UidMapError, UidStore};
pub use journal::{Journal, JournalError};
pub use listing::Listing;
pub use pace::{Pace, Reason};
pub use poller::{Begun, MailboxPoller, Told};
pub use request::Request;
