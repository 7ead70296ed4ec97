//! A response of the server, taken apart far enough to be changed.

use bytes::{Bytes, BytesMut};
use std::fmt;

/// A response: text, and the literals in it.
///
/// ```
/// use imap_test_server::Response;
/// let mut response = Response::line("* 3 EXISTS");
/// assert!(response.is("EXISTS") && response.number() == Some(3));
/// response.replace("3", "4");
/// assert_eq!(response.to_string(), "* 4 EXISTS");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// Without the `{n}` and the CRLF behind it.
    Text(Vec<u8>),
    Literal {
        /// The size that is written before it.
        announced: usize,
        octets: Bytes,
    },
}

impl Response {
    /// A response without literals, from its line without CRLF.
    #[must_use]
    pub fn line(text: &str) -> Self {
        Self {
            pieces: vec![Piece::Text(text.into())],
        }
    }

    /// A response from all of its octets, with or without the CRLF at its end; `None` where they are not a whole one.
    #[must_use]
    pub fn from_octets(octets: &[u8]) -> Option<Self> {
        let mut reader = ResponseReader::default();
        reader.add(octets);
        reader.add(b"\r\n");
        reader.next()
    }

    /// The tag: `*` for an untagged response, `+` for a continuation.
    #[must_use]
    pub fn tag(&self) -> String {
        self.words().next().unwrap_or_default()
    }

    /// Whether this is an untagged response of that kind, such as `EXISTS`, `FETCH` or `OK`, with a number or without.
    #[must_use]
    pub fn is(&self, kind: &str) -> bool {
        let mut words = self.words();
        if words.next().as_deref() != Some("*") {
            return false;
        }
        let first = words.next().unwrap_or_default();
        let word = match first.parse::<u32>() {
            Ok(_) => words.next().unwrap_or_default(),
            Err(_) => first,
        };
        word.eq_ignore_ascii_case(kind)
    }

    /// Whether it is a status response OK, with a tag or without.
    pub(crate) fn is_ok(&self) -> bool {
        let second = self.words().nth(1);
        second.is_some_and(|word| word.eq_ignore_ascii_case("OK"))
    }

    /// The number of a response such as `* 3 EXISTS`.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        self.words().nth(1)?.parse().ok()
    }

    /// Whether its text, without the octets of literals, has these words somewhere. Letters of any case are the same.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        let text = text.to_ascii_uppercase();
        self.texts()
            .any(|piece| piece.to_ascii_uppercase().contains(&text))
    }

    /// Puts a text in the place of another, wherever that stands outside literals.
    pub fn replace(&mut self, old: &str, new: &str) {
        self.change_text(|text| text.replace(old, new));
    }

    /// Changes the text between the literals.
    pub fn change_text(&mut self, mut change: impl FnMut(&str) -> String) {
        for piece in &mut self.pieces {
            if let Piece::Text(text) = piece {
                *text = change(&String::from_utf8_lossy(text)).into_bytes();
            }
        }
    }

    /// Changes the text behind the last literal; there is none where there is no literal.
    pub fn change_end(&mut self, change: impl FnOnce(&str) -> String) {
        if let (true, Some(Piece::Text(text))) = (self.has_literal(), self.pieces.last_mut()) {
            *text = change(&String::from_utf8_lossy(text)).into_bytes();
        }
    }

    /// Announces so many octets more, or fewer, than the first literal has.
    pub fn misstate_literal(&mut self, by: isize) {
        for piece in &mut self.pieces {
            if let Piece::Literal { announced, .. } = piece {
                *announced = announced.saturating_add_signed(by);
                return;
            }
        }
    }

    /// Whether it has a literal.
    #[must_use]
    pub fn has_literal(&self) -> bool {
        let is_literal = |piece: &Piece| matches!(piece, Piece::Literal { .. });
        self.pieces.iter().any(is_literal)
    }

    /// What is sent, with the CRLF at its end.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        let mut out = self.written(None);
        out.extend_from_slice(b"\r\n");
        out
    }

    /// What is sent up to so many octets of the first literal; all of it where there is no literal.
    #[must_use]
    pub fn octets_into_literal(&self, count: usize) -> Vec<u8> {
        match self.has_literal() {
            true => self.written(Some(count)),
            false => self.octets(),
        }
    }

    fn written(&self, into_literal: Option<usize>) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Literal { announced, octets } => {
                    out.extend_from_slice(format!("{{{announced}}}\r\n").as_bytes());
                    if let Some(count) = into_literal {
                        out.extend_from_slice(&octets[..count.min(octets.len())]);
                        return out;
                    }
                    out.extend_from_slice(octets);
                }
            }
        }
        out
    }

    fn words(&self) -> impl Iterator<Item = String> {
        let text = self.texts().next().unwrap_or_default();
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        words.into_iter()
    }

    fn texts(&self) -> impl Iterator<Item = String> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
            Piece::Literal { .. } => None,
        })
    }
}

/// As it is sent, without the CRLF at its end.
impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.written(None)))
    }
}

/// Makes responses of the octets that the server writes.
#[derive(Debug, Default)]
pub(crate) struct ResponseReader {
    buffer: BytesMut,
    pieces: Vec<Piece>,
    /// Octets of the literal that is arriving.
    literal: Option<usize>,
}

impl ResponseReader {
    pub(crate) fn add(&mut self, octets: &[u8]) {
        self.buffer.extend_from_slice(octets);
    }

    /// What has arrived and is no whole response.
    pub(crate) fn take_rest(&mut self) -> Bytes {
        self.buffer.split().freeze()
    }

    /// The next response that has arrived whole.
    pub(crate) fn next(&mut self) -> Option<Response> {
        loop {
            if let Some(announced) = self.literal {
                if self.buffer.len() < announced {
                    return None;
                }
                let octets = self.buffer.split_to(announced).freeze();
                self.pieces.push(Piece::Literal { announced, octets });
                self.literal = None;
            }
            let end = memchr::memmem::find(&self.buffer, b"\r\n")?;
            let line = self.buffer.split_to(end + 2);
            let line = &line[..end];
            match literal_size(line) {
                Some((text, size, _)) => {
                    self.pieces.push(Piece::Text(line[..text].to_vec()));
                    self.literal = Some(size);
                }
                None => {
                    self.pieces.push(Piece::Text(line.to_vec()));
                    let pieces = std::mem::take(&mut self.pieces);
                    return Some(Response { pieces });
                }
            }
        }
    }
}

/// Where the `{n}` at the end of a line begins, what it announces, and whether the octets follow unasked (`{n+}`).
pub(crate) fn literal_size(line: &[u8]) -> Option<(usize, usize, bool)> {
    let inside = line.strip_suffix(b"}")?;
    let open = memchr::memrchr(b'{', inside)?;
    let number = std::str::from_utf8(&inside[open + 1..]).ok()?;
    let (number, unasked) = match number.strip_suffix('+') {
        Some(number) => (number, true),
        None => (number, false),
    };
    Some((open, number.parse().ok()?, unasked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_read_whole_whatever_the_pieces_in_which_it_arrives() {
        let octets = b"* 1 FETCH (BODY[] {4}\r\na\r\n) BODY[1] {0}\r\n)\r\na OK done\r\n";
        for size in 1..octets.len() {
            let (mut reader, mut responses) = (ResponseReader::default(), Vec::new());
            for piece in octets.chunks(size) {
                reader.add(piece);
                responses.extend(std::iter::from_fn(|| reader.next()));
            }
            assert_eq!(responses.len(), 2, "in pieces of {size}");
            assert!(responses[0].is("FETCH") && responses[1].tag() == "a");
            let sent: Vec<u8> = responses.iter().flat_map(Response::octets).collect();
            assert_eq!(sent, octets);
        }
    }

    #[test]
    fn a_response_is_cut_inside_its_first_literal() {
        let mut reader = ResponseReader::default();
        reader.add(b"* 1 FETCH (BODY[] {4}\r\nabcd BODY[1] {1}\r\nx)\r\n");
        let mut response = reader.next().unwrap();
        assert_eq!(response.octets_into_literal(2), b"* 1 FETCH (BODY[] {4}\r\nab");
        response.misstate_literal(3);
        assert_eq!(
            response.octets(),
            b"* 1 FETCH (BODY[] {7}\r\nabcd BODY[1] {1}\r\nx)\r\n"
        );
    }

    #[test]
    fn the_kind_of_a_response_is_its_first_word_behind_a_number() {
        assert!(Response::line("* 3 exists").is("EXISTS") && Response::line("* OK [X] y").is("OK"));
        assert!(!Response::line("a OK x").is("OK") && !Response::line("* OK FETCH").is("FETCH"));
    }
}
