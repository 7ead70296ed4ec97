//! Charsets, as far as SEARCH has to read them.

use std::borrow::Cow;

use encoding_rs::{Encoding, WINDOWS_1252};

/// The text that `octets` are in the charset of that name; `None` if there is no such charset.
pub(crate) fn decode<'a>(charset: &[u8], octets: &'a [u8]) -> Option<Cow<'a, str>> {
    // What says US-ASCII and is not is UTF-8 more often than Windows-1252, which browsers take US-ASCII for.
    if is_ascii(charset) {
        return Some(guess(octets));
    }
    let encoding = Encoding::for_label_no_replacement(charset)?;
    Some(encoding.decode_without_bom_handling(octets).0)
}

fn is_ascii(charset: &[u8]) -> bool {
    charset.eq_ignore_ascii_case(b"us-ascii") || charset.eq_ignore_ascii_case(b"ascii")
}

/// The text that octets without a known charset most likely are: UTF-8 if they can be, else Windows-1252.
pub(crate) fn guess(octets: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(octets) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(octets).0,
    }
}
