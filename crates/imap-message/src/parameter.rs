//! `Content-Type:` and `Content-Disposition:`: a kind and its parameters (RFC 2045 section 5.1, RFC 2183).

use std::borrow::Cow;

use crate::Octets;
use crate::cursor::Cursor;
use crate::header::{is_space, trim_end, unfold};
use crate::rfc2231;

/// More parameters than this in one field are not kept. Real fields have a handful; RFC 2231 continuations tens.
const MAX_PARAMETERS: usize = 256;

/// A longer boundary is none: a line of mail has at most 998 octets (RFC 5322 section 2.1.1), and RFC 2046 allows a
/// boundary 70.
pub(crate) const MAX_BOUNDARY: usize = 996;

/// One parameter of a `Content-Type:` or `Content-Disposition:` field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// The attribute as written. The continuations of RFC 2231 section 3 (`filename*0`, `filename*1`) are joined: they
    /// are one attribute `filename`, or `filename*` if one of them is in the encoding of section 4 (`filename*0*`).
    pub name: Octets<'a>,
    /// The value, quoted string unescaped. That of `filename*` is left in its encoding: `utf-8''na%C3%AFve.png`.
    pub value: Octets<'a>,
}

/// A media type with its parameters.
#[derive(Debug, Clone)]
pub(crate) struct Media<'a> {
    pub(crate) kind: Octets<'a>,
    pub(crate) subtype: Octets<'a>,
    pub(crate) parameters: Vec<Parameter<'a>>,
}

impl<'a> Media<'a> {
    /// Reads a `Content-Type:` value. One that is not `type/subtype` counts as `text/plain` (RFC 2045 section 5.2)
    /// with the parameters that follow, because a charset there is most likely true.
    pub(crate) fn parse(value: &'a [u8]) -> Self {
        let mut cursor = Cursor::new(value);
        let kind = token(&mut cursor);
        let slash = cursor.eat(b'/');
        let subtype = token(&mut cursor);
        let parameters = parameters(&mut cursor);
        match slash {
            Some(()) if is_token(kind) && is_token(subtype) => Self {
                kind: Cow::Borrowed(kind),
                subtype: Cow::Borrowed(subtype),
                parameters,
            },
            _ => Self {
                parameters,
                ..Self::of("text", "plain")
            },
        }
    }

    pub(crate) fn of(kind: &'static str, subtype: &'static str) -> Self {
        Self {
            kind: Cow::Borrowed(kind.as_bytes()),
            subtype: Cow::Borrowed(subtype.as_bytes()),
            parameters: Vec::new(),
        }
    }

    pub(crate) fn is(&self, kind: &str, subtype: &str) -> bool {
        self.is_kind(kind) && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }

    pub(crate) fn is_kind(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind.as_bytes())
    }

    /// `message/rfc822`, or `message/global` (RFC 6532): a message inside.
    pub(crate) fn is_message(&self) -> bool {
        self.is("message", "rfc822") || self.is("message", "global")
    }

    /// Whether there is a parameter of that name, as it is or in the encoding of RFC 2231.
    pub(crate) fn has_parameter(&self, name: &str) -> bool {
        self.parameters
            .iter()
            .any(|parameter| parameter.spelling(name).is_some())
    }

    /// The value of the first parameter of that name; if there is only one in the encoding of RFC 2231, what it stands
    /// for.
    pub(crate) fn parameter(&self, name: &str) -> Option<Octets<'a>> {
        let spelt = |spelling| {
            let is_it = |parameter: &&Parameter<'a>| parameter.spelling(name) == Some(spelling);
            self.parameters.iter().find(is_it)
        };
        match spelt(Spelling::Plain) {
            Some(plain) => Some(plain.value.clone()),
            None => spelt(Spelling::Extended).map(|extended| Cow::Owned(rfc2231::decode(&extended.value))),
        }
    }

    /// The boundary of a multipart (RFC 2046 section 5.1.1), without white space at its end; `None` if absent, empty or
    /// longer than [`MAX_BOUNDARY`].
    pub(crate) fn boundary(&self) -> Option<Octets<'a>> {
        let boundary = match self.parameter("boundary")? {
            Cow::Borrowed(value) => Cow::Borrowed(trim_end(value)),
            Cow::Owned(value) => Cow::Owned(trim_end(&value).to_vec()),
        };
        (1..=MAX_BOUNDARY).contains(&boundary.len()).then_some(boundary)
    }
}

/// How a parameter's name is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// `name`.
    Plain,
    /// `name*`: the value is in the encoding of RFC 2231 section 4.
    Extended,
}

impl Parameter<'_> {
    /// How the parameter spells this name, if it is this name.
    fn spelling(&self, name: &str) -> Option<Spelling> {
        let (start, rest) = self.name.split_at_checked(name.len())?;
        match rest {
            _ if !start.eq_ignore_ascii_case(name.as_bytes()) => None,
            b"" => Some(Spelling::Plain),
            b"*" => Some(Spelling::Extended),
            _ => None,
        }
    }
}

/// Reads a `Content-Disposition:` value; `None` if it has no kind.
pub(crate) fn disposition(value: &[u8]) -> Option<(&[u8], Vec<Parameter<'_>>)> {
    let mut cursor = Cursor::new(value);
    let kind = token(&mut cursor);
    is_token(kind).then(|| (kind, parameters(&mut cursor)))
}

/// The word that a field such as `Content-Transfer-Encoding:` consists of; `None` if it has none. Some mailers put it in
/// quotes.
pub(crate) fn single_token(value: &[u8]) -> Option<Octets<'_>> {
    let mut cursor = Cursor::new(value);
    let word = token(&mut cursor);
    let word = match cursor.peek() {
        Some(b'"') if word.is_empty() => cursor.quoted(),
        _ => Cow::Borrowed(word),
    };
    is_token(&word).then_some(word)
}

/// The words of a comma-separated list such as `Content-Language:` (RFC 3282).
pub(crate) fn token_list(value: &[u8]) -> Vec<Octets<'_>> {
    let tokens = value.split(|&octet| octet == b',').filter_map(single_token);
    tokens.take(MAX_PARAMETERS).collect()
}

fn token<'a>(cursor: &mut Cursor<'a>) -> &'a [u8] {
    cursor.skip_comments();
    let token =
        cursor.take_while(|octet| !is_space(octet) && !matches!(octet, b'/' | b';' | b'(' | b'"' | b'='));
    cursor.skip_comments();
    token
}

/// `token` of RFC 2045 section 5.1.
fn is_token(octets: &[u8]) -> bool {
    !octets.is_empty()
        && octets
            .iter()
            .all(|&octet| octet.is_ascii_graphic() && !br#"()<>@,;:\"/[]?="#.contains(&octet))
}

/// Reads the parameters up to the end. What is between a value and the next semicolon is skipped.
fn parameters<'a>(cursor: &mut Cursor<'a>) -> Vec<Parameter<'a>> {
    let mut found = Vec::new();
    while found.len() < MAX_PARAMETERS {
        skip_to_semicolon(cursor);
        if cursor.eat(b';').is_none() {
            break;
        }
        let name = token(cursor);
        if name.is_empty() || cursor.eat(b'=').is_none() {
            continue;
        }
        cursor.skip_comments();
        let value = match cursor.peek() {
            Some(b'"') => cursor.quoted(),
            _ => unquoted(cursor),
        };
        found.push(Parameter {
            name: Cow::Borrowed(name),
            value,
        });
    }
    rfc2231::join(found)
}

fn skip_to_semicolon(cursor: &mut Cursor<'_>) {
    loop {
        cursor.take_while(|octet| !matches!(octet, b';' | b'"' | b'('));
        match cursor.peek() {
            Some(b'"') => drop(cursor.quoted()),
            Some(b'(') => drop(cursor.comment()),
            _ => return,
        }
    }
}

/// A value without quotes reaches to the semicolon: `name=my file (1).pdf` is sent a lot, though it should be quoted.
/// A parenthesis after white space is a comment all the same, as in the example of RFC 2045 section 5.1,
/// unless a word without white space follows it.
fn unquoted<'a>(cursor: &mut Cursor<'a>) -> Octets<'a> {
    let value = cursor.take_while(|octet| octet != b';');
    let value = trim_end(value);
    let comment = value
        .windows(2)
        .position(|pair| is_space(pair[0]) && pair[1] == b'(');
    match comment {
        Some(at) if value.ends_with(b")") => unfold(&value[..at]),
        _ => unfold(value),
    }
}
