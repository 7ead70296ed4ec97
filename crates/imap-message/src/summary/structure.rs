//! BODYSTRUCTURE from a part table.

use super::{Kind, Summary};
use crate::address::Room;
use crate::envelope::Envelope;
use crate::mime_fields::MimeFields;
use crate::parameter::Media;
use crate::structure::{BodyStructure, Specific};

/// The structure of the whole message.
pub(super) fn structure(summary: &Summary) -> BodyStructure<'_> {
    structure_of(summary, 0)
}

/// The structure of one part.
pub(super) fn structure_of(summary: &Summary, id: usize) -> BodyStructure<'_> {
    let room = &mut Room::new();
    part(summary, id, room)
}

// Recursive, because the result is: the table is never deeper than MAX_DEPTH.
fn part<'a>(summary: &'a Summary, id: usize, room: &mut Room) -> BodyStructure<'a> {
    let entry = &summary.parts[id];
    let fields = MimeFields::of_fields(summary.fields_of(id));
    let media = media(entry.kind, fields.media);
    let lines = entry.lines;
    let specific = match entry.kind {
        Kind::Multipart => {
            let parts = summary.children(id).map(|child| part(summary, child, room));
            let parts = parts.collect();
            return BodyStructure::Multipart(fields.multipart(media, parts));
        }
        Kind::Message => Specific::Message {
            envelope: Box::new(Envelope::of_fields(summary.fields_of(id + 1), room)),
            body: Box::new(part(summary, id + 1, room)),
            lines,
        },
        _ if media.is_kind("text") => Specific::Text { lines },
        _ => Specific::Basic,
    };
    BodyStructure::Single(fields.single(media, entry.body_end - entry.body_start, specific))
}

/// The media type of a part. Where its field was too long to keep or contradicts the kind, the kind decides.
pub(super) fn media(kind: Kind, field: Option<&[u8]>) -> Media<'_> {
    let opaque = || Media::of("application", "octet-stream");
    match (kind, field.map(Media::parse)) {
        (Kind::Leaf, None) | (Kind::Text, _) => Media::of("text", "plain"),
        (Kind::Opaque, _) => opaque(),
        (Kind::Leaf, Some(media)) if media.is_kind("multipart") || media.is_message() => opaque(),
        (Kind::Multipart, Some(media)) if !media.is_kind("multipart") => Media::of("multipart", "mixed"),
        (Kind::Multipart, None) => Media::of("multipart", "mixed"),
        (Kind::Message, Some(media)) if !media.is_message() => Media::of("message", "rfc822"),
        (Kind::Message, None) => Media::of("message", "rfc822"),
        (_, Some(media)) => media,
    }
}
