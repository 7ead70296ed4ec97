//! Why a command could not be decoded: the verb, and where.

use super::fault::fault;
use super::shown::shown;
use super::{is_tag_octet, words};

/// One sentence for the tagged BAD: what was wrong and at which octet of the command, counted from 1.
pub(crate) fn diagnose(command: &[u8]) -> String {
    let mut at = 1;
    let mut found: Vec<(usize, &[u8])> = Vec::new();
    for word in words(command) {
        found.push((at, word));
        at += word.len() + 1;
    }
    let Some(&(_, tag)) = found.first().filter(|(_, tag)| !tag.is_empty()) else {
        return "no tag at octet 1".to_owned();
    };
    if !tag.iter().all(|&octet| is_tag_octet(octet)) {
        return format!("bad tag {}", shown(tag));
    }
    let Some(&(verb_at, verb)) = found.get(1) else {
        return "no command after the tag".to_owned();
    };
    if verb.is_empty() {
        return format!("space at octet {verb_at} where the command is due");
    }
    let mut name = verb.to_ascii_uppercase();
    let mut arguments = &found[2..];
    if name == b"UID" {
        let Some(&(_, inner)) = found.get(2) else {
            return "UID needs a command after it".to_owned();
        };
        name = [b"UID ", inner.to_ascii_uppercase().as_slice()].concat();
        arguments = &found[3..];
    }
    let name = String::from_utf8_lossy(&name).into_owned();
    let Some(grammar) = grammar(&name) else {
        return format!("unknown command {} at octet {verb_at}", shown(name.as_bytes()));
    };
    if let Some(why) = argument_fault(&name, grammar, arguments) {
        return why;
    }
    // A password must not come back in a text that somebody may show or keep.
    let secret = matches!(name.as_str(), "LOGIN" | "AUTHENTICATE");
    match fault(command).map(|at| (at, &command[at - 1..])) {
        Some((at, rest)) if rest.starts_with(b"\r") || rest.starts_with(b"\n") => {
            format!("{name}: ends at octet {at} where more is due")
        }
        Some((at, _)) if secret => format!("{name}: cannot go on like that at octet {at}"),
        Some((at, rest)) => {
            let from = usize::from(rest.starts_with(b" "));
            let word = words(&rest[from..]).next().unwrap_or_default();
            format!(
                "{name}: cannot go on like that at octet {}: {}",
                at + from,
                shown(word)
            )
        }
        None => format!("{name}: cannot understand its arguments"),
    }
}

/// The arguments of a command, as far as they can be told apart without decoding.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Argument {
    Set,
    Items,
    StoreItem,
    /// One string or list that only the codec can judge.
    Other,
}

/// The arguments of the commands, RFC 9051, chapter 6, and the extensions.
fn grammar(name: &str) -> Option<&'static [Argument]> {
    use Argument::{Items, Other, Set, StoreItem};
    Some(match name {
        "CAPABILITY" | "NOOP" | "LOGOUT" | "STARTTLS" | "CHECK" | "CLOSE" | "UNSELECT" | "EXPUNGE"
        | "IDLE" | "NAMESPACE" => &[],
        "LOGIN" | "RENAME" | "LIST" | "LSUB" | "STATUS" | "APPEND" | "GETMETADATA" | "SETMETADATA"
        | "SETQUOTA" => &[Other, Other],
        "SELECT" | "EXAMINE" | "CREATE" | "DELETE" | "SUBSCRIBE" | "UNSUBSCRIBE" | "AUTHENTICATE"
        | "ENABLE" | "GETQUOTA" | "GETQUOTAROOT" | "ID" | "SEARCH" | "UID SEARCH" | "ESEARCH" => &[Other],
        "FETCH" | "UID FETCH" => &[Set, Items],
        "STORE" | "UID STORE" => &[Set, StoreItem, Other],
        "COPY" | "UID COPY" | "MOVE" | "UID MOVE" => &[Set, Other],
        "UID EXPUNGE" => &[Set],
        _ => return None,
    })
}

fn argument_fault(name: &str, grammar: &[Argument], arguments: &[(usize, &[u8])]) -> Option<String> {
    if grammar.is_empty() {
        let &(at, word) = arguments.first()?;
        return Some(format!(
            "{name} takes no arguments, but has {} at octet {at}",
            shown(word)
        ));
    }
    for (index, argument) in grammar.iter().enumerate() {
        let Some(&(at, word)) = arguments.get(index) else {
            return Some(format!(
                "{name}: argument {} of at least {} is missing",
                index + 1,
                grammar.len()
            ));
        };
        if word.is_empty() {
            return Some(format!("{name}: unexpected space at octet {at}"));
        }
        let fault = match argument {
            Argument::Set => set_fault(word).map(str::to_owned),
            Argument::Items => item_fault(&arguments[index..]),
            Argument::StoreItem => store_fault(word),
            Argument::Other => None,
        };
        if let Some(fault) = fault {
            return Some(format!("{name}: {fault} at octet {at}"));
        }
        if word.starts_with(b"\"") || word.starts_with(b"{") {
            return None; // a string may have spaces: the words after it are not the arguments
        }
    }
    None
}

/// What keeps a word from being a sequence set (RFC 9051, section 9).
fn set_fault(set: &[u8]) -> Option<&'static str> {
    for item in set.split(|&octet| octet == b',') {
        let mut bounds = 0;
        for bound in item.split(|&octet| octet == b':') {
            bounds += 1;
            if bound == b"*" {
                continue;
            }
            if bound.is_empty() || !bound.iter().all(u8::is_ascii_digit) {
                return Some("bad sequence set");
            }
            match std::str::from_utf8(bound)
                .ok()
                .and_then(|digits| digits.parse::<u32>().ok())
            {
                Some(0) => return Some("0 in a sequence set"),
                None => return Some("number too large in a sequence set"),
                Some(_) => {}
            }
        }
        if bounds > 2 {
            return Some("bad sequence set");
        }
    }
    None
}

fn store_fault(word: &[u8]) -> Option<String> {
    let item = word.to_ascii_uppercase();
    let item = item
        .strip_prefix(b"+")
        .or(item.strip_prefix(b"-"))
        .unwrap_or(&item);
    (!matches!(item, b"FLAGS" | b"FLAGS.SILENT") && !item.starts_with(b"("))
        .then(|| format!("expected FLAGS, +FLAGS or -FLAGS, found {}", shown(word)))
}

/// The first word that is no FETCH item (RFC 9051, section 6.4.5); arguments of sections are passed over.
fn item_fault(words: &[(usize, &[u8])]) -> Option<String> {
    let mut depth = 0;
    for (index, &(at, word)) in words.iter().enumerate() {
        let name = word.to_ascii_uppercase();
        let name = name.strip_prefix(b"(").unwrap_or(&name);
        if depth == 0 && !is_item(name) {
            return Some(if index == 0 {
                format!("unknown item {}", shown(word))
            } else {
                format!("unknown item {} (octet {at})", shown(word))
            });
        }
        for &octet in word {
            match octet {
                b'[' => depth += 1,
                b']' => depth -= 1,
                _ => {}
            }
        }
    }
    None
}

fn is_item(name: &[u8]) -> bool {
    let name = name.strip_suffix(b")").unwrap_or(name);
    [
        &b"BODY["[..],
        b"BODY.PEEK[",
        b"BINARY[",
        b"BINARY.PEEK[",
        b"BINARY.SIZE[",
    ]
    .iter()
    .any(|prefix| name.starts_with(prefix))
        || [
            &b"ALL"[..],
            b"FAST",
            b"FULL",
            b"BODY",
            b"BODYSTRUCTURE",
            b"ENVELOPE",
            b"FLAGS",
            b"INTERNALDATE",
            b"RFC822",
            b"RFC822.HEADER",
            b"RFC822.SIZE",
            b"RFC822.TEXT",
            b"UID",
            b"MODSEQ",
            b"",
        ]
        .contains(&name)
}

#[cfg(test)]
mod tests {
    use super::diagnose;

    #[test]
    fn the_sentence_names_what_was_wrong_and_where() {
        for (command, why) in [
            ("\r\n", "no tag at octet 1"),
            ("a\r\n", "no command after the tag"),
            ("a  NOOP\r\n", "space at octet 3 where the command is due"),
            ("a FROB x\r\n", "unknown command FROB at octet 3"),
            ("a UID FROB 1\r\n", "unknown command UID FROB at octet 3"),
            ("a NOOP x\r\n", "NOOP takes no arguments, but has x at octet 8"),
            ("a FETCH 0 FLAGS\r\n", "FETCH: 0 in a sequence set at octet 9"),
            (
                "a UID FETCH x (FLAGS)\r\n",
                "UID FETCH: bad sequence set at octet 13",
            ),
            ("a FETCH 1:2:3 FLAGS\r\n", "FETCH: bad sequence set at octet 9"),
            (
                "a FETCH 4294967296 FLAGS\r\n",
                "FETCH: number too large in a sequence set at octet 9",
            ),
            ("a FETCH 1\r\n", "FETCH: argument 2 of at least 2 is missing"),
            ("a FETCH  1 FLAGS\r\n", "FETCH: unexpected space at octet 9"),
            (
                "a FETCH 1 (NOSUCHITEM)\r\n",
                "FETCH: unknown item (NOSUCHITEM) at octet 11",
            ),
            (
                "a FETCH 1 (FLAGS BAD)\r\n",
                "FETCH: unknown item BAD) (octet 18) at octet 11",
            ),
            (
                "a STORE 1 FLAG (x)\r\n",
                "STORE: expected FLAGS, +FLAGS or -FLAGS, found FLAG at octet 11",
            ),
            ("a LOGIN joe\r\n", "LOGIN: argument 2 of at least 2 is missing"),
            (
                "a UID SEARCH\r\n",
                "UID SEARCH: argument 1 of at least 1 is missing",
            ),
        ] {
            assert_eq!(diagnose(command.as_bytes()), why, "{command}");
        }
    }

    #[test]
    fn the_sentence_is_printable_and_short_whatever_the_client_sent() {
        let odd: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        for command in [[b"a \x80\xff".as_slice(), &odd].concat(), odd] {
            let why = diagnose(&command);
            assert!(
                why.len() < 200 && why.bytes().all(|octet| (32..127).contains(&octet)),
                "{why}"
            );
        }
    }
}
