//! What PostgreSQL says, cut into messages: an octet for the kind, four for the length, which counts itself.

/// What a message is, as far as the harness cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// NotificationResponse.
    Hint,
    /// CommandComplete of COMMIT.
    Committed,
    Other,
}

/// Collects octets until they are messages.
#[derive(Debug, Default)]
pub(super) struct Messages(Vec<u8>);

impl Messages {
    pub(super) fn push(&mut self, octets: &[u8]) {
        self.0.extend_from_slice(octets);
    }

    /// The next message that is whole.
    pub(super) fn next(&mut self) -> Option<(Kind, Vec<u8>)> {
        let (&kind, rest) = self.0.split_first()?;
        let length = u32::from_be_bytes(*rest.first_chunk::<4>()?) as usize;
        if rest.len() < length {
            return None;
        }
        let message: Vec<u8> = self.0.drain(..=length).collect();
        let kind = match (kind, message.get(5..)) {
            (b'A', _) => Kind::Hint,
            (b'C', Some(b"COMMIT\0")) => Kind::Committed,
            _ => Kind::Other,
        };
        Some((kind, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len() + 4).unwrap();
        [&[kind], &length.to_be_bytes()[..], content].concat()
    }

    #[test]
    fn messages_are_found_wherever_the_octets_are_cut() {
        let sent = [
            message(b'Z', b"I"),
            message(b'A', b"\0\0\0\x01imap_mail\x001\0"),
            message(b'C', b"COMMIT\0"),
            message(b'C', b"SELECT 1\0"),
            message(b'1', b""),
        ];
        let kinds = [Kind::Other, Kind::Hint, Kind::Committed, Kind::Other, Kind::Other];
        let octets = sent.concat();
        for cut in 0..=octets.len() {
            let mut messages = Messages::default();
            let mut heard = Vec::new();
            for piece in [&octets[..cut], &octets[cut..]] {
                messages.push(piece);
                heard.extend(std::iter::from_fn(|| messages.next()));
            }
            assert!(heard.iter().map(|(kind, _)| *kind).eq(kinds), "cut at {cut}");
            assert!(heard.iter().map(|(_, message)| message).eq(&sent), "cut at {cut}");
        }
    }
}
