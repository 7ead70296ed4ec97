//! What was read of a message: its attributes and, through the handle, its octets.

use crate::verdict::{Answer, Stop, Verdict, ensure, equal};
use bytes::Bytes;
use chrono::{DateTime, FixedOffset};
use imap_backend::{Body, Record};
use imap_seq::Uid;
use imap_updates::Flags;
use std::fmt;

/// Octets that a failure shows as text.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Octets(Bytes);

/// So many octets are shown at each end of a long message.
const SHOWN: usize = 120;

impl Octets {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl From<&[u8]> for Octets {
    fn from(octets: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(octets))
    }
}

impl From<Bytes> for Octets {
    fn from(octets: Bytes) -> Self {
        Self(octets)
    }
}

impl std::ops::Deref for Octets {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = &self.0[..];
        if octets.len() <= 2 * SHOWN {
            return write!(f, "\"{}\"", octets.escape_ascii());
        }
        let (start, end) = (&octets[..SHOWN], &octets[octets.len() - SHOWN..]);
        let (start, end) = (start.escape_ascii(), end.escape_ascii());
        write!(f, "\"{start} [..] {end}\" ({} octets)", octets.len())
    }
}

/// A message that was read whole, and what its record said.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) uid: Uid,
    pub(crate) flags: Flags,
    pub(crate) internal_date: Option<DateTime<FixedOffset>>,
    pub(crate) size: Option<u64>,
    pub(crate) octets: Octets,
}

impl Message {
    /// Reads the body of a record that was asked for with [`Need::BODY`](imap_backend::Need::BODY).
    ///
    /// # Errors
    /// There is no body, it cannot be read, or it is not as long as it says.
    pub(crate) async fn read(record: &Record) -> Result<Self, Stop> {
        Ok(Self {
            uid: record.uid(),
            flags: record.flags().clone(),
            internal_date: record.internal_date(),
            size: record.size(),
            octets: read_whole(body_of(record)?).await?,
        })
    }
}

/// The handle that [`Need::BODY`](imap_backend::Need::BODY) asks for.
///
/// # Errors
/// There is none.
pub(crate) fn body_of(record: &Record) -> Result<&Body, Stop> {
    let uid = record.uid();
    record
        .body()
        .ok_or_else(|| Stop::failed(format!("a body for UID {uid}, as it was asked for"), "none"))
}

/// How much is read at a time, in octets.
const PIECE: usize = 8 << 10;

/// All of a message, piece by piece as a server reads it.
///
/// # Errors
/// It cannot be read, or is not as long as it says.
pub(crate) async fn read_whole(body: &Body) -> Result<Octets, Stop> {
    let size = body.size().await.must("the size of a body")?;
    let mut octets = Vec::new();
    while (octets.len() as u64) < size {
        let at = octets.len() as u64;
        let piece = body.read_at(at, PIECE).await.must("reading a body")?;
        let wanted = PIECE.min(usize::try_from(size - at).unwrap_or(PIECE));
        ensure!(
            piece.len() == wanted,
            format!("{wanted} octets from {at} of a body of {size}"),
            format!("{} octets", piece.len())
        );
        octets.extend_from_slice(&piece);
    }
    let past = body
        .read_at(size, PIECE)
        .await
        .must("reading at the end of a body")?;
    equal("octets past the end", &Octets::from(past), &Octets::default())?;
    Ok(Octets(octets.into()))
}

/// The octets of a message are these.
pub(crate) fn same_octets(what: &str, seen: &Octets, expected: &[u8]) -> Verdict {
    equal(what, seen, &Octets::from(expected))
}
