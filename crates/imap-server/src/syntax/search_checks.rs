//! What has to hold of any octets as a search program: for the property tests, and for the fuzz target
//! `search_program`, which includes this file and `search/`.

use std::hash::{DefaultHasher, Hash, Hasher};

use imap_backend::SearchKey;
use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::command::CommandBody;
use imap_codec::imap_types::core::AString;
use imap_codec::imap_types::search::SearchKey as Codecs;
use imap_codec::imap_types::sequence::{self, SeqOrUid, Sequence};
use imap_updates::{Flag, Keyword};

use super::search::{DEEPEST, Fault, Key, Kind, MOST_KEYS, Numbering, Request, could_go_on, parse};

/// What the codec says to the same octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    /// It reads the same program.
    Agrees,
    /// It reads no program, or one that this server refuses for a reason of its own.
    DoesNotCount,
}

const HEAD: &str = "a SEARCH ";

/// Parses the octets behind `a SEARCH `, and checks the answer against itself and against the codec.
pub(crate) fn check(program: &[u8]) -> Codec {
    let command = [HEAD.as_bytes(), program].concat();
    let parsed = parse(&command, HEAD.len(), Kind::Search);
    match &parsed {
        Ok(parsed) => {
            assert_eq!(parsed.request, Request::Search);
            let mut shape = Shape::default();
            shape.add(&parsed.key, 0);
            assert!(shape.keys <= MOST_KEYS && shape.deepest <= DEEPEST);
            assert_eq!(
                shape.has_numbers,
                parsed.numbering == Numbering::UsesSequenceNumbers
            );
            check_announcements(&command);
        }
        Err(Fault::Syntax { at, why }) => {
            assert!((HEAD.len()..command.len()).contains(at), "{why} at {at}");
            assert!(why.len() < 100 && why.bytes().all(|octet| (32..127).contains(&octet)));
        }
        Err(Fault::Ends { at }) => assert_eq!(*at, command.len()),
        Err(Fault::Limit(_) | Fault::Charset | Fault::CharsetOfFilters) => {}
        Err(fault @ (Fault::UndefinedFilter(_) | Fault::Filter(_))) => panic!("{fault:?} without filters"),
    }
    compare(&command, parsed.map(|parsed| parsed.key))
}

/// A program that is right was right up to each of its literals.
fn check_announcements(command: &[u8]) {
    for end in memchr::memmem::find_iter(command, b"}\r\n") {
        assert_eq!(could_go_on(&command[..end + 3], HEAD.len(), Kind::Search), Ok(()));
    }
}

/// The form that keys are promised to have.
#[derive(Default)]
struct Shape {
    keys: usize,
    deepest: usize,
    has_numbers: bool,
}

impl Shape {
    fn add(&mut self, key: &Key, levels: usize) {
        self.deepest = self.deepest.max(levels);
        match key {
            Key::And(keys) | Key::Or(keys) => {
                assert!(keys.len() >= 2);
                for inner in keys {
                    let same = std::mem::discriminant(inner) == std::mem::discriminant(key);
                    assert!(!same, "a list in a list of its kind");
                    self.add(inner, levels + 1);
                }
            }
            Key::Not(inner) => {
                assert!(!matches!(**inner, Key::Not(_)), "NOT NOT");
                self.add(inner, levels + 1);
            }
            leaf => {
                self.keys += 1;
                self.has_numbers |= matches!(leaf, Key::Seqs(_));
            }
        }
    }
}

/// Both have to see the same keys in the same order, and mean the same by them: whichever keys match a message, both
/// programs match it or none does.
fn compare(command: &[u8], ours: Result<Key, Fault>) -> Codec {
    let line = [command, b"\r\n"].concat();
    let Ok((b"", decoded)) = CommandCodec::default().decode(&line) else {
        return Codec::DoesNotCount;
    };
    let CommandBody::Search { criteria, .. } = &decoded.body else {
        return Codec::DoesNotCount;
    };
    let theirs = |message| {
        let mut told = Told::new(message);
        let each: Option<Vec<bool>> = criteria.as_ref().iter().map(|key| told.codecs(key)).collect();
        each.map(|each| (!each.contains(&false), told.leaves))
    };
    let ours = match (ours, theirs(0)) {
        (Ok(ours), Some(_)) => ours,
        // MODSEQ is the one key that is taken here and not compared.
        (Err(Fault::Limit(_) | Fault::Charset | Fault::CharsetOfFilters), _) | (_, None) => {
            return Codec::DoesNotCount;
        }
        (ours, theirs) => panic!("{ours:?} where the codec has {theirs:?}"),
    };
    for message in 0..8 {
        let mut told = Told::new(message);
        let matches = told.ours(&ours);
        assert_eq!(Some((matches, told.leaves)), theirs(message), "message {message}");
    }
    Codec::Agrees
}

/// The keys of a program as they are met, each of which matches a message or not by chance.
struct Told {
    message: u64,
    leaves: Vec<String>,
}

impl Told {
    fn new(message: u64) -> Self {
        Self {
            message,
            leaves: Vec::new(),
        }
    }

    fn leaf(&mut self, leaf: String) -> bool {
        let mut hasher = DefaultHasher::new();
        (self.message, &leaf).hash(&mut hasher);
        self.leaves.push(leaf);
        hasher.finish().is_multiple_of(2)
    }

    fn flag(&mut self, flag: &Flag) -> bool {
        self.leaf(format!("flag {flag:?}"))
    }

    fn recent(&mut self) -> bool {
        self.leaf("recent".to_owned())
    }

    fn new_ones(&mut self) -> bool {
        let (recent, seen) = (self.recent(), self.flag(&Flag::Seen));
        recent && !seen
    }

    fn ours(&mut self, key: &Key) -> bool {
        match key {
            Key::Plain(key) => self.plain(key),
            Key::Seqs(set) => self.leaf(format!("seqs {set}")),
            Key::Uids(set) => self.leaf(format!("uids {set}")),
            Key::Saved => self.leaf("saved".to_owned()),
            Key::ModSeq(least) => self.leaf(format!("modseq {least}")),
            Key::Older(seconds) => self.leaf(format!("older {seconds}")),
            Key::Younger(seconds) => self.leaf(format!("younger {seconds}")),
            Key::Recent => self.recent(),
            Key::New => self.new_ones(),
            Key::Old => !self.recent(),
            Key::And(keys) => !keys
                .iter()
                .map(|key| self.ours(key))
                .collect::<Vec<_>>()
                .contains(&false),
            Key::Or(keys) => keys
                .iter()
                .map(|key| self.ours(key))
                .collect::<Vec<_>>()
                .contains(&true),
            Key::Not(key) => !self.ours(key),
        }
    }

    fn plain(&mut self, key: &SearchKey) -> bool {
        let leaf = match key {
            SearchKey::Not(key) => return !self.plain(key),
            SearchKey::Flag(flag) => return self.flag(flag),
            SearchKey::All => "all".to_owned(),
            SearchKey::Before(day) => format!("before {day}"),
            SearchKey::On(day) => format!("on {day}"),
            SearchKey::Since(day) => format!("since {day}"),
            SearchKey::SentBefore(day) => format!("sent before {day}"),
            SearchKey::SentOn(day) => format!("sent on {day}"),
            SearchKey::SentSince(day) => format!("sent since {day}"),
            SearchKey::Larger(octets) => format!("larger {octets}"),
            SearchKey::Smaller(octets) => format!("smaller {octets}"),
            SearchKey::Header(name, needle) => format!("header {name:?} {:?}", needle.text()),
            SearchKey::Body(needle) => format!("body {:?}", needle.text()),
            SearchKey::Text(needle) => format!("text {:?}", needle.text()),
            other => panic!("{other:?} in a program"),
        };
        self.leaf(leaf)
    }

    /// `None` for a key that this server does not take.
    fn codecs(&mut self, key: &Codecs<'_>) -> Option<bool> {
        let leaf = match key {
            Codecs::And(keys) => {
                let each: Option<Vec<bool>> = keys.as_ref().iter().map(|key| self.codecs(key)).collect();
                return each.map(|each| !each.contains(&false));
            }
            Codecs::Or(one, other) => {
                let (one, other) = (self.codecs(one)?, self.codecs(other)?);
                return Some(one || other);
            }
            Codecs::Not(key) => return self.codecs(key).map(|matches| !matches),
            Codecs::SequenceSet(set) => format!("seqs {}", written(set)),
            Codecs::Uid(set) => format!("uids {}", written(set)),
            Codecs::All => "all".to_owned(),
            Codecs::Answered => return Some(self.flag(&Flag::Answered)),
            Codecs::Deleted => return Some(self.flag(&Flag::Deleted)),
            Codecs::Draft => return Some(self.flag(&Flag::Draft)),
            Codecs::Flagged => return Some(self.flag(&Flag::Flagged)),
            Codecs::Seen => return Some(self.flag(&Flag::Seen)),
            Codecs::Unanswered => return Some(!self.flag(&Flag::Answered)),
            Codecs::Undeleted => return Some(!self.flag(&Flag::Deleted)),
            Codecs::Undraft => return Some(!self.flag(&Flag::Draft)),
            Codecs::Unflagged => return Some(!self.flag(&Flag::Flagged)),
            Codecs::Unseen => return Some(!self.flag(&Flag::Seen)),
            Codecs::Keyword(atom) => return Some(self.flag(&keyword(atom.as_ref())?)),
            Codecs::Unkeyword(atom) => return Some(!self.flag(&keyword(atom.as_ref())?)),
            Codecs::Recent => return Some(self.recent()),
            Codecs::New => return Some(self.new_ones()),
            Codecs::Old => return Some(!self.recent()),
            Codecs::Before(day) => format!("before {}", day.as_ref()),
            Codecs::On(day) => format!("on {}", day.as_ref()),
            Codecs::Since(day) => format!("since {}", day.as_ref()),
            Codecs::SentBefore(day) => format!("sent before {}", day.as_ref()),
            Codecs::SentOn(day) => format!("sent on {}", day.as_ref()),
            Codecs::SentSince(day) => format!("sent since {}", day.as_ref()),
            Codecs::Older(seconds) => format!("older {seconds}"),
            Codecs::Younger(seconds) => format!("younger {seconds}"),
            Codecs::Larger(octets) => format!("larger {octets}"),
            Codecs::Smaller(octets) => format!("smaller {octets}"),
            Codecs::Bcc(string) => format!("header \"Bcc\" {:?}", text(string)?),
            Codecs::Cc(string) => format!("header \"Cc\" {:?}", text(string)?),
            Codecs::From(string) => format!("header \"From\" {:?}", text(string)?),
            Codecs::To(string) => format!("header \"To\" {:?}", text(string)?),
            Codecs::Subject(string) => format!("header \"Subject\" {:?}", text(string)?),
            Codecs::Header(name, string) => format!("header {:?} {:?}", text(name)?, text(string)?),
            Codecs::Body(string) => format!("body {:?}", text(string)?),
            Codecs::Text(string) => format!("text {:?}", text(string)?),
            _ => return None,
        };
        Some(self.leaf(leaf))
    }
}

fn keyword(atom: &str) -> Option<Flag> {
    Keyword::new(atom).ok().map(Flag::Keyword)
}

fn text(string: &AString<'_>) -> Option<String> {
    String::from_utf8(string.as_ref().to_vec()).ok()
}

fn written(set: &sequence::SequenceSet) -> String {
    let bound = |bound: &SeqOrUid| match bound {
        SeqOrUid::Value(number) => number.to_string(),
        SeqOrUid::Asterisk => "*".to_owned(),
    };
    let items = set.0.as_ref().iter().map(|item| match item {
        Sequence::Single(single) => bound(single),
        Sequence::Range(from, to) => format!("{}:{}", bound(from), bound(to)),
    });
    items.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
