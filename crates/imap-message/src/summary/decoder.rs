//! What a part says when its Content-Transfer-Encoding is undone: BINARY (RFC 3516).

use std::num::NonZeroU32;

use super::{Kind, Summary};
use crate::field_name::FieldName;
use crate::transfer::{Decoder, Encoding};

/// Undoes the Content-Transfer-Encoding of a part whose octets come in pieces. What it gives does not depend on where they
/// are cut. In damaged base64 and quoted-printable, what can be read is read.
#[derive(Debug)]
pub struct PartDecoder(Decoder);

impl PartDecoder {
    /// For what has no encoding.
    pub const fn identity() -> Self {
        Self(Decoder::Identity)
    }

    /// Whether the part is as it is: 7bit, 8bit and binary, and parts that consist of others.
    pub const fn is_identity(&self) -> bool {
        matches!(self.0, Decoder::Identity)
    }

    /// What the next octets stand for. `room` is overwritten, if it is needed.
    pub fn decode<'o>(&mut self, octets: &'o [u8], room: &'o mut Vec<u8>) -> &'o [u8] {
        self.0.decode(octets, room)
    }

    /// What is left when the part has ended.
    pub fn finish<'o>(&mut self, room: &'o mut Vec<u8>) -> &'o [u8] {
        self.0.finish(room)
    }
}

impl Summary {
    /// What undoes the encoding of the part with these numbers; nothing is to be undone where there is no such part. `None`
    /// for an encoding that is not known: a server answers `UNKNOWN-CTE` then.
    pub fn decoder(&self, part: &[NonZeroU32]) -> Option<PartDecoder> {
        let id = match part.is_empty() {
            true => None,
            false => self.numbered(part),
        };
        let encoding = match id {
            Some(id) if matches!(self.parts[id].kind, Kind::Leaf | Kind::Text) => {
                Encoding::known(self.field_of(id, FieldName::ContentTransferEncoding))?
            }
            _ => Encoding::Identity,
        };
        Some(PartDecoder(Decoder::of(encoding)))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use crate::Summary;

    #[test]
    fn an_encoding_that_nobody_knows_has_no_decoder() {
        for (encoding, known) in [
            ("", Some(true)),
            ("Content-Transfer-Encoding: 8BIT\r\n", Some(true)),
            ("Content-Transfer-Encoding: binary\r\n", Some(true)),
            ("Content-Transfer-Encoding: Base64\r\n", Some(false)),
            ("Content-Transfer-Encoding: \"quoted-printable\"\r\n", Some(false)),
            ("Content-Transfer-Encoding: x-uuencode\r\n", None),
        ] {
            let summary = Summary::of(format!("{encoding}\r\nx").as_bytes());
            let decoder = summary.decoder(&[NonZeroU32::MIN]);
            assert_eq!(decoder.map(|decoder| decoder.is_identity()), known, "{encoding}");
        }
    }
}
