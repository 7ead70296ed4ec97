//! SEARCH in the fields that are kept.

use super::Summary;
use crate::field_name::FieldName;
use crate::search::{Needle, in_value};

impl Summary {
    /// SEARCH HEADER, FROM, TO, CC, BCC and SUBJECT as [`Message::contains_header`](crate::Message::contains_header)
    /// answers them. `None` where the summary cannot tell, so that the header has to be read: it keeps no fields of that
    /// name, or has not kept all of them.
    ///
    /// It keeps Date, Subject, From, Sender, Reply-To, To, Cc, Bcc, In-Reply-To, Message-ID, References and what
    /// BODYSTRUCTURE needs of Content-*.
    pub fn contains_header(&self, name: &str, needle: &Needle) -> Option<bool> {
        let field = FieldName::of(name.as_bytes())?;
        let is_found = self
            .fields_of(0)
            .any(|(name_of, value)| name_of == field && in_value(name.as_bytes(), value, needle));
        (is_found || !self.cut.contains(field)).then_some(is_found)
    }
}
