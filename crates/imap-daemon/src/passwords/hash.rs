//! Hashes of passwords.

use std::fmt;
use std::str::FromStr;

use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use imap_backend::PasswordCheck;

use super::{HashError, MAX_PASSWORD, Password};

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
    pub fn of(password: &Password) -> Result<Self, HashError> {
        let hash = Argon2::default().hash_password(password.as_str().as_bytes());
        hash.map(|hash| Self(hash.to_string()))
            .map_err(|error| HashError(error.to_string()))
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

    /// The hash as a PHC string, to be stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `password` is the one. As slow as [`Phc::of`], in memory that may have served before.
    pub fn verify(&self, password: &[u8], memory: &mut HashMemory) -> PasswordCheck {
        if password.len() > MAX_PASSWORD {
            return PasswordCheck::Refused;
        }
        match self.hash_again(password, memory) {
            // Compared in constant time.
            Some((stored, computed)) if stored == computed => PasswordCheck::Accepted,
            _ => PasswordCheck::Refused,
        }
    }

    /// The output in the string, and that of `password` with the same salt and costs.
    fn hash_again(&self, password: &[u8], memory: &mut HashMemory) -> Option<(Output, Output)> {
        let phc = PasswordHash::new(&self.0).ok()?;
        let (salt, stored) = (phc.salt?, phc.hash?);
        let version = phc.version.map(Version::try_from).transpose().ok()?;
        let params = Params::try_from(&phc).ok()?;
        let blocks = params.block_count();
        let argon2 = Argon2::new(Algorithm::Argon2id, version.unwrap_or_default(), params);
        let mut computed = [0; Output::MAX_LENGTH];
        let computed = &mut computed[..stored.len()];
        let memory = memory.take(blocks);
        let hashed = argon2.hash_password_into_with_memory(password, &salt, computed, &mut *memory);
        // From what a hash leaves behind, passwords can be guessed faster than the hash allows.
        memory.fill(Block::new());
        hashed.ok()?;
        Some((stored, Output::new(computed).ok()?))
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

/// So many blocks of 1 KiB are reserved at least. Only what is used costs memory. Beyond 32 MiB glibc's allocator always
/// asks the system for a block by itself, and gives it back when it is freed; a smaller one it may keep for ever.
const RESERVED: usize = 33 << 10;

/// The memory that a hash is computed in, kept for the next one.
///
/// Without it each hash allocates its own, and glibc's allocator neither uses such blocks again reliably nor gives them
/// back: a hundred logins made the process grow by some 170 MiB.
#[derive(Default)]
pub struct HashMemory(Vec<Block>);

impl fmt::Debug for HashMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashMemory({} KiB)", self.0.len())
    }
}

impl HashMemory {
    fn take(&mut self, blocks: usize) -> &mut [Block] {
        if self.0.len() < blocks {
            // The old ones are not copied, they hold nothing.
            self.release();
            self.0 = Vec::with_capacity(blocks.max(RESERVED));
            self.0.resize(blocks, Block::new());
        }
        &mut self.0[..blocks]
    }

    /// Whether there is none at the moment.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives the memory back.
    pub fn release(&mut self) {
        self.0 = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phc(password: &str) -> Phc {
        Phc::of(&password.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_password_verifies_against_its_own_hash_only() {
        let (hash, memory) = (phc("correct horse"), &mut HashMemory::default());
        assert_eq!(hash.verify(b"correct horse", memory), PasswordCheck::Accepted);
        assert_eq!(hash.verify(b"correct horse ", memory), PasswordCheck::Refused);
        assert_eq!(hash.verify(b"", memory), PasswordCheck::Refused);
        assert_ne!(hash, phc("correct horse"), "each hash has its own salt");
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }

    #[test]
    fn the_hash_of_nobody_is_well_formed_and_costs_what_a_real_one_costs() {
        let nobody: Phc = Phc::of_nobody().0.parse().unwrap();
        let memory = &mut HashMemory::default();
        assert_eq!(nobody.verify(b"", memory), PasswordCheck::Refused);
        let costs = |phc: &Phc| phc.0.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(costs(&nobody), costs(&phc("x")));
        let lengths = |phc: &Phc| phc.0.split('$').skip(4).map(str::len).collect::<Vec<_>>();
        assert_eq!(lengths(&nobody), lengths(&phc("x")));
    }

    #[test]
    fn memory_that_served_before_changes_no_result_and_keeps_nothing() {
        // Some costs of others: less memory, more passes, several lanes. All of the password "secret".
        let small: Phc =
            "$argon2id$v=19$m=8,t=1,p=1$pJZ0GBjxPR9cbuMI2IFNLg$/5TI07SC1HQp6eNsz5Jz2Vq/zBveClvuB2SW8mALAKo"
                .parse()
                .unwrap();
        let large = phc("secret");
        let memory = &mut HashMemory::default();
        for hash in [&small, &large, &small, &large] {
            assert_eq!(hash.verify(b"secret", memory), PasswordCheck::Accepted);
            assert_eq!(hash.verify(b"Secret", memory), PasswordCheck::Refused);
            let zeros = Block::new();
            let clean = |block: &Block| AsRef::<[u64]>::as_ref(block) == AsRef::<[u64]>::as_ref(&zeros);
            assert!(!memory.is_empty() && memory.0.iter().all(clean));
        }
        memory.release();
        assert!(memory.is_empty());
    }
}
