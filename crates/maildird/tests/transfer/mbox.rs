//! mbox files, also such as other programs write.

use std::fs;

use super::common::Site;
use super::{fails, files, string, works};

/// Imports one file into INBOX; gives the texts that are there, sorted.
fn imported(file: &[u8]) -> Vec<String> {
    let site = Site::new();
    let path = site.path().join("file");
    fs::write(&path, file).unwrap();
    works(
        &site,
        &["import", "mbox", "ada", string(&path), "--mailbox", "INBOX"],
    );
    let files = files(&site.maildir());
    let mut texts: Vec<_> = files
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    texts.sort();
    texts
}

#[test]
fn an_mbox_file_is_read_as_it_is_and_not_as_it_says() {
    let from = "From kit@example.org Fri Jan 31 17:30:00 2025";
    for (what, file, expected) in [
        ("an empty file", String::new(), vec![]),
        (
            "quoted lines",
            format!("{from}\nSubject: a\n\n>From me\n>>From you\n> From\n\n"),
            vec!["Subject: a\n\nFrom me\n>From you\n> From\n"],
        ),
        (
            "lengths that are wrong",
            format!("{from}\nContent-Length: 3\n\nlong text\n\n{from}\nContent-Length: 9999\n\nb\n\n"),
            vec!["Content-Length: 3\n\nlong text\n", "Content-Length: 9999\n\nb\n"],
        ),
        (
            "CRLF",
            format!("{from}\r\nSubject: a\r\n\r\nx\r\n\r\n{from}\r\nSubject: b\r\n\r\ny\r\n"),
            vec!["Subject: a\n\nx\n", "Subject: b\n\ny\n"],
        ),
        (
            "an end that was cut off",
            format!("{from}\nSubject: a\n\nx\n\n{from}\nSubject: b\n\nhalf a li"),
            vec!["Subject: a\n\nx\n", "Subject: b\n\nhalf a li\n"],
        ),
        (
            "a line that begins with From and no empty one before",
            format!("{from}\nSubject: a\n\nx\nFrom here on\n"),
            vec!["Subject: a\n\nx\nFrom here on\n"],
        ),
    ] {
        assert_eq!(imported(file.as_bytes()), expected, "{what}");
    }
}

#[test]
fn a_message_that_cannot_be_stored_is_named_and_passed_over_and_the_exit_code_says_so() {
    let site = Site::new();
    let path = site.path().join("file");
    fs::write(&path, "From a\n\nx\n\nFrom b\n\nab\0c\n\nFrom c\n\ny\n").unwrap();
    let import = [
        "import",
        "mbox",
        "ada",
        string(&path),
        "--mailbox",
        "Letters/2024",
    ];
    for stored in ["2 messages, 0 that", "0 messages, 2 that"] {
        let said = fails(&site, &import);
        assert!(
            said.contains("the message at octet 11 is left out: it has a NUL at octet 21"),
            "{said}"
        );
        let summary = format!("imported in all: {stored} were there before, 1 left out");
        assert!(said.contains(&summary), "{said}");
        assert!(said.contains("messages left out: 1"), "{said}");
        assert_eq!(files(&site.maildir().join(".Letters.2024")).len(), 2);
    }
}
