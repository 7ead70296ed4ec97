//! The search keys that ask for strings.

use super::needle::Needle;
use crate::field_name::FieldName;

/// A search key that asks for a string: HEADER, BODY or TEXT (RFC 9051 section 6.4.4).
#[derive(Debug, Clone, Copy)]
pub struct TextKey<'n> {
    pub(super) place: Place<'n>,
    pub(super) needle: &'n Needle,
}

/// Where the string has to be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'n> {
    Header { name: &'n str, known: Option<FieldName> },
    Body,
    Text,
}

impl<'n> TextKey<'n> {
    /// HEADER, and FROM, TO, CC, BCC and SUBJECT with that name: a field of that name has the string in its decoded
    /// value. The empty string asks for the field's presence.
    pub fn header(name: &'n str, needle: &'n Needle) -> Self {
        let known = FieldName::of(name.as_bytes());
        Self {
            place: Place::Header { name, known },
            needle,
        }
    }

    /// BODY: the string is in a text part, decoded from its transfer encoding and charset, or in the header of a message
    /// inside the message. Delivery reports (`message/delivery-status`) are text too.
    pub fn body(needle: &'n Needle) -> Self {
        Self {
            place: Place::Body,
            needle,
        }
    }

    /// TEXT: as BODY, or in the header of the message or of a part, where the names of attachments are.
    pub fn text(needle: &'n Needle) -> Self {
        Self {
            place: Place::Text,
            needle,
        }
    }

    pub(crate) fn needle(&self) -> &'n Needle {
        self.needle
    }

    /// The field that HEADER names, if it is one that a summary keeps.
    pub(crate) fn kept_field(&self) -> Option<FieldName> {
        match self.place {
            Place::Header { known, .. } => known,
            Place::Body | Place::Text => None,
        }
    }

    pub(super) fn is_header(&self) -> bool {
        matches!(self.place, Place::Header { .. })
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self.place, Place::Text)
    }
}
