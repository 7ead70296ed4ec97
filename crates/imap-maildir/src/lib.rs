//! An IMAP backend on Maildir++ directories, with UIDs in Dovecot's files, shared live with other mail programs.
//!
//! It leaves to you: who may log in (an [`Authenticator`]), where each user's Maildir is (a [`MailRoot`]), and the server
//! that carries it (`imap-server`).
//!
//! ```
//! use imap_backend::{MailboxName, Select, Session, StatusQuery};
//! use imap_maildir::{Authenticator, MailRoot, MaildirBackend, PasswordCheck};
//! use imap_updates::Access;
//!
//! struct Everybody;
//! impl Authenticator for Everybody {
//!     async fn verify(&self, _: &str, _: &str) -> Result<PasswordCheck, Box<dyn std::error::Error + Send + Sync>> {
//!         Ok(PasswordCheck::Accepted)
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let home = tempfile::tempdir().unwrap();
//! let backend = MaildirBackend::new(MailRoot::new(home.path().join("%u/Maildir")), Everybody).unwrap();
//! let mut session = backend.session("alice").await.unwrap();
//!
//! // Another program delivers a message.
//! let new = home.path().join("alice/Maildir/new");
//! session.status(&MailboxName::inbox(), StatusQuery::ALL).await.unwrap(); // makes the directories
//! std::fs::write(new.join("1700000000.M1P1.host"), "Subject: hello\n\nworld\n").unwrap();
//!
//! let opened = session.select(&MailboxName::inbox(), &Select::new(Access::ReadWrite)).await.unwrap();
//! assert_eq!(opened.updates().exists(), 1);
//! assert!(home.path().join("alice/Maildir/cur/1700000000.M1P1.host:2,").exists()); // taken over from new/
//! # });
//! ```
//!
//! # The parts
//!
//! * [`MaildirBackend`] logs users in; [`MaildirSession`] and [`MaildirMailbox`] serve them. One process opens each mailbox
//!   once, however many sessions have it selected; a watcher pushes what other programs do to all of them.
//! * [`inspect`](inspect::inspect) reads a Maildir and reports what it finds.
//! * [`local`] opens one Maildir without a user, for tools.
//!
//! Inside, a folder may use only what stands below it:
//!
//! | folder | what it knows |
//! | --- | --- |
//! | `backend`, `account`, `session`, `selected` | the traits of `imap-backend`, and nothing that blocks |
//! | `mailbox` | the life of one open mailbox: observe, add, change, read, search |
//! | `disk` | directories, deliveries, locks, control files; every call to the file system is in `disk/storage.rs` |
//! | `format` | names and texts of files, to values and back |
//!
//! # What is promised
//!
//! * APPEND, COPY, MOVE, STORE and EXPUNGE that were answered OK survive `kill -9` and, as far as the disk keeps its word, a power
//!   failure: content, name and UID are synced in this order. A moved message is at every moment in exactly one mailbox.
//! * A UID is on disk before anybody is told of it and is never used again.
//! * Mod-sequences never go back, and a client that asks for what changed since it was here misses nothing: not after a crash,
//!   not after a power failure, not when Dovecot or `mutt` changed flags, delivered or removed messages while no server ran.
//!   They are kept in `imap-modseqs` beside the mail. Without it, or after a power failure in the middle of work, clients are
//!   told of all messages once more.
//! * No message is reported expunged because a listing missed it while it was being renamed: what is missing is looked for
//!   again.
//! * Octets of a message file never change. No symbolic link, FIFO or device is ever read as mail.
//!
//! # What mailboxes are for
//!
//! `Archive`, `Drafts`, `Junk`, `Sent` and `Trash` are what they are called (RFC 6154), unless
//! [`without_special_use_by_name`](MaildirBackend::without_special_use_by_name) says otherwise. What CREATE gives a mailbox goes before, and is kept in the
//! file `special-uses` in the account's root, which follows DELETE and RENAME.
//!
//! # Annotations
//!
//! Those of mailboxes and of the server (RFC 5464) are in `dovecot-attributes` in the account's root, in Dovecot's format and under
//! its lock: it reads and writes them where its setting `mail_attribute_dict` names that file.
//!
//! # Access control lists
//!
//! They are in Dovecot's file `dovecot-acl` in the mailbox's directory (RFC 4314). Who has a session is the owner of all mailboxes
//! here, and of a file the lines count that name him, or `owner`, as in Dovecot. What a file has beside the entries stays.
//!
//! # Keys for URLs
//!
//! The secret that URLs of a mailbox are authorized with (RFC 4467) is in the file `url-key` in its directory, with mode 0600,
//! from the first such URL on. Who can read the file can make URLs that everybody may fetch; without it those that were made
//! name nothing.
//!
//! # Costs
//!
//! A mailbox of 256 messages or more has an index beside the mail, `imap-index`: it is opened without being listed, and at most
//! 131,072 of its messages are in memory, some 200 octets each, beside those that changed and are not written yet. Losing the
//! index costs time only; another process that has the mailbox open keeps it, and this one has all in memory then.
//!
//! With [`with_full_text`](MaildirBackend::with_full_text) a thread makes an index of texts of such a mailbox, `imap-search`, and SEARCH
//! for strings reads only messages that may have them, and those that are not in it. It takes 4 octets of memory for each message, and
//! some 30 MiB while it is made.
//!
//! A command that comes while nothing has changed costs six `stat` calls and no other thread. What another program does costs a
//! few calls for each file, as long as file-system events work; where they do not (network file systems), a delivery costs a
//! listing of `new/`, and another change one of both directories, once more some time later: a change in the same moment may have
//! been hidden by the first. That takes a twentieth of the time at most. STATUS of a mailbox that nobody has open is answered from
//! what was known when it was closed, while its time stamps prove that. Flags, sizes and dates come from memory or the index, once
//! they have been looked up; so do summaries. SEARCH reads files only for what these leave undecided. The counts of STATUS are
//! kept, not counted.
//!
//! # Trade-offs
//!
//! * Flag changes and expunges are not synced: after a power failure old flags, or an expunged message, may be back.
//! * CRLF is stored as LF, as Dovecot does, and sent as CRLF. A message with NUL octets is refused.
//! * 26 keywords a mailbox; they are letters in file names.
//! * Locks follow Dovecot's rules, so that it can work on the same Maildir. A lock that a dead program of another host left
//!   stops new messages of that mailbox for two minutes; reading goes on, and changing flags after two seconds. Nobody waits
//!   on a thread, and the log names the holder.
//! * `imap-modseqs` is synced once after each quiet time, not with each STORE. Two processes that share a Maildir on a full disk,
//!   where the file cannot be written, count each for itself.
//! * While a MOVE runs, nobody looks at either mailbox: its messages may come back.

mod account;
mod backend;
mod disk;
mod format;
pub mod inspect;
mod let_go;
pub mod local;
mod log_limit;
mod mailbox;
mod reindex;
mod selected;
mod session;

#[cfg(test)]
mod tests;

pub use backend::{MailRoot, MaildirBackend};
pub use format::mailbox_names::InvalidUser;
pub use imap_backend::{Authenticator, PasswordCheck};
pub use reindex::Indexed;
pub use selected::MaildirMailbox;
pub use session::MaildirSession;
