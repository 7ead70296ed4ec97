//! An IMAP backend on an SQL database: SQLite, compiled into the program, in one file.
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
//! | `fetch`, `search`, `list`, `transfer`, `upload`, `body` | one subject each: rows into answers |
//! | `texts` | the index of texts, made behind the APPENDs |
//! | `node` | the hubs of this process, when they read the log, and which threads may block |
//! | `tables` | the statements, one module for each subject |
//! | `columns` | columns, to values and back |
//! | `engine` | connections, transactions, opening, migrations; the only place that names the driver |
//!
//! A second engine is a second kind of `engine::Database` and a folder beside `migrations/sqlite`: the statements of `tables`
//! are standard SQL, of which `RETURNING`, `ON CONFLICT` and `instr` are the least common.
//!
//! # How it works
//!
//! **The log is the mailbox.** Each transaction that changes a mailbox raises its mod-sequence and writes that number to the
//! rows that it changes; triggers note what was expunged. So the messages in the order of their mod-sequences are the log of
//! changes, and it does not grow with the number of changes. A process keeps a [`LogHub`](imap_updates::LogHub) for each
//! mailbox that somebody has open, and reads the log from its cursor: after each commit of its own, at SELECT and STATUS, and
//! when a client says NOOP or idles. What a session is told comes from there, whoever made the change.
//!
//! **UIDs and mod-sequences** are allocated in the transaction that stores the message. SQLite has one writer at a time, so
//! they become visible in their order.
//!
//! **Bodies** are chunks of 64 KiB, written while the message arrives and read when they are wanted. A copy shares them; they go
//! with the last message that has them. A message of up to 1 MiB is one transaction; of a longer one, every further MiB is
//! written in a transaction of its own, and nobody sees it before the last. What a crash leaves of it is removed when the
//! database is opened a day later or more.
//!
//! **Texts** of messages are in an index of trigrams: FTS5 in SQLite, `pg_trgm` in PostgreSQL, where the database lets the backend
//! make it. SEARCH asks it which messages may have a string, and reads those. A thread indexes behind the APPENDs, out of a queue
//! that outlives the process; what waits there is read by every search until it is indexed.
//!
//! **By hand.** SQL that knows nothing of IMAP is followed, because triggers do what the protocol wants: a message that is
//! inserted gets its UID and its mod-sequence, a change of `flags` or `keywords` a mod-sequence, a row that is deleted a place
//! among what was expunged; deleting a mailbox or an account deletes what is in it. What would break a client's cache is
//! refused: a UID that is given or changed. The file `migrations/sqlite/0001_mail.sql` is the schema, with what each column means.
//!
//! ```sql
//! UPDATE messages SET flags = flags | 8 WHERE mailbox = 1;    -- \Seen
//! DELETE FROM messages WHERE mailbox = 1 AND received < strftime('%s', 'now', '-1 year');
//! ```
//!
//! **Several processes** may have the file open. What one does, the others find at their clients' next NOOP, and in IDLE when
//! the server polls.
//!
//! # What is promised
//!
//! * What was answered OK is on the disk: write-ahead log, synchronous FULL.
//! * APPEND, COPY, MOVE, STORE, EXPUNGE and RENAME are each one transaction: all or nothing, also in a crash.
//! * A database that is made belongs to the user that the program runs as, and no other can read it.
//! * A database that is newer than the program, damaged, of another program, or held by one is refused
//!   ([`OpenError`]). Nothing is repaired in silence.
//! * No number or text in a column makes the program panic. A damaged body hides no other message.
//!
//! # Costs
//!
//! | what | queries |
//! | --- | --- |
//! | NOOP, nothing new | 2 of one row, by key |
//! | STATUS | 3 of one row where nobody has the mailbox open: counts are kept |
//! | SELECT, mailbox not open in this process | the UIDs and the keywords in use, from indexes |
//! | FETCH | one for each run of neighbouring UIDs, at most 256 messages |
//! | STORE, COPY, MOVE | one or two for each message, one commit |
//! | SEARCH of flags, keywords, INTERNALDATE, sizes | one; what else is asked is looked for in the messages that it leaves |
//! | SEARCH of strings | the same one asks the index of texts; the messages that it leaves are read |
//!
//! A commit is a sync of the disk. In SQLite, changes that come while another one is being synced share the next commit, up to 32
//! of them. One connection writes, up to eight read; none is held while a client is slow.
//!
//! # Limits, and what is not there yet
//!
//! * SQLite only, and the file on a local disk. PostgreSQL has its place (above), and nothing more.
//! * Of a message with more than 256 KiB of headers and text parts, and of one that was inserted by hand, SEARCH TEXT and BODY
//!   read the text each time, unless the other keys leave it out; so they do for a string of one or two characters.
//! * Quota, metadata, special-use and object identifiers have columns that nothing reads yet.
//! * `\Recent`: a message that arrives while sessions of several processes have the mailbox open, or that two processes looked
//!   at before either selected the mailbox, can be recent in both. RFC 3501, section 2.3.2, wants it so in case of doubt.
//! * RENAME in another process is found when a name is looked up; sessions that have the mailbox selected go on.
//! * At least the last 100,000 expunges of a mailbox are remembered, pruned when this backend expunges. What is deleted by hand
//!   is pruned with the next one.
//! * Removing a blob leaves free pages in the file, which are used again; the file does not shrink by itself (`VACUUM` does it).

pub mod admin;
mod backend;
mod body;
mod columns;
mod engine;
mod fetch;
mod list;
mod news;
mod node;
mod options;
mod search;
mod selected;
mod session;
mod store;
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
