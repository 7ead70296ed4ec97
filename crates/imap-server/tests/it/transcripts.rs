//! Runs every file of `tests/transcript`: what a client says and what the server has to answer, line by line.
//!
//! ```text
//! # A comment, and empty lines, are passed over.
//! messages: 3            so many messages in INBOX before it starts (common/mod.rs: message)
//! quota: 4 2048          so many messages and octets may be stored
//! rights: lrs some/name  what the user may do in a mailbox, whatever he could say himself
//! saved: 2014-12-28T10:00:00Z  what comes into a mailbox from here on is saved at this moment
//! message limit: 3       so many messages are processed by one command; save limit: the same for COPY and APPEND
//! C: a SELECT INBOX      client 1 sends; consecutive C lines are one write
//! S: * 3 EXISTS          the next line that client 1 receives; <...> stands for anything
//! S2: * 2 EXPUNGE        client 2
//! S: <quiet>             nothing comes for a second
//! S: <end>               the connection is closed
//! ```
//! In C lines `\r`, `\n`, `\0` and `\\` are escapes; a line that ends in `\` has no CRLF. Every client has read its
//! greeting; `login: 2` makes two clients that are logged in and have tags of their own.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::path::Path;

use imap_backend::{MailboxName, Rights};
use imap_server::Limits;

use crate::common::{Client, World};

#[tokio::test(start_paused = true)]
async fn every_transcript_is_answered_as_written() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcript");
    let mut files: Vec<_> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 24, "the transcripts are gone");
    let mut failed = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let shown = name.clone();
        // A task for each, so that one failure does not hide the others.
        if tokio::spawn(async move { play(&name, &text).await })
            .await
            .is_err()
        {
            failed.push(shown);
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

async fn play(name: &str, text: &str) {
    let world = World::with(limits(text));
    let mut clients: Vec<Client> = Vec::new();
    let mut pending: Option<(usize, Vec<u8>)> = None;
    for (index, line) in text.lines().enumerate() {
        let at = format!("{name}:{}", index + 1);
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let (head, rest) = line.split_once(':').unwrap_or_else(|| panic!("{at}: no colon"));
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        match head {
            "message limit" | "save limit" => {}
            "messages" => world.deliver(rest.parse().unwrap()).await,
            "mailbox" => drop(world.user().await.ok(&format!("CREATE {rest}")).await),
            "quota" => {
                let mut limits = rest.split(' ').map(|limit| limit.parse().unwrap());
                world.backend.limit(limits.next(), limits.next());
            }
            "rights" => {
                let (letters, name) = rest.split_once(' ').unwrap();
                let name = MailboxName::new(name).unwrap();
                let restricted = world.backend.restrict(&name, Rights::of_letters(letters));
                restricted.unwrap();
            }
            "saved" => {
                flush(&mut clients, &mut pending).await;
                world.backend.save_at(rest.parse().unwrap());
            }
            "login" => {
                for _ in 0..rest.parse().unwrap() {
                    clients.push(world.user().await);
                }
            }
            _ => {
                let (side, number) = head.split_at(1);
                let number = if number.is_empty() {
                    0
                } else {
                    number.parse::<usize>().unwrap() - 1
                };
                while clients.len() <= number {
                    clients.push(world.connect().await);
                }
                match side {
                    "C" => match &mut pending {
                        Some((to, octets)) if *to == number => octets.extend(unescaped(rest)),
                        _ => {
                            flush(&mut clients, &mut pending).await;
                            pending = Some((number, unescaped(rest)));
                        }
                    },
                    "S" => {
                        flush(&mut clients, &mut pending).await;
                        expect(&mut clients[number], rest, &at).await;
                    }
                    _ => panic!("{at}: neither C nor S"),
                }
            }
        }
    }
    flush(&mut clients, &mut pending).await;
    for client in clients {
        client.ended().await;
    }
}

/// Passed over but where it is expected (RFC 4467, section 8).
const URL_MECHANISMS: &str = "* OK [URLMECH INTERNAL] how URLs are authorized";

/// Of the whole transcript.
fn limits(text: &str) -> Limits {
    let set = |name: &str| {
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.map(|limit| limit.parse().unwrap())
    };
    let mut limits = Limits::default();
    limits.message_limit = set("message limit");
    limits.save_limit = set("save limit");
    limits
}

async fn flush(clients: &mut [Client], pending: &mut Option<(usize, Vec<u8>)>) {
    if let Some((to, octets)) = pending.take() {
        clients[to].send(octets).await;
    }
}

async fn expect(client: &mut Client, wanted: &str, at: &str) {
    match wanted {
        "<quiet>" => assert!(
            client.is_quiet().await,
            "{at}: not quiet: {}",
            client.line().await
        ),
        "<end>" => assert_eq!(
            client.line_or_end().await,
            None,
            "{at}: the connection should be closed"
        ),
        _ => {
            let mut line = client.line().await;
            // The same of every mailbox.
            if line == URL_MECHANISMS && wanted != URL_MECHANISMS {
                line = client.line().await;
            }
            assert!(matches(wanted, &line), "{at}:\n wanted {wanted}\n    got {line}");
        }
    }
}

/// Whether a line is as wanted, `<...>` standing for anything.
fn matches(wanted: &str, line: &str) -> bool {
    let mut pieces = wanted.split("<...>");
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else {
        return rest.is_empty();
    };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            octets.extend(character.to_string().bytes());
            continue;
        }
        match characters.next() {
            Some('r') => octets.push(b'\r'),
            Some('n') => octets.push(b'\n'),
            Some('0') => octets.push(0),
            Some('\\') => octets.push(b'\\'),
            None => return octets,
            Some(other) => octets.extend(format!("\\{other}").bytes()),
        }
    }
    octets.extend_from_slice(b"\r\n");
    octets
}

#[test]
fn a_wanted_line_matches_itself_and_what_its_gaps_allow() {
    assert!(matches("a OK", "a OK") && !matches("a OK", "a OKAY") && !matches("a OK", "b OK"));
    assert!(matches("a OK <...> done", "a OK [X] done") && !matches("a OK <...> done", "a OK [X] gone"));
    assert!(matches("<...>", "") && matches("a<...>b<...>c", "a1b2c") && !matches("a<...>b<...>c", "a1c"));
}
