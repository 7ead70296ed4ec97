//! A summary says what the message says, however it came.

use imap_message::{
    KeptHeader, Located, MAX_ADDRESSES, MAX_FIELD, MAX_FIELDS, MAX_PARTS, Needle, Specific, Summarizer,
    Summary,
};
use proptest::prelude::*;

use crate::properties::{made, mail_like};
use crate::summary_checks::{check, check_stored};
use crate::support::{crlf, leaves, outline, section};

proptest! {
    #[test]
    fn a_summary_says_what_the_message_says_whatever_the_chunks(
        octets in mail_like(),
        cuts in prop::collection::vec(any::<u16>(), 0..20),
    ) {
        check(&octets, &cuts);
        check(&imap_message::to_crlf(&octets), &cuts);
    }

    #[test]
    fn a_summary_of_nested_mail_says_what_the_message_says_whatever_the_chunks(
        made in made(),
        cuts in prop::collection::vec(any::<u16>(), 0..20),
    ) {
        let (header, body) = made.render(&mut 0);
        check((header + &body).as_bytes(), &cuts);
    }

    #[test]
    fn any_octets_are_a_summary_or_an_error(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        check_stored(&octets);
    }

    #[test]
    fn a_damaged_summary_is_a_summary_or_an_error(
        octets in mail_like(),
        at in any::<prop::sample::Index>(),
        octet: u8,
        len in any::<prop::sample::Index>(),
    ) {
        let stored = Summary::of(&octets).to_bytes();
        let mut damaged = stored.clone();
        damaged[at.index(stored.len())] = octet;
        check_stored(&damaged);
        prop_assert!(Summary::from_bytes(&stored[..len.index(stored.len())]).is_err());
    }
}

#[test]
fn every_cut_of_a_message_gives_the_same_summary() {
    let octets = crlf(concat!(
        "From: a@b\nSubject : one\n two\nContent-Type: multipart/mixed;\n boundary=\"x y\"\n\n",
        "preamble\n--x y \t\nContent-Type: message/rfc822\n\nSubject: in\n\n-\n--\n--x\n--x y\n\nlast\n--x y--\nend"
    ));
    let whole = Summary::of(&octets);
    for first in 0..=octets.len() {
        for second in first..=octets.len() {
            let mut summarizer = Summarizer::new();
            for piece in [&octets[..first], &octets[first..second], &octets[second..]] {
                summarizer.push(piece);
            }
            assert_eq!(summarizer.finish(), whole, "{first} {second}");
        }
    }
}

#[test]
fn the_line_end_before_a_delimiter_is_that_of_the_line_before() {
    for octets in [
        "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n\r\n\n--b\r\n",
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\na\n--b--\r\n",
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\n\na\r\n--b--\n",
    ] {
        check(octets.as_bytes(), &[]);
    }
}

#[test]
fn a_header_alone_is_complete_where_it_ends() {
    let octets = crlf("Subject: s\nX: y\n\nbody");
    let mut summarizer = Summarizer::header_only();
    for &octet in &octets[..octets.len() - 5] {
        summarizer.push(&[octet]);
        assert!(!summarizer.is_complete());
    }
    summarizer.push(&octets[octets.len() - 5..]);
    assert!(summarizer.is_complete());
    let summary = summarizer.finish();
    assert_eq!(summary.locate(&section("HEADER")), Some(Located::Range(0..20)));
    assert_eq!(summary.locate(&section("TEXT")), None);
}

#[test]
fn a_digest_of_messages_with_ten_thousand_addresses_a_field_stays_small() {
    let list = format!("{}\r\n", "a,\r\n ".repeat(10_000));
    let fields: String = ["From", "Sender", "Reply-To", "To", "Cc", "Bcc"]
        .map(|name| format!("{name}: {list}"))
        .concat();
    let mut summarizer = Summarizer::new();
    summarizer.push(b"Content-Type: multipart/digest; boundary=x\r\n\r\n");
    for _ in 0..82 {
        summarizer.push(b"--x\r\n\r\n");
        summarizer.push(fields.as_bytes());
        summarizer.push(b"\r\nbody\r\n");
    }
    let summary = summarizer.finish();
    assert!(
        summary.heap_size() < MAX_FIELDS + 64 * 1024,
        "{}",
        summary.heap_size()
    );
    let structure = summary.structure().unwrap();
    let mut addresses = 0;
    for (_, part) in leaves(&structure) {
        if let Specific::Message { envelope, .. } = &part.specific {
            let lists = [&envelope.from, &envelope.to, &envelope.cc, &envelope.bcc];
            addresses += lists.into_iter().map(Vec::len).sum::<usize>();
        }
    }
    assert!((1_000..=MAX_ADDRESSES).contains(&addresses), "{addresses}");
    assert!(outline(&structure).matches("message/rfc822(text/plain)").count() == 82);
}

#[test]
fn type_and_encoding_of_a_part_are_kept_when_everything_else_is_too_much() {
    let filler = "x".repeat(MAX_FIELD);
    let part = format!(
        "--x\r\nContent-Description: {filler}\r\nContent-Disposition: {filler}\r\nContent-Type: image/png; name=n\r\nContent-Transfer-Encoding: base64\r\n\r\n\r\n"
    );
    let message = format!(
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n{}--x--\r\n",
        part.repeat(MAX_PARTS - 2)
    );
    let summary = Summary::of(message.as_bytes());
    assert!(
        summary.heap_size() < MAX_FIELDS + 64 * 1024,
        "{}",
        summary.heap_size()
    );
    let structure = summary.structure().unwrap();
    let leaves = leaves(&structure);
    assert_eq!(leaves.len(), MAX_PARTS - 2);
    for (_, part) in leaves {
        assert_eq!(
            (&*part.media_type, &*part.subtype, &*part.encoding),
            (&b"image"[..], &b"png"[..], &b"base64"[..])
        );
    }
}

#[test]
fn a_field_that_is_too_long_ends_with_a_whole_entry() {
    let message = format!(
        "To: {}\r\nReferences: {}\r\nSubject: {}\r\n\r\n",
        "joe@example.org, ".repeat(10_000),
        "<id@example.org> ".repeat(10_000),
        "s".repeat(100_000)
    );
    let summary = Summary::of(message.as_bytes());
    let envelope = summary.envelope();
    assert!(envelope.to.len() > 3_000, "{}", envelope.to.len());
    assert!(
        envelope
            .to
            .iter()
            .all(|address| address.host.as_deref() == Some(b"example.org"))
    );
    assert!(summary.references().unwrap().ends_with(b"<id@example.org>"));
    assert_eq!(
        envelope.subject.as_ref().map(|subject| subject.len()),
        Some(MAX_FIELD)
    );
    assert_eq!(summary.contains_header("to", &Needle::new("nobody")), None);
    assert_eq!(summary.contains_header("to", &Needle::new("joe")), Some(true));
    assert_eq!(summary.contains_header("cc", &Needle::new("joe")), Some(false));
    assert_eq!(summary.contains_header("x-other", &Needle::new("joe")), None);
}

#[test]
fn an_ordinary_summary_takes_some_hundred_octets() {
    let message = crlf(concat!(
        "Received: from a by b\nDate: Mon, 1 Jan 2001 10:00:00 +0000\nFrom: Joe Doe <joe@example.org>\n",
        "To: Jane Roe <jane@example.org>\nSubject: a subject of the usual length\nMessage-ID: <0123456789@example.org>\n",
        "Content-Type: multipart/alternative; boundary=\"=-0123456789\"\n\n",
        "--=-0123456789\nContent-Type: text/plain; charset=utf-8\n\ntext\n",
        "--=-0123456789\nContent-Type: text/html; charset=utf-8\n\n<p>text\n--=-0123456789--\n"
    ));
    let summary = Summary::of(&message);
    assert!(summary.heap_size() < 500, "{}", summary.heap_size());
    assert!(summary.to_bytes().len() < 350, "{}", summary.to_bytes().len());
}

#[test]
fn a_summary_of_another_version_is_refused() {
    let mut stored = Summary::of(b"Subject: s\r\n\r\n").to_bytes();
    assert_eq!(stored[0], 1);
    stored[0] = 2;
    assert!(Summary::from_bytes(&stored).is_err());
    assert!(Summary::from_bytes(b"").is_err());
    assert!(KeptHeader::from_bytes(&stored).is_err());
    assert!(KeptHeader::from_bytes(b"").is_err());
}

/// The octets are stored by others: a change that reads them otherwise must be seen here, and take a new version.
#[test]
fn version_1_stays_readable() {
    let message = b"Subject: s\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nb\r\n--x--\r\n";
    let stored = Summary::of(message).to_bytes();
    let wanted = b"\x01\x4b\x00\x02\x01\x00\x39\x11\x04\x22\x02\x00\x3e\x02\x01\x00\x00\x01\x01\x01\x00s\x10\x1b\x00multipart/mixed; boundary=x";
    assert_eq!(
        stored.escape_ascii().to_string(),
        wanted.escape_ascii().to_string()
    );
}
