//! Flags and keywords of IMAP as the letters of one mailbox's file names, and back.

use imap_backend::{FlagAction, FlagChange, NewKeywords};
use imap_updates::{Flag, Flags, Keyword};

use crate::format::flags::{Info, Letter};
use crate::format::keywords::{KeywordNames, LIMIT};

/// The keyword that the standard letter `P` stands for.
const FORWARDED: &str = "$Forwarded";

/// Which letter is which keyword. Equal values mean the same flags for every message.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LetterMap {
    names: [Option<Keyword>; LIMIT],
}

impl LetterMap {
    /// Names that are no IMAP keywords are passed over: their letters stay in the file names, unseen.
    pub(crate) fn new(keywords: &KeywordNames) -> Self {
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

    /// The letters of which at least one is set in every message that has the flag, and in no other.
    pub(crate) fn letters_of(&self, flag: &Flag) -> Info {
        let mut info = Info::default();
        self.letters(flag).for_each(|letter| info.insert(letter));
        info
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
        if change.action() == FlagAction::Replace {
            let named = (0u8..).zip(&self.names).filter(|(_, name)| name.is_some());
            let named = named.map(|(index, _)| Letter::Keyword(index));
            for letter in Letter::STANDARD.into_iter().chain(named) {
                // The right to change one of the others is the right to change them all.
                let flag = match letter {
                    Letter::Seen => Flag::Seen,
                    Letter::Trashed => Flag::Deleted,
                    _ => Flag::Flagged,
                };
                if !change.leaves_alone(&flag) {
                    changed.remove(letter);
                }
            }
        }
        for flag in change.flags().iter() {
            for letter in self.letters(&flag) {
                match change.action() {
                    FlagAction::Replace | FlagAction::Add => changed.insert(letter),
                    FlagAction::Remove => changed.remove(letter),
                }
            }
        }
        changed
    }

    /// The letters for a message's flags, from nothing; keywords without a letter are left out.
    pub(crate) fn info(&self, flags: &Flags) -> Info {
        let change = FlagChange::new(FlagAction::Add, flags.clone());
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
        FlagChange::new(action, flags(text))
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

    #[test]
    fn a_flag_is_set_where_one_of_its_letters_is() {
        let map = map(&["$Forwarded", "todo"]);
        for (file, flag) in [
            (b":2,P", "$forwarded"),
            (b":2,a", "$Forwarded"),
            (b":2,S", "\\Seen"),
            (b":2,b", "TODO"),
        ] {
            let flag: Flag = flag.parse().unwrap();
            let info = Info::parse(file);
            assert!(info.shares_a_letter_with(&map.letters_of(&flag)), "{flag}");
            assert!(map.flags(&info).contains(&flag));
        }
        let unknown = map.letters_of(&"absent".parse().unwrap());
        assert!(!Info::parse(b":2,PSTab").shares_a_letter_with(&unknown));
    }
}
