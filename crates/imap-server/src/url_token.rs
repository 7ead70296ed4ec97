//! The tokens of authorized URLs (RFC 4467, section 3): HMAC-SHA-256 of the URL up to the token, under the key of the mailbox.

use imap_backend::UrlKey;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

/// The only authorization mechanism there is.
pub(crate) const MECHANISM: &str = "INTERNAL";

/// What a token begins with: which algorithm made it.
const ALGORITHM: &str = "01";

/// A key that nobody has; `None` where the system has no random numbers.
pub(crate) fn fresh_key() -> Option<UrlKey> {
    let mut octets = [0; UrlKey::OCTETS];
    SystemRandom::new().fill(&mut octets).ok()?;
    Some(UrlKey::new(octets))
}

/// The token of a URL.
pub(crate) fn token(key: &UrlKey, rump: &[u8]) -> String {
    let mut token = ALGORITHM.to_owned();
    for octet in hmac::sign(&hmac_key(key), rump).as_ref() {
        token.push_str(&format!("{octet:02x}"));
    }
    token
}

/// Whether a token is that of a URL. Takes equally long for every token of the right length.
pub(crate) fn is_token(key: &UrlKey, rump: &[u8], token: &str) -> bool {
    let octets = token.strip_prefix(ALGORITHM).and_then(from_hex);
    octets.is_some_and(|octets| hmac::verify(&hmac_key(key), rump, &octets).is_ok())
}

fn hmac_key(key: &UrlKey) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.octets())
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<Vec<u8>>>()?;
    let (pairs, []) = digits.as_chunks() else {
        return None;
    };
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_that_of_one_url_under_one_key() {
        let (key, other) = (UrlKey::new([7; 32]), UrlKey::new([8; 32]));
        let url = b"imap://joe@example.com/INBOX/;uid=20;urlauth=anonymous";
        let good = token(&key, url);
        assert_eq!(good.len(), 66);
        assert!(is_token(&key, url, &good) && is_token(&key, url, &good.to_uppercase()));
        assert!(!is_token(&other, url, &good));
        assert!(!is_token(&key, &url[..url.len() - 1], &good));
        for bad in ["", "01", &good[..64], &good[1..], &good.replacen("01", "02", 1)] {
            assert!(!is_token(&key, url, bad), "{bad}");
        }
        for at in 2..good.len() {
            let mut bad = good.clone().into_bytes();
            bad[at] = if bad[at] == b'0' { b'1' } else { b'0' };
            assert!(!is_token(&key, url, &String::from_utf8(bad).unwrap()));
        }
    }

    #[test]
    fn no_key_comes_twice() {
        assert_ne!(fresh_key().unwrap(), fresh_key().unwrap());
    }
}
