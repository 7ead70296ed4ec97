//! The message.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use chrono::NaiveDate;

use crate::address::Room;
use crate::build;
use crate::date::parse_day;
use crate::envelope::Envelope;
use crate::field_name::FieldName;
use crate::header::{Field, Fields, header_len, trim};
use crate::part::{Content, Part, Tree};
use crate::search::{Area, Areas, Body, FieldText, Format, Needle, TextKey, TextSearch, decoded};
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
        self.field(name).map(|field| decoded(&field))
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
        let is_address = FieldName::of(name.as_bytes()).is_some_and(FieldName::is_address);
        self.fields().any(|field| {
            field.is_named(name.as_bytes())
                && FieldText::of(trim(field.raw_value()), is_address).contains(needle)
        })
    }

    /// SEARCH BODY (RFC 9051 section 6.4.4); see [`TextKey::body`].
    ///
    /// A [`TextSearch`] does it for a message that is not in memory, and for many strings at once.
    pub fn contains_body(&self, needle: &Needle) -> bool {
        self.contains(TextKey::body(needle))
    }

    /// SEARCH TEXT (RFC 9051 section 6.4.4); see [`TextKey::text`].
    pub fn contains_text(&self, needle: &Needle) -> bool {
        self.contains(TextKey::text(needle))
    }

    fn contains(&self, key: TextKey<'_>) -> bool {
        let keys = [key];
        let mut search = TextSearch::in_message(&keys, self);
        while let Some(range) = search.wanted() {
            let offset = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
            search.push(&self.octets[offset(range.start)..offset(range.end)]);
        }
        search.is_found(0) == Some(true)
    }

    /// Where strings may be looked for, in the order of the message.
    pub(crate) fn areas(&self) -> Vec<Area> {
        let wide = |range: &Range<usize>| range.start as u64..range.end as u64;
        let mut areas = Areas::default();
        for part in &self.tree().parts {
            areas.push_part(wide(&part.header), wide(&part.body), self.searched_body(part));
        }
        areas.finish()
    }

    fn searched_body(&self, part: &Part<'a>) -> Body {
        let encoding = || {
            let mut fields = Fields::new(part.header_of(self.octets));
            let field = fields.find(|field| field.is_named(b"content-transfer-encoding"));
            field.map(|field| field.raw_value())
        };
        match part.content {
            Content::Message(_) => Body::Message,
            Content::Multipart(_) => Body::Other,
            Content::Leaf => Format::of_text(&part.media, encoding).map_or(Body::Other, Body::Text),
        }
    }

    fn tree(&self) -> &Tree<'a> {
        self.tree.get_or_init(|| Tree::of(self.octets))
    }
}
