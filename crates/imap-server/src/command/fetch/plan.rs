//! What a FETCH asks for, in our terms (RFC 9051, section 6.4.5).

use std::num::NonZeroU32;

use imap_backend::Need;
use imap_codec::imap_types::core::{AString, Vec1};
use imap_codec::imap_types::fetch::{
    MacroOrMessageDataItemNames, MessageDataItemName, Part, Section as Wanted,
};
use imap_message::{Section, SectionText};

use super::FetchWanted;
use crate::command::Numbers;
use crate::completion::Completion;
use crate::enabled::{Enabled, Feature};
use crate::syntax::extension::{ExtraItem, WidePartial};
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
    ModSeq,
    SaveDate,
    EmailId,
    ThreadId,
    /// Octets of the message; `label` is how the row names them.
    Octets {
        label: Vec<u8>,
        section: Section,
        partial: Option<Partial>,
    },
    /// What a part says when its encoding is undone (RFC 3516); `label` is how the row names it.
    Binary {
        label: Vec<u8>,
        part: Vec<NonZeroU32>,
        partial: Option<Partial>,
    },
    /// How many octets that has.
    BinarySize {
        label: Vec<u8>,
        part: Vec<NonZeroU32>,
    },
    Preview(Effort),
}

/// How much a PREVIEW may cost (RFC 8970, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// The message is read.
    Read,
    /// LAZY: NIL where the message would have to be read.
    OnlyAtHand,
}

/// `<origin.octets>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Partial {
    pub(crate) origin: u64,
    pub(crate) octets: u64,
}

impl Partial {
    fn new((origin, octets): (u32, NonZeroU32)) -> Self {
        Self {
            origin: origin.into(),
            octets: octets.get().into(),
        }
    }
}

/// How far a message has to be understood. Ordered by what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Depth {
    /// Not at all: attributes, or octets as they are.
    Attributes,
    /// Its header.
    Header,
    /// All of its parts.
    Whole,
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
    pub(crate) depth: Depth,
    pub(crate) seen: Seen,
}

impl Plan {
    /// # Errors
    /// BAD for items that this server does not know.
    pub(crate) fn new(
        wanted: &FetchWanted<'_>,
        numbers: Numbers,
        enabled: Enabled,
    ) -> Result<Self, Completion> {
        let mut plan = Self {
            items: Vec::new(),
            need: Need::FLAGS,
            depth: Depth::Attributes,
            seen: Seen::Untouched,
        };
        // Also where the client has not asked for it (RFC 9051, section 6.4.9). A UIDFETCH begins with it.
        if numbers == Numbers::Uids && !enabled.has(Feature::UidOnly) {
            plan.items.push(Item::Uid);
        }
        match wanted.items {
            MacroOrMessageDataItemNames::Macro(short) => {
                for name in short.expand() {
                    plan.add(&name, None);
                }
            }
            MacroOrMessageDataItemNames::MessageDataItemNames(names) => {
                for (at, name) in names.iter().enumerate() {
                    plan.add(name, wanted.extras.wide_partial(at));
                }
                if names.is_empty() && wanted.extras.items.is_empty() {
                    return Err(Completion::bad("FETCH needs at least one item"));
                }
            }
        }
        for item in &wanted.extras.items {
            plan.add_extra(*item);
        }
        Ok(plan)
    }

    /// These octets alone, and `\Seen` left alone.
    pub(crate) fn of_octets(section: Section, partial: Option<Partial>) -> Self {
        let (item, need, depth) = octets(Vec::new(), section, partial);
        Self {
            items: vec![item],
            need,
            depth,
            seen: Seen::Untouched,
        }
    }

    /// The same of all of the message's parts.
    pub(super) fn of_part(item: Item) -> Self {
        Self {
            items: vec![item],
            need: BODY_AND_PARTS,
            depth: Depth::Whole,
            seen: Seen::Untouched,
        }
    }

    /// Rows have the mod-sequence, also where the client has not asked for it (RFC 7162, section 3.1.4.1).
    pub(crate) fn add_modseq(&mut self) {
        self.need = self.need.and(Need::MODSEQ);
        if !self.items.contains(&Item::ModSeq) {
            self.items.push(Item::ModSeq);
        }
    }

    /// Whether a row takes more than the attributes that the backend answers.
    pub(crate) fn reads_messages(&self) -> bool {
        self.depth > Depth::Attributes || self.has_octets()
    }

    pub(crate) fn has_octets(&self) -> bool {
        self.items.iter().any(Item::is_of_content)
    }

    fn add_extra(&mut self, item: ExtraItem) {
        match item {
            ExtraItem::Preview => self.insert((Item::Preview(Effort::Read), BODY_AND_PARTS, Depth::Whole)),
            // The store may have it at hand.
            ExtraItem::PreviewLazy => {
                self.insert((
                    Item::Preview(Effort::OnlyAtHand),
                    BODY_AND_PARTS,
                    Depth::Attributes,
                ));
            }
            ExtraItem::EmailId => self.insert((Item::EmailId, Need::OBJECT_IDS, Depth::Attributes)),
            ExtraItem::ThreadId => self.insert((Item::ThreadId, Need::OBJECT_IDS, Depth::Attributes)),
            ExtraItem::SaveDate => self.insert((Item::SaveDate, Need::SAVE_DATE, Depth::Attributes)),
        }
    }

    /// `wide` is the partial of an item that has one with larger numbers than the codec's.
    fn add(&mut self, name: &MessageDataItemName<'_>, wide: Option<WidePartial>) {
        use MessageDataItemName as Name;
        let wide = wide.map(|WidePartial { origin, octets }| Partial { origin, octets });
        let attribute = |item, need| (item, need, Depth::Attributes);
        let (item, need, depth) = match name {
            Name::Uid => attribute(Item::Uid, Need::FLAGS),
            Name::Flags => attribute(Item::Flags, Need::FLAGS),
            Name::InternalDate => attribute(Item::InternalDate, Need::INTERNAL_DATE),
            Name::Rfc822Size => attribute(Item::Size, Need::SIZE),
            Name::ModSeq => attribute(Item::ModSeq, Need::MODSEQ),
            Name::Envelope => (Item::Envelope, Need::HEADER_SUMMARY, Depth::Header),
            Name::Body => (Item::Body, Need::SUMMARY, Depth::Whole),
            Name::BodyStructure => (Item::BodyStructure, Need::SUMMARY, Depth::Whole),
            Name::Rfc822 => self.whole_message("RFC822", SectionText::All, Seen::Set),
            Name::Rfc822Header => self.whole_message("RFC822.HEADER", SectionText::Header, Seen::Untouched),
            Name::Rfc822Text => self.whole_message("RFC822.TEXT", SectionText::Text, Seen::Set),
            Name::BodyExt {
                section,
                partial,
                peek,
            } => {
                self.set_seen_unless(*peek);
                let partial = wide.or(partial.map(Partial::new));
                let (label, section) = labelled(section.as_ref(), partial);
                octets(label, section, partial)
            }
            Name::Binary {
                section,
                partial,
                peek,
            } => {
                self.set_seen_unless(*peek);
                let partial = wide.or(partial.map(Partial::new));
                let item = Item::Binary {
                    label: binary_label("BINARY", section, partial),
                    part: section.clone(),
                    partial,
                };
                of_part(item, section)
            }
            Name::BinarySize { section } => {
                let item = Item::BinarySize {
                    label: binary_label("BINARY.SIZE", section, None),
                    part: section.clone(),
                };
                of_part(item, section)
            }
        };
        self.insert((item, need, depth));
    }

    /// Reading sets \Seen, except by an item with PEEK.
    const fn set_seen_unless(&mut self, peek: bool) {
        if !peek {
            self.seen = Seen::Set;
        }
    }

    fn insert(&mut self, (item, need, depth): (Item, Need, Depth)) {
        self.need = self.need.and(need);
        self.depth = self.depth.max(depth);
        // Asked twice, answered once.
        if !self.items.contains(&item) {
            self.items.push(item);
        }
    }

    /// The forms of RFC822 that RFC 3501 has besides BODY.
    fn whole_message(&mut self, label: &str, text: SectionText, seen: Seen) -> (Item, Need, Depth) {
        if seen == Seen::Set {
            self.seen = seen;
        }
        let section = Section {
            part: Vec::new(),
            text,
        };
        octets(label.as_bytes().to_vec(), section, None)
    }
}

/// An item of octets, and what the message has to be read for.
fn octets(label: Vec<u8>, section: Section, partial: Option<Partial>) -> (Item, Need, Depth) {
    let (need, depth) = match (&section.text, section.part.is_empty()) {
        (SectionText::All, true) => (Need::BODY, Depth::Attributes),
        (SectionText::Text, true) => (Need::BODY, Depth::Header),
        (_, true) => (Need::HEADER, Depth::Header),
        (_, false) => (Need::BODY.and(Need::SUMMARY), Depth::Whole),
    };
    let item = Item::Octets {
        label,
        section,
        partial,
    };
    (item, need, depth)
}

/// For what is found by the structure of a message, and then read.
const BODY_AND_PARTS: Need = Need::BODY.and(Need::SUMMARY);

/// An item of a part, and what the message has to be read for; no part is the whole message.
fn of_part(item: Item, part: &[NonZeroU32]) -> (Item, Need, Depth) {
    match part.is_empty() {
        true => (item, Need::BODY, Depth::Attributes),
        false => (item, BODY_AND_PARTS, Depth::Whole),
    }
}

impl Item {
    /// How the row names what was found out about the message.
    pub(super) fn label(&self) -> &[u8] {
        match self {
            Self::Octets { label, .. } | Self::Binary { label, .. } | Self::BinarySize { label, .. } => label,
            _ => b"PREVIEW",
        }
    }

    /// Whether it is found out about in the message, before the row is begun.
    pub(super) fn is_of_content(&self) -> bool {
        matches!(
            self,
            Self::Octets { .. } | Self::Binary { .. } | Self::BinarySize { .. } | Self::Preview(_)
        )
    }
}

/// `BODY[1.HEADER.FIELDS (SUBJECT)]<0>`: the request as the row repeats it.
pub(super) fn labelled(wanted: Option<&Wanted<'_>>, partial: Option<Partial>) -> (Vec<u8>, Section) {
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
    origin_label(&mut label, partial);
    (label, section)
}

/// `BINARY[1.2]<0>`: the request as the row repeats it.
fn binary_label(name: &str, part: &[NonZeroU32], partial: Option<Partial>) -> Vec<u8> {
    let mut label = name.as_bytes().to_vec();
    label.push(b'[');
    part_label(&mut label, part);
    label.push(b']');
    origin_label(&mut label, partial);
    label
}

fn origin_label(label: &mut Vec<u8>, partial: Option<Partial>) {
    if let Some(Partial { origin, .. }) = partial {
        label.push(b'<');
        wire::number(label, origin);
        label.push(b'>');
    }
}

fn part_label(label: &mut Vec<u8>, part: &[NonZeroU32]) {
    for (index, number) in part.iter().enumerate() {
        if index > 0 {
            label.push(b'.');
        }
        wire::number(label, number.get());
    }
}

fn numbered(label: &mut Vec<u8>, part: Option<&Part>, name: &str, text: SectionText) -> Section {
    let part: Vec<_> = part.map(|part| part.0.as_ref().to_vec()).unwrap_or_default();
    part_label(label, &part);
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
