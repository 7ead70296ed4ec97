//! The file `dovecot-keywords` of one mailbox, and what it said last.
//!
//! It is changed only under the UID list's lock. Its modification time grows by a second at least with each change, because
//! readers compare seconds.

use std::io::{self, Read as _};

use crate::disk::control_file::{self, Replacement};
use crate::disk::directory::{Directory, Subdirectory};
use crate::disk::dotlock::Dotlock;
use crate::disk::storage::{FileVersion, OpenFor};
use crate::format::file_name::split;
use crate::format::flags::Info;
use crate::format::index::VersionNote;
use crate::format::keywords::{KeywordNames, LettersInUse, NoLetterLeft};

/// Its name.
pub(crate) const FILE_NAME: &str = "dovecot-keywords";
const TEMPORARY_NAME: &str = "dovecot-keywords.tmp";
/// 26 keywords of sane length, octets: a hostile file must not fill the memory.
const LARGEST: u64 = 1 << 16;

/// The keywords of one mailbox.
#[derive(Debug, Default)]
pub(crate) struct KeywordsFile {
    names: KeywordNames,
    /// The file as it was when it was read, and its modification time in seconds since the epoch.
    read: Option<(FileVersion, i64)>,
}

/// What happens to keywords for which no letter is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExcessKeywords {
    /// They are what the client asks for: refuse.
    Refuse,
    /// They come with a message, which matters more: do without (RFC 9051, sections 6.3.12 and 6.4.7: SHOULD).
    Drop,
}

/// Why a keyword was not defined.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DefineError {
    #[error(transparent)]
    Full(#[from] NoLetterLeft),
    /// The file could not be written.
    #[error("the keywords cannot be written")]
    Io(#[from] io::Error),
}

impl KeywordsFile {
    /// What the file said when it was read last.
    pub(crate) fn names(&self) -> &KeywordNames {
        &self.names
    }

    /// What was read, in the form in which an index keeps it.
    pub(crate) fn note(&self) -> (Option<(VersionNote, i64)>, String) {
        let read = self.read.map(|(version, modified)| (version.into(), modified));
        (read, self.names.write())
    }

    pub(crate) fn of_note((read, names): &(Option<(VersionNote, i64)>, String)) -> Self {
        Self {
            names: KeywordNames::parse(names.as_bytes()),
            read: read.map(|(version, modified)| (version.into(), modified)),
        }
    }

    /// The file as it was when it was read last; none where there was none.
    pub(crate) fn version(&self) -> Option<FileVersion> {
        self.read.map(|(version, _)| version)
    }

    /// Reads the file again if it changed since. On an error, and where the file is gone, what was known stays.
    pub(crate) fn refresh(&mut self, directory: &Directory) -> io::Result<()> {
        let Some(file) = control_file::open(directory.root(), FILE_NAME, OpenFor::Reading)? else {
            return Ok(());
        };
        let status = file.status()?;
        if self.read.is_some_and(|(version, _)| version == status.version()) {
            return Ok(());
        }
        let mut octets = Vec::new();
        file.take(LARGEST).read_to_end(&mut octets)?;
        self.names = KeywordNames::parse(&octets);
        self.read = Some((status.version(), status.modified));
        Ok(())
    }

    /// Gives letters to keywords that have none: those that are in no line and that, as far as is `known`, no message has or,
    /// where they do not suffice, all that neither a file nor a message has. On an error nothing is changed.
    ///
    /// A letter changes its meaning only under the list's lock, under which Dovecot and this crate give files their
    /// letters, and the file that names them gets a new time, by which others notice.
    pub(crate) fn define(
        &mut self,
        directory: &Directory,
        lock: &Dotlock,
        new: &[&str],
        excess: ExcessKeywords,
        known: LettersInUse,
    ) -> Result<(), DefineError> {
        self.refresh(directory)?;
        let mut names = self.names.clone();
        let new: Vec<&str> = new.iter().copied().filter(|name| !names.contains(name)).collect();
        let mut in_use = known;
        if names.count_free(in_use) < new.len() {
            in_use = known.union(letters_in_use(directory)?);
            names = names.only(in_use);
        }
        let most = match excess {
            ExcessKeywords::Refuse => new.len(),
            ExcessKeywords::Drop => new.len().min(names.count_free(in_use)),
        };
        let names = names.with(&new[..most], in_use)?;
        if names == self.names {
            return Ok(());
        }
        lock.check()?;
        let after_the_last = self.read.map_or(0, |(_, modified)| modified + 1);
        Replacement {
            name: FILE_NAME,
            temporary: TEMPORARY_NAME,
            octets: names.write().as_bytes(),
            mode: directory.file_mode(),
            modified: Some(crate::disk::clock::seconds().max(after_the_last)),
        }
        .put(directory.root())?;
        self.names = names;
        self.read = None;
        self.refresh(directory)?;
        Ok(())
    }
}

/// The keyword letters in file names; all of them if the directories changed meanwhile, for a file may have been missed.
fn letters_in_use(directory: &Directory) -> io::Result<LettersInUse> {
    let before = directory.versions()?;
    let mut in_use = LettersInUse::default();
    for subdirectory in Subdirectory::BOTH {
        directory.list(subdirectory, |name| {
            in_use = in_use.union(Info::parse(split(name).1).keywords().collect());
        })?;
    }
    match directory.versions()? == before {
        true => Ok(in_use),
        false => Ok(LettersInUse::ALL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    fn fixture() -> (tempfile::TempDir, Directory) {
        let home = tempfile::tempdir().unwrap();
        let directory = Directory::open(home.path()).unwrap();
        (home, directory)
    }

    fn define(file: &mut KeywordsFile, directory: &Directory, new: &[&str]) -> Result<(), DefineError> {
        let lock = Dotlock::take(directory.root(), "dovecot-uidlist", directory.sharing()).unwrap();
        file.refresh(directory).unwrap();
        let known = file.names().iter().map(|(index, _)| index).collect();
        file.define(directory, &lock, new, ExcessKeywords::Refuse, known)
    }

    #[test]
    fn the_time_of_the_file_grows_by_a_second_at_least() {
        let (home, directory) = fixture();
        let path = home.path().join(FILE_NAME);
        std::fs::write(&path, "0 $Junk\n2 Work\n").unwrap();
        let mut file = KeywordsFile::default();
        file.refresh(&directory).unwrap();
        let before = path.metadata().unwrap().mtime();
        define(&mut file, &directory, &["b"]).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "0 $Junk\n1 b\n2 Work\n");
        assert!(path.metadata().unwrap().mtime() > before);
    }

    #[test]
    fn a_change_by_another_program_is_seen_before_a_letter_is_given() {
        let (home, directory) = fixture();
        let mut file = KeywordsFile::default();
        define(&mut file, &directory, &["a"]).unwrap();
        std::fs::write(home.path().join(FILE_NAME), "0 a\n1 other\n").unwrap();
        define(&mut file, &directory, &["mine"]).unwrap();
        assert_eq!(file.names().name(2), Some("mine"));
        assert_eq!(file.names().name(1), Some("other"));
    }

    #[test]
    fn c8_a_letter_that_only_a_known_message_has_is_not_given_away() {
        let (_home, directory) = fixture();
        let mut file = KeywordsFile::default();
        let all: Vec<_> = (0..26).map(|n| format!("k{n}")).collect();
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        define(&mut file, &directory, &all).unwrap();
        let lock = Dotlock::take(directory.root(), "dovecot-uidlist", directory.sharing()).unwrap();
        let known = (0..26).filter(|&index| index != 3).collect();
        file.define(&directory, &lock, &["new"], ExcessKeywords::Refuse, known)
            .unwrap();
        assert_eq!(
            (file.names().name(3), file.names().name(4)),
            (Some("new"), Some("k4"))
        );
        assert_eq!(file.names().count_free(LettersInUse::default()), 0);
    }

    #[test]
    fn the_27th_keyword_changes_nothing() {
        let (home, directory) = fixture();
        let mut file = KeywordsFile::default();
        let all: Vec<_> = (0..26).map(|n| format!("k{n}")).collect();
        let all: Vec<_> = all.iter().map(String::as_str).collect();
        define(&mut file, &directory, &all).unwrap();
        let before = std::fs::read(home.path().join(FILE_NAME)).unwrap();
        assert!(matches!(
            define(&mut file, &directory, &["k3", "more"]),
            Err(DefineError::Full(NoLetterLeft))
        ));
        assert!(!file.names().contains("more") && file.names().contains("K25"));
        assert_eq!(std::fs::read(home.path().join(FILE_NAME)).unwrap(), before);
    }
}
