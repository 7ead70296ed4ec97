//! What the reader and the writer say of files that a splitter with the whole file in memory understands too.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;

use chrono::DateTime;
use imap_updates::Flags;
use proptest::collection::vec;
use proptest::prelude::*;

use super::entry::{Entry, EntryMessage, Items, Section};
use super::reader::Reader;
use super::status::Filter;
use super::writer::Writer;
use crate::message::{Message, Unreadable};

/// Octets that come in pieces of at most so many.
struct Pieces<'o>(&'o [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.1.min(into.len());
        self.0.read(&mut into[..length])
    }
}

/// The messages of a file: where each begins, and its text.
fn read(file: &[u8], piece: usize) -> io::Result<Vec<(u64, Vec<u8>)>> {
    let mut reader = Reader::new(Pieces(file, piece), 0);
    let mut messages = Vec::new();
    while let Some(start) = reader.next()? {
        let mut text = Vec::new();
        while reader.read(&mut text)? {}
        messages.push((start, text));
    }
    Ok(messages)
}

fn is_empty(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n")
}

/// The same by the rules, line by line; `None` where something is before the first message.
fn split(file: &[u8]) -> Option<Vec<(u64, Vec<u8>)>> {
    let mut messages: Vec<(u64, Vec<&[u8]>)> = Vec::new();
    let (mut at, mut after_empty) = (0, true);
    for line in file.split_inclusive(|octet| *octet == b'\n') {
        if after_empty && line.starts_with(b"From ") {
            messages.push((at, Vec::new()));
            after_empty = false;
        } else {
            after_empty = is_empty(line);
            match messages.last_mut() {
                Some((_, lines)) => lines.push(line),
                None if after_empty => {}
                None => return None,
            }
        }
        at += line.len() as u64;
    }
    let text = |mut lines: Vec<&[u8]>| {
        lines.pop_if(|line| is_empty(line));
        let unquoted = |line: &&[u8]| {
            let quotes = line.iter().take_while(|octet| **octet == b'>').count();
            let is_quoted = quotes > 0 && line[quotes..].starts_with(b"From ");
            line[usize::from(is_quoted)..].to_vec()
        };
        let mut text: Vec<u8> = lines.iter().flat_map(unquoted).collect();
        if text.last().is_some_and(|last| *last != b'\n') {
            text.push(b'\n');
        }
        text
    };
    Some(
        messages
            .into_iter()
            .map(|(at, lines)| (at, text(lines)))
            .collect(),
    )
}

/// Parts of lines of which files are made.
fn parts() -> impl Strategy<Value = Vec<&'static str>> {
    let parts = [
        "From ",
        "From kit\n",
        "\nFrom kit Fri\n",
        ">From ",
        ">>From me",
        ">",
        ">>",
        "Fro",
        "From",
        "\n",
        "\n\n",
        "\r\n",
        "\r\n\r\n",
        "\r",
        "a",
        "Subject: x\n",
        "Stat",
        "Status: x",
        "\u{fc}\u{df}",
        " ",
        "Status\n",
        "X-Statu",
        "X-Keyword: y",
        "ooooooooooooooooooooooooooooooooooooooooooooooooo",
        "\0",
    ];
    vec(prop::sample::select(parts.to_vec()), 0..40)
}

proptest! {
    #[test]
    fn a_file_has_the_messages_that_it_has_when_it_is_read_as_a_whole(
        parts in parts(), begins in any::<bool>(), piece in 1..70_usize
    ) {
        let begin = if begins { "From ada\n" } else { "" };
        let file = (begin.to_owned() + &parts.concat()).into_bytes();
        match split(&file) {
            Some(messages) => prop_assert_eq!(read(&file, piece).unwrap(), messages),
            None => prop_assert!(read(&file, piece).is_err()),
        }
    }

    #[test]
    fn what_is_written_is_read_the_same(
        messages in vec(parts(), 0..5), flags in 0..32_u8, words in vec("[a-z$]{1,9}", 0..3), piece in 1..70_usize
    ) {
        let system = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];
        let set = system.iter().enumerate().filter(|(bit, _)| flags & (1 << bit) != 0).map(|(_, flag)| (*flag).to_owned());
        let flags: Flags = set.chain(words).collect::<Vec<_>>().join(" ").parse().unwrap();
        // A field of these is not written, and one of several CR before a LF is gone.
        let texts: Vec<String> = messages.iter().map(|parts| {
            parts.concat().replace("Status: x", "Status x").replace('\r', "").replace('\n', "\r\n")
        }).collect();
        let mut file = Vec::new();
        for text in &texts {
            let mut writer = Writer::begin(&mut file, DateTime::UNIX_EPOCH, &flags).unwrap();
            for octets in text.as_bytes().chunks(piece) {
                writer.push(octets).unwrap();
            }
            writer.finish().unwrap();
        }
        let read_back = read(&file, piece).unwrap();
        let whole = split(&file);
        prop_assert_eq!(Some(&read_back), whole.as_ref());
        prop_assert_eq!(read_back.len(), texts.len());
        for ((_, octets), text) in read_back.iter().zip(&texts) {
            let (kept, found) = filtered(octets, piece);
            let mut expected = text.replace("\r\n", "\n");
            if !expected.is_empty() && !expected.ends_with('\n') {
                expected.push('\n');
            }
            prop_assert_eq!(kept, expected);
            prop_assert_eq!(&found, &flags);
        }
    }

    #[test]
    fn messages_are_known_again_when_the_file_has_grown(
        before in vec(parts(), 1..5), after in parts(), cut in 0..3_usize, piece in 1..70_usize
    ) {
        let mut file = Vec::new();
        for parts in &before {
            let mut writer = Writer::begin(&mut file, DateTime::UNIX_EPOCH, &Flags::empty()).unwrap();
            writer.push(parts.concat().as_bytes()).unwrap();
            writer.finish().unwrap();
        }
        // Other programs leave out the empty line at the end, or the end of the last line, until a message follows.
        let short = &file[..file.len() - cut.min(file.iter().rev().take_while(|octet| **octet == b'\n').count())];
        let grown = [&file[..], b"From eve\n", after.concat().as_bytes()].concat();
        let (short, grown) = (items(short, piece), items(&grown, 70 - piece));
        prop_assert_eq!(&short, &grown[..before.len()]);
        prop_assert_eq!(grown.iter().collect::<std::collections::HashSet<_>>().len(), grown.len());
    }
}

fn filtered(text: &[u8], piece: usize) -> (String, Flags) {
    let (mut filter, mut out) = (Filter::new(Vec::new()), Vec::new());
    for octets in text.chunks(piece) {
        filter.push(octets, &mut out);
    }
    filter.finish(&mut out);
    (String::from_utf8(out).unwrap(), filter.flags())
}

fn entries(file: &[u8], piece: usize) -> Vec<Entry> {
    let mut reader = Reader::new(Pieces(file, piece), 0);
    let mut entries = Vec::new();
    while let Some(entry) = Entry::next(&mut reader).unwrap() {
        entries.push(entry);
    }
    entries
}

fn items(file: &[u8], piece: usize) -> Vec<String> {
    let mut items = Items::default();
    entries(file, piece)
        .iter()
        .map(|entry| items.next(entry).name)
        .collect()
}

#[test]
fn a_message_is_known_again_where_others_are_gone_and_its_flags_are_others() {
    let file = b"From a\nSubject: 1\n\nx\n\nFrom a\nSubject: 2\nStatus: O\n\nx\n\nFrom a\nSubject: 2\nStatus: RO\n\nx\n";
    let known = items(file, 7);
    assert!(known[1].ends_with(" 0") && known[2].ends_with(" 1"), "{known:?}");
    assert_eq!(
        items(b"From a\r\nX-Status: F\r\nSubject: 2\r\n\r\nx", 7),
        known[1..2]
    );
}

#[test]
fn fields_for_flags_are_read_and_removed_from_the_header_alone() {
    let text = "To: ada\nsTATUS: RO\nStatus-Of: x\nX-Status: AF\r\nX-Keywords: Work\n  $Forwarded \u{fc}\n\tHome\nX: y\n\nStatus: D\n";
    let (mut expected, flags) = (
        "To: ada\nStatus-Of: x\nX: y\n\nStatus: D\n".to_owned(),
        "\\Answered \\Flagged \\Seen",
    );
    for piece in 1..text.len() {
        let (kept, found) = filtered(text.as_bytes(), piece);
        assert_eq!(kept, expected);
        assert_eq!(found, format!("{flags} Work $Forwarded Home").parse().unwrap());
    }
    expected.clear();
    assert_eq!(filtered(b"Status: R", 3), (expected, "\\Seen".parse().unwrap()));
}

#[test]
fn a_line_of_any_length_takes_the_memory_of_a_piece() {
    let line = [
        b"From a\n".to_vec(),
        b">".repeat(1 << 20),
        b"From b".to_vec(),
        vec![b'o'; 1 << 20],
    ]
    .concat();
    let mut reader = Reader::new(&line[..], 0);
    reader.next().unwrap();
    let (mut text, mut length) = (Vec::new(), 0);
    while reader.read(&mut text).unwrap() {
        assert!(text.len() <= (64 << 10) + 16, "{}", text.len());
        length += text.len();
        text.clear();
    }
    assert_eq!(length + text.len(), line.len() - "From a\n".len());
}

#[test]
fn the_date_of_a_from_line_is_utc_unless_it_says_a_zone() {
    let dates = [
        (
            "From kit@example.org Fri Jan 31 17:30:00 2025",
            Some("2025-01-31T17:30:00+00:00"),
        ),
        (
            "From \"kit: me\"@x  Sat Feb  1 07:30 2025",
            Some("2025-02-01T07:30:00+00:00"),
        ),
        (
            "From kit Fri Jan 31 17:30:00 +0100 2025",
            Some("2025-01-31T17:30:00+01:00"),
        ),
        (
            "From kit Fri Jan 31 17:30:00 2025 -0330",
            Some("2025-01-31T17:30:00-03:30"),
        ),
        (
            "From kit Fri Jan 31 17:30:00 CET 2025",
            Some("2025-01-31T17:30:00+00:00"),
        ),
        ("From kit Fri Feb 30 17:30:00 2025", None),
        ("From 12:00", None),
        ("From ", None),
    ];
    for (line, expected) in dates {
        let entries = entries(format!("{line}\n").as_bytes(), 5);
        let date = entries[0].append().internal_date().map(|date| date.to_rfc3339());
        assert_eq!(date.as_deref(), expected, "{line}");
    }
}

#[test]
fn a_nul_is_found_where_it_is() {
    let file = b"From a\n\nx\n\nFrom b\n\nab\0c\0\n\nFrom c\n";
    for piece in 1..file.len() {
        let nuls: Vec<_> = entries(file, piece)
            .iter()
            .map(|entry| (entry.start, entry.nul))
            .collect();
        assert_eq!(nuls, [(0, None), (11, Some(21)), (26, None)]);
    }
}

#[tokio::test]
async fn a_message_that_has_changed_since_it_was_looked_at_is_not_stored() {
    let mut file: File = tempfile::tempfile().unwrap();
    file.write_all(b"From a\nSubject: x\nStatus: R\n\nbody\n")
        .unwrap();
    let entry = Entry::next(&mut Reader::new(Section(&file, 0), 0))
        .unwrap()
        .unwrap();
    let mut message = EntryMessage::new(&file, &entry).unwrap();
    for _ in 0..2 {
        let text = message.chunk().await.unwrap().unwrap();
        assert_eq!(text, &b"Subject: x\n\nbody\n"[..]);
        assert_eq!(message.chunk().await.unwrap(), None);
        message.rewind().await.unwrap();
    }
    file.write_all_at(b"y", 16).unwrap();
    message.rewind().await.unwrap();
    let why = loop {
        match message.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it is taken for what it was"),
            Err(why) => break why,
        }
    };
    let Unreadable::Source(failure) = why else {
        panic!("another message of the file may have changed as well: {why:?}");
    };
    assert!(failure.to_string().contains("changed"));
}
