//! What a server keeps of a password for SCRAM-SHA-256.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use base64ct::{Base64, Encoding};

/// Octets of a key: as many as SHA-256 has.
const KEY: usize = 32;

/// The keys of SCRAM-SHA-256 (RFC 5802, section 3; RFC 7677), in the form of RFC 5803:
/// `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, the binary parts in base64.
///
/// `Debug` shows none of it: who has the keys can try passwords against them.
///
/// ```
/// use imap_backend::ScramKeys;
/// let keys: ScramKeys = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
///     WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=".parse()?;
/// assert_eq!((keys.iterations(), keys.salt().len()), (4096, 16));
/// assert!("SCRAM-SHA-256$4096:W22ZaJ0S".parse::<ScramKeys>().is_err());
/// # Ok::<(), imap_backend::BadScramKeys>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ScramKeys {
    iterations: NonZeroU32,
    salt: Vec<u8>,
    stored_key: [u8; KEY],
    server_key: [u8; KEY],
}

/// A text that is not the keys of SCRAM-SHA-256. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadScramKeys;

impl fmt::Display for BadScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not of the form SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey")
    }
}

impl std::error::Error for BadScramKeys {}

impl ScramKeys {
    /// How often clients of users whom there is not are asked to iterate. Keys with as many hide best who there is: OWASP's
    /// recommendation for PBKDF2 with SHA-256.
    pub const ITERATIONS: NonZeroU32 = NonZeroU32::new(600_000).expect("it is not zero");

    /// Keys from their parts.
    #[must_use]
    pub fn new(iterations: NonZeroU32, salt: Vec<u8>, stored_key: [u8; KEY], server_key: [u8; KEY]) -> Self {
        Self {
            iterations,
            salt,
            stored_key,
            server_key,
        }
    }

    /// How often a client has to iterate.
    #[must_use]
    pub fn iterations(&self) -> u32 {
        self.iterations.get()
    }

    /// The salt, which is no secret.
    #[must_use]
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// What a client's proof is checked with.
    #[must_use]
    pub fn stored_key(&self) -> &[u8; KEY] {
        &self.stored_key
    }

    /// What the server proves with that it knows the user.
    #[must_use]
    pub fn server_key(&self) -> &[u8; KEY] {
        &self.server_key
    }
}

impl FromStr for ScramKeys {
    type Err = BadScramKeys;

    fn from_str(text: &str) -> Result<Self, BadScramKeys> {
        let parse = || {
            let (count, keys) = text.strip_prefix("SCRAM-SHA-256$")?.split_once('$')?;
            let (iterations, salt) = count.split_once(':')?;
            let (stored_key, server_key) = keys.split_once(':')?;
            let key = |text| Base64::decode_vec(text).ok()?.try_into().ok();
            let salt = Base64::decode_vec(salt).ok()?;
            (!salt.is_empty()).then_some(Self {
                iterations: iterations.parse().ok()?,
                salt,
                stored_key: key(stored_key)?,
                server_key: key(server_key)?,
            })
        };
        parse().ok_or(BadScramKeys)
    }
}

impl fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScramKeys(hidden)")
    }
}
