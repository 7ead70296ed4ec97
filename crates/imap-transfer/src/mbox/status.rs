//! The header fields in which mbox files keep flags: `Status`, `X-Status` and `X-Keywords`, as Dovecot writes them.

use std::iter;

use imap_updates::{Flag, Flags, Keyword};

/// So many octets of the fields' values are kept, which is more than a mailbox can have keywords.
const VALUES: usize = 64 << 10;

/// The fields' names, in the order of [`Values`].
const NAMES: [&[u8]; 3] = [b"status:", b"x-status:", b"x-keywords:"];

const READ: (u8, Flag) = (b'R', Flag::Seen);

const X_STATUS: [(u8, Flag); 4] = [
    (b'A', Flag::Answered),
    (b'F', Flag::Flagged),
    (b'T', Flag::Draft),
    (b'D', Flag::Deleted),
];

type Values = [Vec<u8>; 3];

/// Where a [`Filter`] is in a message.
#[derive(Debug)]
enum Place {
    /// At the beginning of a line of the header, which may continue this field.
    Start {
        field: Option<usize>,
    },
    /// In a line of the header that stays.
    Line,
    /// In a line of the field with this index.
    Field(usize),
    Body,
}

/// Takes the fields out of a message that goes through it piece by piece.
#[derive(Debug)]
pub(super) struct Filter {
    place: Place,
    held: Vec<u8>,
    values: Values,
    /// What comes to the end of the header instead.
    instead: Vec<u8>,
}

impl Filter {
    /// Takes the fields out and puts these lines to the end of the header.
    pub(super) fn new(instead: Vec<u8>) -> Self {
        Self {
            place: Place::Start { field: None },
            held: Vec::new(),
            values: Values::default(),
            instead,
        }
    }

    /// The next octets of the message go in; what can be said of them by now is added to `out`.
    pub(super) fn push(&mut self, mut octets: &[u8], out: &mut Vec<u8>) {
        while !octets.is_empty() {
            if matches!(self.place, Place::Body) {
                out.extend_from_slice(octets);
                return;
            }
            if let Place::Start { field } = self.place {
                self.start(octets[0], field, out);
                octets = &octets[1..];
                continue;
            }
            let end = octets.iter().position(|octet| *octet == b'\n');
            let (line, rest) = octets.split_at(end.map_or(octets.len(), |end| end + 1));
            let field = match self.place {
                Place::Field(field) => Some(field),
                _ => None,
            };
            self.take(line, field, out);
            if end.is_some() {
                self.place = Place::Start { field };
            }
            octets = rest;
        }
    }

    /// The message ends.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        let is_line_open = matches!(self.place, Place::Line) || !self.held.is_empty();
        out.append(&mut self.held);
        if is_line_open && !self.instead.is_empty() {
            out.push(b'\n');
        }
        out.append(&mut self.instead);
        self.place = Place::Body;
    }

    /// The flags that the fields say, so far.
    pub(super) fn flags(&self) -> Flags {
        let [status, x_status, keywords] = &self.values;
        let seen = iter::once(&READ).filter(|(letter, _)| status.contains(letter));
        let others = X_STATUS.iter().filter(|(letter, _)| x_status.contains(letter));
        let system = seen.chain(others).map(|(_, flag)| flag.clone());
        let words = str::from_utf8(keywords)
            .unwrap_or_default()
            .split_ascii_whitespace();
        let keywords = words.filter_map(|word| Keyword::new(word).ok());
        system.chain(keywords.map(Flag::Keyword)).collect()
    }

    /// Takes an octet at the beginning of a line, behind what is kept back of it.
    fn start(&mut self, octet: u8, field: Option<usize>, out: &mut Vec<u8>) {
        if self.held.is_empty() && matches!(octet, b' ' | b'\t') {
            self.take(&[octet], field, out);
            self.place = field.map_or(Place::Line, Place::Field);
            return;
        }
        self.held.push(octet);
        let held = &self.held[..];
        let begins = |name: &&[u8]| name.len() >= held.len() && name[..held.len()].eq_ignore_ascii_case(held);
        if matches!(held, b"\n" | b"\r\n") {
            out.append(&mut self.instead);
            out.append(&mut self.held);
            self.place = Place::Body;
        } else if let Some(field) = NAMES.iter().position(|name| name.eq_ignore_ascii_case(held)) {
            self.held.clear();
            self.take(b" ", Some(field), out);
            self.place = Place::Field(field);
        } else if held == b"\r" || NAMES.iter().any(begins) {
            self.place = Place::Start { field: None };
        } else {
            out.append(&mut self.held);
            self.place = match octet {
                b'\n' => Place::Start { field: None },
                _ => Place::Line,
            };
        }
    }

    /// Takes octets of a field, or of a line that stays.
    fn take(&mut self, octets: &[u8], field: Option<usize>, out: &mut Vec<u8>) {
        let Some(field) = field else {
            out.extend_from_slice(octets);
            return;
        };
        let value = &mut self.values[field];
        let room = VALUES.saturating_sub(value.len());
        value.extend_from_slice(&octets[..room.min(octets.len())]);
    }
}

/// The fields that say these flags. `O` says that the message is not new to the mailbox.
pub(super) fn fields(flags: &Flags) -> Vec<u8> {
    let seen = if flags.contains(&READ.1) { "R" } else { "" };
    let mut fields = format!("Status: {seen}O\n");
    let others = X_STATUS.iter().filter(|(_, flag)| flags.contains(flag));
    let letters: String = others.map(|(letter, _)| char::from(*letter)).collect();
    if !letters.is_empty() {
        fields += &format!("X-Status: {letters}\n");
    }
    let keywords: Vec<&str> = flags.keywords().iter().map(Keyword::as_str).collect();
    if !keywords.is_empty() {
        fields += &format!("X-Keywords: {}\n", keywords.join(" "));
    }
    fields.into_bytes()
}
