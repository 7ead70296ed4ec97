//! What others do to a mailbox, and what a client does that follows it.

use super::cache::Cache;
use super::random::Random;

/// The commands of one change by somebody else, who has INBOX selected.
pub(crate) fn change(random: &mut Random) -> Vec<String> {
    let number = random.below(30) + 1;
    match random.below(6) {
        0 | 1 => vec![append(number)],
        2 => {
            let flag = random.pick(&["\\Seen", "\\Flagged", "$Junk"]);
            let sign = random.pick(&["+", "-"]);
            let last = number + random.below(3);
            vec![format!("UID STORE {number}:{last} {sign}FLAGS ({flag})")]
        }
        3 => vec![
            format!("UID STORE {number} +FLAGS.SILENT (\\Deleted)"),
            "EXPUNGE".to_owned(),
        ],
        4 => vec![format!("UID COPY {number} INBOX")],
        _ => vec![format!("UID MOVE {number} INBOX")],
    }
}

fn append(number: u32) -> String {
    let message = format!("Subject: message {number}\r\n\r\nbody {number}\r\n");
    format!("APPEND INBOX {{{}+}}\r\n{message}", message.len())
}

/// What our client does while it is connected.
pub(crate) fn command(cache: &Cache, random: &mut Random) -> String {
    let exists = cache.exists().max(1);
    let seq = random.below(exists) + 1;
    let uid = random.below(40) + 1;
    match random.below(9) {
        0 => "NOOP".to_owned(),
        1 if cache.exists() > 0 => format!("FETCH {seq} (UID FLAGS MODSEQ)"),
        2 if cache.exists() > 0 => format!("STORE {seq} +FLAGS.SILENT (\\Answered)"),
        3 => format!("UID STORE {uid} -FLAGS (\\Seen)"),
        4 => format!(
            "UID STORE {uid} (UNCHANGEDSINCE {}) +FLAGS (\\Draft)",
            cache.modseq()
        ),
        5 => format!("UID FETCH {uid} (FLAGS BODY[HEADER.FIELDS (X-NONE)])"),
        6 => "EXPUNGE".to_owned(),
        7 => "SEARCH ALL".to_owned(),
        _ => cache.ask_for_new(),
    }
}

/// Whether that is an answer to such a command: one by message numbers may speak of a message that has gone.
pub(crate) fn may_be_answered(command: &str, tagged: &str) -> bool {
    tagged.starts_with("OK")
        || tagged.starts_with("NO [")
        || command.starts_with("STORE")
        || command.starts_with("FETCH")
}
