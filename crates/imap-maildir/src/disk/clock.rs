//! The clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::format::uidlist::SavedAt;

/// Seconds since the epoch.
pub(crate) fn seconds() -> i64 {
    i64::try_from(since_epoch().as_secs()).unwrap_or(i64::MAX)
}

/// The time of what comes into a mailbox now.
pub(crate) fn saved_at() -> Option<SavedAt> {
    u32::try_from(seconds()).ok().and_then(SavedAt::new)
}

pub(crate) fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
