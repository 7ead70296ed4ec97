//! A piece of one message for other commands than FETCH: what a URL names.

use std::ops::Range;

use imap_backend::{Body, Error, Mailbox, Need, Record, Walk};
use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::command::CommandBody;
use imap_codec::imap_types::fetch::{MacroOrMessageDataItemNames, MessageDataItemName};
use imap_message::Section;
use imap_seq::Uid;

use super::message::{Content, Reading};
use super::plan::{Partial, Plan, labelled};

/// The section that this text names between the brackets of `BODY[]`; `None` where it names none.
pub(in crate::command) fn section(text: &str) -> Option<Section> {
    let fetch = format!("a FETCH 1 BODY[{text}]\r\n");
    let (rest, command) = CommandCodec::default().decode(fetch.as_bytes()).ok()?;
    let CommandBody::Fetch {
        macro_or_item_names: MacroOrMessageDataItemNames::MessageDataItemNames(items),
        ..
    } = command.body
    else {
        return None;
    };
    match &items[..] {
        [
            MessageDataItemName::BodyExt {
                section,
                partial: None,
                ..
            },
        ] if rest.is_empty() => Some(labelled(section.as_ref(), None).1),
        _ => None,
    }
}

/// A message, and which octets of it are meant.
#[derive(Debug)]
pub(in crate::command) struct Piece {
    pub(super) record: Record,
    pub(super) section: Section,
    pub(super) partial: Option<Partial>,
}

impl Piece {
    /// Asks the mailbox for what the octets need, and for this besides; `None` where there is no such message.
    ///
    /// # Errors
    /// The mailbox cannot be read.
    pub(in crate::command) async fn find<M: Mailbox>(
        mailbox: &mut M,
        uid: Uid,
        (section, partial): (Section, Option<Partial>),
        need: Need,
    ) -> Result<Option<Self>, Error> {
        let need = Plan::of_octets(section.clone(), partial).need.and(need);
        let fetched = Walk::new(std::iter::once(uid), need).next(mailbox).await?;
        let record = fetched.and_then(|fetched| fetched.into_records().next());
        Ok(record.map(|record| Self {
            record,
            section,
            partial,
        }))
    }

    /// The octets, to be read where they lie; `None` where there is no such part.
    ///
    /// # Errors
    /// The message cannot be read.
    pub(in crate::command) async fn octets(&self) -> Result<Option<(Body, Range<u64>)>, Error> {
        let mut message = Reading::new(&self.record);
        let plan = Plan::of_octets(self.section.clone(), self.partial);
        message.prepare(&plan).await?;
        let fields = match message.take_contents().next() {
            Some(Content::Octets(range)) => {
                let body = message.body()?;
                return Ok(Some((body.clone(), range)));
            }
            Some(Content::Fields(header)) => message.select(header, &self.section.text, self.partial),
            _ => return Ok(None),
        };
        let octets = 0..fields.len() as u64;
        Ok(Some((Body::from(fields), octets)))
    }
}
