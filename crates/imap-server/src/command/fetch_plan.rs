//! What a FETCH asks for, in our terms (RFC 9051, section 6.4.5).

use imap_backend::Need;
use imap_codec::imap_types::core::{AString, Vec1};
use imap_codec::imap_types::fetch::{
    MacroOrMessageDataItemNames, MessageDataItemName, Part, Section as Wanted,
};
use imap_message::{Section, SectionText};

use super::Numbers;
use crate::completion::Completion;
use crate::wire;

/// One item of a FETCH row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Uid,
    Flags,
    InternalDate,
    Size,
    Envelope,
    Body,
    BodyStructure,
    /// Octets of the message; `label` is how the row names them.
    Octets {
        label: Vec<u8>,
        section: Section,
        partial: Option<(u32, u32)>,
    },
}

/// Whether the command leaves `\Seen` alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Untouched,
    Set,
}

/// A whole FETCH.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) items: Vec<Item>,
    pub(crate) need: Need,
    pub(crate) seen: Seen,
}

impl Plan {
    /// # Errors
    /// BAD for items that this server does not know.
    pub(crate) fn new(
        wanted: &MacroOrMessageDataItemNames<'_>,
        numbers: Numbers,
    ) -> Result<Self, Completion> {
        let mut plan = Self {
            items: Vec::new(),
            need: Need::FLAGS,
            seen: Seen::Untouched,
        };
        if numbers == Numbers::Uids {
            // Also where the client has not asked for it (RFC 9051, section 6.4.9).
            plan.items.push(Item::Uid);
        }
        match wanted {
            MacroOrMessageDataItemNames::Macro(short) => {
                for name in short.expand() {
                    plan.add(&name)?;
                }
            }
            MacroOrMessageDataItemNames::MessageDataItemNames(names) => {
                for name in names {
                    plan.add(name)?;
                }
                if names.is_empty() {
                    return Err(Completion::bad("FETCH needs at least one item"));
                }
            }
        }
        Ok(plan)
    }

    fn add(&mut self, name: &MessageDataItemName<'_>) -> Result<(), Completion> {
        use MessageDataItemName as Name;
        let (item, need) = match name {
            Name::Uid => (Item::Uid, Need::FLAGS),
            Name::Flags => (Item::Flags, Need::FLAGS),
            Name::InternalDate => (Item::InternalDate, Need::INTERNAL_DATE),
            Name::Rfc822Size => (Item::Size, Need::SIZE),
            Name::Envelope => (Item::Envelope, Need::HEADER),
            Name::Body => (Item::Body, Need::OCTETS),
            Name::BodyStructure => (Item::BodyStructure, Need::OCTETS),
            Name::Rfc822 => self.octets("RFC822", SectionText::All, Seen::Set),
            Name::Rfc822Header => self.octets("RFC822.HEADER", SectionText::Header, Seen::Untouched),
            Name::Rfc822Text => self.octets("RFC822.TEXT", SectionText::Text, Seen::Set),
            Name::BodyExt {
                section,
                partial,
                peek,
            } => {
                if !peek {
                    self.seen = Seen::Set;
                }
                let partial = partial.map(|(origin, octets)| (origin, octets.get()));
                let (label, section) = labelled(section.as_ref(), partial);
                let need = need_of(&section);
                (
                    Item::Octets {
                        label,
                        section,
                        partial,
                    },
                    need,
                )
            }
            other => {
                return Err(Completion::bad(format!(
                    "FETCH item {} is not supported",
                    shown(other)
                )));
            }
        };
        self.need = self.need.and(need);
        // Asked twice, answered once.
        if !self.items.contains(&item) {
            self.items.push(item);
        }
        Ok(())
    }

    fn octets(&mut self, label: &str, text: SectionText, seen: Seen) -> (Item, Need) {
        if seen == Seen::Set {
            self.seen = seen;
        }
        let section = Section {
            part: Vec::new(),
            text,
        };
        let need = need_of(&section);
        (
            Item::Octets {
                label: label.as_bytes().to_vec(),
                section,
                partial: None,
            },
            need,
        )
    }
}

fn shown(name: &MessageDataItemName<'_>) -> &'static str {
    match name {
        MessageDataItemName::Binary { .. } => "BINARY",
        MessageDataItemName::BinarySize { .. } => "BINARY.SIZE",
        MessageDataItemName::ModSeq => "MODSEQ",
        _ => "of this kind",
    }
}

/// The message's own header needs no body; every part does.
fn need_of(section: &Section) -> Need {
    match section.text {
        SectionText::Header | SectionText::HeaderFields(_) | SectionText::HeaderFieldsNot(_)
            if section.part.is_empty() =>
        {
            Need::HEADER
        }
        _ => Need::OCTETS,
    }
}

/// `BODY[1.HEADER.FIELDS (SUBJECT)]<0>`: the request as the row repeats it.
fn labelled(wanted: Option<&Wanted<'_>>, partial: Option<(u32, u32)>) -> (Vec<u8>, Section) {
    let mut label = b"BODY[".to_vec();
    let section = match wanted {
        None => Section::default(),
        Some(Wanted::Part(part)) => numbered(&mut label, Some(part), "", SectionText::All),
        Some(Wanted::Header(part)) => numbered(&mut label, part.as_ref(), "HEADER", SectionText::Header),
        Some(Wanted::Text(part)) => numbered(&mut label, part.as_ref(), "TEXT", SectionText::Text),
        Some(Wanted::Mime(part)) => numbered(&mut label, Some(part), "MIME", SectionText::Mime),
        Some(Wanted::HeaderFields(part, fields)) => {
            let text = SectionText::HeaderFields(names(fields));
            let section = numbered(&mut label, part.as_ref(), "HEADER.FIELDS", text);
            field_list(&mut label, fields);
            section
        }
        Some(Wanted::HeaderFieldsNot(part, fields)) => {
            let text = SectionText::HeaderFieldsNot(names(fields));
            let section = numbered(&mut label, part.as_ref(), "HEADER.FIELDS.NOT", text);
            field_list(&mut label, fields);
            section
        }
    };
    label.push(b']');
    if let Some((origin, _)) = partial {
        label.push(b'<');
        wire::number(&mut label, origin);
        label.push(b'>');
    }
    (label, section)
}

fn numbered(label: &mut Vec<u8>, part: Option<&Part>, name: &str, text: SectionText) -> Section {
    let part: Vec<_> = part.map(|part| part.0.as_ref().to_vec()).unwrap_or_default();
    for (index, number) in part.iter().enumerate() {
        if index > 0 {
            label.push(b'.');
        }
        wire::number(label, number.get());
    }
    if !part.is_empty() && !name.is_empty() {
        label.push(b'.');
    }
    label.extend_from_slice(name.as_bytes());
    Section { part, text }
}

fn names(fields: &Vec1<AString<'_>>) -> Vec<Vec<u8>> {
    fields
        .as_ref()
        .iter()
        .map(|field| field.as_ref().to_vec())
        .collect()
}

fn field_list(label: &mut Vec<u8>, fields: &Vec1<AString<'_>>) {
    label.extend_from_slice(b" (");
    for (index, field) in fields.as_ref().iter().enumerate() {
        if index > 0 {
            label.push(b' ');
        }
        wire::astring(label, field.as_ref());
    }
    label.push(b')');
}
