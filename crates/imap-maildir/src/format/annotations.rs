//! The text of `annotations` and `server-annotations`, in which former versions of this server kept annotations of a mailbox, or of
//! the server (RFC 5464). They are read and not written any more.
//!
//! The first line is `V<tab>1`. Each further line is an annotation: its name, a tab, and its value, escaped as in
//! [`attributes`](super::attributes). Lines that are none are passed over.

use imap_backend::{EntryName, Metadata};

use crate::format::attributes::unescape;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_no_annotation_are_passed_over() {
        let read = parse(b"V\t1\n/private/comment\ta\x01tb\n/other/x\ty\n/private/none\n\n/shared/x\t\x01");
        let read: Vec<_> = read
            .iter()
            .map(|(name, value)| (name.as_str(), &value[..]))
            .collect();
        assert_eq!(read, [("/private/comment", &b"a\tb"[..]), ("/shared/x", b"")]);
    }
}
