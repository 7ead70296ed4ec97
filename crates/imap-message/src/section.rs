//! Section addressing: what stands between the brackets of `BODY[...]`.

use std::num::NonZeroU32;

/// A section specification (RFC 9051 section 6.4.5, RFC 3501 section 6.4.5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Section {
    /// The part numbers; empty means the message itself.
    pub part: Vec<NonZeroU32>,
    /// What of that part.
    pub text: SectionText,
}

/// What of a part a section names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SectionText {
    /// All of it: `BODY[]` is the message, `BODY[1]` the body of part 1.
    #[default]
    All,
    /// `HEADER`: of the message, or of the message inside a `message/rfc822` part.
    Header,
    /// `HEADER.FIELDS`: the named fields, then the blank line.
    HeaderFields(Vec<Vec<u8>>),
    /// `HEADER.FIELDS.NOT`: all but the named fields, then the blank line.
    HeaderFieldsNot(Vec<Vec<u8>>),
    /// `TEXT`: what follows the header.
    Text,
    /// `MIME`: the MIME header of a numbered part.
    Mime,
}
