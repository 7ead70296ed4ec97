//! Looking through a text part that comes in pieces: transfer encoding, charset, case.

use encoding_rs::{Encoding, WINDOWS_1252};

use super::area::Format;
use super::matcher::{Form, Matcher, Strings};
use crate::transfer;

/// A text part up to some place.
#[derive(Debug)]
pub(super) struct PartText {
    transfer: transfer::Decoder,
    reading: Reading,
    /// Room for what the transfer encoding stands for.
    octets: Vec<u8>,
}

/// So many octets are decoded at a time, so that what they become takes little memory.
const STEP: usize = 8 << 10;

impl PartText {
    pub(super) fn new(format: Format) -> Self {
        let matcher = Matcher::new(Form::Text);
        Self {
            transfer: transfer::Decoder::of(format.encoding),
            reading: match format.charset {
                Some(charset) => Reading::known(charset, matcher),
                None => Reading::Ascii(matcher),
            },
            octets: Vec::new(),
        }
    }

    /// Takes the next octets of the part.
    pub(super) fn push(&mut self, octets: &[u8], strings: &Strings<'_>) {
        for step in octets.chunks(STEP) {
            let decoded = self.transfer.decode(step, &mut self.octets);
            self.reading.push(decoded, strings);
        }
    }

    /// What has been found so far, whatever follows.
    pub(super) fn found(&self) -> Vec<usize> {
        self.reading.found()
    }

    /// Ends the part. Returns what is in it.
    pub(super) fn finish(self, strings: &Strings<'_>) -> Vec<usize> {
        let mut matcher = self.into_matcher(strings);
        matcher.look_at_rest(strings);
        matcher.found().to_vec()
    }

    /// Ends the part. Returns its text, folded, if no strings were looked for.
    pub(super) fn into_text(self) -> Vec<u8> {
        self.into_matcher(&Strings::none()).into_text()
    }

    fn into_matcher(mut self, strings: &Strings<'_>) -> Matcher {
        let rest = self.transfer.finish(&mut self.octets);
        self.reading.push(rest, strings);
        self.reading.into_matcher(strings)
    }
}

/// What the octets are read as.
#[derive(Debug)]
enum Reading {
    /// A charset: the one that the part names, or Windows-1252.
    Known(Box<Known>),
    /// No charset that is known, and only ASCII so far.
    Ascii(Matcher),
    /// No charset that is known: UTF-8 if all of the part is, else Windows-1252. Which of them, its end will tell.
    Either(Box<Either>),
}

#[derive(Debug)]
struct Known {
    decoder: encoding_rs::Decoder,
    /// Room for text.
    text: String,
    matcher: Matcher,
}

#[derive(Debug)]
struct Either {
    /// The start of a UTF-8 character of which the rest has not come.
    begun: Vec<u8>,
    utf_8: Matcher,
    windows_1252: Matcher,
}

/// The octets are not UTF-8.
struct NotUtf8;

impl Reading {
    fn known(encoding: &'static Encoding, matcher: Matcher) -> Self {
        Self::Known(Box::new(Known {
            decoder: encoding.new_decoder_without_bom_handling(),
            text: String::new(),
            matcher,
        }))
    }

    fn push(&mut self, octets: &[u8], strings: &Strings<'_>) {
        match self {
            Self::Known(known) => known.push(octets, Last::No, strings),
            Self::Ascii(matcher) => {
                let (ascii, rest) = octets.split_at(Encoding::ascii_valid_up_to(octets));
                matcher.push(utf_8(ascii), strings);
                if !rest.is_empty() {
                    let either = Either {
                        begun: Vec::new(),
                        utf_8: matcher.clone(),
                        windows_1252: matcher.clone(),
                    };
                    *self = Self::Either(Box::new(either));
                    self.push(rest, strings);
                }
            }
            Self::Either(either) => {
                either.push_windows_1252(octets, strings);
                if let Err(NotUtf8) = either.push_utf_8(octets, strings) {
                    *self = Self::known(WINDOWS_1252, either.windows_1252.clone());
                }
            }
        }
    }

    fn found(&self) -> Vec<usize> {
        match self {
            Self::Known(known) => known.matcher.found().to_vec(),
            Self::Ascii(matcher) => matcher.found().to_vec(),
            Self::Either(either) => {
                let mut found = either.utf_8.found().to_vec();
                found.retain(|key| either.windows_1252.found().contains(key));
                found
            }
        }
    }

    fn into_matcher(self, strings: &Strings<'_>) -> Matcher {
        match self {
            Self::Known(mut known) => {
                known.push(b"", Last::Yes, strings);
                known.matcher
            }
            Self::Ascii(matcher) => matcher,
            Self::Either(either) if either.begun.is_empty() => either.utf_8,
            Self::Either(either) => either.windows_1252,
        }
    }
}

/// Whether a part ends here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    No,
    Yes,
}

impl Known {
    fn push(&mut self, octets: &[u8], last: Last, strings: &Strings<'_>) {
        self.text.clear();
        let room = self.decoder.max_utf8_buffer_length(octets.len());
        self.text.reserve(room.unwrap_or(0));
        // With that much room all of it is decoded.
        let _ = self
            .decoder
            .decode_to_string(octets, &mut self.text, last == Last::Yes);
        self.matcher.push(&self.text, strings);
    }
}

impl Either {
    fn push_windows_1252(&mut self, octets: &[u8], strings: &Strings<'_>) {
        let (text, _) = WINDOWS_1252.decode_without_bom_handling(octets);
        self.windows_1252.push(&text, strings);
    }

    fn push_utf_8(&mut self, octets: &[u8], strings: &Strings<'_>) -> Result<(), NotUtf8> {
        let mut rest = octets;
        while let Some((&next, behind)) = rest.split_first()
            && !self.begun.is_empty()
        {
            self.begun.push(next);
            rest = behind;
            match std::str::from_utf8(&self.begun) {
                Ok(character) => {
                    self.utf_8.push(character, strings);
                    self.begun.clear();
                }
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(NotUtf8),
            }
        }
        match std::str::from_utf8(rest) {
            Ok(text) => self.utf_8.push(text, strings),
            Err(error) if error.error_len().is_some() => return Err(NotUtf8),
            Err(error) => {
                let (whole, begun) = rest.split_at(error.valid_up_to());
                self.utf_8.push(utf_8(whole), strings);
                self.begun.extend_from_slice(begun);
            }
        }
        Ok(())
    }
}

/// The text that the octets, which are UTF-8, are.
fn utf_8(octets: &[u8]) -> &str {
    std::str::from_utf8(octets).unwrap_or_default()
}
