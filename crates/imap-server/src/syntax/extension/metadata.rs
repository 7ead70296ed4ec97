//! The options of GETMETADATA (RFC 5464, section 4.2): before the mailbox by the grammar, behind it in the RFC's examples.

use super::super::reader::Reader;
use super::super::split_tag;

const NAME: &str = "GETMETADATA";

/// The command with its options where the codec reads them; `None` where they are not behind the mailbox, and for other commands.
pub(super) fn options_first(command: &[u8]) -> Option<Vec<u8>> {
    let (tag, rest) = split_tag(command)?;
    if !super::starts_with_name(rest.get(1..)?, NAME) {
        return None;
    }
    let mailbox = tag.len() + 1 + NAME.len() + 1;
    let mut reader = Reader::new(command, mailbox);
    reader.astring_octets().ok()?;
    let options = command.get(reader.at()..)?.strip_prefix(b" (")?;
    let is_option = |name| super::starts_with_name(options, name);
    if !is_option("MAXSIZE") && !is_option("DEPTH") {
        return None;
    }
    let (options, entries) = options.split_at(memchr::memchr(b')', options)? + 1);
    let (begin, mailbox) = (&command[..mailbox], &command[mailbox..reader.at()]);
    Some([begin, b"(", options, b" ", mailbox, entries].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_behind_the_mailbox_come_before_it() {
        for (command, wanted) in [
            (
                "a GETMETADATA \"INBOX\" (MAXSIZE 1024) (/shared/comment /private/comment)",
                "a GETMETADATA (MAXSIZE 1024) \"INBOX\" (/shared/comment /private/comment)",
            ),
            (
                "a getmetadata \"b (DEPTH\" (depth 1 maxsize 2) /private/x",
                "a getmetadata (depth 1 maxsize 2) \"b (DEPTH\" /private/x",
            ),
            (
                "a GETMETADATA {2}\r\n() (DEPTH infinity) /x",
                "a GETMETADATA (DEPTH infinity) {2}\r\n() /x",
            ),
        ] {
            let moved = options_first(command.as_bytes()).map(|moved| String::from_utf8(moved).unwrap());
            assert_eq!(moved.as_deref(), Some(wanted));
        }
        for command in [
            "",
            "a GETMETADATA",
            "a GETMETADATA ",
            "a GETMETADATA x",
            "a GETMETADATA x (",
            "a GETMETADATA x (DEPTH",
            "a GETMETADATA x (/private/x)",
            "a GETMETADATA x (DEPTHS 1) /x",
            "a GETMETADATA (DEPTH 1) x (/private/x)",
            "a SETMETADATA x (DEPTH 1) /x",
        ] {
            assert_eq!(options_first(command.as_bytes()), None, "{command}");
        }
    }
}
