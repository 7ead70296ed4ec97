//! Makes a BODYSTRUCTURE of the part tree.

use std::borrow::Cow;
use std::ops::Range;

use crate::Octets;
use crate::envelope::Envelope;
use crate::header::Fields;
use crate::lines::Lines;
use crate::parameter::{Media, Parameter, disposition, single_token, token_list};
use crate::part::{Content, Part, PartId, Tree};
use crate::structure::{BodyStructure, Disposition, Extension, Multipart, SinglePart, Specific};

/// The structure of the message that `tree` was made of.
pub(crate) fn structure<'a>(octets: &'a [u8], tree: &Tree<'a>) -> BodyStructure<'a> {
    let counted = tree
        .parts
        .iter()
        .filter(|part| has_lines(part))
        .map(|part| &part.body);
    let lines = Lines::at(octets, counted);
    Builder { octets, tree, lines }.part(Tree::ROOT)
}

fn has_lines(part: &Part<'_>) -> bool {
    matches!(part.content, Content::Message(_)) || part.media.is_kind("text")
}

struct Builder<'a, 't> {
    octets: &'a [u8],
    tree: &'t Tree<'a>,
    lines: Lines,
}

impl<'a> Builder<'a, '_> {
    // Recursive, because the result is: the tree is never deeper than MAX_DEPTH.
    fn part(&self, id: PartId) -> BodyStructure<'a> {
        let part = self.tree.part(id);
        let fields = MimeFields::of(part.header_of(self.octets));
        match &part.content {
            Content::Multipart(children) => BodyStructure::Multipart(Multipart {
                parts: children.iter().map(|&child| self.part(child)).collect(),
                subtype: part.media.subtype.clone(),
                parameters: part.media.parameters.clone(),
                extension: fields.extension(),
            }),
            Content::Leaf => {
                let specific = match has_lines(part) {
                    true => Specific::Text {
                        lines: self.lines.of(&part.body),
                    },
                    false => Specific::Basic,
                };
                BodyStructure::Single(self.single(part, fields, specific))
            }
            Content::Message(inner) => {
                let specific = Specific::Message {
                    envelope: Box::new(Envelope::of(self.tree.part(*inner).header_of(self.octets))),
                    body: Box::new(self.part(*inner)),
                    lines: self.lines.of(&part.body),
                };
                BodyStructure::Single(self.single(part, fields, specific))
            }
        }
    }

    fn single(&self, part: &Part<'a>, fields: MimeFields<'a>, specific: Specific<'a>) -> SinglePart<'a> {
        let Range { start, end } = part.body;
        SinglePart {
            media_type: part.media.kind.clone(),
            subtype: part.media.subtype.clone(),
            parameters: single_parameters(&part.media),
            extension: fields.extension(),
            id: fields.id,
            description: fields.description,
            encoding: fields
                .encoding
                .and_then(single_token)
                .map_or(Cow::Borrowed(b"7BIT"), Cow::Borrowed),
            octets: (end - start) as u64,
            specific,
            md5: fields.md5,
        }
    }
}

/// Text without a charset is US-ASCII (RFC 2046 section 4.1.2).
fn single_parameters<'a>(media: &Media<'a>) -> Vec<Parameter<'a>> {
    let mut parameters = media.parameters.clone();
    if media.is_kind("text") && media.parameter("charset").is_none() {
        let (name, value) = (Cow::Borrowed(&b"charset"[..]), Cow::Borrowed(&b"us-ascii"[..]));
        parameters.push(Parameter { name, value });
    }
    parameters
}

/// The MIME fields of one header, each where it occurs first.
#[derive(Default)]
struct MimeFields<'a> {
    id: Option<Octets<'a>>,
    description: Option<Octets<'a>>,
    encoding: Option<&'a [u8]>,
    md5: Option<Octets<'a>>,
    disposition: Option<&'a [u8]>,
    language: Option<&'a [u8]>,
    location: Option<Octets<'a>>,
}

impl<'a> MimeFields<'a> {
    fn of(header: &'a [u8]) -> Self {
        let mut found = Self::default();
        for field in Fields::new(header) {
            let Some(name) = field
                .name()
                .get(..8)
                .filter(|start| start.eq_ignore_ascii_case(b"content-"))
            else {
                continue;
            };
            match field.name()[name.len()..].to_ascii_lowercase().as_slice() {
                b"id" => first_text(&mut found.id, field.value()),
                b"description" => first_text(&mut found.description, field.value()),
                b"md5" => first_text(&mut found.md5, field.value()),
                b"location" => first_text(&mut found.location, field.value()),
                b"transfer-encoding" => drop(found.encoding.get_or_insert(field.raw_value())),
                b"disposition" => drop(found.disposition.get_or_insert(field.raw_value())),
                b"language" => drop(found.language.get_or_insert(field.raw_value())),
                _ => {}
            }
        }
        found
    }

    fn extension(&self) -> Extension<'a> {
        let disposition = self.disposition.and_then(disposition);
        Extension {
            disposition: disposition.map(|(kind, parameters)| Disposition {
                kind: Cow::Borrowed(kind),
                parameters,
            }),
            language: self.language.map(token_list).unwrap_or_default(),
            location: self.location.clone(),
        }
    }
}

/// An empty field says nothing: the member stays `NIL`.
fn first_text<'a>(member: &mut Option<Octets<'a>>, value: Octets<'a>) {
    if member.is_none() && !value.is_empty() {
        *member = Some(value);
    }
}
