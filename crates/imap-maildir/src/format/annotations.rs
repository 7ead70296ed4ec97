//! The text of `annotations` and `server-annotations`: annotations of a mailbox, or of the server as one user sees it
//! (RFC 5464).
//!
//! The first line is `V<tab>1`. Each further line is an annotation: its name, a tab, and its value, in which octet 1 and `0`,
//! `1`, `t`, `r` and `n` stand for NUL, octet 1, tab, CR and LF. Lines that are none are passed over.

use bytes::Bytes;
use imap_backend::{EntryName, Metadata};

const VERSION: &[u8] = b"V\t1";

pub(crate) fn parse(octets: &[u8]) -> Metadata {
    let lines = octets.split(|&octet| octet == b'\n');
    let entries = lines.filter(|line| *line != VERSION).filter_map(|line| {
        let tab = line.iter().position(|&octet| octet == b'\t')?;
        let name = EntryName::new(std::str::from_utf8(&line[..tab]).ok()?)?;
        Some((name, unescape(&line[tab + 1..])))
    });
    entries.collect()
}

pub(crate) fn write(metadata: &Metadata) -> Vec<u8> {
    let mut out = [VERSION, b"\n"].concat();
    for (name, value) in metadata.iter() {
        out.extend_from_slice(name.as_str().as_bytes());
        out.push(b'\t');
        escape(value, &mut out);
        out.push(b'\n');
    }
    out
}

/// Octets that would end a value or a line, and what stands behind octet 1 for each.
const ESCAPES: [(u8, u8); 5] = [(0, b'0'), (1, b'1'), (b'\t', b't'), (b'\r', b'r'), (b'\n', b'n')];

fn escape(value: &[u8], out: &mut Vec<u8>) {
    for &octet in value {
        match ESCAPES.iter().find(|(escaped, _)| *escaped == octet) {
            Some((_, letter)) => out.extend_from_slice(&[1, *letter]),
            None => out.push(octet),
        }
    }
}

fn unescape(text: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(text.len());
    let mut octets = text.iter();
    while let Some(&octet) = octets.next() {
        if octet != 1 {
            out.push(octet);
            continue;
        }
        let Some(&letter) = octets.next() else { break };
        let escape = ESCAPES.iter().find(|(_, known)| *known == letter);
        out.push(escape.map_or(letter, |(escaped, _)| *escaped));
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_that_are_no_annotation_are_passed_over() {
        let read = parse(b"V\t1\n/private/comment\ta\x01tb\n/other/x\ty\n/private/none\n\n/shared/x\t\x01");
        assert_eq!(write(&read), b"V\t1\n/private/comment\ta\x01tb\n/shared/x\t\n");
    }

    proptest! {
        #[test]
        fn parse_inverts_write(
            entries in proptest::collection::btree_map("/(private|shared)/[a-z .]{1,5}", any::<Vec<u8>>(), 0..5)
        ) {
            let entries = entries.into_iter();
            let entries = entries.filter_map(|(name, value)| Some((EntryName::new(&name)?, value.into())));
            let metadata: Metadata = entries.collect();
            prop_assert_eq!(parse(&write(&metadata)), metadata);
        }
    }
}
