//! Where a response or a command ends: at the CRLF that no literal is announced in front of.

use memchr::{memchr, memrchr};

/// Longer literals are passed over: counted, and not kept.
pub(crate) const KEPT: u64 = 8 << 10;

/// Longer lines are not followed.
const LONGEST: usize = 64 << 20;

/// Which side speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// A literal that was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Announced {
    pub(crate) size: u64,
    /// `{n+}`
    pub(crate) is_non_sync: bool,
    /// `~{n}`
    pub(crate) is_binary: bool,
}

/// What the octets came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// More octets are needed.
    More,
    /// A literal comes now.
    Literal(Announced),
    /// A whole response or command is there.
    Whole,
    /// No line is as long as this.
    TooLong,
}

/// Collects one response or command: its lines, and its literals up to a size.
#[derive(Debug)]
pub(crate) struct Splitter {
    side: Side,
    /// Longer literals are left out.
    kept: u64,
    text: Vec<u8>,
    line_start: usize,
    literal: Option<Announced>,
    left: u64,
    has_nul: bool,
}

impl Splitter {
    /// Literals above [`KEPT`] are left out.
    pub(crate) fn new(side: Side) -> Self {
        Self::keeping(side, KEPT)
    }

    /// Literals above so many octets are left out.
    pub(crate) fn keeping(side: Side, kept: u64) -> Self {
        Self {
            side,
            kept,
            text: Vec::new(),
            line_start: 0,
            literal: None,
            left: 0,
            has_nul: false,
        }
    }

    /// The octets so far; a literal that is too long is announced in it, and left out.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Literals of more octets were left out.
    pub(crate) fn kept(&self) -> u64 {
        self.kept
    }

    /// Whether there was a NUL in a literal that is not a literal8.
    pub(crate) fn has_nul(&self) -> bool {
        self.has_nul
    }

    /// Octets of a literal that have not come yet.
    pub(crate) fn left_of_literal(&self) -> u64 {
        self.left
    }

    /// The next one begins.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.text.shrink_to(64 << 10);
        (self.line_start, self.literal, self.left, self.has_nul) = (0, None, 0, false);
    }

    /// Takes octets up to the next step; says how many.
    pub(crate) fn take(&mut self, octets: &[u8]) -> (usize, Step) {
        if let (Some(literal), 1..) = (self.literal, self.left) {
            return (self.take_literal(literal, octets), Step::More);
        }
        let end = memchr(b'\n', octets).map(|at| at + 1);
        let taken = end.unwrap_or(octets.len());
        self.text.extend_from_slice(&octets[..taken]);
        if self.text.len() > LONGEST {
            return (taken, Step::TooLong);
        }
        if end.is_none() {
            return (taken, Step::More);
        }
        let announced = announcement(&self.text[self.line_start..]).filter(|_| !self.is_text());
        self.line_start = self.text.len();
        let Some(announced) = announced else {
            return (taken, Step::Whole);
        };
        (self.literal, self.left) = (Some(announced), announced.size);
        (taken, Step::Literal(announced))
    }

    fn take_literal(&mut self, literal: Announced, octets: &[u8]) -> usize {
        let taken = usize::try_from(self.left).map_or(octets.len(), |left| left.min(octets.len()));
        let octets = &octets[..taken];
        if !literal.is_binary && memchr(0, octets).is_some() {
            self.has_nul = true;
        }
        if literal.size <= self.kept {
            self.text.extend_from_slice(octets);
            self.line_start = self.text.len();
        }
        self.left -= taken as u64;
        taken
    }

    /// Whether it is a line of text to its end, whatever it ends in.
    fn is_text(&self) -> bool {
        if self.side == Side::Client || self.line_start > 0 {
            return false;
        }
        let mut words = self.text.splitn(3, |octet| *octet == b' ');
        let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let conditions = [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"];
        first == b"+"
            || conditions
                .iter()
                .any(|condition| second.eq_ignore_ascii_case(condition))
    }
}

/// The literal that a line announces at its end.
fn announcement(line: &[u8]) -> Option<Announced> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line).strip_suffix(b"}")?;
    let open = memrchr(b'{', line)?;
    let (is_non_sync, digits) = match line[open + 1..].strip_suffix(b"+") {
        Some(digits) => (true, digits),
        None => (false, &line[open + 1..]),
    };
    let digits = std::str::from_utf8(digits).ok()?;
    if digits.is_empty() || !digits.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    Some(Announced {
        size: digits.parse().ok()?,
        is_non_sync,
        is_binary: line[..open].ends_with(b"~"),
    })
}
