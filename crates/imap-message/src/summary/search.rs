//! What SEARCH asks of a summary: the fields that are kept, and where text lies.

use super::structure::media;
use super::{Extent, Kind, Summary};
use crate::field_name::FieldName;
use crate::search::{self, Area, Areas, Body, FieldText, Format, Needle, TextKey};

impl Summary {
    /// SEARCH HEADER, FROM, TO, CC, BCC and SUBJECT as [`Message::contains_header`](crate::Message::contains_header)
    /// answers them. `None` where the summary cannot tell, so that the header has to be read: it keeps no fields of that
    /// name, or has not kept all of them.
    ///
    /// It keeps Date, Subject, From, Sender, Reply-To, To, Cc, Bcc, In-Reply-To, Message-ID, References and what
    /// BODYSTRUCTURE needs of Content-*.
    pub fn contains_header(&self, name: &str, needle: &Needle) -> Option<bool> {
        self.contains_headers(&[TextKey::header(name, needle)])[0]
    }

    /// As [`contains_header`](Self::contains_header) for many keys: each field is decoded once. Of BODY and TEXT it cannot
    /// tell.
    pub fn contains_headers(&self, keys: &[TextKey<'_>]) -> Vec<Option<bool>> {
        let is_absent = |name| (!self.cut.contains(name)).then_some(false);
        let mut found: Vec<_> = keys
            .iter()
            .map(|key| key.kept_field().and_then(is_absent))
            .collect();
        for (name, value) in self.fields_of(0) {
            let mut text = None;
            for (key, found) in keys.iter().zip(&mut found) {
                if key.kept_field() == Some(name) && *found != Some(true) {
                    let text = text.get_or_insert_with(|| FieldText::of(value, name.is_address()));
                    if text.contains(key.needle()) {
                        *found = Some(true);
                    }
                }
            }
        }
        found
    }

    /// Where strings may be looked for, in the order of the message.
    pub(crate) fn areas(&self) -> Vec<Area> {
        let mut areas = Areas::default();
        for (id, part) in self.parts.iter().enumerate() {
            let (header, body) = (part.header_start..part.body_start, part.body_start..part.body_end);
            areas.push_part(header, body, self.searched_body(id));
        }
        areas.finish()
    }

    /// How much of the message they are of.
    pub(crate) fn searched_extent(&self) -> search::Extent {
        match self.extent {
            Extent::Whole(_) => search::Extent::Whole,
            Extent::Header => search::Extent::Header,
        }
    }

    fn searched_body(&self, id: usize) -> Body {
        let kind = self.parts[id].kind;
        match kind {
            Kind::Message => Body::Message,
            Kind::Multipart | Kind::Opaque => Body::Other,
            Kind::Leaf | Kind::Text => {
                let media = media(kind, self.field_of(id, FieldName::ContentType));
                let encoding = || self.field_of(id, FieldName::ContentTransferEncoding);
                Format::of_text(&media, encoding).map_or(Body::Other, Body::Text)
            }
        }
    }
}
