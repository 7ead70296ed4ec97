//! `$` as the set of a command (RFC 5182, section 3).

/// Commands with a set, with and without UID.
const COMMANDS: [&str; 4] = ["FETCH", "STORE", "COPY", "MOVE"];

/// The command with a set that the codec knows in the place of `$`, which has the same length; `None` for other commands.
pub(super) fn cut(command: &[u8]) -> Option<Vec<u8>> {
    let mut at = memchr::memchr(b' ', command)? + 1;
    let is_uid = super::starts_with_name(&command[at..], "UID");
    if is_uid {
        at += "UID ".len();
    }
    let verb = command.get(at..)?;
    let is_uid_expunge = is_uid && super::starts_with_name(verb, "EXPUNGE");
    let known = COMMANDS.iter().any(|name| super::starts_with_name(verb, name));
    if !known && !is_uid_expunge {
        return None;
    }
    at += memchr::memchr(b' ', verb)? + 1;
    let ends = command
        .get(at + 1)
        .is_none_or(|octet| matches!(octet, b' ' | b'\r'));
    if command.get(at) != Some(&b'$') || !ends {
        return None;
    }
    let mut with_a_set = command.to_vec();
    with_a_set[at] = b'1';
    Some(with_a_set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_stands_in_the_place_of_the_saved_result() {
        for (command, with_a_set) in [
            ("a FETCH $ FLAGS", "a FETCH 1 FLAGS"),
            ("a uid store $ +FLAGS ($Junk)", "a uid store 1 +FLAGS ($Junk)"),
            ("a COPY $ \"$\"", "a COPY 1 \"$\""),
            ("a UID MOVE $ {5}\r\n", "a UID MOVE 1 {5}\r\n"),
            ("a UID EXPUNGE $\r\n", "a UID EXPUNGE 1\r\n"),
            ("a UID EXPUNGE $", "a UID EXPUNGE 1"),
        ] {
            let cut = cut(command.as_bytes()).map(|cut| String::from_utf8(cut).unwrap());
            assert_eq!(cut.as_deref(), Some(with_a_set), "{command}");
        }
        for command in [
            "",
            "a",
            "a FETCH",
            "a FETCH ",
            "a FETCH 1 $",
            "a FETCH $,1 FLAGS",
            "a EXPUNGE $",
            "a SEARCH $",
            "a UID",
            "a UID $",
            "a LOGIN $ x",
        ] {
            assert_eq!(cut(command.as_bytes()), None, "{command}");
        }
    }
}
