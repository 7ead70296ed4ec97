//! One session of a mailbox: what it has yet to be told, and what it is told.
//!
//! This room stands on `history` and on `table`; neither knows it.

mod access;
mod buffer;
mod drained;
mod ended;
mod held;
mod resolved;

pub use access::Access;
pub use buffer::UpdateBuffer;
pub use drained::{Drained, Untagged};
pub use ended::Ended;
pub use held::{ExpungeForm, Held};
pub use resolved::Resolved;
