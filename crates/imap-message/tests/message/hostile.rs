//! Inputs for which a careless parser takes quadratic time: megabytes here, so that a quadratic step takes
//! longer than anybody waits. Every answer is checked as well.

use imap_message::{MAX_FIELDS, MAX_PARTS, Message, Needle, Summarizer, Summary};

use crate::support::{fetch, leaves, parts, structure};

const MANY: usize = 300_000;

#[test]
fn boundary_like_lines_are_looked_at_once() {
    let message = format!(
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n{}--x--",
        "--xx\r\n".repeat(MANY)
    );
    assert_eq!(
        fetch(message.as_bytes(), "1").map(|body| body.len()),
        Some(6 * MANY - 2)
    );
}

#[test]
fn a_boundary_like_line_of_megabytes_is_read_once() {
    let message = format!(
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n--x{}\r\n--x--",
        "--x".repeat(MANY)
    );
    assert_eq!(
        fetch(message.as_bytes(), "1").map(|body| body.len()),
        Some(3 * (MANY + 1))
    );
}

#[test]
fn nested_multiparts_do_not_multiply_the_scan() {
    let mut message = String::new();
    for level in 0..90 {
        message.push_str(&format!(
            "Content-Type: multipart/mixed; boundary={:0>60}\r\n\r\n--{:0>60}\r\n",
            level, level
        ));
    }
    message.push_str("\r\n");
    message.push_str(&format!("--{:0>60}x\r\n", 0).repeat(20_000));
    assert_eq!(leaves(&structure(message.as_bytes())).len(), 1);
}

#[test]
fn unclosed_encoded_words_are_looked_for_once() {
    let message = format!("Subject: {}\r\n\r\n", "=?utf-8?Q?".repeat(MANY));
    assert!(!Message::parse(message.as_bytes()).contains_header("subject", &Needle::new("nowhere")));
    let message = format!("Subject: {}?=\r\n\r\n", "=?".repeat(MANY));
    assert!(!Message::parse(message.as_bytes()).contains_header("subject", &Needle::new("nowhere")));
}

#[test]
fn address_lists_of_megabytes_are_cut_off() {
    for piece in [
        "a,", "=?,", "(", "\"", "<", "a:", ";", "<@a,", "a ", "[", ")", "a)", "\\", "@", ">", "(\\",
    ] {
        let message = format!("To: {}\r\n\r\n", piece.repeat(MANY));
        assert!(
            Message::parse(message.as_bytes()).envelope().to.len() <= 10_001,
            "{piece}"
        );
    }
}

#[test]
fn fields_and_parameters_by_the_hundred_thousand_are_read_once() {
    let message = format!("{}\r\n", "a:\r\n".repeat(MANY));
    assert_eq!(
        fetch(message.as_bytes(), "HEADER.FIELDS a").map(|header| header.len()),
        Some(message.len())
    );
    for piece in [";a=b", ";", "\"", "(", ";a=\"", ";a*0=", "/", "; ("] {
        let message = format!("Content-Type: text/plain{}\r\n\r\n", piece.repeat(MANY));
        assert_eq!(leaves(&structure(message.as_bytes())).len(), 1, "{piece}");
    }
}

#[test]
fn lines_of_messages_in_messages_are_counted_once() {
    let message = format!(
        "{}\r\n{}",
        "Content-Type: message/rfc822\r\n\r\n".repeat(99),
        "\r\n".repeat(MANY * 5)
    );
    assert_eq!(leaves(&structure(message.as_bytes())).len(), 100);
}

#[test]
fn parts_by_the_hundred_thousand_are_capped() {
    for piece in [
        "--x\r\n",
        "--x\r\nContent-Type: message/rfc822\r\n\r\n",
        "--x\r\nContent-Type: multipart/mixed; boundary=x\r\n",
    ] {
        let message = format!(
            "Content-Type: multipart/digest; boundary=x\r\n\r\n{}",
            piece.repeat(100_000)
        );
        assert!(
            parts(&structure(message.as_bytes())).len() <= MAX_PARTS,
            "{piece}"
        );
    }
}

#[test]
fn a_summary_of_megabytes_that_come_octet_by_octet_is_made_in_one_pass_and_stays_small() {
    let multipart = "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n";
    for (start, piece) in [
        ("", "a"),
        ("", "a:\r\n"),
        ("Subject:", " "),
        ("Subject:", "\r\n "),
        ("Subject: s", "\r\n "),
        ("Subject", " "),
        ("Content-Type: text/plain", ";a*0=b"),
        ("To: ", "a,"),
        (multipart, "--x"),
        (multipart, "--x "),
        (multipart, "--xx\r\n"),
        (multipart, "--x\r\nTo: a\r\n\r\n\r\n"),
        (multipart, "-"),
        (multipart, "\r\n-"),
        (multipart, "\r"),
        (multipart, "\0"),
    ] {
        let message = format!("{start}{}", piece.repeat(MANY));
        let mut summarizer = Summarizer::new();
        message
            .as_bytes()
            .chunks(1)
            .for_each(|octet| summarizer.push(octet));
        let summary = summarizer.finish();
        assert_eq!(summary, Summary::of(message.as_bytes()), "{piece:?}");
        assert!(summary.heap_size() < MAX_FIELDS + 64 * 1024, "{piece:?}");
        assert_eq!(Summary::from_bytes(&summary.to_bytes()).as_ref(), Ok(&summary));
        assert_eq!(
            summary.structure(),
            Some(Message::parse(message.as_bytes()).structure()),
            "{piece:?}"
        );
    }
}
