//! `tag SEARCH`, `tag SORT` and `tag THREAD`, with or without `UID`, and `tag ESEARCH`: commands whose arguments the codec does not see.

use super::search::Kind;
use super::split_tag;
use crate::numbers::Numbers;

/// A command that searches, as far as its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SearchHead<'c> {
    pub(crate) tag: &'c str,
    /// What the numbers of the answer are.
    pub(crate) numbers: Numbers,
    pub(crate) kind: Kind,
    /// Where the arguments begin, counted from 0.
    pub(crate) arguments: usize,
}

impl SearchHead<'_> {
    /// The command, as it is named in answers.
    pub(crate) const fn name(&self) -> &'static str {
        match (self.kind, self.numbers) {
            (Kind::Search, Numbers::Seqs) => "SEARCH",
            (Kind::Search, Numbers::Uids) => "UID SEARCH",
            (Kind::ESearch, _) => "ESEARCH",
            (Kind::Sort, Numbers::Seqs) => "SORT",
            (Kind::Sort, Numbers::Uids) => "UID SORT",
            (Kind::Thread, Numbers::Seqs) => "THREAD",
            (Kind::Thread, Numbers::Uids) => "UID THREAD",
        }
    }
}

/// The head of a command that searches, with arguments; `None` for other commands and for what has no tag.
pub(crate) fn search_head(command: &[u8]) -> Option<SearchHead<'_>> {
    let (tag, mut rest) = split_tag(command)?;
    let mut numbers = match strip_word(rest, b" UID") {
        Some(behind) => {
            rest = behind;
            Numbers::Uids
        }
        None => Numbers::Seqs,
    };
    let words: [(&[u8], Kind); 4] = [
        (b" SEARCH", Kind::Search),
        (b" SORT", Kind::Sort),
        (b" THREAD", Kind::Thread),
        (b" ESEARCH", Kind::ESearch),
    ];
    let (behind, kind) = words
        .iter()
        .find_map(|&(word, kind)| Some((strip_word(rest, word)?, kind)))?;
    if kind == Kind::ESearch {
        // It answers UIDs without the word (RFC 7377, section 2.1).
        if numbers == Numbers::Uids {
            return None;
        }
        numbers = Numbers::Uids;
    }
    let arguments = behind.strip_prefix(b" ")?;
    if arguments.is_empty() || arguments.starts_with(b"\r") {
        return None;
    }
    Some(SearchHead {
        tag: std::str::from_utf8(tag).ok()?,
        numbers,
        kind,
        arguments: command.len() - arguments.len(),
    })
}

/// What follows a word, in any case, which a space has to end.
fn strip_word<'c>(text: &'c [u8], word: &[u8]) -> Option<&'c [u8]> {
    let (begin, rest) = text.split_at_checked(word.len())?;
    (begin.eq_ignore_ascii_case(word) && rest.starts_with(b" ")).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_begin_behind_the_verb() {
        for (command, name, program) in [
            ("a SEARCH ALL\r\n", "SEARCH", "ALL\r\n"),
            ("a1 uid search  x\r\n", "UID SEARCH", " x\r\n"),
            ("t Search {3}\r\n", "SEARCH", "{3}\r\n"),
            ("t Sort (DATE) UTF-8 ALL", "SORT", "(DATE) UTF-8 ALL"),
            ("t UID THREAD REFS UTF-8 ALL", "UID THREAD", "REFS UTF-8 ALL"),
            ("t esearch IN (personal) ALL", "ESEARCH", "IN (personal) ALL"),
        ] {
            let head = search_head(command.as_bytes()).unwrap();
            assert_eq!((head.name(), &command[head.arguments..]), (name, program));
        }
    }

    #[test]
    fn other_commands_have_none() {
        for command in [
            "",
            "a",
            "a SEARCH",
            "a SEARCH\r\n",
            "a UID SEARCH\r\n",
            "a SEARCH \r\n",
            " SEARCH ALL\r\n",
            "a  SEARCH ALL\r\n",
            "a+ SEARCH ALL\r\n",
            "a SEARCHES ALL\r\n",
            "a UID UID SEARCH ALL\r\n",
            "a UIDSEARCH ALL\r\n",
            "a FETCH 1 SEARCH ALL\r\n",
            "a SORT\r\n",
            "a UID THREADS x\r\n",
            "a UID ESEARCH ALL\r\n",
            "a ESEARCH\r\n",
        ] {
            assert_eq!(search_head(command.as_bytes()), None, "{command:?}");
        }
    }
}
