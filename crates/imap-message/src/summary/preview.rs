//! The words that a message begins with: PREVIEW (RFC 8970).

use std::ops::Range;

use super::structure::media;
use super::{Kind, Summary};
use crate::charset;
use crate::field_name::FieldName;
use crate::html;
use crate::parameter::disposition;
use crate::transfer::{Decoder, Encoding};

/// The most characters of a preview (RFC 8970, section 3.2: 200 are recommended, 256 allowed).
const MOST_CHARACTERS: usize = 200;

/// So much of plain text is looked at, in octets.
const MOST_OF_PLAIN: usize = 8 << 10;

/// So much of HTML is looked at, in octets: there is much in it that is no text.
const MOST_OF_HTML: usize = 64 << 10;

/// Makes a preview of the part of a message that [`Summary::preview`] names, while that is read.
#[derive(Debug)]
pub struct Preview {
    decoder: Decoder,
    /// As the part names it; may be empty.
    charset: Vec<u8>,
    is_html: bool,
    /// What was decoded so far.
    octets: Vec<u8>,
    room: Vec<u8>,
}

impl Summary {
    /// Where the text lies that a preview is made of, and what makes it. `None` where the message has no text, or only its
    /// header is known.
    ///
    /// It is the first part of kind `text` that is no attachment and not empty.
    pub fn preview(&self) -> Option<(Range<u64>, Preview)> {
        self.size()?;
        self.parts.iter().enumerate().find_map(|(id, part)| {
            let is_text = matches!(part.kind, Kind::Leaf | Kind::Text) && part.body_end > part.body_start;
            let value = self.field_of(id, FieldName::ContentDisposition);
            let is_attached = value
                .and_then(disposition)
                .is_some_and(|(kind, _)| kind.eq_ignore_ascii_case(b"attachment"));
            let media = media(part.kind, self.field_of(id, FieldName::ContentType));
            if !is_text || is_attached || !media.is_kind("text") {
                return None;
            }
            let encoding = Encoding::of(self.field_of(id, FieldName::ContentTransferEncoding));
            let preview = Preview {
                decoder: Decoder::of(encoding),
                charset: media.parameter("charset").unwrap_or_default().into_owned(),
                is_html: media.is("text", "html"),
                octets: Vec::new(),
                room: Vec::new(),
            };
            Some((part.body_start..part.body_end, preview))
        })
    }
}

impl Preview {
    /// Takes the next octets of the part; says whether more are wanted.
    pub fn push(&mut self, octets: &[u8]) -> bool {
        let wanted = self.wanted();
        let decoded = self.decoder.decode(octets, &mut self.room);
        self.octets
            .extend_from_slice(&decoded[..wanted.min(decoded.len())]);
        self.wanted() > 0
    }

    fn wanted(&self) -> usize {
        let most = match self.is_html {
            true => MOST_OF_HTML,
            false => MOST_OF_PLAIN,
        };
        most - self.octets.len()
    }

    /// The preview: at most 200 characters, with single spaces for all white space. Empty where there are no words.
    pub fn finish(mut self) -> String {
        if self.wanted() > 0 {
            let rest = self.decoder.finish(&mut self.room);
            self.octets.extend_from_slice(rest);
        }
        let text = charset::decode(&self.charset, &self.octets);
        // Where it was cut, there may be half a character.
        let text = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
        match self.is_html {
            true => words(html::text(text)),
            false => words(text.chars()),
        }
    }
}

/// Words with single spaces between them. What nobody sees is left out: newsletters pad their first line with it.
fn words(text: impl Iterator<Item = char>) -> String {
    let is_seen = |character: &char| {
        !matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
        ) && (!character.is_control() || character.is_whitespace())
    };
    let mut words = String::new();
    let (mut characters, mut space_due) = (0, false);
    for character in text.filter(is_seen) {
        if character.is_whitespace() {
            space_due = characters > 0;
            continue;
        }
        if std::mem::take(&mut space_due) {
            words.push(' ');
            characters += 1;
        }
        if characters >= MOST_CHARACTERS {
            break;
        }
        words.push(character);
        characters += 1;
    }
    words.truncate(words.trim_end().len());
    words
}

#[cfg(test)]
mod tests {
    use crate::Summary;

    /// The preview of a message whose text comes in pieces of this size.
    fn preview(message: &str, piece: usize) -> Option<String> {
        let message = message.replace('\n', "\r\n");
        let (range, mut preview) = Summary::of(message.as_bytes()).preview()?;
        let at = |octet: u64| usize::try_from(octet).unwrap();
        let text = &message.as_bytes()[at(range.start)..at(range.end)];
        let _ = text.chunks(piece).all(|piece| preview.push(piece));
        Some(preview.finish())
    }

    #[test]
    fn words_are_those_of_the_first_text_however_it_is_cut() {
        let encoded =
            "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n";
        let parts = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: image/png\n\nx\n--b\n\
                     Content-Disposition: attachment\n\nnot this\n--b\nContent-Type: text/html\n\n<p>this\n--b--\n";
        let long = format!("A: b\n\n{}", "é".repeat(9000));
        for (message, expected) in [
            (
                "A: b\n\n  one\n\n two\u{200b}\t three \n".to_owned(),
                "one two three",
            ),
            (format!("{encoded}gr=FC=DF=\ne"), "grüße"),
            (parts.to_owned(), "this"),
            (long, &"é".repeat(200)),
            ("A: b\n\n\n \n".to_owned(), ""),
        ] {
            for piece in [1, 2, 3, 7, 100_000] {
                assert_eq!(preview(&message, piece).as_deref(), Some(expected), "{piece}");
            }
        }
    }

    #[test]
    fn without_text_there_is_none() {
        assert_eq!(preview("Content-Type: image/png\n\nx", 9), None);
        assert_eq!(preview("A: b\n\n", 9), None);
    }
}
