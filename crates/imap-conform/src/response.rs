//! One response of a server.

mod items;

use imap_codec::ResponseCodec;
use imap_codec::decode::Decoder as _;

use crate::wire::split::KEPT;
use crate::wire::value::{Fault, Reader, Value};

/// A whole response.
#[derive(Debug)]
pub(crate) enum Response<'o> {
    /// `+ text`
    Continuation,
    /// `tag OK [code] text`
    Status(Status<'o>),
    /// `* 3 FETCH (...)`, `* LIST ...`
    Data(Data<'o>),
}

/// `* OK [CODE ...] text`, or with the tag of a command.
#[derive(Debug)]
pub(crate) struct Status<'o> {
    /// `None` where it is untagged.
    pub(crate) tag: Option<&'o str>,
    pub(crate) condition: Condition,
    pub(crate) code: Vec<Value<'o>>,
}

impl Status<'_> {
    /// Whether its code is this one.
    pub(crate) fn is(&self, code: &str) -> bool {
        let first = self.code.first().and_then(Value::atom);
        first.is_some_and(|first| first.eq_ignore_ascii_case(code))
    }
}

/// The first word of a status response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Ok,
    No,
    Bad,
    Bye,
    Preauth,
}

/// Any other response.
#[derive(Debug)]
pub(crate) struct Data<'o> {
    pub(crate) number: Option<u32>,
    /// In upper case.
    pub(crate) word: String,
    pub(crate) values: Vec<Value<'o>>,
    deepest: usize,
    pub(crate) is_eight_bit: bool,
}

impl<'o> Response<'o> {
    pub(crate) fn read(octets: &'o [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(octets);
        let tag = reader.word()?;
        if tag == "+" {
            // Some servers leave out the space before an empty text.
            reader.text()?;
            return Ok(Self::Continuation);
        }
        reader.space()?;
        let word = reader.word()?;
        let tag = Some(tag).filter(|tag| *tag != "*");
        if let Some(condition) = Condition::read(word, tag.is_some()) {
            return status(tag, condition, &mut reader).map(Self::Status);
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
            word: word.to_ascii_uppercase(),
            values,
            deepest: reader.deepest,
            is_eight_bit: reader.is_eight_bit,
        }))
    }
}

fn status<'o>(
    tag: Option<&'o str>,
    condition: Condition,
    reader: &mut Reader<'o>,
) -> Result<Status<'o>, Fault> {
    if reader.is_at_end_of_line() {
        return Err(fault("a status without a text"));
    }
    reader.space()?;
    let text = reader.text()?;
    let mut code = Vec::new();
    let mut human = text;
    if let Some(rest) = text.strip_prefix(b"[") {
        let end = end_of_code(rest).ok_or_else(|| fault("a response code that does not end"))?;
        // A code that is not known may contain anything but `]`.
        code = Reader::new(&rest[..end]).all().unwrap_or_default();
        human = rest[end + 1..].strip_prefix(b" ").unwrap_or(&rest[end + 1..]);
    }
    match human.is_empty() {
        true => Err(fault("a status without a text")),
        false => Ok(Status { tag, condition, code }),
    }
}

fn fault(what: &'static str) -> Fault {
    Fault {
        what,
        is_behind_literal: false,
    }
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
        let found = known.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
        found.map(|(_, condition)| *condition)
    }
}

/// What the codec has a type for: only of these it is asked.
const OF_THE_CODEC: [&str; 12] = [
    "CAPABILITY",
    "ENABLED",
    "EXISTS",
    "EXPUNGE",
    "FETCH",
    "FLAGS",
    "LIST",
    "LSUB",
    "RECENT",
    "SEARCH",
    "SORT",
    "STATUS",
];

/// Words that a response of [`OF_THE_CODEC`] may contain, and the codec does not know.
const NOT_OF_THE_CODEC: [&[u8]; 15] = [
    b"CHILDINFO",
    b"OLDNAME",
    b"MAILBOXID",
    b"APPENDLIMIT",
    b"EMAILID",
    b"THREADID",
    b"PREVIEW",
    b"BINARY",
    b"DELETED",
    b"SAVEDATE",
    b"X-",
    b"SNIPPET",
    b"ANNOTATION",
    b"X-GM",
    b"MYRIGHTS",
];

/// Deeper lists than this the codec does not read.
const CODECS_DEPTH: usize = 6;

impl Data<'_> {
    /// Whether the codec, asked where it knows the response, reads these octets as well.
    pub(crate) fn codec_agrees(&self, octets: &[u8]) -> bool {
        if !OF_THE_CODEC.contains(&self.word.as_str()) || self.deepest > CODECS_DEPTH || self.is_eight_bit {
            return true;
        }
        let has = |word: &&[u8]| memchr::memmem::find(octets, word).is_some();
        let items = self
            .values
            .first()
            .filter(|_| self.word == "FETCH")
            .and_then(Value::list);
        if let Some(is_right) = items.and_then(items::are_right) {
            return is_right && self.values.len() == 1;
        }
        // The numbers of a long result are the reader's to check.
        if octets.len() > 16 << 10 || NOT_OF_THE_CODEC.iter().any(has) {
            return true;
        }
        let without = without_left_out(octets);
        let octets = without.as_deref().unwrap_or(octets);
        matches!(ResponseCodec::default().decode(octets), Ok((b"", _)))
    }
}

/// The octets with `{0}` where a literal was left out, if one was.
fn without_left_out(octets: &[u8]) -> Option<Vec<u8>> {
    let (mut rest, mut without, mut any) = (octets, Vec::new(), false);
    while let Some(end) = memchr::memmem::find(rest, b"}\r\n") {
        let line = &rest[..end];
        let open = memchr::memrchr(b'{', line);
        let size = open.and_then(|open| std::str::from_utf8(&line[open + 1..]).ok()?.parse::<u64>().ok());
        match (open, size) {
            (Some(open), Some(size)) if size > KEPT => {
                without.extend_from_slice(&line[..open]);
                without.extend_from_slice(b"{0}\r\n");
                any = true;
                rest = &rest[end + 3..];
            }
            (Some(_), Some(size)) => {
                let to = (end + 3 + usize::try_from(size).unwrap_or(0)).min(rest.len());
                without.extend_from_slice(&rest[..to]);
                rest = &rest[to..];
            }
            _ => {
                without.extend_from_slice(&rest[..end + 3]);
                rest = &rest[end + 3..];
            }
        }
    }
    without.extend_from_slice(rest);
    any.then_some(without)
}
