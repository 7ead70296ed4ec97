//! The lines of `imap-modseqs`: which message has which mod-sequence, and had which flag letters when it got it.
//!
//! ```text
//! imap-modseqs 1 V1700000000 L1866240000000000 F1866240000000000 5d1f02aa
//! r 3f8c...e1/4026531836 1866240001048576 0c9e8d11
//! w 0=$Junk 3=todo 77aa0b3c
//! c 1866240000000001 FS 1:4096,4100 9b0c5e77
//! g 1866240000000002 17,23:25 10c4ef5e
//! k 2f6a7b01
//! ```
//!
//! | line | what it says |
//! | --- | --- |
//! | `imap-modseqs 1 V L F` | the format; the mailbox's UIDVALIDITY; every number up to L may have been told; expunges up to F are forgotten |
//! | `r boot ceiling` | a process runs since this boot of the system; it gives no number above the ceiling. Synced before the first of them |
//! | `k` | a process left the mailbox: what was told until here is above |
//! | `w index=keyword ...` | what the letters of keywords meant from here on |
//! | `c modseq letters uids` | these messages came, or changed: their letters since then, `-` for none |
//! | `g modseq uids` | these messages were expunged |
//!
//! Every line ends with the CRC-32, as eight hexadecimal digits, of all that is before it in the file. So a line that was
//! changed, lost or moved is found out, and the file is not believed. A last line without its end was on its way when a
//! process died, before anybody was told: it counts for nothing.

use std::fmt::Write as _;

use imap_seq::{ModSeq, Uid, UidSet};

use crate::format::flags::Info;

const MAGIC: &str = "imap-modseqs 1";

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Head {
        uid_validity: u32,
        last: ModSeq,
        forgotten: ModSeq,
    },
    Running(Running),
    Kept,
    Keywords(Keywords),
    Changed {
        modseq: ModSeq,
        info: Info,
        uids: UidSet,
    },
    Gone {
        modseq: ModSeq,
        uids: UidSet,
    },
}

/// A process that gives out numbers, and up to where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Running {
    pub(crate) boot: Box<str>,
    pub(crate) ceiling: ModSeq,
}

/// The keywords that have letters: index and name, ascending.
pub(crate) type Keywords = Vec<(u8, Box<str>)>;

/// The checksum of everything up to some line's end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain(crc32fast::Hasher);

/// What stands in a piece of the file.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) lines: Vec<Line>,
    /// Octets of whole lines.
    pub(crate) complete: usize,
    pub(crate) end: End,
}

/// How a piece of the file ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With a whole line, or with one that was not finished.
    Whole,
    /// With a line that is not what was written.
    Damaged,
}

/// Reads whole lines; `chain` is of all that is before them, and afterwards of them too.
pub(crate) fn parse(octets: &[u8], chain: &mut Chain) -> Parsed {
    let mut parsed = Parsed {
        lines: Vec::new(),
        complete: 0,
        end: End::Whole,
    };
    while let Some(length) = memchr::memchr(b'\n', &octets[parsed.complete..]) {
        let line = &octets[parsed.complete..parsed.complete + length];
        let Some(line) = chain.unseal(line).and_then(Line::parse) else {
            parsed.end = End::Damaged;
            return parsed;
        };
        parsed.lines.push(line);
        parsed.complete += length + 1;
    }
    parsed
}

/// Whether these are the lines of a whole file of a mailbox with that UIDVALIDITY.
pub(crate) fn is_of(lines: &[Line], uid_validity: u32) -> bool {
    matches!(lines.first(), Some(Line::Head { uid_validity: of, .. }) if *of == uid_validity)
}

impl Chain {
    /// Of all up to here.
    pub(crate) fn checksum(&self) -> u32 {
        self.0.clone().finalize()
    }

    /// A chain that goes on behind so many octets with this checksum.
    pub(crate) fn after(checksum: u32, octets: u64) -> Self {
        Self(crc32fast::Hasher::new_with_initial_len(checksum, octets))
    }

    /// Adds a line with its checksum to `out`.
    fn seal(&mut self, text: &str, out: &mut Vec<u8>) {
        self.0.update(text.as_bytes());
        let end = self.end_of_line();
        self.0.update(&end);
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(&end);
    }

    /// The text of a line without its end, if its checksum is right.
    fn unseal<'a>(&mut self, line: &'a [u8]) -> Option<&'a str> {
        let (text, sum) = line.split_at_checked(line.len().checked_sub(9)?)?;
        self.0.update(text);
        let end = self.end_of_line();
        self.0.update(&end);
        (*sum == end[..9]).then_some(())?;
        std::str::from_utf8(text).ok()
    }

    /// A space, the checksum, a line feed.
    fn end_of_line(&self) -> [u8; 10] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let sum = self.0.clone().finalize().to_be_bytes();
        let mut end = *b" 00000000\n";
        for (octet, digits) in sum.iter().zip(end[1..9].chunks_exact_mut(2)) {
            digits[0] = DIGITS[usize::from(octet >> 4)];
            digits[1] = DIGITS[usize::from(octet & 15)];
        }
        end
    }
}

impl Line {
    pub(crate) fn write(&self, chain: &mut Chain, out: &mut Vec<u8>) {
        let text = match self {
            Self::Head {
                uid_validity,
                last,
                forgotten,
            } => format!("{MAGIC} V{uid_validity} L{last} F{forgotten}"),
            Self::Running(Running { boot, ceiling }) => {
                let mut text = "r ".to_owned();
                escape(boot.as_bytes(), is_plain, &mut text);
                let _ = write!(text, " {ceiling}");
                text
            }
            Self::Kept => "k".to_owned(),
            Self::Keywords(names) => {
                let mut text = "w".to_owned();
                for (at, name) in names {
                    let _ = write!(text, " {at}=");
                    escape(name.as_bytes(), is_plain, &mut text);
                }
                text
            }
            Self::Changed { modseq, info, uids } => format!("c {modseq} {} {uids}", letters(info)),
            Self::Gone { modseq, uids } => format!("g {modseq} {uids}"),
        };
        chain.seal(&text, out);
    }

    pub(crate) fn running(&self) -> Option<&Running> {
        match self {
            Self::Running(running) => Some(running),
            _ => None,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix(MAGIC) {
            let mut fields = rest.strip_prefix(' ')?.split(' ');
            return Some(Self::Head {
                uid_validity: fields.next()?.strip_prefix('V')?.parse().ok()?,
                last: modseq(fields.next()?.strip_prefix('L')?)?,
                forgotten: modseq(fields.next()?.strip_prefix('F')?)?,
            });
        }
        let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
        let mut fields = rest.split(' ');
        Some(match kind {
            "r" => Self::Running(Running {
                boot: text_of(fields.next()?)?,
                ceiling: modseq(fields.next()?)?,
            }),
            "k" => Self::Kept,
            "w" => Self::Keywords(
                fields
                    .filter(|field| !field.is_empty())
                    .map(keyword)
                    .collect::<Option<_>>()?,
            ),
            "c" => Self::Changed {
                modseq: modseq(fields.next()?)?,
                info: info(fields.next()?)?,
                uids: uids(fields.next()?)?,
            },
            "g" => Self::Gone {
                modseq: modseq(fields.next()?)?,
                uids: uids(fields.next()?)?,
            },
            _ => return None,
        })
    }
}

fn modseq(digits: &str) -> Option<ModSeq> {
    ModSeq::new(digits.parse().ok()?)
}

fn keyword(text: &str) -> Option<(u8, Box<str>)> {
    let (index, name) = text.split_once('=')?;
    Some((index.parse().ok()?, text_of(name)?))
}

fn uids(text: &str) -> Option<UidSet> {
    let mut set = UidSet::new();
    for range in text.split(',') {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let number = |digits: &str| Uid::new(digits.parse().ok()?);
        set.insert_range(number(first)?, number(last)?);
    }
    Some(set)
}

/// The flag letters as one word, `-` for none.
fn letters(info: &Info) -> String {
    let suffix = info.suffix();
    let mut word = String::new();
    escape(&suffix[3..], |octet| octet.is_ascii_alphanumeric(), &mut word);
    if word.is_empty() {
        word.push('-');
    }
    word
}

fn info(word: &str) -> Option<Info> {
    let letters = unescape(word.strip_prefix('-').unwrap_or(word))?;
    Some(Info::parse(&[b":2,", &letters[..]].concat()))
}

/// Adds octets to a word; those that are not plain as `%` and two hexadecimal digits.
fn escape(octets: &[u8], is_plain: impl Fn(u8) -> bool, word: &mut String) {
    for &octet in octets {
        if is_plain(octet) {
            word.push(char::from(octet));
        } else {
            let _ = write!(word, "%{octet:02x}");
        }
    }
}

fn is_plain(octet: u8) -> bool {
    octet.is_ascii_graphic() && octet != b'%'
}

fn text_of(word: &str) -> Option<Box<str>> {
    Some(String::from_utf8(unescape(word)?).ok()?.into())
}

fn unescape(word: &str) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(word.len());
    let mut octets = word.bytes();
    while let Some(octet) = octets.next() {
        plain.push(match octet {
            b'%' => {
                let digits = [octets.next()?, octets.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            octet => octet,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(number: u64) -> ModSeq {
        ModSeq::new(number).unwrap()
    }

    fn set(numbers: impl IntoIterator<Item = u32>) -> UidSet {
        numbers.into_iter().filter_map(Uid::new).collect()
    }

    fn line() -> impl Strategy<Value = Line> {
        let modseq = || (1u64..=ModSeq::MAX.get()).prop_map(number);
        let uids = || proptest::collection::btree_set(1u32.., 1..8).prop_map(set);
        let suffix = proptest::collection::vec(any::<u8>(), 0..6);
        prop_oneof![
            (any::<u32>(), modseq(), modseq()).prop_map(|(uid_validity, last, forgotten)| Line::Head {
                uid_validity,
                last,
                forgotten
            }),
            ("[a-z0-9/ %-]{1,9}", modseq()).prop_map(|(boot, ceiling)| Line::Running(Running {
                boot: boot.into(),
                ceiling
            })),
            Just(Line::Kept),
            proptest::collection::btree_map(0u8..26, "[$%A-Za-z, é]{1,5}", 0..4).prop_map(|names| {
                Line::Keywords(names.into_iter().map(|(at, name)| (at, name.into())).collect())
            }),
            (modseq(), suffix, uids()).prop_map(|(modseq, suffix, uids)| Line::Changed {
                modseq,
                info: Info::parse(&[b":2,", &suffix[..]].concat()),
                uids
            }),
            (modseq(), uids()).prop_map(|(modseq, uids)| Line::Gone { modseq, uids }),
        ]
    }

    fn written(lines: &[Line]) -> Vec<u8> {
        let (mut chain, mut out) = (Chain::default(), Vec::new());
        lines.iter().for_each(|line| line.write(&mut chain, &mut out));
        out
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_in_any_two_pieces(
            lines in proptest::collection::vec(line(), 0..8),
            cut in any::<proptest::sample::Index>(),
        ) {
            let octets = written(&lines);
            let cut = cut.index(octets.len() + 1);
            let mut chain = Chain::default();
            let first = parse(&octets[..cut], &mut chain);
            let second = parse(&octets[first.complete..], &mut chain);
            prop_assert_eq!((first.end, second.end), (End::Whole, End::Whole));
            prop_assert_eq!(first.complete + second.complete, octets.len());
            prop_assert_eq!([first.lines, second.lines].concat(), lines);
        }

        #[test]
        fn no_bit_that_flips_goes_unseen(
            lines in proptest::collection::vec(line(), 1..6),
            at in any::<proptest::sample::Index>(),
            bit in 0u32..8,
        ) {
            let mut octets = written(&lines);
            let at = at.index(octets.len());
            octets[at] ^= 1 << bit;
            let parsed = parse(&octets, &mut Chain::default());
            prop_assert!(parsed.end == End::Damaged || parsed.complete < octets.len());
            prop_assert!(parsed.lines.len() < lines.len());
        }

        #[test]
        fn a_line_that_is_missing_in_the_middle_is_found_out(
            lines in proptest::collection::vec(line(), 3..6),
            missing in any::<proptest::sample::Index>(),
        ) {
            let whole = written(&lines);
            let ends: Vec<_> = (0..whole.len()).filter(|&at| whole[at] == b'\n').collect();
            let missing = 1 + missing.index(lines.len() - 2);
            let octets = [&whole[..=ends[missing - 1]], &whole[ends[missing] + 1..]].concat();
            prop_assert_eq!(parse(&octets, &mut Chain::default()).end, End::Damaged);
        }
    }

    #[test]
    fn the_lines_are_as_documented() {
        let lines = [
            Line::Head {
                uid_validity: 7,
                last: number(100),
                forgotten: number(90),
            },
            Line::Changed {
                modseq: number(101),
                info: Info::parse(b":2,FS"),
                uids: set([1, 2, 3, 9]),
            },
            Line::Changed {
                modseq: number(102),
                info: Info::default(),
                uids: set([4]),
            },
            Line::Kept,
        ];
        let text = String::from_utf8(written(&lines)).unwrap();
        let without_sums: Vec<_> = text.lines().map(|line| &line[..line.len() - 9]).collect();
        assert_eq!(
            without_sums,
            ["imap-modseqs 1 V7 L100 F90", "c 101 FS 1:3,9", "c 102 - 4", "k"]
        );
    }
}
