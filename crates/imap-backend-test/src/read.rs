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

/// Of a long message, so many octets are shown on each side of the place that matters.
const SHOWN: usize = 60;

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
        f.write_str(&shown(self, 0))
    }
}

/// A short message as text; of a long one what is around this place.
fn shown(octets: &[u8], at: usize) -> String {
    let all = octets.len();
    if all <= 2 * SHOWN {
        return format!("\"{}\"", octets.escape_ascii());
    }
    let from = at.saturating_sub(SHOWN).min(all);
    let to = at.saturating_add(SHOWN).min(all);
    format!(
        "\"{}\" (octets {from} to {to} of {all})",
        octets[from..to].escape_ascii()
    )
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

impl Message {
    /// What stands behind `Subject:` in its header; nothing where there is none.
    pub(crate) fn subject(&self) -> String {
        let text = String::from_utf8_lossy(&self.octets);
        let header = text.lines().take_while(|line| !line.is_empty());
        let subject = header.filter_map(|line| line.strip_prefix("Subject: ")).next();
        subject.unwrap_or_default().to_owned()
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

/// The octets of a message are these; a failure shows where they begin to differ.
pub(crate) fn same_octets(what: &str, seen: &Octets, expected: &[u8]) -> Verdict {
    if **seen == *expected {
        return Ok(());
    }
    let same = seen.iter().zip(expected).take_while(|(a, b)| a == b).count();
    let expected = format!("{what}: {}", shown(expected, same));
    Err(Stop::failed(expected, shown(seen, same)))
}

#[cfg(test)]
mod tests {
    use super::{Octets, same_octets};
    use crate::verdict::Stop;

    fn failure(seen: &[u8], expected: &[u8]) -> String {
        match same_octets("octets", &Octets::from(seen), expected) {
            Err(Stop::Failed(failure)) => failure.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_failure_shows_octets_as_text() {
        assert_eq!(
            failure(b"a\xe9\n", b"a\r\n"),
            r#"expected octets: "a\r\n"; saw "a\xe9\n""#
        );
    }

    #[test]
    fn a_failure_of_a_long_message_shows_where_it_begins() {
        let expected = [b'x'; 1000];
        let mut seen = expected;
        seen[500] = b'y';
        let text = failure(&seen, &expected);
        let around = "y".to_owned() + &"x".repeat(59);
        assert!(
            text.contains(&format!("{around}\" (octets 440 to 560 of 1000)")),
            "{text}"
        );
    }

    #[test]
    fn too_short_and_too_long_are_not_the_same() {
        assert!(same_octets("octets", &Octets::from(&b"ab"[..]), b"abc").is_err());
        assert!(same_octets("octets", &Octets::from(&b"abc"[..]), b"ab").is_err());
        assert!(same_octets("octets", &Octets::from(&b"abc"[..]), b"abc").is_ok());
    }
}
