//! Makes a BODYSTRUCTURE of the part tree.

use crate::address::Room;
use crate::envelope::Envelope;
use crate::lines::Lines;
use crate::mime_fields::MimeFields;
use crate::part::{Content, Part, PartId, Tree};
use crate::structure::{BodyStructure, Specific};

/// The structure of the message that `tree` was made of.
pub(crate) fn structure<'a>(octets: &'a [u8], tree: &Tree<'a>) -> BodyStructure<'a> {
    let counted = tree
        .parts
        .iter()
        .filter(|part| has_lines(part))
        .map(|part| &part.body);
    let lines = Lines::at(octets, counted);
    Builder {
        octets,
        tree,
        lines,
        room: Room::new(),
    }
    .part(Tree::ROOT)
}

fn has_lines(part: &Part<'_>) -> bool {
    matches!(part.content, Content::Message(_)) || part.media.is_kind("text")
}

struct Builder<'a, 't> {
    octets: &'a [u8],
    tree: &'t Tree<'a>,
    lines: Lines,
    room: Room,
}

impl<'a> Builder<'a, '_> {
    // Recursive, because the result is: the tree is never deeper than MAX_DEPTH.
    fn part(&mut self, id: PartId) -> BodyStructure<'a> {
        let part = self.tree.part(id);
        let fields = MimeFields::of(part.header_of(self.octets));
        let octets = (part.body.end - part.body.start) as u64;
        match &part.content {
            Content::Multipart(children) => {
                let parts = children.iter().map(|&child| self.part(child)).collect();
                BodyStructure::Multipart(fields.multipart(part.media.clone(), parts))
            }
            Content::Leaf => {
                let specific = match has_lines(part) {
                    true => Specific::Text {
                        lines: self.lines.of(&part.body),
                    },
                    false => Specific::Basic,
                };
                BodyStructure::Single(fields.single(part.media.clone(), octets, specific))
            }
            Content::Message(inner) => {
                let specific = Specific::Message {
                    envelope: Box::new(Envelope::of(
                        self.tree.part(*inner).header_of(self.octets),
                        &mut self.room,
                    )),
                    body: Box::new(self.part(*inner)),
                    lines: self.lines.of(&part.body),
                };
                BodyStructure::Single(fields.single(part.media.clone(), octets, specific))
            }
        }
    }
}
