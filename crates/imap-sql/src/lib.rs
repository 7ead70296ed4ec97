//! An IMAP backend on an SQL database: SQLite, compiled into the program, in one file; or PostgreSQL, for several servers.
//!
//! It leaves to you: who may log in (an [`Authenticator`]; the accounts have columns for passwords), and the server that carries it (`imap-server`).
//!
//! ```
//! use imap_backend::{MailboxName, Select, Session};
//! use imap_sql::{Authenticator, PasswordCheck, SqlBackend, Store};
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
//! let directory = tempfile::tempdir().unwrap();
//! let store = Store::open(directory.path().join("mail.db")).unwrap(); // made if there is none
//! let backend = SqlBackend::new(store, Everybody);
//! let mut session = backend.session("alice").await.unwrap();
//! let opened = session.select(&MailboxName::inbox(), &Select::new(Access::ReadWrite)).await.unwrap();
//! assert_eq!(opened.updates().exists(), 0);
//! # });
//! ```
//!
//! # The parts
//!
//! [`Store`] is a database that is open; [`SqlBackend`] logs users in; [`SqlSession`] and [`SqlMailbox`] serve them;
//! [`admin::Admin`] is what an administrator may do. Inside, a line may use only what stands below it:
//!
//! | modules | what they know |
//! | --- | --- |
//! | `admin` | accounts, mailboxes and messages, as an administrator sees them |
//! | `backend`, `session`, `selected` | the traits of `imap-backend`, and nothing that blocks |
//! | `appends` | which messages are stored in one transaction |
//! | `fetch`, `search`, `sort`, `list`, `status`, `transfer`, `upload`, `body` | one subject each: rows into answers |
//! | `behind`, `texts` | what no client waits for: the index of texts, and the removal of octets that no message has |
//! | `news`, `looks` | hints of the database, and a look at all mailboxes in use for those that were lost; who reads what they tell of |
//! | `node`, `writers` | the hubs of this process, when they read the log, which threads may block, who claims `\Recent` |
//! | `summaries` | what was read of messages lately, so that it is not read again |
//! | `tables` | the statements, one module for each subject |
//! | `columns` | columns, to values and back |
//! | `engine` | connections, transactions, opening, migrations; the only place that names the driver |
//!
//! The statements of `tables` are SQL that both engines know, of which `RETURNING`, `ON CONFLICT` and `row_number` are the least
//! common; what only one of them can say is in `engine::Dialect`, and in its folder of `migrations`.
//!
//! # How it works
//!
//! **The log is the mailbox.** Each transaction that changes a mailbox raises its mod-sequence and writes that number to the
//! rows that it changes; triggers note what was expunged. So the messages in the order of their mod-sequences are the log of
//! changes, and it does not grow with the number of changes. A process keeps a [`LogHub`](imap_updates::LogHub) for each
//! mailbox that somebody has open, and reads the log from its cursor: after each commit of its own, at SELECT and STATUS, and
//! when a client says NOOP or idles. What a session is told comes from there, whoever made the change.
//!
//! **UIDs and mod-sequences** are allocated in the transaction that stores the message, and become visible in their order: SQLite
//! has one writer at a time; in PostgreSQL every change of a mailbox begins with the lock of its row, and keeps it to the commit.
//!
//! **Bodies** are chunks of 64 KiB, written while the message arrives and read when they are wanted. A copy shares them; they go
//! with the last message that has them. SQLite only notes that (`released`), and a thread removes them behind the EXPUNGE, or when
//! a program opens the database. A message of up to 1 MiB is one transaction; of a longer one, every further MiB is
//! written in a transaction of its own, and nobody sees it before the last. What a crash leaves of it is removed when the
//! database is opened a day later or more.
//!
//! **Texts** of messages are in an index of trigrams: FTS5 in SQLite, `pg_trgm` in PostgreSQL, where the database lets the backend
//! make it. SEARCH asks it which messages may have a string, and reads those. A thread indexes behind the APPENDs, out of a queue
//! that outlives the process, and into which it looks every few seconds for what other programs have left there; what waits is read
//! by every search until it is indexed.
//!
//! **By hand.** SQL that knows nothing of IMAP is followed, because triggers do what the protocol wants: a message that is
//! inserted gets its UID and its mod-sequence, a change of `flags` or `keywords` a mod-sequence, a row that is deleted a place
//! among what was expunged; deleting a mailbox or an account deletes what is in it. What would break a client's cache is
//! refused: a UID that is given or changed. The file `0001_mail.sql` in the engine's folder of `migrations` is the schema, with
//! what each column means.
//!
//! ```sql
//! UPDATE messages SET flags = flags | 8 WHERE mailbox = 1;    -- \Seen
//! DELETE FROM messages WHERE mailbox = 1 AND received < strftime('%s', 'now', '-1 year');
//! ```
//!
//! **Several processes** may have the database open. What one does, the others are told of by hints: NOTIFY in PostgreSQL, where
//! each process has a connection that listens, and that notifies after the commits of the others; in SQLite a look at the file's version, ten times a second. A hint only says that
//! there is something to read. Every few seconds all mailboxes in use are looked at with one query, for hints that were lost
//! ([`Options::poll_interval`]). While PostgreSQL's hints are heard, NOOP asks nothing of the database, and what another process
//! did a moment ago may take some milliseconds to show; otherwise NOOP asks.
//!
//! **`\Recent`** is claimed in the database before a session is told, so that one session of all processes has it (RFC 3501,
//! section 2.3.2). A process that dies in between takes the mark with it. EXAMINE shows as recent what nobody has claimed when it
//! begins; what arrives while no session of the process may claim it is not recent there.
//!
//! **Without the database**, commands answer [`Unavailable`](imap_backend::ErrorKind::Unavailable), sessions go on, and catch up when it
//! is back. A commit during which it was lost may have happened; it was not answered.
//!
//! # What is promised
//!
//! * What was answered OK is on the disk: in SQLite by a write-ahead log with synchronous FULL, in PostgreSQL by
//!   `synchronous_commit`, which is set whatever the server's default.
//! * APPEND, COPY, MOVE, STORE, EXPUNGE and RENAME are each one transaction: all or nothing, also in a crash.
//! * A SQLite file that is made belongs to the user that the program runs as, and no other can read it.
//! * A database that is newer than the program, damaged, of another program, or held by one is refused
//!   ([`OpenError`]). Nothing is repaired in silence.
//! * No number or text in a column makes the program panic. A damaged body hides no other message.
//!
//! # Costs
//!
//! | what | queries |
//! | --- | --- |
//! | NOOP, nothing new | 1 of one row, by key; none while PostgreSQL's hints are heard |
//! | before each command about a mailbox as a whole, and SELECT | 1 by name: the mailbox's ACL; LIST: 1 for all |
//! | STATUS | 3 of one row where nobody has the mailbox open: counts are kept |
//! | SELECT, mailbox not open in this process | the UIDs and the keywords in use, from indexes |
//! | FETCH | one for each run of neighbouring UIDs, at most 2,048 messages; with summaries or octets 256 |
//! | STORE, COPY, MOVE | one for each run of neighbouring UIDs (STORE: and of equal flags), one commit |
//! | SEARCH of flags, keywords, INTERNALDATE, sizes | one; what else is asked is looked for in the messages that it leaves |
//! | SORT by ARRIVAL and SIZE of what such a SEARCH finds | the same one, in that order; by all other keys, what is read is the messages' summaries, and the order is kept as long as somebody has the mailbox selected (THREAD too) |
//! | SEARCH of strings | the same one asks the index of texts; the messages that it leaves are read |
//!
//! A commit is a sync of the disk. In SQLite, changes that come while another one is being synced share the next commit, up to 32
//! of them. There one connection writes, and up to eight read; to PostgreSQL there are up to sixteen ([`Options::connections`]), and
//! the one that listens. None is held while a client is slow. Who waits for a connection, a lock or an answer does not wait for ever.
//!
//! # Limits, and what is not there yet
//!
//! * A SQLite file has to be on a local disk. PostgreSQL has to be version 13 or newer, with a database in UTF8.
//! * In PostgreSQL, SQL by hand takes locks in another order than a session (messages before their mailbox), and so do two COPY of
//!   the same messages in different orders. Of two who wait for each other the server ends one; a session's command then begins anew,
//!   up to four times, before it answers [`InUse`](imap_backend::ErrorKind::InUse), with nothing of it done.
//! * Of a message with more than 256 KiB of headers and text parts, and of one that was inserted by hand, SEARCH TEXT and BODY
//!   read the text each time, unless the other keys leave it out; so they do for a string of one or two characters.
//! * There are no mailboxes of other users: an ACL (`acl`) says what an account may do in its own, and is kept for others.
//! * RENAME in another process is found when a name is looked up; sessions that have the mailbox selected go on.
//! * At least the last 100,000 expunges of a mailbox are remembered, pruned when this backend expunges. What is deleted by hand
//!   is pruned with the next one.
//! * Removing a blob leaves free pages in the file, which are used again; the file does not shrink by itself (`VACUUM` does it).

pub mod admin;
mod appends;
mod backend;
mod behind;
mod body;
mod columns;
mod engine;
mod fetch;
mod list;
mod looks;
mod news;
mod node;
mod options;
mod orders;
mod search;
mod selected;
mod session;
mod sort;
mod status;
mod store;
mod summaries;
mod tables;
mod texts;
mod transfer;
mod upload;
mod writers;

pub use backend::SqlBackend;
pub use engine::OpenError;
pub use imap_backend::{Authenticator, PasswordCheck};
pub use options::Options;
pub use selected::SqlMailbox;
pub use session::SqlSession;
pub use store::Store;
