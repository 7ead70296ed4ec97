//! Passwords, their hashes, and the threads that hash.

mod ask;
mod hash;
mod hashers;
mod password;
mod scram;
mod secrets;

pub use ask::PasswordSource;
pub use hash::{HashMemory, Phc};
pub use hashers::Hashers;
pub use password::{BadPassword, MAX_PASSWORD, Password};
pub use scram::scram_sha_256;
pub use secrets::{Scram, Secrets};

/// No hash could be made or compared.
#[derive(Debug, thiserror::Error)]
#[error("cannot hash the password: {0}")]
pub struct HashError(pub(crate) String);
