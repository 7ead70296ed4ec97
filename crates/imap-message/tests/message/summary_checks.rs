//! What a summary promises, on any octets: for the properties and for the fuzzer.

use std::borrow::Cow;
use std::num::NonZeroU32;

use imap_message::{
    AddressField, BodyStructure, KeptHeader, Located, Message, Needle, Section, SectionText, Summarizer,
    Summary, select_fields,
};

use super::clean::{assert_envelope_clean, assert_structure_clean};
use super::support::leaves;

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

/// The summary of the octets cut at these places, taken modulo their number.
fn in_chunks(octets: &[u8], mut summarizer: Summarizer, cuts: &[u16]) -> Summary {
    let mut cuts: Vec<usize> = cuts
        .iter()
        .map(|&cut| usize::from(cut) % (octets.len() + 1))
        .collect();
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
pub(crate) fn check(octets: &[u8], cuts: &[u16]) {
    let message = Message::parse(octets);
    let summary = Summary::of(octets);
    assert_eq!(summary.envelope(), message.envelope());
    assert_eq!(summary.structure(), Some(message.structure()));
    assert_eq!(summary.part_structure(&[]), summary.structure());
    for (numbers, part) in leaves(&message.structure()) {
        let Some(BodyStructure::Single(found)) = summary.part_structure(&numbers) else {
            panic!("no part {numbers:?}");
        };
        assert_eq!((&found.encoding, found.octets), (&part.encoding, part.octets));
    }
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
    for name in ["subject", "From", "to", "content-type", "references", "x"] {
        for needle in ["", "a", "=", " ", "\u{fc}"].map(Needle::new) {
            if let Some(is_found) = summary.contains_header(name, &needle) {
                assert_eq!(
                    is_found,
                    message.contains_header(name, &needle),
                    "{name} {needle:?}"
                );
            }
        }
    }
    assert_eq!(in_chunks(octets, Summarizer::new(), cuts), summary);
    assert_eq!(KeptHeader::from_bytes(&summary.to_bytes()), Ok(summary.header()));
    assert_eq!(Summary::from_bytes(&summary.to_bytes()), Ok(summary));

    let header = Summary::of_header(octets);
    assert_eq!(header.envelope(), message.envelope());
    assert_eq!((header.structure(), header.size()), (None, None));
    assert_eq!(header.header_len(), message.header().len() as u64);
    assert_eq!(in_chunks(octets, Summarizer::header_only(), cuts), header);
    assert_eq!(KeptHeader::from_bytes(&header.to_bytes()), Ok(header.header()));
    assert_eq!(Summary::from_bytes(&header.to_bytes()), Ok(header));
}

/// Whatever is read from any octets keeps the promises of a summary.
pub(crate) fn check_stored(octets: &[u8]) {
    // It is read without a look at what only the parts need, and so it may be there where the whole is damaged.
    let header = KeptHeader::from_bytes(octets);
    if let Ok(header) = header {
        let _ = (
            header.sent_at(),
            header.subject_text(),
            header.first_display(AddressField::To),
        );
        let _ = header.message_id().chain(header.ancestors()).count();
    }
    let Ok(summary) = Summary::from_bytes(octets) else {
        return;
    };
    assert_eq!(header, Ok(summary.header()));
    assert_eq!(Summary::from_bytes(&summary.to_bytes()).as_ref(), Ok(&summary));
    assert_envelope_clean(&summary.envelope());
    let _ = summary.sent_date();
    let Some(structure) = summary.structure() else {
        return;
    };
    assert_structure_clean(&structure);
    let size = summary.size().unwrap();
    for (part, _) in leaves(&structure) {
        for text in [SectionText::All, SectionText::Mime, SectionText::Text] {
            if let Some(Located::Range(range)) = summary.locate(&Section {
                part: part.clone(),
                text,
            }) {
                assert!(range.start <= range.end && range.end <= size);
            }
        }
    }
}
