//! What the header of a part says about the part.

use std::borrow::Cow;

use crate::Octets;
use crate::field_name::FieldName;
use crate::header::{Field, Fields, trim, unfold};
use crate::parameter::{Media, Parameter, disposition, single_token, token_list};
use crate::structure::{BodyStructure, Disposition, Extension, Multipart, SinglePart, Specific};

/// The MIME fields of one header, each where it occurs first.
#[derive(Default)]
pub(crate) struct MimeFields<'a> {
    /// `Content-Type:`.
    pub(crate) media: Option<&'a [u8]>,
    id: Option<Octets<'a>>,
    description: Option<Octets<'a>>,
    encoding: Option<&'a [u8]>,
    md5: Option<Octets<'a>>,
    disposition: Option<&'a [u8]>,
    language: Option<&'a [u8]>,
    location: Option<Octets<'a>>,
}

impl<'a> MimeFields<'a> {
    /// The MIME fields of a header section.
    pub(crate) fn of(header: &'a [u8]) -> Self {
        let known = |field: Field<'a>| Some((FieldName::of(field.name())?, trim(field.raw_value())));
        Self::of_fields(Fields::new(header).filter_map(known))
    }

    /// The MIME fields among these.
    pub(crate) fn of_fields(fields: impl Iterator<Item = (FieldName, &'a [u8])>) -> Self {
        let mut found = Self::default();
        for (name, value) in fields {
            match name {
                FieldName::ContentType => drop(found.media.get_or_insert(value)),
                FieldName::ContentId => first_text(&mut found.id, value),
                FieldName::ContentDescription => first_text(&mut found.description, value),
                FieldName::ContentMd5 => first_text(&mut found.md5, value),
                FieldName::ContentLocation => first_text(&mut found.location, value),
                FieldName::ContentTransferEncoding => drop(found.encoding.get_or_insert(value)),
                FieldName::ContentDisposition => drop(found.disposition.get_or_insert(value)),
                FieldName::ContentLanguage => drop(found.language.get_or_insert(value)),
                _ => {}
            }
        }
        found
    }

    /// The structure of a multipart with this header.
    pub(crate) fn multipart(self, media: Media<'a>, parts: Vec<BodyStructure<'a>>) -> Multipart<'a> {
        Multipart {
            parts,
            subtype: media.subtype,
            parameters: media.parameters,
            extension: extension(self.disposition, self.language, self.location),
        }
    }

    /// The structure of a part with this header that is no multipart.
    pub(crate) fn single(self, mut media: Media<'a>, octets: u64, specific: Specific<'a>) -> SinglePart<'a> {
        single_parameters(&mut media);
        SinglePart {
            parameters: media.parameters,
            media_type: media.kind,
            subtype: media.subtype,
            id: self.id,
            description: self.description,
            encoding: self
                .encoding
                .and_then(single_token)
                .unwrap_or(Cow::Borrowed(b"7BIT")),
            octets,
            specific,
            md5: self.md5,
            extension: extension(self.disposition, self.language, self.location),
        }
    }
}

/// Text without a charset is US-ASCII (RFC 2046 section 4.1.2).
fn single_parameters(media: &mut Media<'_>) {
    if media.is_kind("text") && !media.has_parameter("charset") {
        media.parameters.push(Parameter {
            name: Cow::Borrowed(b"charset"),
            value: Cow::Borrowed(b"us-ascii"),
        });
    }
}

fn extension<'a>(
    shown_as: Option<&'a [u8]>,
    language: Option<&'a [u8]>,
    location: Option<Octets<'a>>,
) -> Extension<'a> {
    Extension {
        disposition: shown_as
            .and_then(disposition)
            .map(|(kind, parameters)| Disposition {
                kind: Cow::Borrowed(kind),
                parameters,
            }),
        language: language.map(token_list).unwrap_or_default(),
        location,
    }
}

/// An empty field says nothing: the member stays `NIL`.
fn first_text<'a>(member: &mut Option<Octets<'a>>, value: &'a [u8]) {
    if member.is_none() {
        *member = Some(unfold(value)).filter(|value| !value.is_empty());
    }
}
