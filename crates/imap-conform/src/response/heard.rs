//! Octets cut into responses, each judged by itself.

use bumpalo::Bump;

use super::{Data, Fault, Response, Utf8};
use crate::rule::Rule;
use crate::wire::split::{Side, Splitter, Step};
use crate::wire::value::{Reader, without_cr};

/// Cuts what a server says into responses, wherever the octets are cut that come. Literals are kept, however long.
///
/// ```
/// use imap_conform::Rule;
/// use imap_conform::response::{Response, Responses, Utf8};
/// let mut responses = Responses::new();
/// let mut octets = &b"* 3 EXISTS\r\n* LIST () \"/\" caf\xc3\xa9\r\n* OK [UNSEEN"[..];
/// let exists = responses.next(&mut octets).unwrap();
/// let Ok(Response::Data(data)) = exists.read(Utf8::Nowhere) else { panic!() };
/// assert_eq!((data.number, data.word), (Some(3), "EXISTS"));
/// let list = responses.next(&mut octets).unwrap();
/// assert_eq!(list.read(Utf8::Nowhere).unwrap_err().rule(), Rule::EightBit);
/// assert!(responses.next(&mut octets).is_none());
/// assert_eq!(responses.begun(), b"* OK [UNSEEN");
/// ```
#[derive(Debug)]
pub struct Responses {
    splitter: Splitter,
}

/// One response, with all its literals.
#[derive(Debug)]
pub struct Whole {
    octets: Vec<u8>,
    /// Where its words are, once it was read.
    arena: Bump,
    kept: u64,
    has_nul: bool,
}

impl Default for Responses {
    fn default() -> Self {
        Self::new()
    }
}

impl Responses {
    /// At the beginning of a response.
    #[must_use]
    pub fn new() -> Self {
        Self {
            splitter: Splitter::keeping(Side::Server, u64::MAX),
        }
    }

    /// As above; literals that the cases do not ask for are left out.
    #[cfg(feature = "program")]
    pub(crate) fn without_long_literals() -> Self {
        Self {
            splitter: Splitter::new(Side::Server),
        }
    }

    /// Takes octets up to the end of a response, and gives it; `None` where all are taken and it has not ended.
    pub fn next(&mut self, octets: &mut &[u8]) -> Option<Whole> {
        while !octets.is_empty() {
            let (taken, step) = self.splitter.take(octets);
            *octets = &octets[taken..];
            if matches!(step, Step::Whole | Step::TooLong) {
                let whole = Whole {
                    octets: self.splitter.text().to_vec(),
                    arena: Bump::new(),
                    kept: self.splitter.kept(),
                    has_nul: self.splitter.has_nul(),
                };
                self.splitter.clear();
                return Some(whole);
            }
        }
        None
    }

    /// The octets of a response that has not ended.
    #[must_use]
    pub fn begun(&self) -> &[u8] {
        self.splitter.text()
    }
}

impl Whole {
    /// The octets, with the CRLF at the end.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    #[cfg(feature = "program")]
    pub(crate) fn into_octets(self) -> Vec<u8> {
        self.octets
    }

    /// The response. Its text may be empty where UTF-8 may stand [in both](Utf8::InBoth), as after ENABLE IMAP4rev2.
    ///
    /// # Errors
    /// The first rule that it breaks by itself.
    pub fn read(&self, utf8: Utf8) -> Result<Response<'_>, Fault> {
        let heard = Heard::read(&self.octets, self.kept, self.has_nul, utf8, &self.arena);
        match (heard.faults.into_iter().next(), heard.response) {
            (Some(fault), _) => Err(fault),
            (None, Some(Response::Status(status))) if status.has_empty_text && utf8 != Utf8::InBoth => {
                Err(empty_text())
            }
            (None, Some(response)) => Ok(response),
            (None, None) => Err(Fault::new(Rule::Syntax, "no response")),
        }
    }
}

/// A whole response, and all that is wrong with it by itself.
#[derive(Debug)]
pub(crate) struct Heard<'o> {
    /// `None` where it cannot be read.
    pub(crate) response: Option<Response<'o>>,
    pub(crate) faults: Vec<Fault>,
}

impl<'o> Heard<'o> {
    /// Octets up to the end of a line, without literals of more than `kept` octets.
    pub(crate) fn read(octets: &'o [u8], kept: u64, has_nul: bool, utf8: Utf8, arena: &'o Bump) -> Self {
        let mut faults = Vec::new();
        if has_nul {
            let what = "a NUL in a literal that is not a literal8";
            faults.push(Fault::new(Rule::LiteralNul, what));
        }
        let mut reader = Reader::new(octets, kept, arena);
        let response = match Response::parse(&mut reader) {
            Ok(response) => response,
            Err(fault) => {
                faults.push(match octets.ends_with(b"\r\n") {
                    true => fault,
                    false => without_cr(),
                });
                let response = None;
                return Self { response, faults };
            }
        };
        let is_as_it_should = reader.noted.is_empty();
        faults.append(&mut reader.noted);
        if let Some(size) = reader.non_sync {
            faults.push(Fault::new(Rule::LiteralNonSync, format!("a literal {{{size}+}}")));
        }
        faults.extend(reader.eight_bit.fault(utf8));
        if let Response::Data(data) = &response
            && !has_nul
            && is_as_it_should
            && reader.eight_bit.is_nowhere()
        {
            faults.extend(form_fault(data, octets, reader.deepest, kept));
        }
        let response = Some(response);
        Self { response, faults }
    }
}

/// Of a status by IMAP4rev1.
pub(crate) fn empty_text() -> Fault {
    Fault::new(
        Rule::Syntax,
        "a status without a text, which only IMAP4rev2 permits",
    )
}

fn form_fault(data: &Data<'_>, octets: &[u8], deepest: usize, kept: u64) -> Option<Fault> {
    let what = || format!("{} is not of the form that it has by the grammar", data.word);
    let is_right = data.codec_agrees(octets, deepest, kept);
    (!is_right).then(|| Fault::new(Rule::Syntax, what()))
}

#[cfg(test)]
mod tests {
    use super::{Response, Responses, Utf8};

    #[test]
    fn responses_are_the_same_wherever_the_octets_are_cut_and_literals_are_kept_however_long() {
        let message = "x\r\n".repeat(10_000);
        let fetch = format!("* 1 FETCH (UID 7 BODY[] {{{}}}\r\n{message})\r\n", message.len());
        let octets = format!("* OK {{3}}\r\n{fetch}a OK done\r\n").into_bytes();
        for size in [1, 7, 8 << 10, octets.len()] {
            let (mut responses, mut lengths) = (Responses::new(), Vec::new());
            for mut piece in octets.chunks(size) {
                while let Some(whole) = responses.next(&mut piece) {
                    lengths.push(whole.octets().len());
                    if let Response::Data(data) = whole.read(Utf8::Nowhere).unwrap() {
                        let items = data.values[0].list().unwrap();
                        assert_eq!(items[3].string().unwrap(), message.as_bytes());
                    }
                }
            }
            assert_eq!(lengths, [10, fetch.len(), 11], "pieces of {size}");
            assert!(responses.begun().is_empty());
        }
    }

    #[test]
    fn rfc9051_9_quoted_a_string_is_given_without_its_escapes_and_nil_is_none() {
        let mut octets = &b"* X \"a\\\"b\\\\c\" NIL {3}\r\n\"\\x\r\n"[..];
        let whole = Responses::new().next(&mut octets).unwrap();
        let Response::Data(data) = whole.read(Utf8::Nowhere).unwrap() else {
            panic!("no data");
        };
        let strings: Vec<_> = data.values.iter().map(|value| value.string()).collect();
        assert_eq!(
            strings,
            [
                Some(b"a\"b\\c".as_slice().into()),
                None,
                Some(b"\"\\x".as_slice().into())
            ]
        );
    }
}
