//! The file `subscriptions`: the names that a user wants to see in LSUB, whether or not such mailboxes exist.
//!
//! Dovecot's version 2 starts with the line `V<tab>2` and an empty line; each further line is a name, its parts separated by tabs and
//! escaped. Version 1 has one name per line, parts separated by `.`. Courier's `courierimapsubscribed` is version 1 with `INBOX.` before
//! each name. Names are in modified UTF-7 here as there.

use std::io::{self, Read as _};
use std::os::fd::BorrowedFd;

use rustix::fs::{Mode, OFlags};

use crate::disk::directory::{open_control, replace};
use crate::disk::dotlock::Dotlock;

/// Its name.
pub const FILE_NAME: &str = "subscriptions";
/// Courier's, read when there is no other.
pub const COURIER_FILE_NAME: &str = "courierimapsubscribed";
const VERSION_2: &[u8] = b"V\t2\n\n";
/// No account has more than that, octets; a larger file is cut there.
const LARGEST: u64 = 4 << 20;

/// Whether a name is to be subscribed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// SUBSCRIBE.
    Add,
    /// UNSUBSCRIBE.
    Remove,
}

/// The subscribed names: modified UTF-7, parts separated by `.`, in the file's order.
///
/// # Errors
/// As the system says.
pub fn read(root: BorrowedFd<'_>) -> io::Result<Vec<String>> {
    Ok(load(root)?.0)
}

/// Adds or removes one name, durably.
///
/// # Errors
/// As the system says; nothing is changed then.
pub fn change(root: BorrowedFd<'_>, name: &str, subscription: Subscription) -> io::Result<()> {
    let lock = Dotlock::acquire(root, FILE_NAME, crate::LOCK_PATIENCE)?;
    let (mut names, version) = load(root)?;
    let present = names.iter().position(|other| other == name);
    match (subscription, present) {
        (Subscription::Add, None) => names.push(name.to_owned()),
        (Subscription::Remove, Some(at)) => drop(names.remove(at)),
        _ => return Ok(()),
    }
    lock.check()?;
    let mode = Mode::RUSR | Mode::WUSR;
    replace(
        root,
        &format!("{FILE_NAME}.tmp"),
        FILE_NAME,
        &write(&names, version),
        mode,
        None,
    )?;
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

fn load(root: BorrowedFd<'_>) -> io::Result<(Vec<String>, Version)> {
    if let Some(octets) = read_all(root, FILE_NAME)? {
        return Ok(parse(&octets));
    }
    let names = read_all(root, COURIER_FILE_NAME)?.map_or_else(Vec::new, |octets| parse(&octets).0);
    let plain = |name: String| {
        name.strip_prefix("INBOX.")
            .map_or(name.clone(), ToOwned::to_owned)
    };
    Ok((names.into_iter().map(plain).collect(), Version::Two))
}

fn read_all(root: BorrowedFd<'_>, name: &str) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = open_control(root, name, OFlags::RDONLY)? else {
        return Ok(None);
    };
    let mut octets = Vec::new();
    file.take(LARGEST).read_to_end(&mut octets)?;
    Ok(Some(octets))
}

fn parse(octets: &[u8]) -> (Vec<String>, Version) {
    let (lines, version) = match octets.strip_prefix(VERSION_2) {
        Some(lines) => (lines, Version::Two),
        None => (octets, Version::One),
    };
    let lines = lines
        .split(|&octet| octet == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok());
    let names = lines.filter(|line| !line.is_empty()).map(|line| match version {
        Version::One => line.trim_end_matches('\r').to_owned(),
        Version::Two => line.split('\t').map(unescape).collect::<Vec<_>>().join("."),
    });
    (names.collect(), version)
}

fn write(names: &[String], version: Version) -> Vec<u8> {
    let mut out = if version == Version::Two {
        VERSION_2.to_vec()
    } else {
        Vec::new()
    };
    for name in names {
        match version {
            Version::One => out.extend_from_slice(name.as_bytes()),
            Version::Two => {
                let parts: Vec<_> = name.split('.').map(escape).collect();
                out.extend_from_slice(parts.join("\t").as_bytes());
            }
        }
        out.push(b'\n');
    }
    out
}

/// Dovecot's tab escaping: octet 1 and a character for octets that would break a line or a field.
fn escape(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for character in part.chars() {
        match character {
            '\0' => out.push_str("\u{1}0"),
            '\u{1}' => out.push_str("\u{1}1"),
            '\t' => out.push_str("\u{1}t"),
            '\r' => out.push_str("\u{1}r"),
            '\n' => out.push_str("\u{1}n"),
            other => out.push(other),
        }
    }
    out
}

fn unescape(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    let mut characters = part.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1}' {
            out.push(character);
            continue;
        }
        match characters.next() {
            Some('0') => out.push('\0'),
            Some('1') => out.push('\u{1}'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('n') => out.push('\n'),
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs::File;
    use std::os::fd::AsFd as _;

    #[test]
    fn names_are_added_once_and_removed_in_version_2() {
        let home = tempfile::tempdir().unwrap();
        let root = File::open(home.path()).unwrap();
        for name in ["a.b", "c", "a.b"] {
            change(root.as_fd(), name, Subscription::Add).unwrap();
        }
        change(root.as_fd(), "absent", Subscription::Remove).unwrap();
        assert_eq!(
            std::fs::read(home.path().join(FILE_NAME)).unwrap(),
            b"V\t2\n\na\tb\nc\n"
        );
        change(root.as_fd(), "a.b", Subscription::Remove).unwrap();
        assert_eq!(read(root.as_fd()).unwrap(), ["c"]);
        assert!(!home.path().join("subscriptions.lock").exists());
    }

    #[test]
    fn version_1_stays_version_1() {
        let home = tempfile::tempdir().unwrap();
        let root = File::open(home.path()).unwrap();
        std::fs::write(home.path().join(FILE_NAME), "a.b\nc\n").unwrap();
        change(root.as_fd(), "d", Subscription::Add).unwrap();
        assert_eq!(
            std::fs::read(home.path().join(FILE_NAME)).unwrap(),
            b"a.b\nc\nd\n"
        );
    }

    #[test]
    fn couriers_subscriptions_are_taken_over() {
        let home = tempfile::tempdir().unwrap();
        let root = File::open(home.path()).unwrap();
        std::fs::write(home.path().join(COURIER_FILE_NAME), "INBOX\nINBOX.lists.rust\n").unwrap();
        assert_eq!(read(root.as_fd()).unwrap(), ["INBOX", "lists.rust"]);
    }

    proptest! {
        #[test]
        fn parse_inverts_write(names in proptest::collection::vec("[a-z\u{1}\t][a-z&\u{1}\t.]{0,8}", 0..6)) {
            let (parsed, version) = parse(&write(&names, Version::Two));
            prop_assert!(version == Version::Two);
            prop_assert_eq!(parsed, names);
        }
    }
}
