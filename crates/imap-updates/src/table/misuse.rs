//! What does not compile, and why.
//!
//! Each of these is a bug of a released server (`docs/updates.md` names them). Here the compiler finds it.
//!
//! An EXPUNGE during FETCH, STORE or SEARCH, whose numbers would shift under the client:
//!
//! ```compile_fail,E0277
//! # use imap_updates::*;
//! fn fetch(session: &mut UpdateBuffer) -> Drained {
//!     let command = session.begin(kind::Fetch);
//!     session.drain(command.permit(Followers::None)) // FETCH does not implement `MayExpunge`
//! }
//! ```
//!
//! The same with any other command that must hold, `UID SEARCH` with message sequence numbers among them:
//!
//! ```compile_fail,E0277
//! # use imap_updates::*;
//! fn search(session: &mut UpdateBuffer) -> Drained {
//!     let command = session.begin(kind::UidSearchWithSeqs);
//!     session.drain(command.permit(Followers::None))
//! }
//! ```
//!
//! A permit that outlives its command, to be used between commands:
//!
//! ```compile_fail,E0505
//! # use imap_updates::*;
//! fn later(session: &mut UpdateBuffer) -> Drained {
//!     let command = session.begin(kind::Noop);
//!     let permit = command.permit(Followers::None);
//!     drop(command); // the tagged response was sent
//!     session.drain(permit)
//! }
//! ```
//!
//! A numbering that moves while a command's set is in use:
//!
//! ```compile_fail,E0502
//! # use imap_updates::*;
//! fn store(session: &mut UpdateBuffer, set: &imap_seq::SequenceSet<imap_seq::SeqNum>) {
//!     let Ok(resolved) = session.resolve_seqs(set) else { return };
//!     let drained = session.drain(Release::hold()); // borrowed by `resolved`
//!     for uid in resolved.uids() {}
//!     session.written(drained);
//! }
//! ```
//!
//! A permit out of thin air, or a command that nobody sent:
//!
//! ```compile_fail,E0451
//! # use imap_updates::*;
//! fn forge() -> Release<'static> {
//!     Release { lent: todo!(), command: todo!() }
//! }
//! ```
//!
//! A kind of command of one's own that may expunge:
//!
//! ```compile_fail,E0277
//! # use imap_updates::*;
//! struct FetchButBetter;
//! impl CommandKind for FetchButBetter {
//!     const ROW: Row = <kind::Noop as CommandKind>::ROW;
//! }
//! impl MayExpunge for FetchButBetter {}
//! ```
//!
//! A command in progress twice:
//!
//! ```compile_fail,E0599
//! # use imap_updates::*;
//! fn twice(command: CommandInProgress<kind::Noop>) -> [CommandInProgress<kind::Noop>; 2] {
//!     [command.clone(), command]
//! }
//! ```
//!
//! A drain that is thrown away:
//!
//! ```compile_fail
//! # #![deny(unused_must_use)]
//! # use imap_updates::*;
//! fn forgetful(session: &mut UpdateBuffer) {
//!     session.drain(Release::hold());
//! }
//! ```
//!
//! The mailbox's lock across an `.await`, which would stop everybody while the network is slow:
//!
//! ```compile_fail
//! # use imap_updates::*;
//! fn spawn(_: impl Future + Send) {}
//! fn deliver(hub: MailboxHub<Vec<u8>>) {
//!     spawn(async move {
//!         let guard = hub.lock();
//!         std::future::ready(()).await;
//!         drop(guard);
//!     });
//! }
//! ```
//!
//! And what does compile, so that the above fail for the reason given:
//!
//! ```
//! # use imap_updates::*;
//! fn noop(session: &mut UpdateBuffer) -> Drained {
//!     let command = session.begin(kind::Noop);
//!     session.drain(command.permit(Followers::None))
//! }
//!
//! fn fetch(session: &mut UpdateBuffer, set: &imap_seq::SequenceSet<imap_seq::SeqNum>) -> Drained {
//!     let _command = session.begin(kind::Fetch);
//!     if let Ok(resolved) = session.resolve_seqs(set) {
//!         for uid in resolved.uids() {}
//!     }
//!     session.drain(Release::hold())
//! }
//!
//! fn spawn(_: impl Future + Send) {}
//! fn idle(mut session: UpdateBuffer, hub: MailboxHub<Vec<u8>>) {
//!     spawn(async move {
//!         drop(hub.lock());
//!         session.changed().await;
//!     });
//! }
//! ```
