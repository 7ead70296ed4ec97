//! Names and flags as servers say them.

use super::connection::{quoted, without_escapes};
use super::*;

#[test]
fn a_name_is_said_to_the_server_as_it_was_said_by_it() {
    for (given, between_quotes, text) in [
        ("Sent", "Sent", "Sent"),
        ("a \\\"b\\\"", "a \\\"b\\\"", "a \"b\""),
        ("a\\\\b", "a\\\\b", "a\\b"),
        // From a literal.
        ("a \"b\"", "a \\\"b\\\"", "a \"b\""),
        ("a\\b", "a\\\\b", "a\\b"),
    ] {
        assert_eq!(quoted(given), between_quotes);
        assert_eq!(without_escapes(between_quotes), text);
    }
}

#[test]
fn only_flags_that_can_be_stored_are_taken_and_dates_may_have_one_digit() {
    assert_eq!(flag("\\seen"), Some(Flag::Seen));
    assert_eq!(flag("\\Recent"), None);
    assert_eq!(
        flag("$Forwarded"),
        Keyword::new("$Forwarded").ok().map(Flag::Keyword)
    );
    let date = internal_date(" 1-Feb-2025 10:00:00 +0100").unwrap();
    assert_eq!(date.to_rfc3339(), "2025-02-01T10:00:00+01:00");
}

#[test]
fn messages_are_asked_for_together_up_to_a_size_and_a_large_one_alone() {
    let known = |size| Known {
        uid: 1,
        size,
        append: Append::default(),
        item: Item {
            name: String::new(),
            shown: String::new(),
            date: None,
            size: None,
            amount: 1,
        },
    };
    let of = |sizes: &[u64]| fitting(&sizes.iter().map(|size| known(*size)).collect::<Vec<_>>());
    assert_eq!(of(&[AT_ONCE + 1, 1]), 1);
    assert_eq!(of(&[AT_ONCE - 1, 1, 1]), 2);
    assert_eq!(of(&vec![1; MESSAGES_AT_ONCE + 1]), MESSAGES_AT_ONCE);
}

/// What a server answers to a command, with `TAG` for its tag; `None` where it hangs up.
type Answers = fn(&str) -> Option<&'static str>;

const INBOX: &str = "* LIST () \".\" INBOX\r\nTAG OK\r\n";
const TWO: &str = "* 1 FETCH (UID 3 FLAGS (\\Seen) INTERNALDATE \" 1-Feb-2025 10:00:00 +0000\" RFC822.SIZE 5)\r\n\
                   * 2 FETCH (UID 4 FLAGS () INTERNALDATE \" 1-Feb-2025 10:00:01 +0000\" RFC822.SIZE 5)\r\nTAG OK\r\n";

/// What every server here answers, in which INBOX has two messages.
fn usual(command: &str) -> Option<&'static str> {
    Some(match command.split(' ').next()? {
        "CAPABILITY" => "* CAPABILITY IMAP4rev1\r\nTAG OK\r\n",
        "LIST" => INBOX,
        "EXAMINE" => "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] fine\r\nTAG OK\r\n",
        "UID" if command.contains("RFC822.SIZE") => TWO,
        "UID" => {
            "* 1 FETCH (UID 3 BODY[] {5}\r\nab\r\n\n)\r\n* 2 FETCH (UID 4 BODY[] {5}\r\ncd\r\n\n)\r\nTAG OK\r\n"
        }
        _ => "TAG OK\r\n",
    })
}

/// Answers one connection.
fn serve(listener: std::net::TcpListener, answers: Answers) {
    use std::io::{BufRead, BufReader, Write};
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(b"* OK ready\r\n").unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    while let Some(Ok(line)) = lines.next() {
        let (tag, command) = line.split_once(' ').unwrap();
        let Some(answer) = answers(command) else {
            return;
        };
        let (untagged, hangs_up) = (answer.replace("TAG", tag), !answer.contains("TAG"));
        stream.write_all(untagged.as_bytes()).unwrap();
        if hangs_up {
            return;
        }
    }
}

/// Imports from such a server, and then from one that answers as usual; gives the outcomes, and how many messages are there after
/// each.
async fn imported(answers: Answers) -> [(Result<(), String>, usize); 2] {
    let folder = tempfile::tempdir().unwrap();
    let backend = imap_memory::MemoryBackend::new("ada", "secret");
    let mut outcomes = Vec::new();
    for answers in [answers, usual] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || serve(listener, answers));
        let outcome = async {
            let mut source = ImapServer::log_in(("127.0.0.1", port), Tls::None, "ada", "secret").await?;
            let journal = folder.path().join("journal");
            let mut target = crate::Journaled::open(backend.open(), "ada", &journal)?;
            let plan = crate::Plan::of(&mut source, '/').await?;
            let mut progress = crate::Progress::new("imported");
            plan.carry(&mut source, &mut target, &mut progress).await?;
            progress.outcome()
        };
        let outcome = outcome.await.map_err(|failure: Failure| failure.to_string());
        server.join().unwrap();
        let there = backend.messages(&MailboxName::inbox()).unwrap().len();
        outcomes.push((outcome, there));
    }
    outcomes.try_into().unwrap()
}

#[tokio::test]
async fn no_mailbox_seems_to_have_fewer_messages_because_the_connection_was_lost() {
    let list = |command: &str| match command.contains("RFC822.SIZE") {
        true => {
            Some("* 1 FETCH (UID 3 FLAGS () INTERNALDATE \" 1-Feb-2025 10:00:00 +0000\" RFC822.SIZE 5)\r\n")
        }
        false => usual(command),
    };
    let body = |command: &str| match command.contains("BODY.PEEK[]") {
        true => Some("* 1 FETCH (UID 3 BODY[] {5}\r\nab\r\n\n)\r\n* 2 FETCH (UID 4 BODY[] {5}\r\ncd"),
        false => usual(command),
    };
    for answers in [list as Answers, body] {
        let [(outcome, there), again] = imported(answers).await;
        let why = outcome.unwrap_err();
        assert!(why.contains("closed") || why.contains("bytes remaining"), "{why}");
        assert!(there < 2);
        assert_eq!(again, (Ok(()), 2));
    }
}

#[tokio::test]
async fn what_the_server_does_not_give_is_left_out_and_the_others_come() {
    let not_this = |command: &str| match command {
        "UID FETCH 3,4 (UID BODY.PEEK[])" => {
            Some("* 2 FETCH (UID 4 BODY[] {5}\r\ncd\r\n\n)\r\nTAG NO damaged\r\n")
        }
        one if one.contains("BODY.PEEK[]<") => Some("TAG NO damaged\r\n"),
        other => usual(other),
    };
    let not_nil = |command: &str| match command {
        "UID FETCH 3,4 (UID BODY.PEEK[])" => {
            Some("* 1 FETCH (UID 3 BODY[] NIL)\r\n* 2 FETCH (UID 4 BODY[] {5}\r\ncd\r\n\n)\r\nTAG OK\r\n")
        }
        one if one.contains("BODY.PEEK[]<") => Some("* 1 FETCH (UID 3 BODY[]<0> NIL)\r\nTAG OK\r\n"),
        other => usual(other),
    };
    let not_the_mailbox = |command: &str| match command.starts_with("EXAMINE") {
        true => Some("TAG NO locked\r\n"),
        false => usual(command),
    };
    for (answers, expected) in [(not_this as Answers, 1), (not_nil, 1), (not_the_mailbox, 0)] {
        let [(outcome, there), again] = imported(answers).await;
        assert_eq!(outcome.unwrap_err(), "messages left out: 1");
        assert_eq!(there, expected);
        assert_eq!(again, (Ok(()), 2));
    }
}
