//! What can be told from a command's text without decoding it: its verb, what is wrong with it, whether it uses
//! message sequence numbers. The codec decodes; it gives no reason when it cannot. Decoded here are the search program of
//! SEARCH and what the codec does not know ([`extension`]).

pub(crate) mod append;
mod diagnose;
pub(crate) mod extension;
mod fault;
pub(crate) mod filter;
mod followers;
mod pattern;
mod reader;
mod reader_fault;
pub(crate) mod search;
#[cfg(test)]
mod search_checks;
mod search_head;
mod shown;
pub(crate) mod url;
pub(crate) mod window;

pub(crate) use diagnose::diagnose;
pub(crate) use fault::could_go_on;
pub(crate) use followers::uses_sequence_numbers;
pub(crate) use pattern::matches;
pub(crate) use reader_fault::Fault;
pub(crate) use search_head::{SearchHead, search_head};
pub(crate) use shown::shown;

/// The first word, if it can be a tag: what a malformed command is answered with.
pub(crate) fn tag(command: &[u8]) -> Option<String> {
    let tag = words(command).next()?;
    let valid = !tag.is_empty() && tag.len() <= LONGEST_TAG && tag.iter().all(|&octet| is_tag_octet(octet));
    valid.then(|| String::from_utf8_lossy(tag).into_owned())
}

/// A longer first word is no tag that anybody would recognise in an answer, in octets.
const LONGEST_TAG: usize = 256;

/// The tag of a command, and what follows it, which begins with a space; `None` where no tag stands.
fn split_tag(command: &[u8]) -> Option<(&[u8], &[u8])> {
    let (tag, rest) = command.split_at(memchr::memchr(b' ', command)?);
    let valid = !tag.is_empty() && tag.iter().all(|&octet| is_tag_octet(octet));
    valid.then_some((tag, rest))
}

fn is_tag_octet(octet: u8) -> bool {
    octet.is_ascii_graphic() && !b"(){%*\"\\+".contains(&octet)
}

/// The words of the first line, split at single spaces: two spaces make an empty word.
fn words(command: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = memchr::memchr2(b'\r', b'\n', command).unwrap_or(command.len());
    command[..end].split(|&octet| octet == b' ')
}
