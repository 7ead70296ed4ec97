//! Whether pipelined commands would notice an EXPUNGE (RFC 9051, sections 5.5 and 7.5.1).

use super::words;

/// Commands whose arguments are, or may be, message sequence numbers.
const BY_NUMBER: [&[u8]; 8] = [
    b"FETCH", b"STORE", b"SEARCH", b"SORT", b"THREAD", b"COPY", b"MOVE", b"REPLACE",
];

/// Commands behind UID that may have message sequence numbers among their arguments.
const UID_BY_NUMBER: [&[u8]; 3] = [b"SEARCH", b"SORT", b"THREAD"];

/// ESEARCH takes UIDs or message sequence numbers like them (RFC 7377).
const UID_OR_ESEARCH: [&[u8]; 2] = [b"UID", b"ESEARCH"];

/// Whether any command in `input`, received but not yet begun, names messages by sequence number, or may do so.
///
/// Errs on the safe side: a line that is still arriving counts as long as its verb may yet become such a command,
/// and the octets of a literal are read as if they were commands. Then an EXPUNGE merely waits a little longer.
pub(crate) fn uses_sequence_numbers(input: &[u8]) -> bool {
    let mut rest = input;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        if line_uses(&rest[..end]) {
            return true;
        }
        rest = &rest[end + 1..];
    }
    !rest.is_empty() && may_become_use(rest)
}

fn line_uses(line: &[u8]) -> bool {
    let mut words = words(line).skip(1);
    let verb = words.next().unwrap_or_default();
    if is_one_of(verb, &BY_NUMBER) {
        return true;
    }
    let may = match verb.eq_ignore_ascii_case(b"UID") {
        true => is_one_of(words.next().unwrap_or_default(), &UID_BY_NUMBER),
        false => verb.eq_ignore_ascii_case(b"ESEARCH"),
    };
    // The keys behind a literal are on another line.
    may && (line.trim_ascii_end().ends_with(b"}")
        || words.any(|word| looks_like_a_set(word) || names_a_filter(word)))
}

/// For a line without its end: its last word may go on.
fn may_become_use(line: &[u8]) -> bool {
    let parts: Vec<&[u8]> = words(line).collect();
    match parts.as_slice() {
        [_tag] => true,
        [_, verb] => begins_one_of(verb, &BY_NUMBER) || begins_one_of(verb, &UID_OR_ESEARCH),
        [_, verb, ..] if verb.eq_ignore_ascii_case(b"ESEARCH") => true,
        [_, verb, inner] if verb.eq_ignore_ascii_case(b"UID") => begins_one_of(inner, &UID_BY_NUMBER),
        [_, verb, inner, ..] if verb.eq_ignore_ascii_case(b"UID") => is_one_of(inner, &UID_BY_NUMBER),
        _ => line_uses(line),
    }
}

fn is_one_of(word: &[u8], names: &[&[u8]]) -> bool {
    names.iter().any(|name| word.eq_ignore_ascii_case(name))
}

fn begins_one_of(word: &[u8], names: &[&[u8]]) -> bool {
    names
        .iter()
        .any(|name| name.len() >= word.len() && name[..word.len()].eq_ignore_ascii_case(word))
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

/// What a filter stands for may have sequence numbers (RFC 5466).
fn names_a_filter(word: &[u8]) -> bool {
    let begins = word.iter().take_while(|&&octet| octet == b'(').count();
    word[begins..].eq_ignore_ascii_case(b"FILTER")
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
            "a UID SEARCH SUBJECT {1+}\r\nx 1:5\r\n",
            "a UID SEARCH OR SEEN (OR DRAFT ((1:5)))\r\n",
            "a UID SEARCH SEEN ((filter x) DRAFT)\r\n",
            "a COPY 1 x\r\n",
            "a STORE 1 +FL",
            "a",
            "a ",
            "a ST",
            "a NOOP\r\nb uid se",
            "a uid search seen",
            "a ESEARCH IN (personal) 1:5\r\n",
            "a esearch seen",
            "a ES",
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
            "a ESEARCH IN (personal) ALL\r\n",
            "DONE\r\n",
            "a LOGO",
            "a uid fe",
            "a uid fetch 1",
        ] {
            assert!(!uses_sequence_numbers(input.as_bytes()), "{input}");
        }
    }
}
