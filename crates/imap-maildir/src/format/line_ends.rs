//! Line ends: CRLF in IMAP, LF in a message file.

use std::borrow::Cow;

use crate::format::wire_form::ToWire;

/// Turns CRLF into LF across pieces, and counts what reading will give.
#[derive(Debug, Default)]
pub(crate) struct LineEnds {
    /// The last octet that was taken in is a CR that has not been given out yet.
    held: Held,
    /// What was given out, as reading will give it.
    wire: ToWire,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Held {
    #[default]
    Nothing,
    CarriageReturn,
}

impl LineEnds {
    /// CRLF becomes LF, unless a CR stands before it: CR LF after a CR must stay, or reading would give one CR less.
    pub(crate) fn shorten<'a>(&mut self, octets: &'a [u8]) -> Cow<'a, [u8]> {
        if self.held == Held::Nothing && !octets.contains(&b'\r') {
            return Cow::Borrowed(octets);
        }
        let mut out = Vec::with_capacity(octets.len() + 1);
        for &octet in octets {
            if self.held == Held::CarriageReturn {
                let after_cr = out
                    .last()
                    .map_or(self.wire.is_after_cr(), |&before| before == b'\r');
                if octet != b'\n' || after_cr {
                    out.push(b'\r');
                }
                self.held = Held::Nothing;
            }
            if octet == b'\r' {
                self.held = Held::CarriageReturn;
            } else {
                out.push(octet);
            }
        }
        Cow::Owned(out)
    }

    pub(crate) fn finish(&mut self) -> &'static [u8] {
        match std::mem::take(&mut self.held) {
            Held::Nothing => b"",
            Held::CarriageReturn => b"\r",
        }
    }

    /// How many octets these become with every LF as CRLF; to be called with everything that is stored, in order.
    pub(crate) fn measure(&mut self, stored: &[u8]) -> u64 {
        stored.len() as u64 + self.wire.count(stored)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As FETCH does it: each LF without a CR before it becomes CRLF.
    pub(crate) fn read_back(stored: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for &octet in stored {
            if octet == b'\n' && out.last() != Some(&b'\r') {
                out.push(b'\r');
            }
            out.push(octet);
        }
        out
    }

    proptest! {
        /// What a client appends with CRLF line ends, it fetches octet for octet, wherever the pieces are cut.
        #[test]
        fn reading_gives_back_what_was_appended(lines in proptest::collection::vec("[ab\r]{0,3}", 0..6), cut in 0usize..20) {
            let message = lines.iter().map(|line| format!("{line}\r\n")).collect::<String>() + "\r";
            let message = message.as_bytes();
            let (head, tail) = message.split_at(cut.min(message.len()));
            let mut line_ends = LineEnds::default();
            let mut stored = Vec::new();
            let mut wire = 0;
            for piece in [head, tail] {
                let short = line_ends.shorten(piece).into_owned();
                wire += line_ends.measure(&short);
                stored.extend_from_slice(&short);
            }
            let rest = line_ends.finish();
            wire += line_ends.measure(rest);
            stored.extend_from_slice(rest);
            prop_assert_eq!(read_back(&stored), message);
            prop_assert_eq!(wire, message.len() as u64);
        }
    }
}
