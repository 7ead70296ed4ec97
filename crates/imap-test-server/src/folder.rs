//! Mailboxes from a folder of files.

use crate::message::Message;
use imap_updates::{Flag, Flags};
use std::io;
use std::path::{Path, PathBuf};

/// A mailbox's name, by its parts, and its messages.
pub(crate) type Found = (Vec<String>, Vec<Message>);

/// Reads every `.eml` file: those of the folder itself are INBOX, those of a folder in it the mailbox of that name.
///
/// # Errors
/// A folder or a file cannot be read.
pub(crate) fn read(folder: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    read_into(folder, Vec::new(), &mut found)?;
    Ok(found)
}

fn read_into(folder: &Path, name: Vec<String>, found: &mut Vec<Found>) -> io::Result<()> {
    let entries = std::fs::read_dir(folder)?;
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    paths.sort();
    let (mut messages, mut folders) = (Vec::new(), Vec::new());
    for path in paths {
        if path.is_dir() {
            folders.push(path);
        } else if path.extension().is_some_and(|extension| extension == "eml") {
            messages.push(message(&path)?);
        }
    }
    let mailbox = match name.is_empty() {
        true => vec!["INBOX".to_owned()],
        false => name.clone(),
    };
    found.push((mailbox, messages));
    for folder in folders {
        let part = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let name = name.iter().cloned().chain([part]).collect();
        read_into(&folder, name, found)?;
    }
    Ok(())
}

/// A message of a file, with the flags in its name: the letters behind the last comma, as in a Maildir.
fn message(path: &Path) -> io::Result<Message> {
    let octets = std::fs::read(path)?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let letters = stem.rsplit_once(',').map_or("", |(_, letters)| letters);
    let flags: Option<Flags> = letters.chars().map(flag).collect();
    Ok(Message {
        flags: flags.unwrap_or_else(Flags::empty),
        ..Message::new(octets)
    })
}

fn flag(letter: char) -> Option<Flag> {
    Some(match letter {
        'D' => Flag::Draft,
        'F' => Flag::Flagged,
        'R' => Flag::Answered,
        'S' => Flag::Seen,
        'T' => Flag::Deleted,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_mailboxes_with_messages_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        std::fs::create_dir_all(folder.path().join("Lists/rust")).unwrap();
        write("2,SF.eml", "Subject: two");
        write("1.eml", "Subject: one");
        write("notes.txt", "no message");
        write("Lists/rust/a, b.eml", "Subject: a comma and no flags");
        let found = read(folder.path()).unwrap();
        let names: Vec<String> = found.iter().map(|(name, _)| name.join("/")).collect();
        assert_eq!(names, ["INBOX", "Lists", "Lists/rust"]);
        let inbox = &found[0].1;
        assert_eq!(inbox[0], Message::new("Subject: one"));
        assert_eq!(inbox[1], Message::new("Subject: two").flags("\\Seen \\Flagged"));
        assert_eq!((inbox.len(), found[1].1.len()), (2, 0));
        assert!(found[2].1[0].flags.is_empty());
    }
}
