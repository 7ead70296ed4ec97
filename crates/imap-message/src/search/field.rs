//! Header fields as SEARCH compares them: decoded once, however many strings are looked for.

use memchr::{memchr2, memchr2_iter, memmem};

use super::needle::{Needle, single_spaced};
use crate::Octets;
use crate::address::{Room, parse_addresses};
use crate::charset;
use crate::collation::casemap;
use crate::encoded_word;
use crate::header::{Field, is_space, unfold};

/// The value of a field as a reader sees it: unfolded, encoded words decoded.
pub(crate) fn decoded(field: &Field<'_>) -> String {
    decoded_text(field.raw_value())
}

fn decoded_text(value: &[u8]) -> String {
    encoded_word::decode(&charset::guess(&unfold(value))).into_owned()
}

/// Adds a field, or the value of one, in the form in which strings are looked for in fields, and a line end, which no
/// string reaches over.
pub(super) fn push_line(field: &[u8], out: &mut Vec<u8>) {
    push_text(&decoded_text(field), out);
}

fn push_text(text: &str, out: &mut Vec<u8>) {
    casemap(&single_spaced(text), out);
    out.push(b'\n');
}

/// What HEADER compares with: the decoded value of a field; of an address field also each address as the envelope lists
/// it, without comments and quoting (RFC 9051 section 6.4.4 searches "the envelope structure's FROM field").
pub(crate) struct FieldText {
    lines: Vec<u8>,
}

impl FieldText {
    pub(crate) fn of(value: &[u8], is_address: bool) -> Self {
        let mut lines = Vec::with_capacity(value.len() + 1);
        push_line(value, &mut lines);
        if is_address && is_written_otherwise(value) {
            push_addresses(value, &mut lines);
        }
        Self { lines }
    }

    /// What strings are looked for in, folded: each line ends with a line end.
    pub(super) fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// Whether the field has the search string in it. An empty one asks for no more than the field.
    pub(crate) fn contains(&self, needle: &Needle) -> bool {
        needle.is_empty() || needle.in_field().find(&self.lines).is_some()
    }
}

fn push_addresses(value: &[u8], out: &mut Vec<u8>) {
    let mut list = Vec::new();
    parse_addresses(value, &mut list, &mut Room::new());
    for address in &list {
        let of = |octets: &Option<Octets<'_>>| octets.as_deref().map(decoded_text).unwrap_or_default();
        let (name, mailbox, host) = (of(&address.name), of(&address.mailbox), of(&address.host));
        push_text(&format!("{name} <{mailbox}@{host}>"), out);
    }
}

/// Whether an address in the value may read otherwise than it is written: comments, quoted pairs, routes, and white space
/// or quotes at an `@` or a dot. Reading the addresses of every field would double the time of a search.
fn is_written_otherwise(value: &[u8]) -> bool {
    let is_loose = |octet: Option<&u8>| octet.is_some_and(|&octet| is_space(octet) || octet == b'"');
    let around = |at: usize| is_loose(value.get(at + 1)) || at > 0 && is_loose(value.get(at - 1));
    memchr2(b'(', b'\\', value).is_some()
        || memmem::find(value, b"<@").is_some()
        || memchr2_iter(b'@', b'.', value).any(around)
}
