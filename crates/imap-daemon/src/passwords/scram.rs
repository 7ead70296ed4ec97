//! What a server keeps to check SCRAM-SHA-256 (RFC 5802, RFC 7677), in the form of RFC 5803.

use std::borrow::Cow;
use std::num::NonZeroU32;

use base64ct::{Base64, Encoding};
use imap_backend::ScramKeys;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};

use super::{HashError, Password};

/// OWASP's recommendation. Who steals the database tries passwords against this rather than against the Argon2id hash.
const ITERATIONS: NonZeroU32 = ScramKeys::ITERATIONS;

/// Octets of salt: as many as the Argon2id hash has.
const SALT: usize = 16;

/// `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>` of a password, with a random salt. Takes some 100 ms: never on
/// a thread that serves connections.
///
/// The password is normalised by SASLprep (RFC 4013), as clients do it; one that SASLprep refuses is used as it is.
///
/// # Errors
/// When the operating system gives no random numbers.
pub fn scram_sha_256(password: &Password) -> Result<String, HashError> {
    let mut salt = [0; SALT];
    let random = SystemRandom::new().fill(&mut salt);
    random.map_err(|_| HashError("the system has no random numbers".to_owned()))?;
    Ok(keys(&normalised(password.as_str()), &salt, ITERATIONS))
}

fn normalised(password: &str) -> Cow<'_, str> {
    stringprep::saslprep(password).unwrap_or(Cow::Borrowed(password))
}

fn keys(password: &str, salt: &[u8], iterations: NonZeroU32) -> String {
    let mut salted = [0; digest::SHA256_OUTPUT_LEN];
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        iterations,
        salt,
        password.as_bytes(),
        &mut salted,
    );
    let salted = hmac::Key::new(hmac::HMAC_SHA256, &salted);
    let client = hmac::sign(&salted, b"Client Key");
    let stored = digest::digest(&digest::SHA256, client.as_ref());
    let server = hmac::sign(&salted, b"Server Key");
    let base64 = Base64::encode_string;
    format!(
        "SCRAM-SHA-256${iterations}:{}${}:{}",
        base64(salt),
        base64(stored.as_ref()),
        base64(server.as_ref())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_those_of_the_example_in_rfc_7677() {
        let salt = Base64::decode_vec("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let made = keys("pencil", &salt, NonZeroU32::new(4096).unwrap());
        let known = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
                     wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
        assert_eq!(made, known);
    }

    #[test]
    fn a_password_is_normalised_as_clients_do_it() {
        // RFC 4013, section 3: a soft hyphen goes, a Roman numeral becomes letters, a control character is refused.
        for (written, used) in [("I\u{ad}X", "IX"), ("\u{2168}", "IX"), ("\u{7}", "\u{7}")] {
            assert_eq!(normalised(written), used);
        }
    }

    #[test]
    fn each_time_the_salt_is_another() {
        let password = "secret".parse().unwrap();
        let (one, other) = (
            scram_sha_256(&password).unwrap(),
            scram_sha_256(&password).unwrap(),
        );
        assert!(one.starts_with("SCRAM-SHA-256$600000:"), "{one}");
        assert_ne!(one, other);
    }
}
