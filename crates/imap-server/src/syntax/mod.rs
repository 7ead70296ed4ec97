//! What can be told from a command's text without decoding it: its verb, what is wrong with it, whether it uses
//! message sequence numbers. The codec decodes; it gives no reason when it cannot.

mod diagnose;
mod followers;
mod pattern;

pub(crate) use diagnose::diagnose;
pub(crate) use followers::uses_sequence_numbers;
pub(crate) use pattern::{matches, matches_inbox};

/// The second word: `FETCH` of `a1 FETCH 1 FLAGS`. Empty where there is none.
pub(crate) fn verb(command: &[u8]) -> &[u8] {
    words(command).nth(1).unwrap_or_default()
}

/// The words of the first line, split at single spaces: two spaces make an empty word.
fn words(command: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = memchr::memchr2(b'\r', b'\n', command).unwrap_or(command.len());
    command[..end].split(|&octet| octet == b' ')
}
