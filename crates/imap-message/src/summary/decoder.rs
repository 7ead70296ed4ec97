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

    /// What is decoded, whole and cut anywhere.
    fn decoded(body: &[u8]) -> Vec<u8> {
        let head = b"Content-Transfer-Encoding: quoted-printable\r\n\r\n".as_slice();
        let summary = Summary::of(&[head, body].concat());
        let decode = |pieces: &[&[u8]]| {
            let mut decoder = summary.decoder(&[NonZeroU32::MIN]).unwrap();
            let (mut out, mut room) = (Vec::new(), Vec::new());
            for piece in pieces {
                out.extend_from_slice(decoder.decode(piece, &mut room));
            }
            out.extend_from_slice(decoder.finish(&mut room));
            out
        };
        let whole = decode(&[body]);
        for at in 0..=body.len() {
            assert_eq!(decode(&[&body[..at], &body[at..]]), whole, "cut at {at}");
        }
        let each: Vec<&[u8]> = body.chunks(1).collect();
        assert_eq!(decode(&each), whole, "octet by octet");
        whole
    }

    #[test]
    fn rfc2045_6_7_3_white_space_at_the_end_of_a_line_is_deleted() {
        let long = " ".repeat(77);
        for (text, meant) in [
            ("hello  \r\nbar \t\n\r\n \r\nfoo", "hello\r\nbar\n\r\n\r\nfoo"),
            ("the end of the body \t", "the end of the body"),
            (
                "what is encoded stays =20\r\nso =\r\n does this\r\n",
                "what is encoded stays  \r\nso  does this\r\n",
            ),
            (
                "a line \r of which CR is a part \r \r\n",
                "a line \r of which CR is a part \r\r\n",
            ),
            ("in a = line  \r\n", "in a = line\r\n"),
            ("behind =  x =  \r\n y =", "behind =  x  y ="),
            (
                &format!("{long}\r\n{long}x{long}"),
                &format!("{long}\r\n{long}x{long}"),
            ),
            (&format!("{}\r\n", &long[1..]), "\r\n"),
            ("", ""),
        ] {
            assert_eq!(
                String::from_utf8(decoded(text.as_bytes())).unwrap(),
                meant,
                "{text:?}"
            );
        }
    }
}
