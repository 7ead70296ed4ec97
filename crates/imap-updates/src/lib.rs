//! What one IMAP session has yet to be told, released only when the RFCs allow it.
//!
//! (Against the contract: commands begin only with `UpdateBuffer::begin(kind)`; `Snapshot` has `keywords` too, fill with
//! `..Snapshot::default()` or collect UIDs; `Ingest::Closed`; `HubGuard::{view,index}` take `&mut self`.)

mod buffer;
mod drained;
mod expunge_history;
mod flag_history;
mod flags;
mod guard;
mod held;
mod hub;
mod keyword;
mod limits;
mod notify;
mod positions;
mod release;
mod resolved;
mod sender;
mod signal;
mod snapshot;
mod state;
mod sync;
mod table;
mod versioned;
mod watch;
mod words;

pub use buffer::UpdateBuffer;
pub use drained::{Drained, Untagged};
pub use flags::{Flag, Flags};
pub use guard::HubGuard;
pub use held::{ExpungeForm, Held};
pub use hub::MailboxHub;
pub use keyword::{InvalidKeyword, Keyword};
pub use limits::Limits;
pub use notify::SelectedEvents;
pub use release::{CommandInProgress, Followers, Release};
pub use resolved::Resolved;
pub use sender::{RefusedUpdate, Update, UpdateSender};
pub use snapshot::Snapshot;
pub use table::{Cell, CommandKind, MayExpunge, RELEASE_TABLE, Row, kind};
pub use versioned::Change;
pub use watch::{MailboxWatch, WatchedStatus};
pub use words::{Access, Closed, Echo, Ingest, Origin, Recency};
