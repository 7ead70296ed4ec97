//! A piece of one message for other commands than FETCH: what a URL names.

use std::ops::Range;

use imap_backend::{Body, Error, ErrorKind, Mailbox, Walk};
use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::command::CommandBody;
use imap_codec::imap_types::fetch::{MacroOrMessageDataItemNames, MessageDataItemName};
use imap_message::Section;
use imap_seq::Uid;

use super::message::{Content, Reading};
use super::plan::{Item, Partial, Plan, labelled};

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

/// These octets of a message, to be read where they lie; `None` where there is no such message or part.
///
/// # Errors
/// The message cannot be read.
pub(in crate::command) async fn piece<M: Mailbox>(
    mailbox: &mut M,
    uid: Uid,
    section: Section,
    partial: Option<Partial>,
) -> Result<Option<(Body, Range<u64>)>, Error> {
    let plan = Plan::of_octets(section, partial);
    let mut walk = Walk::new(std::iter::once(uid), plan.need);
    let fetched = walk.next(mailbox).await?;
    let Some(record) = fetched.and_then(|fetched| fetched.into_records().next()) else {
        return Ok(None);
    };
    let mut message = Reading::new(&record);
    message.prepare(&plan).await?;
    let fields = match message.take_contents().next() {
        Some(Content::Octets(range)) => {
            let body = record.body().ok_or(ErrorKind::ServerBug)?;
            return Ok(Some((body.clone(), range)));
        }
        Some(Content::Fields(header)) => match &plan.items[..] {
            [Item::Octets { section, partial, .. }] => message.select(header, &section.text, *partial),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    let octets = 0..fields.len() as u64;
    Ok(Some((Body::from(fields), octets)))
}
