//! What is known about the messages of an open mailbox: the storage inside its hub. No file is touched here.

use std::collections::BTreeMap;
use std::sync::Arc;

use imap_backend::{FlagAction, FlagChange, NewKeywords};
use imap_seq::Uid;
use imap_updates::{Flag, Flags, Keyword};

use crate::disk::directory::Place;
use crate::disk::keywords::{Keywords, LIMIT};
use crate::format::filename::split;
use crate::format::flags::{Info, Letter};

/// The keyword that the standard letter `P` stands for.
const FORWARDED: &str = "$Forwarded";

/// One mailbox's messages.
#[derive(Debug)]
pub(crate) struct Index {
    /// None when UIDs are used up.
    pub(crate) uid_next: Option<Uid>,
    pub(crate) messages: BTreeMap<Uid, Entry>,
    pub(crate) letters: LetterMap,
}

/// One message.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    /// The file name with its information part.
    pub(crate) name: Arc<[u8]>,
    pub(crate) info: Info,
    /// RFC822.SIZE, once known for sure.
    pub(crate) wire: Option<u64>,
    /// INTERNALDATE, seconds since the epoch, once looked up.
    pub(crate) modified: Option<i64>,
}

impl Entry {
    pub(crate) fn new(place: Place, name: impl Into<Arc<[u8]>>) -> Self {
        let name = name.into();
        let info = Info::parse(split(&name).1);
        Self {
            place,
            name,
            info,
            wire: None,
            modified: None,
        }
    }

    pub(crate) fn base(&self) -> &[u8] {
        split(&self.name).0
    }
}

impl Index {
    pub(crate) fn flags(&self, entry: &Entry) -> Flags {
        self.letters.flags(&entry.info)
    }

    /// The first message without `\Seen`.
    pub(crate) fn first_unseen(&self) -> Option<Uid> {
        self.messages
            .iter()
            .find(|(_, entry)| !entry.info.contains(Letter::Seen))
            .map(|(&uid, _)| uid)
    }

    /// The number of messages without `\Seen`.
    pub(crate) fn unseen(&self) -> u32 {
        let count = self
            .messages
            .values()
            .filter(|entry| !entry.info.contains(Letter::Seen))
            .count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

/// Which letter is which keyword, ready for use.
#[derive(Clone, Debug, Default)]
pub(crate) struct LetterMap {
    names: [Option<Keyword>; LIMIT],
}

impl LetterMap {
    /// Names that are no IMAP keywords are passed over: their letters stay in the file names, unseen.
    pub(crate) fn new(keywords: &Keywords) -> Self {
        let mut names = [const { None }; LIMIT];
        for (index, name) in keywords.iter() {
            names[usize::from(index)] = Keyword::new(name).ok();
        }
        Self { names }
    }

    pub(crate) fn flags(&self, info: &Info) -> Flags {
        let mut flags = Flags::empty();
        for letter in Letter::STANDARD {
            if info.contains(letter) {
                flags.extend(self.flag(letter));
            }
        }
        flags.extend(
            info.keywords()
                .filter_map(|index| self.flag(Letter::Keyword(index))),
        );
        flags
    }

    fn flag(&self, letter: Letter) -> Option<Flag> {
        Some(match letter {
            Letter::Draft => Flag::Draft,
            Letter::Flagged => Flag::Flagged,
            Letter::Passed => Flag::Keyword(Keyword::new(FORWARDED).ok()?),
            Letter::Replied => Flag::Answered,
            Letter::Seen => Flag::Seen,
            Letter::Trashed => Flag::Deleted,
            Letter::Keyword(index) => Flag::Keyword(self.names.get(usize::from(index))?.clone()?),
        })
    }

    /// The letters of a flag: two for `$Forwarded` where a keyword letter is defined for it as well, none for an unknown keyword.
    fn letters<'a>(&'a self, flag: &'a Flag) -> impl Iterator<Item = Letter> + 'a {
        let standard = match flag {
            Flag::Draft => Some(Letter::Draft),
            Flag::Flagged => Some(Letter::Flagged),
            Flag::Answered => Some(Letter::Replied),
            Flag::Seen => Some(Letter::Seen),
            Flag::Deleted => Some(Letter::Trashed),
            Flag::Keyword(keyword) => keyword
                .as_str()
                .eq_ignore_ascii_case(FORWARDED)
                .then_some(Letter::Passed),
        };
        let named = (0u8..)
            .zip(&self.names)
            .filter_map(move |(index, name)| match (flag, name) {
                (Flag::Keyword(keyword), Some(name)) if name == keyword => Some(Letter::Keyword(index)),
                _ => None,
            });
        standard.into_iter().chain(named)
    }

    /// Applies a change to a file's letters. Letters that mean nothing in IMAP stay as they are.
    pub(crate) fn apply(&self, change: &FlagChange, info: &Info) -> Info {
        let mut changed = info.clone();
        if change.action == FlagAction::Replace {
            for letter in Letter::STANDARD {
                changed.remove(letter);
            }
            let named = (0u8..).zip(&self.names).filter(|(_, name)| name.is_some());
            named.for_each(|(index, _)| changed.remove(Letter::Keyword(index)));
        }
        for flag in change.flags.iter() {
            for letter in self.letters(&flag) {
                match change.action {
                    FlagAction::Replace | FlagAction::Add => changed.insert(letter),
                    FlagAction::Remove => changed.remove(letter),
                }
            }
        }
        changed
    }

    /// The letters for a message's flags, from nothing; keywords without a letter are left out.
    pub(crate) fn info(&self, flags: &Flags) -> Info {
        let change = FlagChange {
            action: FlagAction::Add,
            flags: flags.clone(),
        };
        self.apply(&change, &Info::default())
    }

    /// The keywords among `flags` that have no letter yet.
    pub(crate) fn unknown(&self, flags: &Flags) -> Vec<Keyword> {
        let known = |keyword: &&Keyword| self.letters(&Flag::Keyword((*keyword).clone())).next().is_none();
        flags.keywords().iter().filter(known).cloned().collect()
    }

    /// All keywords that can be set without defining one.
    pub(crate) fn keywords(&self) -> Vec<Keyword> {
        let mut all: Vec<Keyword> = self.names.iter().flatten().cloned().collect();
        let forwarded = Keyword::new(FORWARDED).ok();
        all.extend(forwarded.filter(|keyword| !all.contains(keyword)));
        all
    }

    /// Whether a client may define further ones.
    pub(crate) fn new_keywords(&self) -> NewKeywords {
        if self.names.iter().any(Option::is_none) {
            NewKeywords::Allowed
        } else {
            NewKeywords::Refused
        }
    }

    /// Whether some letter means something else than in `before`.
    pub(crate) fn differs_from(&self, before: &Self) -> Renames {
        let same = self
            .names
            .iter()
            .zip(&before.names)
            .all(|(now, before)| now == before);
        if same { Renames::No } else { Renames::Yes }
    }
}

/// Whether the flags of messages changed although their files did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renames {
    Yes,
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(text: &str) -> Flags {
        text.split_whitespace()
            .map(|flag| flag.parse::<Flag>().unwrap())
            .collect()
    }

    fn map(names: &[&str]) -> LetterMap {
        let mut map = LetterMap::default();
        for (at, name) in names.iter().enumerate() {
            map.names[at] = Some(Keyword::new(name).unwrap());
        }
        map
    }

    fn change(action: FlagAction, text: &str) -> FlagChange {
        FlagChange {
            action,
            flags: flags(text),
        }
    }

    #[test]
    fn letters_and_flags_stand_for_each_other() {
        let map = map(&["todo", "Work"]);
        assert_eq!(
            map.flags(&Info::parse(b":2,DFPRSTb")),
            flags("\\Draft \\Flagged $Forwarded \\Answered \\Seen \\Deleted Work")
        );
        assert_eq!(map.info(&flags("\\Seen WORK $forwarded")).suffix(), b":2,PSb");
    }

    #[test]
    fn replacing_keeps_letters_that_mean_nothing_in_imap() {
        let map = map(&["todo"]);
        let info = Info::parse(b":2,SXadz,second");
        assert_eq!(
            map.apply(&change(FlagAction::Replace, "\\Flagged"), &info)
                .suffix(),
            b":2,FXdz,second"
        );
    }

    #[test]
    fn adding_and_removing_touch_only_what_is_named() {
        let map = map(&["todo"]);
        let info = Info::parse(b":2,Sa");
        assert_eq!(
            map.apply(&change(FlagAction::Add, "\\Draft"), &info).suffix(),
            b":2,DSa"
        );
        assert_eq!(
            map.apply(&change(FlagAction::Remove, "TODO \\Draft"), &info)
                .suffix(),
            b":2,S"
        );
    }

    #[test]
    fn forwarded_needs_no_letter_of_its_own_and_keeps_one_it_has() {
        let map = map(&["$Forwarded"]);
        assert_eq!(map.info(&flags("$Forwarded")).suffix(), b":2,Pa");
        assert_eq!(map.flags(&Info::parse(b":2,P")), flags("$Forwarded"));
        assert!(
            LetterMap::default()
                .unknown(&flags("$Forwarded \\Seen x"))
                .iter()
                .eq([&Keyword::new("x").unwrap()])
        );
    }
}
