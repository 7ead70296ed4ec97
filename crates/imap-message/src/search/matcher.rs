//! Looking for many strings in one text that comes in pieces.

use memchr::memmem::Finder;

use super::field::push_line;
use super::needle::Needle;
use crate::collation::casemap;

/// The strings that are still looked for, by the numbers of their keys.
#[derive(Debug)]
pub(super) struct Strings<'k> {
    strings: Vec<(usize, &'k Needle)>,
    /// The length of the longest, folded.
    longest: usize,
}

/// Which form of a string is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// In text as it is.
    Text,
    /// In the lines of [`push_line`](super::field::push_line).
    Field,
}

impl<'k> Strings<'k> {
    pub(super) fn new(strings: impl Iterator<Item = (usize, &'k Needle)>) -> Self {
        let strings: Vec<_> = strings.collect();
        let lens = strings
            .iter()
            .flat_map(|(_, needle)| [needle.in_text(), needle.in_field()]);
        Self {
            longest: lens.map(|finder| finder.needle().len()).max().unwrap_or(0),
            strings,
        }
    }

    /// No strings: a matcher then keeps all of its text.
    pub(super) const fn none() -> Self {
        Self {
            strings: Vec::new(),
            longest: usize::MAX,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.strings.is_empty()
    }

    /// The string of this key has been found.
    pub(super) fn remove(&mut self, key: usize) {
        self.strings.retain(|&(other, _)| other != key);
    }
}

/// A text, folded, as far as it has to be kept, and what was found in it.
#[derive(Debug, Clone)]
pub(super) struct Matcher {
    form: Form,
    /// The end of what has been looked at, in which a string may have begun, and what has not been looked at.
    text: Vec<u8>,
    /// How much of `text` has been looked at.
    looked_at: usize,
    /// The keys whose strings are in the text.
    found: Vec<usize>,
}

/// So much text at least is looked at together: each look costs something for every string.
const LOOK: usize = 4 << 10;

impl Matcher {
    pub(super) fn new(form: Form) -> Self {
        Self {
            form,
            text: Vec::new(),
            looked_at: 0,
            found: Vec::new(),
        }
    }

    /// Takes the next characters of a text.
    pub(super) fn push(&mut self, text: &str, strings: &Strings<'_>) {
        casemap(text, &mut self.text);
        self.look(strings);
    }

    /// Takes the next line of fields.
    pub(super) fn push_field(&mut self, field: &[u8], strings: &Strings<'_>) {
        push_line(field, &mut self.text);
        self.look(strings);
    }

    /// Looks at the text if enough has come: at least as much as the longest string has, so that no octet is looked at
    /// more than twice, however small the pieces.
    fn look(&mut self, strings: &Strings<'_>) {
        if self.text.len() - self.looked_at >= LOOK.max(strings.longest) {
            self.look_at_rest(strings);
        }
    }

    /// Looks at all that has come.
    pub(super) fn look_at_rest(&mut self, strings: &Strings<'_>) {
        for &(key, needle) in &strings.strings {
            let finder = self.finder(needle);
            let start = self
                .looked_at
                .saturating_sub(finder.needle().len().saturating_sub(1));
            if !self.found.contains(&key) && finder.find(&self.text[start..]).is_some() {
                self.found.push(key);
            }
        }
        let kept = strings.longest.saturating_sub(1).min(self.text.len());
        self.text.drain(..self.text.len() - kept);
        self.looked_at = kept;
    }

    fn finder<'n>(&self, needle: &'n Needle) -> &'n Finder<'static> {
        match self.form {
            Form::Text => needle.in_text(),
            Form::Field => needle.in_field(),
        }
    }

    /// The keys whose strings have been found.
    pub(super) fn found(&self) -> &[usize] {
        &self.found
    }

    /// The text, as far as it was kept.
    pub(super) fn into_text(self) -> Vec<u8> {
        self.text
    }
}
