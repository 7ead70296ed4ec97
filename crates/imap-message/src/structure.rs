//! BODYSTRUCTURE.

use crate::Octets;
use crate::envelope::Envelope;
use crate::parameter::Parameter;

/// The body structure of a message or part (RFC 9051 section 7.5.2, RFC 3501 section 7.4.2), extension data included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyStructure<'a> {
    /// `body-type-1part`.
    Single(SinglePart<'a>),
    /// `body-type-mpart`.
    Multipart(Multipart<'a>),
}

/// A part that is not a multipart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinglePart<'a> {
    /// The media type as written, for example `text`.
    pub media_type: Octets<'a>,
    /// The media subtype as written, for example `plain`.
    pub subtype: Octets<'a>,
    /// The parameters of `Content-Type:`. Empty means `NIL`.
    pub parameters: Vec<Parameter<'a>>,
    /// `Content-ID:`.
    pub id: Option<Octets<'a>>,
    /// `Content-Description:`.
    pub description: Option<Octets<'a>>,
    /// `Content-Transfer-Encoding:` as written; `7BIT` where it is absent.
    pub encoding: Octets<'a>,
    /// Size of the body in its transfer encoding, in octets.
    pub octets: u64,
    /// What the type adds.
    pub specific: Specific<'a>,
    /// `Content-MD5:`.
    pub md5: Option<Octets<'a>>,
    /// The extension data that multiparts have too.
    pub extension: Extension<'a>,
}

impl SinglePart<'_> {
    /// Whether it is a `message/global` (RFC 6532), which only IMAP4rev2 writes as a message (RFC 9051 section 9,
    /// `media-message`). For an IMAP4rev1 session it is a basic body: type to octets, then the extension data, without
    /// envelope, body and lines (RFC 3501 section 9, `body-type-basic`).
    pub fn is_global_message(&self) -> bool {
        matches!(self.specific, Specific::Message { .. }) && self.subtype.eq_ignore_ascii_case(b"global")
    }
}

/// The fields that only some types have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Specific<'a> {
    /// `body-type-basic`: nothing.
    Basic,
    /// `body-type-text`.
    Text {
        /// Size of the body in lines.
        lines: u64,
    },
    /// `body-type-msg`: `message/rfc822`, and `message/global`, which is something else in IMAP4rev1; see
    /// [`SinglePart::is_global_message`].
    Message {
        /// The envelope of the message inside.
        envelope: Box<Envelope<'a>>,
        /// The structure of the message inside.
        body: Box<BodyStructure<'a>>,
        /// Size of the body in lines.
        lines: u64,
    },
}

/// A multipart with at least one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Multipart<'a> {
    /// The parts, never empty.
    pub parts: Vec<BodyStructure<'a>>,
    /// The media subtype as written, for example `mixed`.
    pub subtype: Octets<'a>,
    /// The parameters of `Content-Type:`.
    pub parameters: Vec<Parameter<'a>>,
    /// The rest of the extension data.
    pub extension: Extension<'a>,
}

/// Extension data that every part has. The wire leaves it out of `BODY`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extension<'a> {
    /// `Content-Disposition:`.
    pub disposition: Option<Disposition<'a>>,
    /// The tags of `Content-Language:`. Empty means `NIL`.
    pub language: Vec<Octets<'a>>,
    /// `Content-Location:`.
    pub location: Option<Octets<'a>>,
}

/// `Content-Disposition:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposition<'a> {
    /// `attachment`, `inline` or another, as written.
    pub kind: Octets<'a>,
    /// Its parameters. Empty means `NIL`.
    pub parameters: Vec<Parameter<'a>>,
}
