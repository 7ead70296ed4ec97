//! The release table, and the permits that it gives out.
//!
//! This room stands on nothing but `origin`.

pub mod misuse;
mod notify;
mod release;
mod rows;

pub use notify::SelectedEvents;
pub use release::{CommandInProgress, Followers, Release};
pub use rows::{Cell, CommandKind, MayExpunge, RELEASE_TABLE, Row, kind};
