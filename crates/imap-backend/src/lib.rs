//! The traits that an IMAP backend implements, and the records that cross them.
//!
//! You know your mail store. Implement three traits, and `imap-server` makes an IMAP server of it:
//!
//! | trait | lives as long as | you implement at least |
//! | --- | --- | --- |
//! | [`Backend`] | the server | [`login`](Backend::login) |
//! | [`Session`] | one logged-in connection | [`list`](Session::list), [`select`](Session::select), [`append`](Session::append) |
//! | [`Mailbox`] | one SELECT | [`fetch`](Mailbox::fetch), [`store`](Mailbox::store), [`copy`](Mailbox::copy), [`expunge`](Mailbox::expunge) |
//!
//! # What you do not have to know
//!
//! *When* a client may be told something. Your store changes its messages and says so to the mailbox's
//! [`MailboxHub`](imap_updates::MailboxHub), in one critical section, by UID; or your database keeps a log of its changes,
//! and a [`LogHub`](imap_updates::LogHub) reads there what changed, whoever did it. Every session that has the mailbox open reads from there what its client has not been
//! told; the server releases it when the RFCs allow. You never send an untagged response, and you never see a message
//! sequence number.
//!
//! # How it grows
//!
//! Extensions will add methods with a default, and values to what crosses: every value is opaque or non-exhaustive, with a
//! constructor for what every backend has and setters for the rest. What has no right default is off until
//! [`abilities`](Session::abilities) says so.
//!
//! # What is left to you
//!
//! * One hub for each mailbox that is open, shared by all its sessions: a `MailboxHub` where every change goes through this
//!   process, a `LogHub` where the store numbers its changes and others write to it too. [`Hubs`](imap_updates::Hubs) keeps
//!   them.
//! * UIDs: strictly ascending in each mailbox, never used twice (RFC 9051, section 2.3.1.1).
//! * Durability: what [`append`](Session::append), [`copy`](Mailbox::copy) and [`move_to`](Mailbox::move_to) have
//!   answered is safe.
//! * [`Error`]s with the right [`ErrorKind`]; the server turns them into NO with an RFC 5530 code. Your own words
//!   go to the log, never to a client.
//!
//! The smallest complete backend is `examples/minimal_backend.rs`, in memory, under 150 lines; `examples/log_backend` is one
//! on a database that several servers share; the guide is `docs/writing-a-backend.md`; the conformance kit that tests your backend is `imap-backend-test`.
//!
//! # Costs
//!
//! Static dispatch; one call for up to 2,048 messages of a FETCH. A message crosses as a handle, [`Body`]: what is in memory
//! already is not copied, what is not is read as far as it is wanted.

mod ability;
mod acl;
mod append;
mod authenticator;
mod backend;
mod body;
mod claim;
mod copy;
mod create;
mod error;
mod list;
mod login;
mod logins;
mod mailbox;
mod metadata;
pub mod mutf7;
mod name;
mod object_id;
mod quota;
mod record;
mod rights;
mod scram;
pub mod search;
mod select;
mod session;
pub mod sort;
mod special_use;
pub mod status;
mod store;
pub mod thread;
mod url_key;
pub mod walk;

pub use ability::{Abilities, Ability};
pub use acl::{Acl, AclChange, Grantable, Identifier, Principal};
pub use append::{Append, Appended, AppendedAll, MessageSource, Messages};
pub use authenticator::{Authenticator, Nobody, PasswordCheck};
pub use backend::Backend;
pub use body::{Body, ReadBody};
pub use claim::Claim;
pub use copy::Copied;
pub use create::{Create, Created};
pub use error::{Error, ErrorKind, LoginError};
pub use list::{ListEntry, ListQuery, ListedAs, Selection, Subscription};
pub use login::{Credentials, Peer, Proof, Transport};
pub use logins::{LoginKind, Logins};
pub use mailbox::{Mailbox, PollReason};
pub use metadata::{EntryName, Metadata, MetadataChange};
pub use name::MailboxName;
pub use object_id::ObjectId;
pub use quota::{Quota, Usage};
pub use record::{Fetched, Need, Record};
pub use rights::{Rights, UnknownRight};
pub use scram::{BadScramKeys, ScramKeys};
pub use search::{Found, Query, SearchKey};
pub use select::{NewKeywords, Opened, Resync, Select};
pub use session::Session;
pub use sort::{Order, SortBy, SortKey};
pub use special_use::SpecialUse;
pub use status::{Status, StatusQuery};
pub use store::{FlagAction, FlagChange, Stored};
pub use thread::{Algorithm, Threads};
pub use url_key::UrlKey;
pub use walk::Walk;
