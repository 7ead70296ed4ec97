//! A message of another server.

use async_imap::imap_proto::{AttributeValue, Response};
use bytes::Bytes;
use imap_backend::Append;

use super::AT_ONCE;
use super::connection::Connection;
use crate::CHUNK;
use crate::message::{Message, Unreadable};

/// A message: its octets, if they were asked for with others; otherwise they come in pieces.
pub(super) struct ServersMessage<'c> {
    connection: &'c mut Connection,
    uid: u32,
    append: &'c Append,
    held: Option<Bytes>,
    /// The piece that is given out, from where it begins.
    piece: (u64, Bytes),
    at: u64,
}

impl<'c> ServersMessage<'c> {
    pub(super) fn new(
        connection: &'c mut Connection,
        uid: u32,
        append: &'c Append,
        held: Option<Bytes>,
    ) -> Self {
        Self {
            connection,
            uid,
            append,
            piece: (0, Bytes::new()),
            held,
            at: 0,
        }
    }

    /// The octets from this one on, at most so many as are asked for at once.
    async fn fetch(&mut self, from: u64) -> Result<Bytes, Unreadable> {
        let command = format!("UID FETCH {} (UID BODY.PEEK[]<{from}.{AT_ONCE}>)", self.uid);
        let mut found = None;
        let answer = self.connection.command(&command, |response| {
            if let Response::Fetch(_, attributes) = response {
                found = found
                    .take()
                    .or(body(attributes).filter(|(uid, _)| *uid == self.uid));
            }
        });
        match answer.await.map_err(Unreadable::Source)? {
            Err(why) => Err(Unreadable::This(format!("the server does not give it: {why}"))),
            Ok(()) => match found {
                Some((_, Some(octets))) => Ok(octets),
                // Past the end.
                Some((_, None)) if from > 0 => Ok(Bytes::new()),
                _ => Err(Unreadable::This("the server has it no more".to_owned())),
            },
        }
    }
}

impl Message for ServersMessage<'_> {
    fn append(&self) -> Append {
        self.append.clone()
    }

    fn size(&self) -> Option<u64> {
        self.held.as_ref().map(|octets| octets.len() as u64)
    }

    async fn rewind(&mut self) -> Result<(), Unreadable> {
        self.at = 0;
        Ok(())
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Unreadable> {
        let (from, octets) = match &self.held {
            Some(octets) => (0, octets.clone()),
            None => {
                let (from, piece) = &self.piece;
                let end = from + piece.len() as u64;
                let is_whole = piece.len() as u64 == AT_ONCE;
                if piece.is_empty() || self.at < *from || (self.at == end && is_whole) {
                    self.piece = (self.at, self.fetch(self.at).await?);
                }
                self.piece.clone()
            }
        };
        let start = usize::try_from(self.at - from)
            .unwrap_or(usize::MAX)
            .min(octets.len());
        let end = start.saturating_add(CHUNK).min(octets.len());
        self.at += (end - start) as u64;
        Ok(Some(octets.slice(start..end)).filter(|octets| !octets.is_empty()))
    }
}

/// The UID and the octets of a FETCH that has both; `NIL` are none.
pub(super) fn body(attributes: &[AttributeValue<'_>]) -> Option<(u32, Option<Bytes>)> {
    let (mut uid, mut octets) = (None, None);
    for attribute in attributes {
        match attribute {
            AttributeValue::Uid(number) => uid = Some(*number),
            AttributeValue::BodySection {
                section: None, data, ..
            } => {
                octets = Some(data.as_deref().map(Bytes::copy_from_slice));
            }
            _ => {}
        }
    }
    Some((uid?, octets?))
}
