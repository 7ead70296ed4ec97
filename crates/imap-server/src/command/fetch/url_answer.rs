//! What URLFETCH answers of what a URL names (RFC 4467, section 8; RFC 5524, section 3.2).

use std::num::NonZeroU32;

use imap_backend::{Error, ErrorKind};
use imap_message::{BodyStructure, Section, SectionText, Specific};

use super::message::{Content, Reading};
use super::piece::Piece;
use super::plan::{Depth, Item, Plan};
use super::row::{missing, write_content, write_in_pieces};
use crate::completion::Stop;
use crate::connection::Channel;
use crate::syntax::extension::UrlItem;
use crate::wire;

/// The encoding of what was decoded: of the names for none at all, the one that is always true.
const IDENTITY: &[u8] = b"BINARY";

/// An answer of which all was found out that can fail: what has been announced to the client cannot be taken back.
pub(in crate::command) struct UrlAnswer<'p> {
    piece: &'p Piece,
    items: &'p [UrlItem],
    /// How the octets are read.
    plan: Plan,
    message: Reading<'p>,
    content: Content,
    /// Octets and lines of the part, where they are told without the encoding.
    decoded: Option<(u64, u64)>,
}

impl Piece {
    /// Finds out what these items are; `None` where there is no such part.
    ///
    /// # Errors
    /// The message cannot be read.
    pub(in crate::command) async fn answer<'p>(
        &'p self,
        items: &'p [UrlItem],
    ) -> Result<Option<UrlAnswer<'p>>, Error> {
        let plan = match items {
            [] => Plan::of_octets(self.section.clone(), self.partial),
            _ if items.contains(&UrlItem::Binary) => Plan::of_part(self.without_encoding().await?),
            _ => Plan::of_part(self.with_encoding()),
        };
        let mut message = Reading::new(&self.record);
        let content = match message.prepare(&plan).await {
            Ok(()) => match message.take_contents().next() {
                None | Some(Content::None) => return Ok(None),
                Some(content) => content,
            },
            // NIL for the octets; what else is asked for can be told.
            Err(error) if error.kind() == ErrorKind::UnknownEncoding => Content::None,
            Err(error) => return Err(error),
        };
        let decoded = match (&content, &plan.items[..]) {
            (Content::Decoded(_), [Item::Binary { part, .. }])
                if items.contains(&UrlItem::BodyPartStructure) && self.is_all_of(part) =>
            {
                message.decoded_size(part).await?
            }
            _ => None,
        };
        Ok(Some(UrlAnswer {
            piece: self,
            items,
            plan,
            message,
            content,
            decoded,
        }))
    }

    /// How the octets are read as they are.
    fn with_encoding(&self) -> Item {
        Item::Octets {
            label: Vec::new(),
            section: self.section.clone(),
            partial: self.partial,
        }
    }

    /// How the octets are read without the encoding that they have in the message. A header has none.
    async fn without_encoding(&self) -> Result<Item, Error> {
        let Section { part, text } = &self.section;
        let of_part = |part: Vec<NonZeroU32>| Item::Binary {
            label: Vec::new(),
            part,
            partial: self.partial,
        };
        match text {
            SectionText::All => return Ok(of_part(part.clone())),
            SectionText::Text => {}
            _ => return Ok(self.with_encoding()),
        }
        // The text of a message that is no multipart is its only part.
        let only = [&part[..], &[NonZeroU32::MIN]].concat();
        let summary = Reading::new(&self.record).summarize(Depth::Whole).await?;
        let all_of_it = Section {
            part: only.clone(),
            text: SectionText::All,
        };
        Ok(
            match summary.locate(&all_of_it) == summary.locate(&self.section) {
                true => of_part(only),
                false => self.with_encoding(),
            },
        )
    }

    /// Whether the structure that is told is that of this part.
    fn is_all_of(&self, part: &[NonZeroU32]) -> bool {
        self.section.part == part || self.section.part.is_empty()
    }
}

impl UrlAnswer<'_> {
    /// Writes it, behind the URL and a space: the octets, large ones a chunk at a time, or the items, each in parentheses.
    ///
    /// # Errors
    /// The connection is over.
    pub(in crate::command) async fn write(mut self, channel: &mut Channel) -> Result<(), Stop> {
        let items = self.items;
        if items.is_empty() {
            return self.write_octets(channel).await;
        }
        for (index, item) in items.iter().enumerate() {
            let out = channel.io.out();
            if index > 0 {
                out.push(b' ');
            }
            out.push(b'(');
            out.extend_from_slice(item.name().as_bytes());
            out.push(b' ');
            match item {
                UrlItem::Body | UrlItem::Binary => self.write_octets(channel).await?,
                UrlItem::BodyPartStructure => {
                    write_in_pieces(channel, |piece| self.write_structure(piece)).await?;
                }
            }
            channel.io.out().push(b')');
        }
        Ok(())
    }

    async fn write_octets(&mut self, channel: &mut Channel) -> Result<(), Stop> {
        let content = std::mem::replace(&mut self.content, Content::None);
        match self.plan.items.first() {
            Some(item) => write_content(channel, &mut self.message, item, content).await,
            None => Err(missing()),
        }
    }

    /// The structure of the part as it is answered: decoded, if it is (RFC 5524, section 3.2).
    fn write_structure(&self, out: &mut wire::Piece<'_>) -> Result<(), Stop> {
        let summary = self.message.summary().ok_or_else(missing)?;
        let structure = summary.part_structure(&self.piece.section.part);
        let mut structure = structure.ok_or_else(missing)?;
        if let (BodyStructure::Single(part), Some((octets, lines))) = (&mut structure, self.decoded) {
            part.encoding = IDENTITY.into();
            part.octets = octets;
            if let Specific::Text { lines: told } = &mut part.specific {
                *told = lines;
            }
        }
        wire::body_structure(out, &structure, wire::Extensions::Written);
        Ok(())
    }
}
