//! Mailbox names and Maildir++ directory names.
//!
//! INBOX is the account's root directory; every other mailbox is a directory `.A.B` in it, flat, the name in modified UTF-7 and `.`
//! as the hierarchy delimiter. A `.` within a part cannot be said.

use imap_backend::{MailboxName, mutf7};

/// The hierarchy delimiter.
pub(crate) const DELIMITER: char = '.';

/// The longest directory name, octets; what file systems allow.
const LONGEST: usize = 255;

/// A name that no Maildir++ directory can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum InvalidName {
    /// It starts or ends with the delimiter or has two in a row.
    #[error("a part of the mailbox name is empty")]
    EmptyPart,
    /// It has a `/`, or starts with `~`.
    #[error("the mailbox name has a character that directories cannot have")]
    Character,
    /// Longer than a directory name can be, once encoded.
    #[error("the mailbox name is longer than {LONGEST} octets in modified UTF-7")]
    TooLong,
}

/// The directory of a mailbox, relative to the account's root; empty for INBOX.
///
/// # Errors
/// Why there is none.
pub(crate) fn directory_name(name: &MailboxName) -> Result<String, InvalidName> {
    if name.is_inbox() {
        return Ok(String::new());
    }
    let text = name.as_str();
    if text.contains(['/', '\0']) || text.starts_with('~') || text.chars().any(char::is_control) {
        return Err(InvalidName::Character);
    }
    if text.split(DELIMITER).any(str::is_empty) {
        return Err(InvalidName::EmptyPart);
    }
    let directory = format!("{DELIMITER}{}", mutf7::encode(text));
    if directory.len() > LONGEST {
        Err(InvalidName::TooLong)
    } else {
        Ok(directory)
    }
}

/// The mailbox of a directory in the account's root; `None` where the directory is none. Another program may have written
/// the `INBOX` at its start in another case.
///
/// Directories whose names are not modified UTF-7 are passed over: they could not be said to a client and back.
#[must_use]
pub(crate) fn mailbox_name(directory: &[u8]) -> Option<MailboxName> {
    let name = MailboxName::new(&mutf7::decode(directory.strip_prefix(b".")?).ok()?)?;
    // `.INBOX` would be a second INBOX; other names must come back to this very directory.
    (directory_name(&name).ok()?.as_bytes() == directory).then(|| name.canonical(DELIMITER))
}

/// Whether a user's name may be put into a path in place of `%u`.
///
/// Not empty, at most 255 octets, no `/`, no control character, not starting with `.`.
///
/// # Errors
/// [`InvalidUser`].
pub(crate) fn check_user(user: &str) -> Result<(), InvalidUser> {
    let wrong = user.is_empty()
        || user.len() > LONGEST
        || user.starts_with('.')
        || user.contains('/')
        || user.chars().any(char::is_control);
    if wrong { Err(InvalidUser) } else { Ok(()) }
}

/// A user's name that cannot be part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user name that cannot be part of a path")]
pub struct InvalidUser;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn directory(name: &str) -> Result<String, InvalidName> {
        directory_name(&MailboxName::new(name).unwrap())
    }

    #[test]
    fn names_become_flat_directories_in_modified_utf7() {
        assert_eq!(directory("inbox").unwrap(), "");
        assert_eq!(directory("lists.rust").unwrap(), ".lists.rust");
        assert_eq!(directory("Grüße & mehr").unwrap(), ".Gr&APwA3w-e &- mehr");
        assert_eq!(
            mailbox_name(b".Gr&APwA3w-e &- mehr").unwrap().as_str(),
            "Grüße & mehr"
        );
    }

    #[test]
    fn names_that_leave_the_root_or_hide_are_refused() {
        for name in ["..", ".", "a..b", ".a", "a.", "..a"] {
            assert_eq!(directory(name), Err(InvalidName::EmptyPart), "{name}");
        }
        for name in ["a/b", "/", "../../etc/passwd", "~root", "x/../y"] {
            assert!(directory(name).is_err(), "{name}");
        }
        assert_eq!(directory(&"x".repeat(255)), Err(InvalidName::TooLong));
        assert!(directory(&"x".repeat(254)).is_ok());
        assert_eq!(directory(&"ü".repeat(120)), Err(InvalidName::TooLong));
    }

    #[test]
    fn inbox_at_the_start_of_a_directory_is_read_in_any_case() {
        assert_eq!(mailbox_name(b".inBox.a").unwrap().as_str(), "INBOX.a");
        assert_eq!(mailbox_name(b".inboxes.a").unwrap().as_str(), "inboxes.a");
    }

    #[test]
    fn directories_that_are_no_mailboxes_are_passed_over() {
        for directory in [
            &b"."[..],
            b"..",
            b"..trash",
            b"cur",
            b".INBOX",
            b".inbox",
            b".a.",
            b".\xc3\xa9",
            b".&AGE-",
        ] {
            assert_eq!(mailbox_name(directory), None, "{}", directory.escape_ascii());
        }
    }

    #[test]
    fn user_names_stay_below_the_mail_root() {
        assert!(check_user("alice@example.org").is_ok());
        for user in ["", ".", "..", ".hidden", "a/b", "a\0b", "a\nb"] {
            assert!(check_user(user).is_err(), "{user:?}");
        }
    }

    proptest! {
        #[test]
        fn mailbox_name_inverts_directory_name(name in any::<String>()) {
            if let Some(name) = MailboxName::new(&name)
                && let Ok(directory) = directory_name(&name)
                && !name.is_inbox()
            {
                prop_assert!(!directory.contains('/') && !directory.starts_with("..") && directory.len() > 1);
                prop_assert_eq!(mailbox_name(directory.as_bytes()), Some(name));
            }
        }

        #[test]
        fn every_listed_directory_can_be_selected(directory in "\\.[a-zA-Z0-9&.,+/ ~-]{1,12}") {
            if let Some(name) = mailbox_name(directory.as_bytes()) {
                prop_assert_eq!(directory_name(&name).unwrap(), directory);
            }
        }
    }
}
