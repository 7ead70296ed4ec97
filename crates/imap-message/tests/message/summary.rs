//! A summary says what the message says, however it came.

use std::borrow::Cow;
use std::num::NonZeroU32;

use imap_message::{Located, Message, Section, SectionText, Summarizer, Summary, select_fields};
use proptest::prelude::*;

use crate::properties::{made, mail_like};
use crate::support::{crlf, leaves, section};

/// The octets of a section, found by the summary.
fn fetch<'o>(octets: &'o [u8], summary: &Summary, section: &Section) -> Option<Cow<'o, [u8]>> {
    let slice = |range: std::ops::Range<u64>| {
        &octets[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
    };
    Some(match summary.locate(section)? {
        Located::Range(range) => Cow::Borrowed(slice(range)),
        Located::Fields { header } => Cow::Owned(select_fields(slice(header), &section.text)),
        other => panic!("{other:?}"),
    })
}

fn in_chunks(octets: &[u8], mut summarizer: Summarizer, cuts: &[prop::sample::Index]) -> Summary {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(octets.len() + 1)).collect();
    cuts.sort_unstable();
    let mut from = 0;
    for cut in cuts {
        summarizer.push(&octets[from..cut]);
        from = cut;
    }
    summarizer.push(&octets[from..]);
    summarizer.finish()
}

/// Every section that the message may have, and some that it has not.
fn sections(octets: &[u8]) -> Vec<Section> {
    let mut parts: Vec<Vec<NonZeroU32>> = vec![Vec::new()];
    for (numbers, _) in leaves(&Message::parse(octets).structure()) {
        parts.extend((1..=numbers.len()).map(|len| numbers[..len].to_vec()));
        for wrong in [1, 2] {
            parts.push([&numbers[..], &[NonZeroU32::new(wrong).unwrap()]].concat());
        }
    }
    let names = || vec![b"subject".to_vec(), b"Content-Type".to_vec()];
    let texts = [
        SectionText::All,
        SectionText::Header,
        SectionText::Text,
        SectionText::Mime,
        SectionText::HeaderFields(names()),
        SectionText::HeaderFieldsNot(names()),
    ];
    let with_texts = |part: Vec<NonZeroU32>| {
        let with = move |text: &SectionText| Section {
            part: part.clone(),
            text: text.clone(),
        };
        texts.iter().map(with).collect::<Vec<_>>()
    };
    parts.into_iter().flat_map(with_texts).collect()
}

/// That the summary answers as the message does, which reads all octets at once and splits them by itself.
fn check(octets: &[u8], cuts: &[prop::sample::Index]) {
    let message = Message::parse(octets);
    let summary = Summary::of(octets);
    assert_eq!(summary.envelope(), message.envelope());
    assert_eq!(summary.structure(), Some(message.structure()));
    assert_eq!(summary.size(), Some(octets.len() as u64));
    assert_eq!(summary.header_len(), message.header().len() as u64);
    assert_eq!(summary.sent_date(), message.sent_date());
    for section in sections(octets) {
        assert_eq!(
            fetch(octets, &summary, &section),
            message.section(&section),
            "{section:?}"
        );
    }
    assert_eq!(in_chunks(octets, Summarizer::new(), cuts), summary);
    assert_eq!(Summary::from_bytes(&summary.to_bytes()), Ok(summary));

    let header = Summary::of_header(octets);
    assert_eq!(header.envelope(), message.envelope());
    assert_eq!((header.structure(), header.size()), (None, None));
    assert_eq!(header.header_len(), message.header().len() as u64);
    assert_eq!(in_chunks(octets, Summarizer::header_only(), cuts), header);
    assert_eq!(Summary::from_bytes(&header.to_bytes()), Ok(header));
}

proptest! {
    #[test]
    fn a_summary_says_what_the_message_says_whatever_the_chunks(
        octets in mail_like(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        check(&octets, &cuts);
        check(&imap_message::to_crlf(&octets), &cuts);
    }

    #[test]
    fn a_summary_of_nested_mail_says_what_the_message_says_whatever_the_chunks(
        made in made(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let (header, body) = made.render(&mut 0);
        check((header + &body).as_bytes(), &cuts);
    }

    #[test]
    fn any_octets_are_a_summary_or_an_error(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Summary::from_bytes(&octets);
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
