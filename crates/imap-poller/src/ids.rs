//! A store's own ids, and the UIDs that they have.

mod map;
mod pages;
mod poller;
mod table;
#[cfg(test)]
mod tests;

pub use map::{UidMap, UidMapError, UidStore};
pub use pages::Pages;
pub use poller::IdPoller;
pub use table::{Ids, IdsError};
