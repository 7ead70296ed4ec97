//! What is kept of a password.

use imap_backend::ScramKeys;

use super::{HashError, Password, Phc, scram_sha_256};

/// What is kept of a password: a hash, and the keys of SCRAM-SHA-256, where it was set by somebody who makes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// The hash.
    pub hash: Phc,
    /// The keys, in the form of RFC 5803.
    pub scram: Option<Scram>,
}

/// The keys of SCRAM-SHA-256 as they are stored. `Debug` hides them.
#[derive(Clone, PartialEq, Eq)]
pub struct Scram {
    text: String,
    keys: ScramKeys,
}

impl Secrets {
    /// Of a password, with random salts. Takes some 100 ms: never on a thread that serves connections.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn of(password: &Password) -> Result<Self, HashError> {
        let keys = scram_sha_256(password)?;
        Ok(Self {
            hash: Phc::of(password)?,
            scram: keys.parse().ok(),
        })
    }
}

impl From<Phc> for Secrets {
    fn from(hash: Phc) -> Self {
        Self { hash, scram: None }
    }
}

impl Scram {
    /// As it is stored.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What a server works with.
    pub const fn keys(&self) -> &ScramKeys {
        &self.keys
    }
}

impl std::str::FromStr for Scram {
    type Err = imap_backend::BadScramKeys;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let keys = text.parse()?;
        let text = text.to_owned();
        Ok(Self { text, keys })
    }
}

impl std::fmt::Debug for Scram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scram(hidden)")
    }
}
