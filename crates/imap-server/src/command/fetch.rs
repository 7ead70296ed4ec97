//! FETCH and UID FETCH (RFC 9051, section 6.4.5).
//!
//! A message that was expunged elsewhere and still has its number: rows for the others, then NO `[EXPUNGEISSUED]`
//! (RFC 2180, section 4.1.2). UID FETCH passes over it, as over any UID that does not exist.

use imap_backend::{Backend, Error, ErrorKind, FlagChange, Mailbox, Record};
use imap_codec::imap_types::fetch::MacroOrMessageDataItemNames;
use imap_codec::imap_types::sequence::SequenceSet;
use imap_message::Message;
use imap_seq::{Uid, UidSet, View};
use imap_updates::{Access, Flag, Flags, Recency, UpdateBuffer};

use super::fetch_plan::{Item, Plan, Seen};
use super::{BATCH, Numbers, resolve};
use crate::client::Client;
use crate::completion::{Answer, Completion, Stop};
use crate::connection::Channel;
use crate::state::{Selected, introduce};
use crate::wire;

/// Pieces in which a body goes to the output, in octets: what the connection holds of it at a time.
const PIECE: usize = 32 << 10;

impl<B: Backend> Client<B> {
    pub(crate) async fn fetch(
        &mut self,
        set: &SequenceSet,
        items: &MacroOrMessageDataItemNames<'_>,
        numbers: Numbers,
    ) -> Answer {
        let plan = Plan::new(items, numbers)?;
        let selected = self.state.selected()?;
        let Selected {
            mailbox,
            updates,
            access,
            new_keywords,
            introduced,
            ..
        } = selected;
        let (access, new_keywords) = (*access, *new_keywords);
        let resolved = resolve(updates, set, numbers)?;
        let view = resolved.view();
        let mut all_there = true;
        let mut uids = resolved.uids();
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            batch.clear();
            batch.extend(uids.by_ref().take(BATCH));
            if batch.is_empty() {
                break;
            }
            let mut at = 0;
            while at < batch.len() {
                let mut records = mailbox.fetch(&batch[at..], plan.need).await?;
                at += answered(&records)?;
                let marked = match (plan.seen, access) {
                    (Seen::Set, Access::ReadWrite) => mark_seen(mailbox, &mut records).await,
                    _ => UidSet::new(),
                };
                for record in records {
                    let Some(record) = record else {
                        all_there = false;
                        continue;
                    };
                    introduce(
                        self.channel.io.out(),
                        &record.flags,
                        introduced,
                        access,
                        new_keywords,
                    );
                    let row = Row {
                        record: &record,
                        view,
                        updates,
                        marked: marked.contains(record.uid),
                    };
                    row.write(&plan, &mut self.channel).await?;
                }
            }
        }
        if all_there || numbers == Numbers::Uids {
            Ok(Completion::ok("FETCH completed"))
        } else {
            Ok(Completion::expunge_issued())
        }
    }
}

/// How many UIDs an answer covers. A backend that answers nothing would be asked for ever.
pub(super) fn answered(records: &[Option<Record>]) -> Result<usize, Stop> {
    if records.is_empty() {
        return Err(Error::new(ErrorKind::ServerBug)
            .with_source("fetch answered no entry")
            .into());
    }
    Ok(records.len())
}

/// Sets `\Seen` where it is missing, and says where. Failing at it is no reason to withhold the mail.
async fn mark_seen<M: Mailbox>(mailbox: &mut M, records: &mut [Option<Record>]) -> UidSet {
    let unseen: UidSet = records
        .iter()
        .flatten()
        .filter(|record| !record.flags.contains(&Flag::Seen))
        .map(|record| record.uid)
        .collect();
    if unseen.is_empty() {
        return unseen;
    }
    let change = FlagChange::add(Flags::from_iter([Flag::Seen]));
    if let Err(error) = mailbox.store(&unseen, &change).await {
        tracing::warn!(%error, "marking messages as seen failed");
        return UidSet::new();
    }
    for record in records
        .iter_mut()
        .flatten()
        .filter(|record| unseen.contains(record.uid))
    {
        record.flags.insert(Flag::Seen);
    }
    unseen
}

/// One FETCH row in the making.
struct Row<'r> {
    record: &'r Record,
    view: &'r View,
    updates: &'r UpdateBuffer,
    marked: bool,
}

impl Row<'_> {
    async fn write(&self, plan: &Plan, channel: &mut Channel) -> Result<(), Stop> {
        let Some(seq) = self.view.seq_of(self.record.uid) else {
            return Ok(());
        };
        let message = self.record.octets.as_deref().map(Message::parse);
        wire::fetch_begin(channel.io.out(), seq);
        for (index, item) in plan.items.iter().enumerate() {
            if index > 0 {
                channel.io.out().push(b' ');
            }
            match (item, &message) {
                (
                    Item::Octets {
                        label,
                        section,
                        partial,
                    },
                    Some(message),
                ) => {
                    channel.io.out().extend_from_slice(label);
                    channel.io.out().push(b' ');
                    match message.section(section) {
                        Some(octets) => write_octets(channel, part_of(&octets, *partial)).await?,
                        None => channel.io.out().extend_from_slice(b"NIL"),
                    }
                }
                _ => self.write_item(item, message.as_ref(), channel.io.out())?,
            }
        }
        // What the client sees changing by its own doing is told at once (RFC 9051, section 6.4.5).
        if self.marked && !plan.items.contains(&Item::Flags) {
            channel.io.out().push(b' ');
            self.write_item(&Item::Flags, None, channel.io.out())?;
        }
        wire::fetch_end(channel.io.out());
        Ok(channel.io.flush_if_full().await?)
    }

    fn write_item(&self, item: &Item, message: Option<&Message<'_>>, out: &mut Vec<u8>) -> Result<(), Stop> {
        let missing =
            || Error::new(ErrorKind::ServerBug).with_source("fetch answered less than was asked for");
        let record = self.record;
        match item {
            Item::Uid => {
                out.extend_from_slice(b"UID ");
                wire::number(out, record.uid.get());
            }
            Item::Flags => {
                out.extend_from_slice(b"FLAGS ");
                wire::fetch_flags(out, &record.flags, recency(self.updates, record.uid));
            }
            Item::InternalDate => {
                out.extend_from_slice(b"INTERNALDATE ");
                wire::internal_date(out, &record.internal_date.ok_or_else(missing)?);
            }
            Item::Size => {
                out.extend_from_slice(b"RFC822.SIZE ");
                wire::number(out, record.size.ok_or_else(missing)?);
            }
            Item::Envelope => {
                out.extend_from_slice(b"ENVELOPE ");
                wire::envelope(out, &message.ok_or_else(missing)?.envelope());
            }
            Item::Body => {
                out.extend_from_slice(b"BODY ");
                wire::body_structure(
                    out,
                    &message.ok_or_else(missing)?.structure(),
                    wire::Extensions::LeftOut,
                );
            }
            Item::BodyStructure => {
                out.extend_from_slice(b"BODYSTRUCTURE ");
                wire::body_structure(
                    out,
                    &message.ok_or_else(missing)?.structure(),
                    wire::Extensions::Written,
                );
            }
            Item::Octets { .. } => return Err(missing().into()),
        }
        Ok(())
    }
}

/// `\Recent` as this session has it.
pub(super) fn recency(updates: &UpdateBuffer, uid: Uid) -> Recency {
    if updates.recent_uids().contains(uid) {
        Recency::Recent
    } else {
        Recency::NotRecent
    }
}

/// `<origin.octets>`: cut to what is there, empty past the end (RFC 9051, section 6.4.5).
fn part_of(octets: &[u8], partial: Option<(u32, u32)>) -> &[u8] {
    let Some((origin, length)) = partial else {
        return octets;
    };
    let from = octets.len().min(origin as usize);
    let to = octets.len().min(from.saturating_add(length as usize));
    &octets[from..to]
}

/// A literal piece by piece, so that a large message is never in the output as a whole.
async fn write_octets(channel: &mut Channel, octets: &[u8]) -> Result<(), Stop> {
    wire::literal_begin(channel.io.out(), octets.len());
    for piece in octets.chunks(PIECE) {
        wire::literal_octets(channel.io.out(), piece);
        channel.io.flush_if_full().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::part_of;

    #[test]
    fn a_partial_is_cut_to_what_is_there() {
        assert_eq!(part_of(b"abcdef", None), b"abcdef");
        assert_eq!(part_of(b"abcdef", Some((2, 3))), b"cde");
        assert_eq!(part_of(b"abcdef", Some((4, 100))), b"ef");
        assert_eq!(part_of(b"abcdef", Some((6, 1))), b"");
        assert_eq!(part_of(b"abcdef", Some((u32::MAX, u32::MAX))), b"");
    }
}
