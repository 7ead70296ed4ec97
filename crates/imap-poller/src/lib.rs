//! Live updates for an IMAP store that can only be asked.
//!
//! Some stores tell nobody when a message arrives: a directory, a table without a change feed, another server. They
//! can be listed. [`MailboxPoller`] says when to list, compares the [`Listing`] with the last one, and publishes the
//! differences in a [`MailboxHub`](imap_updates::MailboxHub), so that every session of the mailbox is told, in IDLE
//! too. What it leaves to you: the listing itself, a clock, and waiting.
//!
//! ```
//! use std::{num::NonZeroU32, time::Duration};
//! use imap_poller::{Absence, Listed, Listing, MailboxPoller, Pace, Reason, Wish};
//! use imap_updates::{Access, Flags, Followers, Untagged, kind};
//! use imap_seq::Uid;
//!
//! /// What your store does: all messages, ascending.
//! fn list(uids: &[u32]) -> Listing {
//!     let listed = |&uid| Some(Listed { uid: Uid::new(uid)?, flags: Flags::empty(), modseq: None });
//!     Listing::new(uids.iter().filter_map(listed).collect()).expect("the store lists in order")
//! }
//!
//! let twice = Absence::InListings(NonZeroU32::new(2).expect("2 is not 0"));
//! let poller = MailboxPoller::open((), list(&[1, 2, 3]), twice, Pace::default())?;
//! let mut session = poller.hub().subscribe(Access::ReadWrite);
//!
//! // The client says NOOP. Somebody has removed message 2 and delivered message 4.
//! let mut now = Duration::ZERO;
//! for _ in 0..2 {
//!     if let Wish::Fly(flight) = poller.wish(Reason::Command, now) {
//!         flight.land(list(&[1, 3, 4]), now);
//!     }
//!     now += Duration::from_secs(1);
//! }
//! let noop = session.begin(kind::Noop);
//! let drained = session.drain(noop.permit(Followers::None));
//! let told: Vec<_> = drained.iter().collect();
//! assert!(matches!(told[..], [Untagged::Expunge(_), Untagged::Exists(3), Untagged::Recent(1)]));
//! session.written(drained);
//! # Ok::<(), imap_seq::NotAscending>(())
//! ```
//!
//! # How it flies
//!
//! * **One flight at a time** for all sessions of a mailbox. A [`wish`](MailboxPoller::wish) during a flight is
//!   answered with its number: wait for it, or go on; what it finds comes through the hub either way.
//! * **Bounded rate**: [`Pace`] says how often clients that ask and clients that idle may cause a listing. After a
//!   failure it pauses, twice as long each time. Bound a question's time yourself: drop the [`Flight`], it has failed.
//! * **Confirmed absence**: [`Absence`] says when a message that is missing counts as expunged. No EXPUNGE before.
//! * **Never backwards**: an answer that is older than one before it is left out whole ([`Answer::Stale`]).
//! * **Your own changes** go through the hub at once. A listing that was asked for before such a change does not undo
//!   it, and one that shows it does not repeat it.
//!
//! # Costs
//!
//! A landing compares in one pass over both listings, takes the mailbox's lock only for the differences, and allocates
//! nothing for an unchanged message beyond the listing that you made. The last listing is kept, about 40 octets for
//! each message, once for the mailbox and not for each session.

/// The examples of the book that need both crates are compiled and run here.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/locks-and-stores.md")]
mod book {}

mod diff;
mod flight;
mod listing;
mod poller;
mod rules;

pub use diff::{Difference, Differences, diff};
pub use flight::{Answer, Changes, Flight, Landed};
pub use listing::{Listed, Listing};
pub use poller::{FlightNumber, MailboxPoller, Reason, Wish};
pub use rules::{Absence, Pace};
