//! The text of `dovecot-keywords`: which letter `a` to `z` stands for which keyword.
//!
//! One line per keyword, `<index> <name>`, index 0 to 25. There are 26 letters: when all are taken, those that no message
//! has are given to other keywords.

/// How many keywords a mailbox can have.
pub(crate) const LIMIT: usize = 26;
/// The longest name that is read, octets.
const LONGEST_NAME: usize = 255;

/// The keywords of one mailbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeywordNames {
    /// By index; at most [`LIMIT`].
    names: Vec<Option<Box<str>>>,
    /// How many lines named none.
    unreadable_lines: usize,
}

/// Keyword letters that message files have, by index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LettersInUse(u32);

impl LettersInUse {
    /// Every letter.
    pub(crate) const ALL: Self = Self((1 << LIMIT) - 1);

    pub(crate) fn is_all(self) -> bool {
        self == Self::ALL
    }

    pub(crate) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn contains(self, index: usize) -> bool {
        self.0 & (1 << index) != 0
    }
}

impl FromIterator<u8> for LettersInUse {
    fn from_iter<I: IntoIterator<Item = u8>>(indices: I) -> Self {
        Self(indices.into_iter().fold(0, |letters, index| letters | 1 << index))
    }
}

/// All 26 letters are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the mailbox has {LIMIT} keywords, no letter is left for another")]
pub(crate) struct NoLetterLeft;

impl KeywordNames {
    /// Reads the file's text. Lines that name no keyword are counted and passed over.
    pub(crate) fn parse(octets: &[u8]) -> Self {
        let mut parsed = Self::default();
        for line in octets
            .split(|&octet| octet == b'\n')
            .filter(|line| !line.is_empty())
        {
            match parse_line(line) {
                Some((index, name)) => parsed.set(index, name),
                None => parsed.unreadable_lines += 1,
            }
        }
        parsed
    }

    /// The file's text.
    pub(crate) fn write(&self) -> String {
        self.iter()
            .map(|(index, name)| format!("{index} {name}\n"))
            .collect()
    }

    /// How many lines of the text named no keyword.
    pub(crate) fn unreadable_lines(&self) -> usize {
        self.unreadable_lines
    }

    /// The keyword of a letter's index.
    pub(crate) fn name(&self, index: u8) -> Option<&str> {
        self.names.get(usize::from(index))?.as_deref()
    }

    /// Whether a keyword has a letter; compared without regard to case.
    pub(crate) fn contains(&self, keyword: &str) -> bool {
        self.iter().any(|(_, name)| name.eq_ignore_ascii_case(keyword))
    }

    /// All keywords, by index.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u8, &str)> {
        (0u8..)
            .zip(&self.names)
            .filter_map(|(index, name)| Some((index, name.as_deref()?)))
    }

    /// The letters that have no name and are not in use: where the file was lost or torn, messages have letters without a name,
    /// and none of these messages has ever had the keyword that is new.
    fn free(&self, in_use: LettersInUse) -> impl Iterator<Item = usize> {
        (0u8..26)
            .filter(move |index| self.name(*index).is_none() && !in_use.contains((*index).into()))
            .map(usize::from)
    }

    /// How many keywords can get a letter, beside those that are in use.
    pub(crate) fn count_free(&self, in_use: LettersInUse) -> usize {
        self.free(in_use).count()
    }

    /// The names with letters for `new` keywords too, the lowest free letters first.
    pub(crate) fn with(&self, new: &[&str], in_use: LettersInUse) -> Result<Self, NoLetterLeft> {
        let mut names = self.clone();
        for keyword in new {
            if !names.contains(keyword) {
                let index = names.free(in_use).next().ok_or(NoLetterLeft)?;
                names.set(index, keyword);
            }
        }
        Ok(names)
    }

    /// The names without those whose letters nobody uses.
    pub(crate) fn only(&self, in_use: LettersInUse) -> Self {
        let mut names = self.clone();
        for (index, name) in names.names.iter_mut().enumerate() {
            if !in_use.contains(index) {
                *name = None;
            }
        }
        names
    }

    fn set(&mut self, index: usize, name: &str) {
        if self.names.len() <= index {
            self.names.resize(index + 1, None);
        }
        self.names[index] = Some(name.into());
    }
}

fn parse_line(line: &[u8]) -> Option<(usize, &str)> {
    let (index, name) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    let index = index.parse().ok().filter(|&index| index < LIMIT)?;
    let name = name.trim_end_matches('\r');
    (!name.is_empty() && name.len() <= LONGEST_NAME).then_some((index, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dovecots_file_is_read_with_gaps_and_rubbish() {
        let names = KeywordNames::parse(b"0 $Junk\n2 Work\nx y\n26 far\n3\n");
        assert_eq!(names.iter().collect::<Vec<_>>(), [(0, "$Junk"), (2, "Work")]);
        assert_eq!((names.contains("WORK"), names.name(1)), (true, None));
        assert_eq!(names.unreadable_lines(), 3);
    }

    #[test]
    fn new_keywords_take_the_letters_that_neither_a_name_nor_a_message_has() {
        let names = KeywordNames::parse(b"0 $Junk\n2 Work\n");
        let names = names
            .with(&["b", "WORK", "c"], [3].into_iter().collect())
            .unwrap();
        assert_eq!(names.write(), "0 $Junk\n1 b\n2 Work\n4 c\n");
        assert_eq!(names.count_free(LettersInUse::default()), 22);
    }

    #[test]
    fn letters_that_nobody_uses_lose_their_names() {
        let names = KeywordNames::parse(b"0 $Junk\n1 a\n2 Work\n");
        let names = names.only([0, 2].into_iter().collect());
        assert_eq!(names.write(), "0 $Junk\n2 Work\n");
        assert!(LettersInUse::ALL.is_all() && (0..26).collect::<LettersInUse>().is_all());
    }

    #[test]
    fn the_27th_keyword_is_refused() {
        let all: Vec<_> = (0..26).map(|n| format!("k{n}")).collect();
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        let names = KeywordNames::default()
            .with(&all, LettersInUse::default())
            .unwrap();
        assert_eq!(names.count_free(LettersInUse::default()), 0);
        assert_eq!(
            names.with(&["k3", "more"], LettersInUse::default()),
            Err(NoLetterLeft)
        );
        assert!(names.contains("K25"));
    }
}
