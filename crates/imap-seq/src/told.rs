//! What the client of one session was told of a mailbox.

use std::sync::Arc;

use crate::log::Cursor;
use crate::pending::Pending;

/// A session's place. 32 bytes.
pub(crate) struct Told {
    /// What was expunged before it is told or pending.
    pub(crate) cursor: Cursor,
    /// The highest UID announced, 0 for none.
    pub(crate) horizon: u32,
    /// Messages announced, pending ones included.
    pub(crate) exists: u32,
    /// What was expunged and not told.
    pub(crate) pending: Option<Arc<Pending>>,
}
