//! The octets of a message, read from the database when they are wanted.

use bytes::Bytes;
use imap_backend::{Error, ErrorKind, ReadBody};

use crate::engine::Statements;
use crate::node::Node;
use crate::tables::blobs;

/// A handle to the octets of one message. It holds no connection.
pub(crate) struct StoredBody {
    pub(crate) node: Node,
    pub(crate) blob: i64,
    pub(crate) size: u64,
}

impl ReadBody for StoredBody {
    async fn size(&self) -> Result<u64, Error> {
        Ok(self.size)
    }

    async fn read_at(&self, offset: u64, at_most: usize) -> Result<Bytes, Error> {
        let (blob, size) = (self.blob, self.size);
        self.node
            .query(move |statements| read(statements, (blob, size), offset, at_most))
            .await
    }
}

/// Octets of a blob of this size. A blob that is gone has no message any more: its number is never used again.
pub(crate) fn read(
    statements: Statements<'_>,
    (blob, size): (i64, u64),
    offset: u64,
    at_most: usize,
) -> Result<Bytes, Error> {
    let place = |at: u64| usize::try_from(at).map_err(|_| Error::new(ErrorKind::TooBig));
    let from = place(offset.min(size))?;
    let to = place(size)?.min(from.saturating_add(at_most));
    if from == to {
        return Ok(Bytes::new());
    }
    let octets = blobs::read(statements, blob, from, to)?;
    if octets.len() == to - from {
        return Ok(octets.into());
    }
    Err(match octets.is_empty() {
        true => ErrorKind::ExpungeIssued.into(),
        false => Error::new(ErrorKind::Corruption).with_source(format!("the blob {blob} lacks octets")),
    })
}
