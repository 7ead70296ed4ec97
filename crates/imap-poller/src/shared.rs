//! What the handles of one mailbox share.

use imap_updates::LogHub;
use parking_lot::Mutex;

use crate::absence::Absence;
use crate::known::Known;
use crate::pace::Pace;
use crate::schedule::Schedule;

#[derive(Debug)]
pub(crate) struct Shared {
    /// Nobody but this crate hands it pages.
    pub(crate) hub: LogHub,
    pub(crate) absence: Absence,
    pub(crate) pace: Pace,
    /// Held for O(changes), never while the store is listed or a listing compared. The hub's locks are inside it, and
    /// sessions are woken while it is held: pages have to reach the hub in the order in which they were made.
    pub(crate) known: Mutex<Known>,
    /// Held for a moment, alone or inside `known`.
    pub(crate) schedule: Mutex<Schedule>,
}
