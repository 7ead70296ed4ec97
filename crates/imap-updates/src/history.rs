//! The history of one mailbox: what its sessions may have yet to be told, and the lock that guards it.
//!
//! Nothing here knows a session's buffer or how changes come in; `session` and `hub` stand on this room.

mod claims;
mod closed;
mod counts;
mod expunges;
mod flags;
mod ingest;
mod limits;
mod makers;
mod positions;
mod recency;
mod shared;
mod signal;
mod snapshot;
mod state;
mod thread;

pub(crate) use claims::{Claimed, Claims};
pub use closed::Closed;
pub use counts::IngestCounts;
pub(crate) use expunges::Remembered;
pub(crate) use flags::FlagsNow;
pub use ingest::Ingest;
pub use limits::Limits;
pub(crate) use positions::{Bookmark, Position};
pub use recency::Recency;
pub(crate) use shared::{History, HistoryGuard};
pub use snapshot::Snapshot;
pub(crate) use state::State;
pub(crate) use thread::{Holding, Lock};
