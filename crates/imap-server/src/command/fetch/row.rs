//! Writing one FETCH row (RFC 9051, section 7.5.2).

use std::ops::Range;

use imap_backend::Record;
use imap_seq::ModSeq;
use imap_updates::{Flag, Flags, Recency};

use super::Marked;
use super::binary::Decoded;
use super::message::{Content, Reading};
use super::plan::{Item, Plan};
use crate::completion::Stop;
use crate::connection::{Channel, Gone};
use crate::wire::{self, RowOf, Sink as _};

/// One FETCH row in the making.
pub(super) struct Row<'r> {
    record: &'r Record,
    of: RowOf,
    recent: Recency,
    /// The flags with the `\Seen` that this command has set, if it has.
    marked: Option<Flags>,
    /// The mod-sequence of the message, after that.
    modseq: Option<ModSeq>,
    /// Whether it is told also where it was not asked for, and the UID with it (RFC 7162, section 3.2.4).
    tells_modseq: bool,
}

impl<'r> Row<'r> {
    pub(super) fn new(record: &'r Record, of: RowOf, recent: Recency, marked: &Marked) -> Self {
        let uid = record.uid();
        let after = marked.modseqs.get(&uid).copied();
        let marked = marked.contains(uid).then(|| {
            let mut flags = record.flags().clone();
            flags.insert(Flag::Seen);
            flags
        });
        Self {
            record,
            of,
            recent,
            marked,
            modseq: after.or(record.modseq()),
            tells_modseq: after.is_some(),
        }
    }

    pub(super) fn modseq(&self) -> Option<ModSeq> {
        self.modseq
    }

    pub(super) fn flags(&self) -> &Flags {
        self.marked.as_ref().unwrap_or(self.record.flags())
    }

    /// Writes the row, large literals a chunk at a time.
    ///
    /// # Errors
    /// The connection is over: also where a message turns out shorter than was announced, because nothing that could be
    /// sent would be understood.
    pub(super) async fn write(
        &self,
        plan: &Plan,
        mut message: Reading<'_>,
        channel: &mut Channel,
    ) -> Result<(), Stop> {
        let mut contents = message.take_contents();
        wire::fetch_begin(channel.io.out(), self.of);
        for (index, item) in plan.items.iter().enumerate() {
            if index > 0 {
                channel.io.out().push(b' ');
            }
            match item {
                Item::Envelope | Item::Body | Item::BodyStructure => {
                    write_in_pieces(channel, |piece| write_structure(item, &message, piece)).await?;
                }
                _ if item.is_of_content() => {
                    channel.io.out().extend_from_slice(item.label());
                    channel.io.out().push(b' ');
                    let content = contents.next().unwrap_or(Content::None);
                    write_content(channel, &mut message, item, content).await?;
                }
                _ => self.write_attribute(item, &message, channel.io.out())?,
            }
        }
        // What the client sees changing by its own doing is told at once (RFC 9051, section 6.4.5).
        if self.marked.is_some() {
            let mut due = vec![Item::Flags];
            if self.tells_modseq {
                due.push(Item::ModSeq);
                due.extend(matches!(self.of, RowOf::Seq(_)).then_some(Item::Uid));
            }
            for item in due.iter().filter(|item| !plan.items.contains(item)) {
                channel.io.out().push(b' ');
                self.write_attribute(item, &message, channel.io.out())?;
            }
        }
        wire::fetch_end(channel.io.out());
        Ok(channel.io.flush_if_full().await?)
    }

    fn write_attribute(&self, item: &Item, message: &Reading<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
        match item {
            Item::Uid => {
                out.extend_from_slice(b"UID ");
                wire::number(out, self.record.uid().get());
            }
            Item::Flags => {
                out.extend_from_slice(b"FLAGS ");
                wire::fetch_flags(out, self.flags(), self.recent);
            }
            Item::InternalDate => {
                out.extend_from_slice(b"INTERNALDATE ");
                wire::internal_date(out, &self.record.internal_date().ok_or_else(missing)?);
            }
            Item::Size => {
                out.extend_from_slice(b"RFC822.SIZE ");
                wire::number(out, message.size().ok_or_else(missing)?);
            }
            Item::SaveDate => {
                out.extend_from_slice(b"SAVEDATE ");
                match self.record.save_date() {
                    Some(date) => wire::internal_date(out, &date.fixed_offset()),
                    None => out.extend_from_slice(b"NIL"),
                }
            }
            Item::EmailId => {
                let id = self.record.email_id().ok_or_else(missing)?;
                wire::object_id(out, "EMAILID", Some(id));
            }
            Item::ThreadId => wire::object_id(out, "THREADID", self.record.thread_id()),
            Item::ModSeq => wire::mod_seq(out, self.modseq.ok_or_else(missing)?),
            _ => return Err(missing()),
        }
        Ok(())
    }
}

/// Pieces in which ENVELOPE, BODY and BODYSTRUCTURE go to the output, in octets. All but a stranger's malice fit into one.
const STRUCTURE_PIECE: usize = 256 << 10;

/// Writes what may be long a piece at a time, made anew for each: megabytes may come of a hostile message, and a client that
/// does not read must not make the server hold them.
pub(super) async fn write_in_pieces(
    channel: &mut Channel,
    write: impl Fn(&mut wire::Piece<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut before = 0;
    loop {
        let mut piece = wire::Piece::new(channel.io.out(), before, STRUCTURE_PIECE);
        write(&mut piece)?;
        if !piece.goes_on() {
            return Ok(());
        }
        before += STRUCTURE_PIECE;
        channel.io.flush().await?;
        tokio::task::yield_now().await;
    }
}

fn write_structure(item: &Item, message: &Reading<'_>, out: &mut wire::Piece<'_>) -> Result<(), Stop> {
    let summary = message.summary().ok_or_else(missing)?;
    let structure = || summary.structure().ok_or_else(missing);
    match item {
        Item::Envelope => {
            out.extend_from_slice(b"ENVELOPE ");
            wire::envelope(out, &summary.envelope());
        }
        Item::Body => {
            out.extend_from_slice(b"BODY ");
            wire::body_structure(out, &structure()?, wire::Extensions::LeftOut);
        }
        Item::BodyStructure => {
            out.extend_from_slice(b"BODYSTRUCTURE ");
            wire::body_structure(out, &structure()?, wire::Extensions::Written);
        }
        _ => return Err(missing()),
    }
    Ok(())
}

/// A row was begun without something that it needs, which [`Reading::prepare`] should have seen. What was begun cannot be
/// taken back.
pub(super) fn missing() -> Stop {
    tracing::error!("a row was begun without what it needs");
    Gone::Torn.into()
}

async fn write_fields(channel: &mut Channel, fields: &[u8]) -> Result<(), Stop> {
    wire::literal_begin(channel.io.out(), fields.len() as u64);
    for piece in fields.chunks(PIECE) {
        wire::literal_octets(channel.io.out(), piece);
        channel.io.flush_if_full().await?;
    }
    Ok(())
}

async fn write_octets(
    channel: &mut Channel,
    message: &mut Reading<'_>,
    range: Range<u64>,
) -> Result<(), Stop> {
    wire::literal_begin(channel.io.out(), range.end - range.start);
    let mut offset = range.start;
    while offset < range.end {
        let octets = match message.read(offset, range.end).await {
            Ok(octets) if !octets.is_empty() => octets,
            Ok(_) => return Err(torn(offset, "the message ends before its announced size")),
            Err(error) => return Err(torn(offset, &error.to_string())),
        };
        offset += octets.len() as u64;
        for piece in octets.chunks(PIECE) {
            wire::literal_octets(channel.io.out(), piece);
            channel.io.flush_if_full().await?;
        }
    }
    Ok(())
}

/// What was found out about the message for an item.
pub(super) async fn write_content(
    channel: &mut Channel,
    message: &mut Reading<'_>,
    item: &Item,
    content: Content,
) -> Result<(), Stop> {
    match (content, item) {
        (Content::Octets(range), _) => write_octets(channel, message, range).await?,
        (Content::Decoded(decoded), _) => write_decoded(channel, message, &decoded).await?,
        (Content::Size(octets), _) => wire::number(channel.io.out(), octets),
        (Content::Preview(words), _) => wire::string(channel.io.out(), words.as_bytes()),
        (Content::Fields(header), Item::Octets { section, partial, .. }) => {
            let fields = message.select(header, &section.text, *partial);
            write_fields(channel, &fields).await?;
            // Selecting from a long header is work: others have their turn.
            tokio::task::yield_now().await;
        }
        _ => channel.io.out().extend_from_slice(b"NIL"),
    }
    Ok(())
}

/// A literal, or a literal8 where it has to be one (RFC 3516, section 4.3).
async fn write_decoded(
    channel: &mut Channel,
    message: &mut Reading<'_>,
    decoded: &Decoded,
) -> Result<(), Stop> {
    if decoded.has_nul {
        channel.io.out().push(b'~');
    }
    wire::literal_begin(channel.io.out(), decoded.octets);
    let mut decoding = match decoded.begin(message) {
        Ok(decoding) => decoding,
        Err(error) => return Err(torn(0, &error.to_string())),
    };
    let mut written = 0;
    while written < decoded.octets {
        let piece = match decoding.next(message).await {
            Ok(Some(piece)) => piece,
            Ok(None) => return Err(torn(written, "the part ends before its announced size")),
            Err(error) => return Err(torn(written, &error.to_string())),
        };
        let left = usize::try_from(decoded.octets - written).unwrap_or(usize::MAX);
        let piece = &piece[..piece.len().min(left)];
        written += piece.len() as u64;
        if !decoded.has_nul && memchr::memchr(0, piece).is_some() {
            return Err(torn(written, "a part has a NUL that it had not"));
        }
        for piece in piece.chunks(PIECE) {
            channel.io.out().extend_from_slice(piece);
            channel.io.flush_if_full().await?;
        }
    }
    Ok(())
}

/// Pieces in which octets go to the output, in octets: what the connection holds of them beside the chunk that was read.
const PIECE: usize = 32 << 10;

/// The client waits for octets that do not exist: the connection ends without another word.
fn torn(offset: u64, why: &str) -> Stop {
    tracing::error!(offset, why, "a message changed while it was sent");
    Gone::Torn.into()
}
