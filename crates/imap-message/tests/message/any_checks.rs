//! What the crate promises of any octets: for the properties and for the fuzzer.

use imap_message::{Message, Needle, Section, SectionText, Specific};

use super::clean::{assert_envelope_clean, assert_structure_clean};
use super::support::leaves;

/// Everything the crate promises of any octets.
pub(crate) fn check(octets: &[u8]) {
    let message = Message::parse(octets);
    let whole = |part: &[_], text: SectionText| {
        message.section(&Section {
            part: part.to_vec(),
            text,
        })
    };
    assert_eq!([message.header(), message.text()].concat(), octets);
    assert_envelope_clean(&message.envelope());
    let structure = message.structure();
    assert_structure_clean(&structure);
    for (numbers, part) in leaves(&structure) {
        let body = whole(&numbers, SectionText::All).expect("a part of the structure");
        assert_eq!(body.len() as u64, part.octets, "{numbers:?}");
        assert!(
            octets.as_ptr_range().start <= body.as_ptr()
                && body.as_ptr_range().end <= octets.as_ptr_range().end
        );
        assert!(whole(&numbers, SectionText::Mime).is_some());
        let lines = body.iter().filter(|octet| **octet == b'\n').count() as u64;
        match &part.specific {
            Specific::Message { lines: told, .. } => {
                assert_eq!(*told, lines);
                let header = whole(&numbers, SectionText::Header).expect("the header of a message");
                let text = whole(&numbers, SectionText::Text).expect("the text of a message");
                assert_eq!([header, text].concat(), body.as_ref(), "{numbers:?}");
            }
            Specific::Text { lines: told } => assert_eq!(*told, lines),
            Specific::Basic => {}
        }
    }
    let needle = Needle::new("a\u{fc}");
    let found = message.contains_body(&needle);
    assert!(!found || message.contains_text(&needle));
    let day = message.sent_date();
    assert!(day.is_none() || message.field("date").is_some());
    for field in message
        .fields()
        .filter(|field| !field.name().is_empty() && field.name().is_ascii())
    {
        let name = String::from_utf8_lossy(field.name());
        assert!(message.contains_header(&name, &Needle::new("")));
        let decoded = message.decoded_field(&name).expect("a field of the message");
        assert!(message.contains_header(&name, &Needle::new(&decoded)));
    }
}
