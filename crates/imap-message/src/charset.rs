//! Charsets, as far as SEARCH has to read them.

use std::borrow::Cow;

use encoding_rs::{Encoding, WINDOWS_1252};

/// The text that `octets` are in the charset of that name; where there is no such charset, what they most likely are.
pub(crate) fn decode<'a>(charset: &[u8], octets: &'a [u8]) -> Cow<'a, str> {
    match known(charset) {
        Some(encoding) => encoding.decode_without_bom_handling(octets).0,
        None => guess(octets),
    }
}

/// The charset of that name. `None` also for US-ASCII: what says so and is not is UTF-8 more often than Windows-1252,
/// which browsers take US-ASCII for.
pub(crate) fn known(charset: &[u8]) -> Option<&'static Encoding> {
    let is_ascii = charset.eq_ignore_ascii_case(b"us-ascii") || charset.eq_ignore_ascii_case(b"ascii");
    if is_ascii {
        return None;
    }
    Encoding::for_label_no_replacement(charset)
}

/// The text that octets without a known charset most likely are: UTF-8 if they can be, else Windows-1252.
pub(crate) fn guess(octets: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(octets) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(octets).0,
    }
}
