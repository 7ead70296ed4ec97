//! The two hubs: what a mailbox's sessions share, and how changes come in.
//!
//! This room stands on `session` and on `history`; neither knows it.

mod applied;
mod caught_up;
mod claim;
mod event;
mod guard;
mod hubs;
mod log;
mod log_hub;
mod mailbox_hub;
mod makers;
mod page;
mod publication;
mod reading;
mod turns;
mod watch;

pub use applied::{Applied, Outcome};
pub use caught_up::CaughtUp;
pub use claim::Claim;
pub use event::Event;
pub use guard::HubGuard;
pub use hubs::{Hub, Hubs};
pub use log_hub::{LogHub, NotWhole, Selection};
pub use mailbox_hub::MailboxHub;
pub use page::Page;
pub use watch::{MailboxWatch, WatchedStatus};
