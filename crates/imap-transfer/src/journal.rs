//! A file that says what imports have taken into the mailboxes of one user.
//!
//! ```text
//! imap-imports 1
//! mailbox 1767225600 12 Letters.2024
//! 12 maildir 1700000000 1 512 1700000001
//! 13 maildir 1700000000 2 734 1700000002
//! done
//! ```
//!
//! `mailbox`, UIDVALIDITY, UIDNEXT and a name begin what follows. Then there is a line for each message, its UID and by what its
//! source knows it, and `done` once an import has come to the end of the mailbox. A line is written after its message is stored.
//! So an import that breaks off may have stored a message of which no line is there: it has one of the UIDs from the last line on.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use imap_backend::MailboxName;

use crate::counted::lock;
use crate::digest::{Digest, of_text};

const FIRST_LINE: &str = "imap-imports 1\n";

/// What is known of one mailbox.
#[derive(Debug, Default)]
struct Section {
    uid_validity: u32,
    /// Messages with a smaller UID are in the journal, or were never an import's.
    next: u32,
    is_done: bool,
    items: HashSet<Digest>,
}

/// The file, locked.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    sections: HashMap<String, Section>,
}

impl Journal {
    /// Opens the file, or makes it. A line that is damaged is removed with all that follow it.
    ///
    /// # Errors
    /// Another import has it, or it is something else.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        lock(&file, "another import is at work there")?;
        let mut octets = Vec::new();
        file.read_to_end(&mut octets)?;
        if octets.is_empty()
            || (octets.len() < FIRST_LINE.len() && FIRST_LINE.as_bytes().starts_with(&octets))
        {
            octets = FIRST_LINE.as_bytes().to_vec();
            file.rewind()?;
            file.write_all(&octets)?;
        }
        let Some(lines) = octets.strip_prefix(FIRST_LINE.as_bytes()) else {
            return Err(io::Error::other("it is no journal of imports"));
        };
        let (sections, whole) = parse(lines);
        let end = (FIRST_LINE.len() + whole) as u64;
        file.set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        Ok(Self { file, sections })
    }

    /// Messages come into this mailbox, which has these UIDVALIDITY and UIDNEXT. Gives the first UID that a message may have
    /// which was stored and not noted; `None` where there is none.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn begin(
        &mut self,
        mailbox: &MailboxName,
        uid_validity: u32,
        uid_next: u32,
    ) -> io::Result<Option<u32>> {
        let section = self.sections.entry(mailbox.as_str().to_owned()).or_default();
        let is_new = section.uid_validity == 0;
        let unknown = match section.uid_validity == uid_validity {
            true => section.next,
            false => 1,
        };
        let unnoted = (!is_new && !section.is_done && unknown < uid_next).then_some(unknown);
        section.uid_validity = uid_validity;
        section.next = unnoted.unwrap_or(uid_next);
        section.is_done = false;
        let line = format!("mailbox {uid_validity} {} {mailbox}\n", section.next);
        self.file.write_all(line.as_bytes())?;
        Ok(unnoted)
    }

    /// Whether a mailbox has taken this.
    pub(crate) fn has(&self, mailbox: &MailboxName, item: &str) -> bool {
        let section = self.sections.get(mailbox.as_str());
        section.is_some_and(|section| section.items.contains(&of_text(item)))
    }

    /// A message is stored under this UID, in the mailbox that was begun last.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn note(&mut self, mailbox: &MailboxName, uid: u32, item: &str) -> io::Result<()> {
        self.file.write_all(format!("{uid} {item}\n").as_bytes())?;
        let section = self.sections.entry(mailbox.as_str().to_owned()).or_default();
        section.items.insert(of_text(item));
        Ok(())
    }

    /// All that was stored in the mailbox that was begun last is noted.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        // A power failure must not leave this line without those before it.
        self.file.sync_data()?;
        self.file.write_all(b"done\n")
    }
}

/// What the lines say, and how many octets of them are whole.
fn parse(lines: &[u8]) -> (HashMap<String, Section>, usize) {
    let mut sections: HashMap<String, Section> = HashMap::new();
    let (mut whole, mut current) = (0, None);
    for line in lines.split_inclusive(|octet| *octet == b'\n') {
        let text = line
            .strip_suffix(b"\n")
            .and_then(|line| str::from_utf8(line).ok());
        if text
            .and_then(|text| read(text, &mut current, &mut sections))
            .is_none()
        {
            break;
        }
        whole += line.len();
    }
    (sections, whole)
}

fn read(line: &str, current: &mut Option<String>, sections: &mut HashMap<String, Section>) -> Option<()> {
    if let Some(rest) = line.strip_prefix("mailbox ") {
        let mut words = rest.splitn(3, ' ');
        let (uid_validity, next) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let name = words.next()?.to_owned();
        let section = sections.entry(name.clone()).or_default();
        *current = Some(name);
        (section.uid_validity, section.next, section.is_done) = (uid_validity, next, false);
        return Some(());
    }
    let section = sections.get_mut(current.as_ref()?)?;
    if line == "done" {
        section.is_done = true;
        return Some(());
    }
    let (uid, item) = line.split_once(' ')?;
    let uid: u32 = uid.parse().ok()?;
    section.next = section.next.max(uid.saturating_add(1));
    section.items.insert(of_text(item));
    Some(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn mailbox(name: &str) -> MailboxName {
        MailboxName::new(name).unwrap()
    }

    #[test]
    fn what_was_noted_is_known_wherever_the_file_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("imap-imports");
        let (inbox, letters) = (mailbox("INBOX"), mailbox("two words"));
        let mut journal = Journal::open(&path).unwrap();
        assert_eq!(journal.begin(&inbox, 7, 5).unwrap(), None);
        journal.note(&inbox, 5, "one").unwrap();
        journal.note(&inbox, 6, "two").unwrap();
        journal.end().unwrap();
        assert_eq!(journal.begin(&letters, 8, 1).unwrap(), None);
        journal.note(&letters, 1, "one").unwrap();
        drop(journal);
        let whole = fs::read(&path).unwrap();
        for cut in 0..=whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let mut journal = Journal::open(&path).unwrap();
            let noted = |text: &str| {
                whole[..cut]
                    .windows(text.len())
                    .filter(|part| *part == text.as_bytes())
                    .count()
            };
            assert_eq!(journal.has(&inbox, "one"), noted("\n5 one\n") == 1, "{cut}");
            assert_eq!(journal.has(&inbox, "two"), noted("\n6 two\n") == 1, "{cut}");
            assert_eq!(journal.has(&letters, "one"), noted("\n1 one\n") == 1, "{cut}");
            assert!(!journal.has(&letters, "two"));
            // What may have been stored and not noted, in a mailbox whose UIDNEXT has gone on.
            let begun = noted("mailbox 7 5 INBOX\n") == 1 && noted("done\n") == 0;
            let after = if noted("6 two\n") == 1 {
                7
            } else {
                5 + u32::from(noted("5 one\n") == 1)
            };
            assert_eq!(
                journal.begin(&inbox, 7, 10).unwrap(),
                begun.then_some(after),
                "{cut}"
            );
            journal.note(&inbox, 10, "three").unwrap();
            drop(journal);
            assert!(Journal::open(&path).unwrap().has(&inbox, "three"), "{cut}");
        }
    }

    #[test]
    fn of_another_uidvalidity_every_message_may_be_one_that_was_not_noted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("imap-imports");
        let inbox = mailbox("INBOX");
        let mut journal = Journal::open(&path).unwrap();
        journal.begin(&inbox, 7, 5).unwrap();
        journal.note(&inbox, 5, "one").unwrap();
        assert_eq!(journal.begin(&inbox, 8, 3).unwrap(), Some(1));
        assert!(journal.has(&inbox, "one"));
    }

    #[test]
    fn one_import_at_a_time_and_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("imap-imports");
        let first = Journal::open(&path).unwrap();
        assert!(
            Journal::open(&path)
                .unwrap_err()
                .to_string()
                .contains("another import")
        );
        drop(first);
        fs::write(&path, "my thesis\n").unwrap();
        assert!(
            Journal::open(&path)
                .unwrap_err()
                .to_string()
                .contains("no journal")
        );
        assert_eq!(fs::read(&path).unwrap(), b"my thesis\n");
    }
}
