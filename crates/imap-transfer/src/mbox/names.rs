//! Which file of a folder a mailbox is in.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use imap_backend::MailboxName;

use crate::Failure;

/// How the files' names end.
const ENDING: &str = ".mbox";

/// The path of a mailbox in a folder: its name, with folders for all parts but the last, and `.mbox`.
///
/// Written as `%` and two hexadecimal digits are `%` itself, a dot that would hide a file or mean a folder, and the dot of an
/// ending `.mbox`, so that no folder has the name of a file.
pub(super) fn path(name: &MailboxName, delimiter: char) -> PathBuf {
    let parts: Vec<String> = name.as_str().split(delimiter).map(escaped).collect();
    PathBuf::from(parts.join("/") + ENDING)
}

fn escaped(part: &str) -> String {
    let mut escaped = part.replace('%', "%25").replace('/', "%2F");
    if escaped.ends_with(ENDING) {
        escaped.truncate(escaped.len() - ENDING.len());
        escaped += "%2Embox";
    }
    match escaped.strip_prefix('.') {
        Some(rest) => format!("%2E{rest}"),
        None => escaped,
    }
}

/// The mailbox that is in a file at this path of a folder; `None` where the file's name does not end with `.mbox`.
///
/// # Errors
/// No mailbox can have that name.
pub(super) fn mailbox(path: &Path) -> Result<Option<MailboxName>, Failure> {
    let bad = || format!("{}: no mailbox can have this name", path.display());
    if path.extension().is_none_or(|ending| ending != &ENDING[1..]) {
        return Ok(None);
    }
    let text = path.to_str().ok_or_else(bad)?;
    let text = text.strip_suffix(ENDING).unwrap_or(text);
    let name = unescaped(text)
        .and_then(|name| MailboxName::new(&name))
        .ok_or_else(bad)?;
    Ok(Some(name.canonical('/')))
}

/// What [`escaped`] made of it, and of a `%` that is followed by no such digits, itself.
fn unescaped(text: &str) -> Option<String> {
    let (mut octets, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&octet, after)) = rest.split_first() {
        let digits = after
            .get(..2)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let code = digits.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        match code.filter(|_| octet == b'%') {
            Some(code) => {
                octets.push(code);
                rest = &after[2..];
            }
            None => {
                octets.push(octet);
                rest = after;
            }
        }
    }
    String::from_utf8(octets).ok()
}

/// The mailboxes that are in files of a folder and of those in it, by path. What begins with a dot is hidden and left out, and
/// symbolic links to folders are.
///
/// # Errors
/// A folder cannot be read, or a file has a name that no mailbox can have.
pub(super) fn all(folder: &Path) -> Result<Vec<(PathBuf, MailboxName)>, Failure> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        let cannot = |error: io::Error| format!("cannot read {}: {error}", folder.join(&below).display());
        for entry in fs::read_dir(folder.join(&below)).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            let path = below.join(entry.file_name());
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if entry.file_type().map_err(cannot)?.is_dir() {
                folders.push(path);
            } else if let Some(name) = mailbox(&path)? {
                found.push((folder.join(path), name));
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_file_of_its_own_from_which_it_is_read() {
        let names = [
            ("INBOX", "INBOX.mbox"),
            ("Letters/2024", "Letters/2024.mbox"),
            ("a.b", "a.b.mbox"),
            ("../etc/.x", "%2E./etc/%2Ex.mbox"),
            ("100%/%2E", "100%25/%252E.mbox"),
            ("Letters.mbox/x", "Letters%2Embox/x.mbox"),
            (".mbox", "%2Embox.mbox"),
            ("\u{dc}bung", "\u{dc}bung.mbox"),
        ];
        for (name, file) in names {
            let name = MailboxName::new(name).unwrap();
            assert_eq!(path(&name, '/'), Path::new(file));
            assert_eq!(mailbox(Path::new(file)).unwrap(), Some(name));
        }
        assert_eq!(mailbox(Path::new("100%.mbox")).unwrap(), MailboxName::new("100%"));
        assert_eq!(mailbox(Path::new("notes.txt")).unwrap(), None);
        assert!(mailbox(Path::new("%00.mbox")).is_err());
    }
}
