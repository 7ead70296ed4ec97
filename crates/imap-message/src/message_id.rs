//! Message IDs as THREAD compares them (RFC 5256 section 3, REFERENCES).

use std::borrow::Cow;

use memchr::memchr;

use crate::Octets;
use crate::cursor::Cursor;
use crate::header::is_space;

/// The Message IDs of a `Message-ID:`, `In-Reply-To:` or `References:` field, in their order, each as `left@right` without
/// angle brackets and quoting, so that two ways to write an ID give the same octets. Case matters.
///
/// What is no ID is passed over: IDs that were cut off, words between them, addresses without angle brackets. White space
/// around the parts of an ID is not part of it. Linear in the length of the value.
///
/// ```
/// let value = br#"<"a b"@x.example> and <01KF8JC@xxx.yyy.com> <"01KF8JC"@xxx.yyy.com> <cut@of"#;
/// let ids: Vec<_> = imap_message::MessageIds::new(value).collect();
/// assert_eq!(ids[0].as_ref(), b"a b@x.example");
/// assert!(ids[1] == ids[2] && ids.len() == 3);
/// ```
#[derive(Debug, Clone)]
pub struct MessageIds<'a> {
    rest: &'a [u8],
}

impl<'a> MessageIds<'a> {
    /// The IDs of a field's value, which may be folded.
    pub fn new(value: &'a [u8]) -> Self {
        Self { rest: value }
    }
}

impl<'a> Iterator for MessageIds<'a> {
    type Item = Octets<'a>;

    fn next(&mut self) -> Option<Octets<'a>> {
        loop {
            let open = memchr(b'<', self.rest)?;
            self.rest = &self.rest[open + 1..];
            let mut cursor = Cursor::new(self.rest);
            if let Some(id) = message_id(&mut cursor) {
                self.rest = cursor.rest;
                return Some(id);
            }
        }
    }
}

/// `id-left "@" id-right ">"` (RFC 5322 section 3.6.4, with the obsolete forms of 4.5.4, but no comments).
fn message_id<'a>(cursor: &mut Cursor<'a>) -> Option<Octets<'a>> {
    let begin = cursor.rest;
    let plain = cursor.take_while(is_plain);
    if !plain.is_empty() && cursor.eat(b'@').is_some() {
        let right = cursor.take_while(is_plain);
        let length = plain.len() + 1 + right.len();
        if !right.is_empty() && cursor.eat(b'>').is_some() {
            return Some(Cow::Borrowed(&begin[..length]));
        }
    }
    *cursor = Cursor::new(begin);
    let mut id = words(cursor)?;
    cursor.eat(b'@')?;
    id.push(b'@');
    id.extend(words(cursor)?);
    cursor.eat(b'>')?;
    Some(Cow::Owned(id))
}

/// Atoms, dots, quoted strings and domain literals, at least one, without the quoting and the white space around them.
fn words(cursor: &mut Cursor<'_>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        cursor.skip_space();
        match cursor.peek()? {
            b'"' => out.extend_from_slice(&cursor.quoted()),
            b'[' => {
                out.extend_from_slice(cursor.take_while(|octet| !is_space(octet) && !b"]<>".contains(&octet)))
            }
            octet if is_plain(octet) || octet == b']' => {
                out.extend_from_slice(cursor.take_while(|octet| is_plain(octet) || octet == b']'));
            }
            _ => break,
        }
    }
    (!out.is_empty()).then_some(out)
}

/// What an ID that needs no second look is made of.
fn is_plain(octet: u8) -> bool {
    !is_space(octet) && !b"<>()[]@\\\"".contains(&octet)
}
