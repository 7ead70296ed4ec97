//! The message.

use std::borrow::Cow;
use std::sync::OnceLock;

use chrono::NaiveDate;

use crate::address::Room;
use crate::build;
use crate::date::parse_day;
use crate::envelope::Envelope;
use crate::header::{Field, Fields, header_len};
use crate::part::Tree;
use crate::search::{self, Headers, Needle};
use crate::section::{Section, SectionText};
use crate::structure::BodyStructure;

/// One message, in CRLF form ([`to_crlf`](crate::to_crlf)).
///
/// Everything it gives borrows from the octets where it can. The parts are found once, when the first method that needs
/// them is called; the envelope, the header and the fields do not need them, so a message of which only the header was
/// read serves for those.
#[derive(Debug)]
pub struct Message<'a> {
    octets: &'a [u8],
    header_len: usize,
    tree: OnceLock<Tree<'a>>,
}

impl<'a> Message<'a> {
    /// Takes a message's octets. Never fails: any octets are a message. Looks for the end of the header only.
    pub fn parse(octets: &'a [u8]) -> Self {
        Self {
            octets,
            header_len: header_len(octets),
            tree: OnceLock::new(),
        }
    }

    /// The octets it was made of: `BODY[]`.
    pub fn octets(&self) -> &'a [u8] {
        self.octets
    }

    /// The header with its blank line: `BODY[HEADER]`. All of the message if it has no blank line.
    pub fn header(&self) -> &'a [u8] {
        &self.octets[..self.header_len]
    }

    /// What follows the header: `BODY[TEXT]`.
    pub fn text(&self) -> &'a [u8] {
        &self.octets[self.header_len..]
    }

    /// The header's fields in their order.
    pub fn fields(&self) -> Fields<'a> {
        Fields::new(self.header())
    }

    /// The first field of that name.
    pub fn field(&self, name: &str) -> Option<Field<'a>> {
        self.fields().find(|field| field.is_named(name.as_bytes()))
    }

    /// The first field of that name as a reader sees it: unfolded, encoded words (RFC 2047) decoded.
    pub fn decoded_field(&self, name: &str) -> Option<String> {
        self.field(name).map(|field| search::decoded(&field))
    }

    /// ENVELOPE (RFC 9051 section 7.5.2).
    pub fn envelope(&self) -> Envelope<'a> {
        Envelope::of(self.header(), &mut Room::new())
    }

    /// BODYSTRUCTURE, and BODY without the extension data (RFC 9051 section 7.5.2).
    pub fn structure(&self) -> BodyStructure<'a> {
        build::structure(self.octets, self.tree())
    }

    /// The octets of a section (RFC 9051 section 6.4.5), `None` where the message has no such part or the part is no
    /// message and so has no HEADER or TEXT. A server answers `NIL` then. A partial fetch is cut out by the caller.
    ///
    /// They are the message's own octets, NULs included.
    pub fn section(&self, section: &Section) -> Option<Cow<'a, [u8]>> {
        match (&section.text, section.part.is_empty()) {
            (SectionText::All, true) => Some(Cow::Borrowed(self.octets)),
            (text, true) => text.of_message(self.header(), self.text()),
            (_, false) => section.of_part(self.octets, self.tree()),
        }
    }

    /// The day of the `Date:` field as written there, whatever its time and zone, for SENTBEFORE, SENTON and SENTSINCE
    /// (RFC 9051 section 6.4.4). `None` if there is none or it cannot be read.
    pub fn sent_date(&self) -> Option<NaiveDate> {
        parse_day(self.field("date")?.raw_value())
    }

    /// SEARCH HEADER, and FROM, TO, CC, BCC and SUBJECT with that name (RFC 9051 section 6.4.4): whether a field of that
    /// name has the string in its decoded value. The empty string asks for the field's presence.
    pub fn contains_header(&self, name: &str, needle: &Needle) -> bool {
        search::in_field(self.header(), name.as_bytes(), needle)
    }

    /// SEARCH BODY (RFC 9051 section 6.4.4): whether the string is in a text part, decoded from its transfer encoding
    /// and charset, or in the header of a message inside the message.
    ///
    /// Takes memory of about twice the largest text part.
    pub fn contains_body(&self, needle: &Needle) -> bool {
        needle.is_empty() || search::in_body(self.octets, self.tree(), needle, Headers::OfMessages)
    }

    /// SEARCH TEXT (RFC 9051 section 6.4.4): as [`contains_body`](Self::contains_body), or in the header of the message
    /// or of a part.
    pub fn contains_text(&self, needle: &Needle) -> bool {
        needle.is_empty()
            || search::in_header(self.header(), needle)
            || search::in_body(self.octets, self.tree(), needle, Headers::OfParts)
    }

    fn tree(&self) -> &Tree<'a> {
        self.tree.get_or_init(|| Tree::of(self.octets))
    }
}
