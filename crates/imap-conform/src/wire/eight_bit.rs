//! Octets above 127 outside of literals.
//!
//! No CHAR is above 127 (RFC 3501, section 9): so neither words nor quoted strings nor texts have such octets. ENABLE UTF8=ACCEPT
//! permits UTF-8 in quoted strings (RFC 6855, section 3), ENABLE IMAP4rev2 in texts too (RFC 9051, section 9), and LANGUAGE in texts
//! alone (RFC 5255, section 3.5). In words nothing does.

use super::fault::Fault;
use crate::rule::Rule;

/// Where UTF-8 may stand, literals apart: what the client has asked for so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Utf8 {
    /// Nowhere.
    #[default]
    Nowhere,
    /// In texts that people read: after LANGUAGE.
    InTexts,
    /// In quoted strings: after ENABLE UTF8=ACCEPT.
    InQuoted,
    /// In both: after ENABLE IMAP4rev2.
    InBoth,
}

impl Utf8 {
    fn in_quoted(self) -> bool {
        matches!(self, Self::InQuoted | Self::InBoth)
    }

    fn in_texts(self) -> bool {
        matches!(self, Self::InTexts | Self::InBoth)
    }
}

/// Where a response has octets above 127.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EightBit {
    in_words: bool,
    in_quoted: bool,
    in_text: bool,
    is_not_utf8: bool,
}

impl EightBit {
    pub(crate) fn is_nowhere(self) -> bool {
        self == Self::default()
    }

    pub(crate) fn word(&mut self) {
        self.in_words = true;
    }

    pub(crate) fn quoted(&mut self, octets: &[u8]) {
        self.in_quoted = true;
        self.is_not_utf8 |= std::str::from_utf8(octets).is_err();
    }

    pub(crate) fn text(&mut self, octets: &[u8]) {
        if !octets.is_ascii() {
            self.in_text = true;
            self.is_not_utf8 |= std::str::from_utf8(octets).is_err();
        }
    }

    /// What is wrong with that.
    pub(crate) fn fault(self, utf8: Utf8) -> Option<Fault> {
        let place = match () {
            () if self.in_words => "octets above 127 in a word",
            () if self.in_quoted && !utf8.in_quoted() => "octets above 127 in a quoted string",
            () if self.in_text && !utf8.in_texts() => "octets above 127 in a text",
            () if self.is_not_utf8 => {
                return Some(Fault::new(Rule::Utf8, "octets above 127 that are not UTF-8"));
            }
            () => return None,
        };
        Some(Fault::new(Rule::EightBit, place))
    }
}
