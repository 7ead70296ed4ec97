//! The users file: who may log in, and with which password.
//!
//! One user a line, `name:phc`, where `phc` is an Argon2id hash as a PHC string; behind it, after a space, the keys of
//! SCRAM-SHA-256 in the form of RFC 5803, without which the user cannot log in by that mechanism. Empty lines and lines that start
//! with `#` are kept as they are. The file is private (mode 0600) and replaced in one step, so that a server that
//! reads it meanwhile sees the old users or the new ones, never half of either. A line that makes no sense is kept too,
//! and shuts out its own user only.

use std::io;
use std::path::PathBuf;

mod auth;
mod file;
mod lines;
mod name;

pub use auth::Authenticator;
pub use file::{IfMissing, change};
pub use lines::{BadLine, Users};
pub use name::{BadUserName, MAX_NAME, UserName};

use crate::passwords::HashError;

/// Why the users file could not be read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsersError {
    /// The file is not there.
    #[error("there is no users file {}; `user add` makes one", .0.display())]
    Missing(PathBuf),
    /// The operating system refused.
    #[error("cannot {doing} the users file {}: {source}", path.display())]
    Io {
        /// What was tried: `read`, `write`, `lock`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// `user add` of a name that is there.
    #[error("there is a user {0} already; to change the password: `user passwd`")]
    Exists(UserName),
    /// `user passwd` or `user remove` of a name that is not there.
    #[error("there is no user {0}")]
    Unknown(UserName),
    /// No hash could be made.
    #[error(transparent)]
    Hash(#[from] HashError),
}
