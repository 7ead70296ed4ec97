//! One response of a server: its words, and the rules that it keeps or breaks by itself.
//!
//! [`Responses`] cuts octets into responses. What a response has to be in the light of what was said before is the
//! [`Follower`](crate::Follower)'s to say.

mod form;
mod heard;
mod items;

pub(crate) use heard::{Heard, empty_text};
pub use heard::{Responses, Whole};

use bumpalo::Bump;

use crate::rule::Rule;
pub use crate::wire::eight_bit::Utf8;
pub use crate::wire::fault::Fault;
#[cfg(feature = "program")]
use crate::wire::split::KEPT;
pub use crate::wire::value::Value;
use crate::wire::value::{Reader, is_word};

/// A whole response.
#[derive(Debug)]
pub enum Response<'o> {
    /// `+ text`
    Continuation,
    /// `tag OK [code] text`
    Status(Status<'o>),
    /// `* 3 FETCH (...)`, `* LIST ...`
    Data(Data<'o>),
}

/// `* OK [CODE ...] text`, or with the tag of a command.
#[derive(Debug)]
pub struct Status<'o> {
    /// `None` where it is untagged.
    pub tag: Option<&'o str>,
    /// Its first word.
    pub condition: Condition,
    /// The words of its response code; none where it has no code, or one that is no list of words.
    pub code: &'o [Value<'o>],
    /// All that follows the first word, the code included.
    pub text: &'o [u8],
    /// Nothing follows the space where the text begins: IMAP4rev2 permits it (RFC 9051, section 9, `resp-text`), and IMAP4rev1 does
    /// not.
    pub(crate) has_empty_text: bool,
}

impl Status<'_> {
    /// Whether its code is this one.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        let first = self.code.first().and_then(Value::atom);
        first.is_some_and(|first| first.eq_ignore_ascii_case(code))
    }
}

/// The first word of a status response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// OK
    Ok,
    /// NO
    No,
    /// BAD
    Bad,
    /// BYE, which has no tag.
    Bye,
    /// PREAUTH, which has no tag.
    Preauth,
}

/// Any other response.
#[derive(Debug)]
pub struct Data<'o> {
    /// The number before the word, as in `* 3 EXISTS`.
    pub number: Option<u32>,
    /// In upper case.
    pub word: &'o str,
    /// What follows the word.
    pub values: &'o [Value<'o>],
}

impl<'o> Response<'o> {
    /// Octets of which long literals were left out.
    #[cfg(feature = "program")]
    pub(crate) fn read(octets: &'o [u8], arena: &'o Bump) -> Result<Self, Fault> {
        Self::parse(&mut Reader::new(octets, KEPT, arena))
    }

    fn parse(reader: &mut Reader<'o>) -> Result<Self, Fault> {
        let tag = reader.word()?;
        if tag == "+" {
            // Some servers leave out the space before an empty text.
            reader.text();
            return Ok(Self::Continuation);
        }
        reader.space()?;
        let word = reader.word()?;
        let tag = Some(tag).filter(|tag| *tag != "*");
        if let Some(condition) = Condition::read(word, tag.is_some()) {
            return Ok(Self::Status(status(tag, condition, reader)));
        }
        if tag.is_some() {
            return Err(fault("a tag, and no status"));
        }
        let number = match word.bytes().all(|octet| octet.is_ascii_digit()) {
            true => Some(word.parse().map_err(|_| fault("a number that is too large"))?),
            false => None,
        };
        let word = match number {
            Some(_) => {
                reader.space()?;
                reader.word()?
            }
            None => word,
        };
        let values = reader.values()?;
        Ok(Self::Data(Data {
            number,
            word: upper(word, reader.arena()),
            values,
        }))
    }
}

fn upper<'o>(word: &'o str, arena: &'o Bump) -> &'o str {
    if word.bytes().any(|octet| octet.is_ascii_lowercase()) {
        let upper = arena.alloc_str(word);
        upper.make_ascii_uppercase();
        return upper;
    }
    word
}

/// What is wrong with a status does not keep it from being read: its command is answered, and what its code says is so.
fn status<'o>(tag: Option<&'o str>, condition: Condition, reader: &mut Reader<'o>) -> Status<'o> {
    let mut wrong = reader.space().err().map(|_| "a status without a space behind it");
    let text = reader.text();
    let (mut code, mut human) = (&[][..], text);
    if let Some(rest) = text.strip_prefix(b"[") {
        match end_of_code(rest) {
            Some(end) => {
                // A code that is not known may contain anything but `]`.
                code = Reader::new(&rest[..end], 0, reader.arena())
                    .all()
                    .unwrap_or_default();
                human = &rest[end + 1..];
            }
            None => wrong = Some("a response code that does not end"),
        }
        human = match human.strip_prefix(b" ") {
            Some(human) => human,
            None => {
                wrong = wrong.or(human
                    .is_empty()
                    .then_some("a response code without a space behind it"));
                human
            }
        };
    }
    if let Some(what) = wrong {
        reader.note(fault(what));
    }
    Status {
        tag,
        condition,
        code,
        text,
        has_empty_text: human.is_empty() && wrong.is_none(),
    }
}

/// The tag that a response begins with, whatever follows it.
pub(crate) fn tag(octets: &[u8]) -> Option<&str> {
    let end = octets.iter().position(|octet| b" \r\n".contains(octet))?;
    std::str::from_utf8(&octets[..end]).ok()
}

fn fault(what: &'static str) -> Fault {
    Fault::new(Rule::Syntax, what)
}

/// The `]` that no quoted string contains.
fn end_of_code(octets: &[u8]) -> Option<usize> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    octets.iter().position(|&octet| {
        let is_end = octet == b']' && !is_quoted;
        if octet == b'"' && !is_escaped {
            is_quoted = !is_quoted;
        }
        is_escaped = octet == b'\\' && is_quoted && !is_escaped;
        is_end
    })
}

impl Condition {
    fn read(word: &str, is_tagged: bool) -> Option<Self> {
        let conditions = [
            ("OK", Self::Ok),
            ("NO", Self::No),
            ("BAD", Self::Bad),
            ("BYE", Self::Bye),
            ("PREAUTH", Self::Preauth),
        ];
        let known = &conditions[..if is_tagged { 3 } else { 5 }];
        let found = known.iter().find(|(name, _)| is_word(word, name));
        found.map(|(_, condition)| *condition)
    }
}
