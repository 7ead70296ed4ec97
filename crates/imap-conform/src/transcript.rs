//! The end of what was said, as people read it.

use std::collections::VecDeque;
use std::fmt;

use crate::wire::split::Side;

/// What was said last: so many responses and commands are kept.
const KEPT: usize = 60;

/// Octets of each that are kept.
const LONGEST: usize = 300;

/// The last lines of a conversation: `C:` what the client said, `S:` what the server said. Long lines are cut, literals that are
/// long are left out, passwords are not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    said: VecDeque<Said>,
    left_out: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    side: Side,
    octets: Vec<u8>,
    length: usize,
}

impl Transcript {
    /// The lines, the oldest first.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.said.iter().flat_map(Said::lines)
    }

    /// Responses and commands that were said before the first of these.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    pub(crate) fn push(&mut self, side: Side, octets: &[u8]) {
        let is_full = self.said.len() == KEPT;
        self.left_out += usize::from(is_full);
        let oldest = if is_full { self.said.pop_front() } else { None };
        let mut kept = oldest.map(|said| said.octets).unwrap_or_default();
        kept.clear();
        kept.extend_from_slice(&octets[..octets.len().min(LONGEST)]);
        self.said.push_back(Said {
            side,
            octets: kept,
            length: octets.len(),
        });
    }
}

impl Said {
    fn lines(&self) -> impl Iterator<Item = String> {
        let speaker = match self.side {
            Side::Client => "C: ",
            Side::Server => "S: ",
        };
        let octets = self.octets.strip_suffix(b"\n").unwrap_or(&self.octets);
        let mut lines: Vec<String> = octets
            .split(|octet| *octet == b'\n')
            .map(|line| format!("{speaker}{}", shown(line.strip_suffix(b"\r").unwrap_or(line))))
            .collect();
        if let Some(last) = lines.last_mut().filter(|_| self.octets.len() < self.length) {
            last.push_str(&format!(" ... ({} octets)", self.length));
        }
        lines.into_iter()
    }
}

/// What is no text, as escapes.
fn shown(line: &[u8]) -> String {
    let chunks = line.utf8_chunks();
    chunks
        .map(|chunk| format!("{}{}", escaped(chunk.valid()), chunk.invalid().escape_ascii()))
        .collect()
}

/// Control characters as escapes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character.is_control() {
            true => escaped.extend(character.escape_default()),
            false => escaped.push(character),
        }
    }
    escaped
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.left_out > 0 {
            writeln!(f, "({} before)", self.left_out)?;
        }
        self.lines().try_for_each(|line| writeln!(f, "{line}"))
    }
}
