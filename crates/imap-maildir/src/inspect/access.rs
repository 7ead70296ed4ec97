//! Whose files a Maildir has, and what is no file.

use std::path::Path;

use super::report::Finding;
use crate::disk::storage::{self, CWD, FileKind, FileStatus};

/// The files of a mailbox beside its messages, and those of the whole Maildir.
const CONTROL_FILES: [&str; 15] = [
    "dovecot-uidlist",
    "dovecot-keywords",
    "dovecot-acl",
    "imap-modseqs",
    "imap-index",
    "imap-search",
    "dovecot-attributes",
    "annotations",
    "server-annotations",
    "url-key",
    "dovecot-uidvalidity",
    "maildirsize",
    "special-uses",
    "subscriptions",
    "imap-imports",
];

/// Every user of the system may change what is in it.
const OTHERS_CHANGE: u32 = 0o002;
/// Every user of the system may go through.
const OTHERS_ENTER: u32 = 0o001;

/// Files of another system user than the Maildir.
#[derive(Debug)]
pub(super) struct Strangers {
    owner: u32,
    first: Option<String>,
    count: usize,
}

impl Strangers {
    /// Nothing was looked at yet.
    pub(super) fn to(owner: u32) -> Self {
        Self {
            owner,
            first: None,
            count: 0,
        }
    }

    pub(super) fn look(&mut self, shown: &str, status: &FileStatus) {
        if status.owner != self.owner {
            self.count += 1;
            self.first.get_or_insert_with(|| shown.to_owned());
        }
    }

    pub(super) fn finding(self) -> Option<Finding> {
        self.first.map(|first| Finding::OtherOwner(first, self.count))
    }
}

/// What is wrong with a mailbox's directories and with the files beside its messages.
pub(super) fn check(mailbox: &Path, strangers: &mut Strangers) -> Vec<Finding> {
    let mut findings = Vec::new();
    for part in ["", "new", "cur", "tmp"] {
        let shown = if part.is_empty() {
            "the folder itself"
        } else {
            part
        };
        let path = mailbox.join(part);
        if let Ok(status) = storage::status(CWD, &path) {
            strangers.look(shown, &status);
            if status.kind == FileKind::Directory && !storage::is_changeable(CWD, &path) {
                findings.push(Finding::Unchangeable(shown.to_owned()));
            }
        }
    }
    for name in CONTROL_FILES {
        if let Ok(status) = storage::status(CWD, mailbox.join(name)) {
            strangers.look(name, &status);
            if status.kind != FileKind::Regular {
                findings.push(Finding::NotAFile(name.to_owned()));
            }
        }
    }
    findings
}

/// Whether every user of the system can change the mail: by the root of the Maildir, which keeps what is below it, and the
/// directories above.
pub(super) fn open_to_all(root: &Path) -> Option<Finding> {
    let mode = |path| {
        storage::status(CWD, path)
            .ok()
            .map(|status| status.mode.as_raw_mode())
    };
    let modes: Option<Vec<u32>> = root.ancestors().map(mode).collect();
    is_open(&modes?).then(|| Finding::OpenToAll("the Maildir".to_owned()))
}

/// The modes of a directory and of those above it.
fn is_open(modes: &[u32]) -> bool {
    let Some((own, above)) = modes.split_first() else {
        return false;
    };
    own & OTHERS_CHANGE != 0 && above.iter().all(|mode| mode & OTHERS_ENTER != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maildir_is_open_to_all_where_nothing_above_it_is_closed() {
        for (modes, expected) in [
            (&[0o755, 0o755, 0o755][..], false),
            (&[0o777, 0o700, 0o755], false),
            (&[0o777, 0o750, 0o755], false),
            (&[0o777, 0o711, 0o755], true),
            (&[0o702, 0o1777, 0o755], true),
            (&[], false),
        ] {
            assert_eq!(is_open(modes), expected, "{modes:?}");
        }
    }
}
