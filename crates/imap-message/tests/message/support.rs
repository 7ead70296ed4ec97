//! Short forms for tests.

use std::borrow::Cow;
use std::num::NonZeroU32;

use imap_message::{BodyStructure, Message, Section, SectionText, SinglePart, Specific};

/// A message written with LF, in CRLF form.
pub(crate) fn crlf(text: &str) -> Vec<u8> {
    imap_message::to_crlf(text.as_bytes()).into_owned()
}

/// Reads `1.2.HEADER`, `HEADER.FIELDS Subject Date`, `1.MIME` and so on.
pub(crate) fn section(text: &str) -> Section {
    let mut words = text.split(' ');
    let mut specifier = words.next().unwrap();
    let names = words.map(|name| name.as_bytes().to_vec()).collect();
    let mut part = Vec::new();
    while let Ok(number) = specifier.split('.').next().unwrap().parse::<NonZeroU32>() {
        part.push(number);
        specifier = specifier.split_once('.').map_or("", |(_, rest)| rest);
    }
    let text = match specifier {
        "" => SectionText::All,
        "HEADER" => SectionText::Header,
        "HEADER.FIELDS" => SectionText::HeaderFields(names),
        "HEADER.FIELDS.NOT" => SectionText::HeaderFieldsNot(names),
        "TEXT" => SectionText::Text,
        "MIME" => SectionText::Mime,
        other => panic!("no section: {other}"),
    };
    Section { part, text }
}

/// The octets of a section as text.
pub(crate) fn fetch(message: &[u8], specifier: &str) -> Option<String> {
    let octets: Cow<'_, [u8]> = Message::parse(message).section(&section(specifier))?;
    Some(String::from_utf8_lossy(&octets).into_owned())
}

pub(crate) fn structure(message: &[u8]) -> BodyStructure<'_> {
    Message::parse(message).structure()
}

pub(crate) fn single<'a>(structure: &'a BodyStructure<'a>) -> &'a SinglePart<'a> {
    match structure {
        BodyStructure::Single(part) => part,
        BodyStructure::Multipart(_) => panic!("a multipart: {structure:?}"),
    }
}

pub(crate) fn parts<'a>(structure: &'a BodyStructure<'a>) -> &'a [BodyStructure<'a>] {
    match structure {
        BodyStructure::Multipart(multipart) => &multipart.parts,
        BodyStructure::Single(_) => panic!("no multipart: {structure:?}"),
    }
}

/// `type/subtype` of everything in the structure, nesting in parentheses.
pub(crate) fn outline(structure: &BodyStructure<'_>) -> String {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    match structure {
        BodyStructure::Multipart(multipart) => {
            let parts: Vec<_> = multipart.parts.iter().map(outline).collect();
            format!("multipart/{}({})", text(&multipart.subtype), parts.join(" "))
        }
        BodyStructure::Single(part) => {
            let own = format!("{}/{}", text(&part.media_type), text(&part.subtype));
            match &part.specific {
                Specific::Message { body, .. } => format!("{own}({})", outline(body)),
                Specific::Basic | Specific::Text { .. } => own,
            }
        }
    }
}

/// Every single part with its part numbers (RFC 3501 section 6.4.5).
pub(crate) fn leaves<'a>(structure: &'a BodyStructure<'a>) -> Vec<(Vec<NonZeroU32>, &'a SinglePart<'a>)> {
    let mut found = Vec::new();
    collect(structure, &[], true, &mut found);
    found
}

fn collect<'a>(
    structure: &'a BodyStructure<'a>,
    numbers: &[NonZeroU32],
    is_message: bool,
    found: &mut Vec<(Vec<NonZeroU32>, &'a SinglePart<'a>)>,
) {
    match structure {
        BodyStructure::Multipart(multipart) => {
            for (part, index) in multipart.parts.iter().zip(1..) {
                let numbers = [numbers, &[NonZeroU32::new(index).unwrap()]].concat();
                collect(part, &numbers, false, found);
            }
        }
        BodyStructure::Single(part) => {
            let numbers = if is_message {
                [numbers, &[NonZeroU32::MIN]].concat()
            } else {
                numbers.to_vec()
            };
            if let Specific::Message { body, .. } = &part.specific {
                collect(body, &numbers, true, found);
            }
            found.push((numbers, part));
        }
    }
}
