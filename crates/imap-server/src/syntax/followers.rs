//! Whether pipelined commands would notice an EXPUNGE (RFC 9051, sections 5.5 and 7.5.1).

use super::words;

/// Whether any command in `input`, received but not yet begun, names messages by sequence number, or may do so.
///
/// Errs on the safe side: a line that is still arriving counts as soon as its verb is not known to be harmless,
/// and the octets of a literal are read as if they were commands. Then an EXPUNGE merely waits a little longer.
pub(crate) fn uses_sequence_numbers(input: &[u8]) -> bool {
    let mut rest = input;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        if line_uses(&rest[..end]) {
            return true;
        }
        rest = &rest[end + 1..];
    }
    !rest.is_empty() && (rest.splitn(3, |&octet| octet == b' ').count() < 3 || line_uses(rest))
}

fn line_uses(line: &[u8]) -> bool {
    let mut words = words(line).skip(1);
    let verb = words.next().unwrap_or_default();
    if [
        &b"FETCH"[..],
        b"STORE",
        b"SEARCH",
        b"SORT",
        b"THREAD",
        b"COPY",
        b"MOVE",
        b"REPLACE",
    ]
    .iter()
    .any(|name| verb.eq_ignore_ascii_case(name))
    {
        return true;
    }
    if !verb.eq_ignore_ascii_case(b"UID") {
        return false;
    }
    let inner = words.next().unwrap_or_default();
    [&b"SEARCH"[..], b"SORT", b"THREAD"]
        .iter()
        .any(|name| inner.eq_ignore_ascii_case(name))
        && words.any(looks_like_a_set)
}

/// `3`, `2:*`, `(1,5`: also an argument of UID or LARGER, which only errs on the safe side.
fn looks_like_a_set(word: &[u8]) -> bool {
    let word = word.trim_ascii();
    let word = word.strip_prefix(b"(").unwrap_or(word);
    let word = word.strip_suffix(b")").unwrap_or(word);
    !word.is_empty()
        && word
            .iter()
            .all(|octet| octet.is_ascii_digit() || b"*:,()".contains(octet))
}

#[cfg(test)]
mod tests {
    use super::uses_sequence_numbers;

    #[test]
    fn sequence_number_commands_anywhere_in_the_pipeline_count() {
        for input in [
            "a FETCH 1 FLAGS\r\n",
            "a NOOP\r\nb store 1 FLAGS ()\r\n",
            "a UID SEARCH 1:5 SEEN\r\n",
            "a uid search (2:*)\r\n",
            "a COPY 1 x\r\n",
            "a STORE 1 +FL",
            "a",
            "a ST",
        ] {
            assert!(uses_sequence_numbers(input.as_bytes()), "{input}");
        }
    }

    #[test]
    fn other_commands_do_not() {
        for input in [
            "",
            "a NOOP\r\n",
            "a UID FETCH 1:* FLAGS\r\nb IDLE\r\n",
            "a UID SEARCH ALL\r\n",
            "DONE\r\n",
        ] {
            assert!(!uses_sequence_numbers(input.as_bytes()), "{input}");
        }
    }
}
