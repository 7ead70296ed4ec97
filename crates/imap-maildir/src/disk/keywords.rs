//! The file `dovecot-keywords`: which letter `a` to `z` stands for which keyword.
//!
//! One line per keyword, `<index> <name>`, index 0 to 25. It is changed only under the UID list's lock, and its modification time
//! grows by a second at least, because readers compare seconds. Keywords that find no letter are refused: there are 26.

use std::io::{self, Read as _};

use rustix::fs::OFlags;

use crate::disk::directory::{Directory, open_control, replace};
use crate::disk::dotlock::Dotlock;

/// Its name.
pub const FILE_NAME: &str = "dovecot-keywords";
/// How many keywords a mailbox can have.
pub const LIMIT: usize = 26;

/// The keywords of one mailbox.
#[derive(Debug, Clone, Default)]
pub struct Keywords {
    /// By index; at most [`LIMIT`].
    names: Vec<Option<Box<str>>>,
    /// Lines of the file that name none.
    rubbish: usize,
    /// Inode, size, modification and change time of the file as it was read.
    stamp: Option<(u64, i64, i64, u64, i64)>,
}

/// Why a keyword was not defined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DefineError {
    /// All 26 letters are taken.
    #[error("the mailbox has {LIMIT} keywords, no letter is left for another")]
    Full,
    /// The file could not be written.
    #[error("the keywords cannot be written")]
    Io(#[from] io::Error),
}

impl Keywords {
    /// Reads the file anew if it changed since. Lines that are none are passed over.
    ///
    /// # Errors
    /// As the system says; what was known stays.
    pub fn refresh(&mut self, directory: &Directory) -> io::Result<()> {
        let Some(file) = open_control(directory.root(), FILE_NAME, OFlags::RDONLY)? else {
            return Ok(());
        };
        let stat = rustix::fs::fstat(&file)?;
        let stamp = (
            stat.st_ino,
            stat.st_size,
            stat.st_mtime,
            stat.st_mtime_nsec,
            stat.st_ctime,
        );
        if self.stamp == Some(stamp) {
            return Ok(());
        }
        let mut octets = Vec::new();
        // 26 keywords of sane length; a hostile file must not fill the memory.
        file.take(1 << 16).read_to_end(&mut octets)?;
        (self.names, self.rubbish) = parse(&octets);
        self.stamp = Some(stamp);
        Ok(())
    }

    /// Lines of the file that name no keyword, as of the last [`refresh`](Self::refresh).
    pub(crate) fn rubbish(&self) -> usize {
        self.rubbish
    }

    /// The keyword of a letter's index.
    #[must_use]
    pub fn name(&self, index: u8) -> Option<&str> {
        self.names.get(usize::from(index))?.as_deref()
    }

    /// The index of a keyword, compared without regard to case.
    #[must_use]
    pub fn index_of(&self, keyword: &str) -> Option<u8> {
        let matches = |name: &Option<Box<str>>| {
            name.as_ref()
                .is_some_and(|name| name.eq_ignore_ascii_case(keyword))
        };
        self.names
            .iter()
            .position(matches)
            .and_then(|index| u8::try_from(index).ok())
    }

    /// All keywords, by index.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &str)> {
        (0u8..)
            .zip(&self.names)
            .filter_map(|(index, name)| Some((index, name.as_deref()?)))
    }

    /// How many letters are free.
    #[must_use]
    pub fn free(&self) -> usize {
        LIMIT - self.iter().count()
    }

    /// Gives letters to keywords that have none, all or none of them.
    ///
    /// # Errors
    /// [`DefineError::Full`], or the file cannot be written; nothing is changed then.
    pub fn define(&mut self, directory: &Directory, lock: &Dotlock, new: &[&str]) -> Result<(), DefineError> {
        self.refresh(directory)?;
        let mut changed = self.clone();
        for keyword in new {
            if changed.index_of(keyword).is_some() {
                continue;
            }
            let free = changed
                .names
                .iter()
                .position(Option::is_none)
                .unwrap_or(changed.names.len());
            if free >= LIMIT {
                return Err(DefineError::Full);
            }
            if free == changed.names.len() {
                changed.names.push(None);
            }
            changed.names[free] = Some((*keyword).into());
        }
        let text: String = changed
            .iter()
            .map(|(index, name)| format!("{index} {name}\n"))
            .collect();
        lock.check()?;
        let before = self.stamp.map_or(0, |stamp| stamp.2);
        let modified = crate::disk::clock::seconds().max(before + 1);
        let temporary = format!("{FILE_NAME}.tmp");
        let mode = directory.file_mode();
        replace(
            directory.root(),
            &temporary,
            FILE_NAME,
            text.as_bytes(),
            mode,
            Some(modified),
        )?;
        changed.stamp = None;
        *self = changed;
        self.refresh(directory)?;
        Ok(())
    }
}

/// The names by index, and how many lines are none.
fn parse(octets: &[u8]) -> (Vec<Option<Box<str>>>, usize) {
    let (mut names, mut rubbish) = (Vec::new(), 0);
    for line in octets
        .split(|&octet| octet == b'\n')
        .filter(|line| !line.is_empty())
    {
        let Some((index, name)) = parse_line(line) else {
            rubbish += 1;
            continue;
        };
        if names.len() <= index {
            names.resize(index + 1, None);
        }
        names[index] = Some(name.into());
    }
    (names, rubbish)
}

fn parse_line(line: &[u8]) -> Option<(usize, &str)> {
    let (index, name) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    let index = index.parse().ok().filter(|&index| index < LIMIT)?;
    let name = name.trim_end_matches('\r');
    (!name.is_empty() && name.len() <= 255).then_some((index, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture() -> (tempfile::TempDir, Directory) {
        let home = tempfile::tempdir().unwrap();
        let directory = Directory::open(home.path()).unwrap();
        (home, directory)
    }

    fn define(keywords: &mut Keywords, directory: &Directory, new: &[&str]) -> Result<(), DefineError> {
        let lock = Dotlock::acquire(directory.root(), "dovecot-uidlist", std::time::Duration::ZERO).unwrap();
        keywords.define(directory, &lock, new)
    }

    #[test]
    fn dovecots_file_is_read_with_gaps_and_rubbish() {
        let (home, directory) = fixture();
        std::fs::write(home.path().join(FILE_NAME), "0 $Junk\n2 Work\nx y\n26 far\n3\n").unwrap();
        let mut keywords = Keywords::default();
        keywords.refresh(&directory).unwrap();
        assert_eq!(keywords.iter().collect::<Vec<_>>(), [(0, "$Junk"), (2, "Work")]);
        assert_eq!((keywords.index_of("WORK"), keywords.name(1)), (Some(2), None));
    }

    #[test]
    fn new_keywords_take_the_free_letters_and_the_time_of_the_file_grows() {
        let (home, directory) = fixture();
        let path = home.path().join(FILE_NAME);
        std::fs::write(&path, "0 $Junk\n2 Work\n").unwrap();
        let modified =
            |path: &std::path::Path| std::os::unix::fs::MetadataExt::mtime(&path.metadata().unwrap());
        let mut keywords = Keywords::default();
        keywords.refresh(&directory).unwrap();
        let before = modified(&path);
        define(&mut keywords, &directory, &["b", "WORK", "c"]).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "0 $Junk\n1 b\n2 Work\n3 c\n"
        );
        assert!(modified(&path) > before);
    }

    #[test]
    fn a_change_by_another_program_is_seen_before_a_letter_is_given() {
        let (home, directory) = fixture();
        let mut keywords = Keywords::default();
        define(&mut keywords, &directory, &["a"]).unwrap();
        std::fs::write(home.path().join(FILE_NAME), "0 a\n1 other\n").unwrap();
        define(&mut keywords, &directory, &["mine"]).unwrap();
        assert_eq!(keywords.index_of("mine"), Some(2));
        assert_eq!(keywords.index_of("other"), Some(1));
    }

    #[test]
    fn the_27th_keyword_is_refused_and_changes_nothing() {
        let (_home, directory) = fixture();
        let mut keywords = Keywords::default();
        let names: Vec<_> = (0..26).map(|n| format!("k{n}")).collect();
        define(
            &mut keywords,
            &directory,
            &names.iter().map(String::as_str).collect::<Vec<_>>(),
        )
        .unwrap();
        assert_eq!(keywords.free(), 0);
        assert!(matches!(
            define(&mut keywords, &directory, &["k3", "more"]),
            Err(DefineError::Full)
        ));
        assert_eq!(
            (keywords.index_of("more"), keywords.index_of("K25")),
            (None, Some(25))
        );
    }
}
