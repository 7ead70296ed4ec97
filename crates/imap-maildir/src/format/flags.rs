//! Flag letters: the part of a file name after the base name, `:2,FS`.
//!
//! The six standard letters are `D F P R S T`; `a` to `z` are the 26 keywords that `dovecot-keywords` names. Every other
//! letter, and the second set that some programs write after a further comma, belongs to somebody else and is kept.

/// One flag letter that has a meaning in IMAP (RFC 9051, section 2.3.2) or in the Maildir convention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Letter {
    /// `D`, `\Draft`.
    Draft,
    /// `F`, `\Flagged`.
    Flagged,
    /// `P`, the keyword `$Forwarded`.
    Passed,
    /// `R`, `\Answered`.
    Replied,
    /// `S`, `\Seen`.
    Seen,
    /// `T`, `\Deleted`.
    Trashed,
    /// `a` to `z`: the keyword of that index, 0 to 25.
    Keyword(u8),
}

impl Letter {
    /// The six standard letters in ASCII order.
    pub(crate) const STANDARD: [Self; 6] = [
        Self::Draft,
        Self::Flagged,
        Self::Passed,
        Self::Replied,
        Self::Seen,
        Self::Trashed,
    ];

    /// The octet that stands for this letter in a file name; a keyword index above 25 has none.
    #[must_use]
    pub(crate) fn octet(self) -> Option<u8> {
        Some(match self {
            Self::Draft => b'D',
            Self::Flagged => b'F',
            Self::Passed => b'P',
            Self::Replied => b'R',
            Self::Seen => b'S',
            Self::Trashed => b'T',
            Self::Keyword(index) if index < 26 => b'a' + index,
            Self::Keyword(_) => return None,
        })
    }
}

/// The information part of a file name, parsed; equal values mean the same flags.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct Info {
    /// Bits 0 to 25 are `A` to `Z`, bits 26 to 51 `a` to `z`.
    letters: u64,
    /// None for nearly all messages of a million.
    rest: Option<Box<Rest>>,
}

/// What other programs may have written that are no letters; something, at least.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Rest {
    /// Flag octets that are no ASCII letters, sorted.
    other: Box<[u8]>,
    /// What follows the second comma, verbatim, the comma included.
    second_set: Box<[u8]>,
}

impl Info {
    /// Reads the part of a file name from the first `:` on.
    ///
    /// Nothing, `:1,...` and anything else that is not `:2,` carry no flags; the file name itself stays as it is on disk
    /// until the flags are changed.
    #[must_use]
    pub(crate) fn parse(suffix: &[u8]) -> Self {
        let Some(flags) = suffix.strip_prefix(b":2,") else {
            return Self::default();
        };
        let end = flags
            .iter()
            .position(|&octet| octet == b',')
            .unwrap_or(flags.len());
        let (mut letters, mut other) = (0, Vec::new());
        for &octet in &flags[..end] {
            match bit(octet) {
                Some(bit) => letters |= bit,
                None => other.push(octet),
            }
        }
        other.sort_unstable();
        other.dedup();
        let has_rest = !other.is_empty() || end < flags.len();
        let rest = has_rest.then(|| {
            Box::new(Rest {
                other: other.into(),
                second_set: flags[end..].into(),
            })
        });
        Self { letters, rest }
    }

    /// Writes `:2,` and the letters in ASCII order, then a second set if there was one.
    #[must_use]
    pub(crate) fn suffix(&self) -> Vec<u8> {
        let mut out = b":2,".to_vec();
        out.extend((b'A'..=b'Z').chain(b'a'..=b'z').filter(|&octet| self.has(octet)));
        if let Some(rest) = &self.rest {
            out.extend_from_slice(&rest.other);
            out[3..].sort_unstable();
            out.extend_from_slice(&rest.second_set);
        }
        out
    }

    /// Whether the letter is set.
    #[must_use]
    pub(crate) fn contains(&self, letter: Letter) -> bool {
        letter.octet().is_some_and(|octet| self.has(octet))
    }

    /// Whether some letter is set in both.
    pub(crate) fn shares_a_letter_with(&self, other: &Self) -> bool {
        self.letters & other.letters != 0
    }

    /// Sets all letters that the other has.
    pub(crate) fn add_letters(&mut self, other: &Self) {
        self.letters |= other.letters;
    }

    /// Sets a letter; a keyword index above 25 is ignored.
    pub(crate) fn insert(&mut self, letter: Letter) {
        self.letters |= letter.octet().and_then(bit).unwrap_or(0);
    }

    /// Clears a letter.
    pub(crate) fn remove(&mut self, letter: Letter) {
        self.letters &= !letter.octet().and_then(bit).unwrap_or(0);
    }

    /// The indices of the keywords that are set, ascending, each 0 to 25.
    pub(crate) fn keywords(&self) -> impl Iterator<Item = u8> + use<> {
        let letters = self.letters;
        (0..26u8).filter(move |index| letters & (1 << (26 + index)) != 0)
    }

    /// The letters that are set, each as its octet.
    pub(crate) fn octets(&self) -> impl Iterator<Item = u8> + use<> {
        let letters = self.letters;
        let octets = (b'A'..=b'Z').chain(b'a'..=b'z');
        octets.filter(move |&octet| bit(octet).is_some_and(|bit| letters & bit != 0))
    }

    fn has(&self, octet: u8) -> bool {
        bit(octet).is_some_and(|bit| self.letters & bit != 0)
    }
}

fn bit(octet: u8) -> Option<u64> {
    match octet {
        b'A'..=b'Z' => Some(1 << (octet - b'A')),
        b'a'..=b'z' => Some(1 << (26 + octet - b'a')),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn letters_are_written_in_ascii_order() {
        let mut info = Info::parse(b":2,TSRc");
        info.insert(Letter::Draft);
        info.insert(Letter::Keyword(0));
        assert_eq!(info.suffix(), b":2,DRSTac");
        info.remove(Letter::Seen);
        assert_eq!(info.suffix(), b":2,DRTac");
        assert_eq!(info.keywords().collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn unknown_letters_and_a_second_set_outlive_a_change() {
        let mut info = Info::parse(b":2,FX3,weird,Sset");
        info.insert(Letter::Seen);
        assert_eq!(info.suffix(), b":2,3FSX,weird,Sset");
        assert!(
            !Info::parse(b":2,F,S").contains(Letter::Seen),
            "the second set is not ours"
        );
    }

    #[test]
    fn other_information_formats_carry_no_flags() {
        for suffix in [&b""[..], b":1,S", b":", b":2", b":3,S"] {
            assert_eq!(Info::parse(suffix), Info::default());
        }
    }

    #[test]
    fn a_keyword_above_the_alphabet_changes_nothing() {
        let mut info = Info::default();
        info.insert(Letter::Keyword(26));
        assert_eq!(info.suffix(), b":2,");
    }

    proptest! {
        #[test]
        fn parse_inverts_suffix(suffix in proptest::collection::vec(any::<u8>(), 0..12)) {
            let info = Info::parse(&[b":2,", &suffix[..]].concat());
            prop_assert_eq!(Info::parse(&info.suffix()), info);
        }
    }
}
