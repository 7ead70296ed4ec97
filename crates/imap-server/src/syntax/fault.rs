//! Where the codec gave up, which it does not tell by itself.

use imap_codec::CommandCodec;
use imap_codec::decode::{CommandDecodeError, Decoder};

/// Longer commands are not searched: each step decodes a beginning of the command once more.
const LONGEST: usize = 8 << 10;

/// The first octet, counted from 1, that cannot stand where it stands.
///
/// The codec reads streams: of a beginning that could still become a command it says that it is incomplete. So the
/// fault is the last octet of the shortest beginning that it refuses for good.
pub(crate) fn fault(command: &[u8]) -> Option<usize> {
    if command.len() > LONGEST || !is_refused(command) {
        return None;
    }
    let (mut good, mut bad) = (0, command.len());
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if is_refused(&command[..middle]) {
            bad = middle;
        } else {
            good = middle;
        }
    }
    Some(bad)
}

fn is_refused(beginning: &[u8]) -> bool {
    matches!(
        CommandCodec::default().decode(beginning),
        Err(CommandDecodeError::Failed)
    )
}

/// Whether a command that ends in `end` can still become one: for what comes before a literal.
pub(crate) fn could_go_on(beginning: &[u8]) -> bool {
    !is_refused(beginning)
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn the_fault_is_the_first_octet_that_cannot_stand_there() {
        for (command, wanted) in [
            ("a LOGIN alice secret extra\r\n", "a LOGIN alice secret "),
            (
                "a STATUS INBOX (MESSAGES UNKNOWN)\r\n",
                "a STATUS INBOX (MESSAGES UNK",
            ),
            ("a LIST \"\"\r\n", "a LIST \"\"\r"),
            ("a FETCH 1 (FLAGS\r\n", "a FETCH 1 (FLAGS\r"),
        ] {
            let at = fault(command.as_bytes()).unwrap();
            assert!(
                at <= wanted.len() && wanted.starts_with(&command[..at - 1]),
                "{command:?}: {at}"
            );
            assert!(at + 4 >= wanted.len(), "{command:?}: {at}");
        }
        assert_eq!(fault(b"a NOOP\r\n"), None);
    }
}
