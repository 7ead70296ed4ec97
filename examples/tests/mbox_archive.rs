//! The archive shows what an mbox file has: compared with the file split as a text, and by real client sessions.
//!
//! The conformance kit fills its mailboxes by APPEND, which an archive refuses; its strict client is used here by itself.

#![allow(clippy::unwrap_used, reason = "in tests a panic is the answer")]

#[path = "../mbox_archive/main.rs"]
#[allow(dead_code, reason = "its `main` is for the example")]
mod mbox_archive;

use imap_backend::*;
use imap_backend_test::{Stage, Subject};
use imap_seq::{Uid, UidSet};
use imap_updates::Access;
use mbox_archive::{Archive, index, read};
use std::io::Write as _;

const FILE: &str = "From a@b Thu Jan  1 00:00:59 2026\nSubject: one\nContent-Length: 3\n\nText\n>From quoted\n>>From twice\n> From not\nFrom no empty line before\n\n\nlast\n\n\
From c@d nonsense\n\n\nno header\r\nCRLF\n\n\
From e@f Fri Jan  2 10:11:12 2026\n\n\
From g@h Fri Jan  2 10:11:12 2026\nSubject: no end";

/// Another reader: the whole text at once.
fn split(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n");
    let mut messages: Vec<Vec<&str>> = vec![];
    let mut after_empty = true;
    for line in text.split('\n') {
        match line.strip_prefix("From ").filter(|_| after_empty) {
            Some(_) => messages.push(vec![]),
            None => messages.last_mut().unwrap().push(line),
        }
        after_empty = line.is_empty();
    }
    let (last, others) = messages.split_last_mut().unwrap();
    others.iter_mut().for_each(|lines| assert_eq!(lines.pop(), Some("")));
    let unquoted = |line: &&str| match line.trim_start_matches('>').starts_with("From ") {
        true => line.strip_prefix('>').unwrap_or(line).to_owned(),
        false => (*line).to_owned(),
    };
    let whole = |lines: &Vec<&str>| lines.iter().map(unquoted).map(|line| line + "\r\n").collect::<String>();
    let mut split: Vec<String> = others.iter().map(whole).collect();
    split.push(last.iter().map(unquoted).collect::<Vec<_>>().join("\r\n"));
    split
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn every_piece_of_every_message_is_that_of_the_file() {
    let long = format!(
        "From x Sat Jan  3 00:00:00 2026\n\n>{}\n>From {}\nlast",
        "y".repeat(9_000),
        "z".repeat(70_000)
    );
    let text = format!("{FILE}\n\n{long}");
    let (file, expected) = (file(&text), split(&text));
    let entries = index(file.as_file()).unwrap();
    assert_eq!(entries.len(), expected.len());
    for (entry, expected) in entries.into_iter().zip(&expected) {
        assert_eq!(entry.size, expected.len() as u64, "{expected:.60}");
        for length in [1, 2, 7, 4_095, 4_096, 70_000] {
            // In order, and back: the place that is kept is no truth of its own.
            let step = if expected.len() > 1_000 { 997 } else { 1 };
            let offsets = (0..expected.len() + 2).step_by(step);
            let mut place = (0, entry.start);
            for offset in offsets.clone().chain(offsets.rev()) {
                let read = read(file.as_file(), entry, &mut place, offset as u64, length as u64).unwrap();
                let end = expected.len().min(offset + length);
                assert!(read == expected.as_bytes()[offset.min(end)..end], "{offset} {length}");
            }
        }
    }
}

#[tokio::test]
async fn a_client_reads_the_archive_and_changes_nothing() {
    let file = file(FILE);
    let archive = Archive::open(file.path().to_str().unwrap()).unwrap();
    let stage = Stage::new(Subject::new(archive, "demo", "demo"));
    let mut user = stage.login().await.unwrap();
    let inbox = MailboxName::inbox();
    let mut selected = user.select(&inbox, Access::ReadOnly).await.unwrap();
    assert_eq!(selected.model.uids(), [1, 2, 3, 4].map(|uid| Uid::new(uid).unwrap()));
    let records = selected.fetch(&selected.model.uids(), Need::BODY).await.unwrap();
    for (record, expected) in records.iter().flatten().zip(split(FILE)) {
        assert_eq!(record.body().unwrap().read_first(10_000).await.unwrap(), expected);
    }
    let date = records[0].as_ref().unwrap().internal_date().unwrap();
    assert_eq!(date.to_rfc3339(), "2026-01-01T00:00:59+00:00");
    assert_eq!(user.status(&inbox).await.unwrap().unseen(), 4);
    let one: UidSet = [Uid::MIN].into_iter().collect();
    let refused = selected.mailbox.expunge(&one).await.unwrap_err().kind();
    assert_eq!(refused, ErrorKind::NoPermission);
    assert_eq!(std::fs::read_to_string(file.path()).unwrap(), FILE);
}

#[tokio::test]
async fn what_is_appended_keeps_the_uids_and_another_file_has_others() {
    let mut file = file(FILE);
    let validity = async |path: &std::path::Path| {
        let mut archive = Archive::open(path.to_str().unwrap()).unwrap();
        let status = archive.status(&MailboxName::inbox(), StatusQuery::ALL).await.unwrap();
        (status.uid_validity(), status.messages())
    };
    let before = validity(file.path()).await;
    file.write_all(b"\n\nFrom x Sat Jan  3 00:00:00 2026\n\nmore\n").unwrap();
    assert_eq!(validity(file.path()).await, (before.0, 5));
    let copy = file.path().with_added_extension("copy");
    std::fs::copy(file.path(), &copy).unwrap();
    let of_copy = validity(&copy).await;
    std::fs::remove_file(copy).unwrap();
    assert_ne!(of_copy.0, before.0);
    // No message at all is an empty mailbox.
    for text in ["", "\n", "no mbox\n"] {
        assert_eq!(validity(self::file(text).path()).await.1, 0, "{text}");
    }
}
