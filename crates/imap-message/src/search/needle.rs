//! Search strings, and the form in which texts are compared with them.

use std::borrow::Cow;

use memchr::memmem::Finder;

use crate::collation::casemap;

/// A search string, prepared once for many messages (RFC 9051 section 6.4.4).
///
/// Text matches if it contains the string by the one collation, [`casemap`]: without regard to case, and to whether a
/// character is composed or decomposed. `ß` is not `ss`. As a decomposed character begins with its bare letter, a string
/// that ends with a bare letter is also in a text in which that letter has an accent.
///
/// In a header field a run of white space compares as one space, on both sides: a mailer may fold a field with a tab or
/// with several spaces, and nobody sees that.
#[derive(Debug, Clone)]
pub struct Needle {
    text: String,
    finder: Finder<'static>,
    /// For header fields, if white space makes a difference.
    in_fields: Option<Finder<'static>>,
}

impl Needle {
    /// Prepares a search string.
    pub fn new(text: &str) -> Self {
        let finder = |text: &str| Finder::new(&fold(text)).into_owned();
        Self {
            text: text.to_owned(),
            finder: finder(text),
            in_fields: match single_spaced(text) {
                Cow::Borrowed(_) => None,
                Cow::Owned(text) => Some(finder(&text)),
            },
        }
    }

    /// The string as the client wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the search string is empty: it then is in every text.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether `text` contains the search string.
    pub fn is_in(&self, text: &str) -> bool {
        self.is_empty() || self.finder.find(&fold(text)).is_some()
    }

    /// Finds the string in [folded](fold) text.
    pub(super) fn in_text(&self) -> &Finder<'static> {
        &self.finder
    }

    /// Finds the string in [folded](fold) text that is [single-spaced](single_spaced): it has no line end, so it is in
    /// no two lines.
    pub(super) fn in_field(&self) -> &Finder<'static> {
        self.in_fields.as_ref().unwrap_or(&self.finder)
    }
}

/// The text with one space for each run of white space.
pub(super) fn single_spaced(text: &str) -> Cow<'_, str> {
    let is_space = |octet: u8| matches!(octet, b' ' | b'\t' | b'\r' | b'\n');
    let is_single = |pair: &[u8]| pair[0] == b' ' && !is_space(pair[1]) || !is_space(pair[0]);
    let ends_single = text
        .bytes()
        .last()
        .is_none_or(|last| last == b' ' || !is_space(last));
    if ends_single && text.as_bytes().windows(2).all(is_single) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match u8::try_from(character) {
            Ok(octet) if is_space(octet) && out.ends_with(' ') => {}
            Ok(octet) if is_space(octet) => out.push(' '),
            _ => out.push(character),
        }
    }
    Cow::Owned(out)
}

fn fold(text: &str) -> Vec<u8> {
    let mut folded = Vec::new();
    casemap(text, &mut folded);
    folded
}
