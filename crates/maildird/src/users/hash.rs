//! Hashes of passwords.

use std::fmt;
use std::str::FromStr;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, Params};

use super::{MAX_PASSWORD, Password, UsersError};

/// An Argon2id hash of a password, as a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct Phc(String);

impl fmt::Debug for Phc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phc(hidden)")
    }
}

impl Phc {
    /// Hashes a password with a random salt and the hash's default costs (19 MiB of memory, two passes: the OWASP
    /// recommendation). Takes some 20 ms and those 19 MiB: never on a thread that serves connections.
    ///
    /// # Errors
    /// When the operating system gives no random numbers.
    pub fn of(password: &Password) -> Result<Self, UsersError> {
        let hash = Argon2::default().hash_password(password.octets());
        hash.map(|hash| Self(hash.to_string()))
            .map_err(|error| UsersError::Hash(error.to_string()))
    }

    /// A hash that no password is known for, with the default costs: what an unknown user is compared with.
    pub fn of_nobody() -> Self {
        // A constant: its salt and its hash are all zero octets, and to find a password for it is to invert Argon2id.
        let zeros = |octets: usize| "A".repeat((octets * 4).div_ceil(3));
        Self(format!(
            "$argon2id$v=19$m=19456,t=2,p=1${}${}",
            zeros(16),
            zeros(32)
        ))
    }

    /// The hash as a line of the users file has it.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `password` is the one. As slow as [`Phc::of`].
    pub fn verify(&self, password: &[u8]) -> PasswordIs {
        if password.len() > MAX_PASSWORD {
            return PasswordIs::Wrong;
        }
        let Ok(hash) = PasswordHash::new(&self.0) else {
            return PasswordIs::Wrong;
        };
        match Argon2::default().verify_password(password, &hash) {
            Ok(()) => PasswordIs::Right,
            Err(_) => PasswordIs::Wrong,
        }
    }
}

impl FromStr for Phc {
    type Err = String;

    fn from_str(phc: &str) -> Result<Self, String> {
        let hash = PasswordHash::new(phc).map_err(|error| format!("not a PHC string ({error})"))?;
        if hash.algorithm.as_str() != "argon2id" {
            return Err(format!(
                "the hash is {}; only argon2id is accepted",
                hash.algorithm
            ));
        }
        if hash.salt.is_none() || hash.hash.is_none() {
            return Err("the PHC string has no salt or no hash".to_owned());
        }
        Params::try_from(&hash).map_err(|error| format!("the hash's costs cannot be used ({error})"))?;
        Ok(Self(phc.to_owned()))
    }
}

/// What a password check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordIs {
    /// The password belongs to the user.
    Right,
    /// It does not, or there is no such user: the two look the same, in time as well.
    Wrong,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phc(password: &str) -> Phc {
        Phc::of(&password.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_password_verifies_against_its_own_hash_only() {
        let hash = phc("correct horse");
        assert_eq!(hash.verify(b"correct horse"), PasswordIs::Right);
        assert_eq!(hash.verify(b"correct horse "), PasswordIs::Wrong);
        assert_eq!(hash.verify(b""), PasswordIs::Wrong);
        assert_ne!(hash, phc("correct horse"), "each hash has its own salt");
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }

    #[test]
    fn the_hash_of_nobody_is_well_formed_and_costs_what_a_real_one_costs() {
        let nobody: Phc = Phc::of_nobody().0.parse().unwrap();
        assert_eq!(nobody.verify(b""), PasswordIs::Wrong);
        let costs = |phc: &Phc| phc.0.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(costs(&nobody), costs(&phc("x")));
        let lengths = |phc: &Phc| phc.0.split('$').skip(4).map(str::len).collect::<Vec<_>>();
        assert_eq!(lengths(&nobody), lengths(&phc("x")));
    }
}
