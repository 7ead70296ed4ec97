//! The directories of one account: which mailboxes lie in its root, and how one comes, goes and changes its name.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::io::Errno;

use crate::disk::acl_file;
use crate::disk::directory::Directory;
use crate::disk::hold::Sharing;
use crate::disk::storage::{self, CWD, FileKind, Mode};
use crate::disk::uidlist_file::UidListFile;
use crate::disk::uidvalidity;
use crate::format::object_ids::MailboxGuid;

/// Directories that are no mailbox yet, or no more. Two dots: no mailbox name leads there.
const SCRATCH: &str = "..imap-maildir";
/// A scratch directory that is older than this, seconds, was left by a crash; another process may be at work in a young one.
const OLD_SCRATCH_SECONDS: i64 = 3600;
/// What the directories of mailboxes below INBOX begin with, in any case.
const BELOW_INBOX: &str = ".INBOX.";
/// The marker that Maildir++ wants in each mailbox but INBOX.
const FOLDER_MARKER: &str = "maildirfolder";

/// An account's root directory.
#[derive(Debug)]
pub(crate) struct Tree {
    path: PathBuf,
    sharing: Sharing,
    /// The files of UIDVALIDITY tell of this value or a larger one.
    noted_uid_validity: AtomicU32,
}

/// Where an account's root directory is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The part of the path that the operator alone has in hand: symbolic links in it are followed.
    pub(crate) operators: PathBuf,
    /// The rest of it. A user may be able to replace a directory there, and must not reach another user's mail by that.
    pub(crate) users: PathBuf,
}

/// A part of the way to a Maildir is no directory.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is a symbolic link or no directory")]
struct NotFollowed(PathBuf);

impl Tree {
    /// The root's path, without symbolic links; it is made if there is none.
    pub(crate) fn make_root(place: &Place) -> io::Result<PathBuf> {
        make_private_directories(&place.operators)?;
        // Once, here: below it no symbolic link is followed.
        let mut path = storage::canonical_path(&place.operators)?;
        for part in place.users.components() {
            path.push(part);
            make_or_check(&path)?;
        }
        Ok(path)
    }

    /// Opens a root that is there.
    pub(crate) fn open(path: PathBuf, sharing: Sharing) -> io::Result<Self> {
        let tree = Self {
            path,
            sharing,
            noted_uid_validity: AtomicU32::new(0),
        };
        tree.remove_old_scratch()?;
        Ok(tree)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where a mailbox's directory is; the root for INBOX, whose directory name is empty.
    pub(crate) fn path_of(&self, directory: &str) -> PathBuf {
        if directory.is_empty() {
            self.path.clone()
        } else {
            self.path.join(directory)
        }
    }

    /// Where a mailbox's directory is or would be. Below INBOX another program may have made it with `INBOX` in another case;
    /// the one of the exact name goes first.
    pub(crate) fn find(&self, directory: &str) -> io::Result<PathBuf> {
        let path = self.path_of(directory);
        if !is_below_inbox(directory.as_bytes()) || storage::status(CWD, &path).is_ok() {
            return Ok(path);
        }
        let below = &directory.as_bytes()[BELOW_INBOX.len()..];
        let mut found = path;
        storage::list(self.handle()?, |name, _| {
            let name = name.to_bytes();
            if is_below_inbox(name) && &name[BELOW_INBOX.len()..] == below {
                found = self.path.join(OsStr::from_bytes(name));
            }
            Ok(())
        })?;
        Ok(found)
    }

    pub(crate) fn handle(&self) -> io::Result<OwnedFd> {
        storage::open_directory(CWD, &self.path)
    }

    /// Makes the names in the root durable.
    #[cfg_attr(test, track_caller)]
    pub(crate) fn sync(&self) -> io::Result<()> {
        storage::sync_directory(self.handle()?)
    }

    /// A UIDVALIDITY that no mailbox of the account has had.
    pub(crate) fn next_uid_validity(&self) -> io::Result<u32> {
        uidvalidity::next(
            self.handle()?.as_fd(),
            self.sharing,
            crate::disk::clock::seconds(),
        )
    }

    /// Makes sure that a UIDVALIDITY which a mailbox brought along is never given again.
    ///
    /// Values up to the largest that was noted cost nothing: the root is not read each time a mailbox is opened.
    pub(crate) fn note_uid_validity(&self, value: u32) -> io::Result<()> {
        if value <= self.noted_uid_validity.load(Ordering::Relaxed) {
            return Ok(());
        }
        let latest = uidvalidity::at_least(self.handle()?.as_fd(), self.sharing, value)?;
        self.noted_uid_validity.fetch_max(latest, Ordering::Relaxed);
        Ok(())
    }

    /// Calls `each` with the directory name of every mailbox but INBOX.
    pub(crate) fn mailboxes(&self, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        let root = self.handle()?;
        storage::list(&root, |name, kind| {
            if name.to_bytes().starts_with(b".")
                && matches!(kind, FileKind::Directory | FileKind::Unknown)
                && holds_mailbox(root.as_fd(), name.to_bytes())
            {
                each(name.to_bytes());
            }
            Ok(())
        })
    }

    /// Makes a mailbox with this text of an ACL, complete before it has its name, and durable. `AlreadyExists` where the name is
    /// taken.
    pub(crate) fn make_mailbox(&self, directory: &str, acl: Option<&[u8]>) -> io::Result<MailboxGuid> {
        let path = self.find(directory)?;
        if directory.is_empty() || storage::status(CWD, &path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let scratch = self.new_scratch()?;
        let made = self
            .fill_mailbox(&scratch, acl)
            .and_then(|guid| storage::rename_to_free_name(CWD, &*scratch, &*path).map(|()| guid));
        if made.is_err() {
            let _ = storage::remove_tree(&scratch);
        }
        let guid = made?;
        self.sync()?;
        Ok(guid)
    }

    fn fill_mailbox(&self, path: &Path, acl: Option<&[u8]>) -> io::Result<MailboxGuid> {
        let mode = (storage::status(CWD, &self.path)?.mode & Mode::from_raw_mode(0o2777)) | Mode::RWXU;
        storage::make_directory(CWD, path, mode)?;
        for subdirectory in ["cur", "new", "tmp"] {
            storage::make_directory(CWD, &*path.join(subdirectory), mode)?;
        }
        let directory = Directory::open(path)?;
        storage::create_file(directory.root(), FOLDER_MARKER, directory.file_mode())?;
        let list = UidListFile::open(&directory, || self.next_uid_validity())?;
        if let Some(acl) = acl {
            acl_file::put(directory.root(), acl)?;
        }
        list.guid(&directory)
    }

    /// Takes a mailbox's name away; [`sync`](Self::sync) makes that durable. Gives what is left of it, to be removed with
    /// [`remove`](Self::remove).
    pub(crate) fn take_away(&self, path: &Path) -> io::Result<PathBuf> {
        let scratch = self.new_scratch()?;
        storage::rename(CWD, path, CWD, &*scratch)?;
        Ok(scratch)
    }

    /// Removes what a deleted mailbox left. What cannot be removed now is removed at a later login.
    pub(crate) fn remove(&self, scratch: &Path) {
        let _ = storage::remove_tree(scratch);
    }

    fn new_scratch(&self) -> io::Result<PathBuf> {
        Ok(self
            .path
            .join(format!("{SCRATCH}.{}", crate::disk::random::guid()?)))
    }

    /// Removes what a crash in the middle of CREATE or DELETE left.
    fn remove_old_scratch(&self) -> io::Result<()> {
        let root = self.handle()?;
        let now = crate::disk::clock::seconds();
        storage::list(&root, |name, _| {
            let is_scratch = name.to_bytes().starts_with(SCRATCH.as_bytes());
            if is_scratch && now - storage::status(&root, name)?.modified > OLD_SCRATCH_SECONDS {
                let _ = storage::remove_tree(&self.path.join(OsStr::from_bytes(name.to_bytes())));
            }
            Ok(())
        })
    }
}

/// Whether the directory of a mailbox may have more than one spelling: see [`Tree::find`].
pub(crate) fn is_below_inbox(directory: &[u8]) -> bool {
    let start = directory.get(..BELOW_INBOX.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(BELOW_INBOX.as_bytes()))
}

/// Makes a directory that only its owner may enter, and those above it, durably.
fn make_private_directories(path: &Path) -> io::Result<()> {
    if storage::canonical_path(path).is_ok() {
        return Ok(());
    }
    make_private_directories(parent_of(path))?;
    match make_private_directory(path) {
        // Another session was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Makes a directory that only its owner may enter, durably; `AlreadyExists` where the name is taken.
///
/// A mailbox syncs what is in its own directory. If the names on the way there were not durable, a power failure would take
/// a new user's account with all that was answered in it.
fn make_private_directory(path: &Path) -> io::Result<()> {
    storage::make_directory(CWD, path, Mode::RWXU)?;
    match storage::open_directory(CWD, &storage::canonical_path(parent_of(path))?) {
        Ok(parent) => storage::sync_directory(parent),
        // Who may make a directory there need not be allowed to read it.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            tracing::warn!(path = %path.display(), %error, "a power failure may take the new account");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn parent_of(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

/// A directory with a `cur/` or the Maildir++ marker; a symbolic link is none.
///
/// # Errors
/// Where one may not look: that is no mailbox which is not there.
pub(crate) fn is_mailbox(path: &Path) -> io::Result<bool> {
    match storage::open_directory(CWD, path) {
        Ok(directory) => is_maildir(directory.as_fd()),
        Err(error) => is_none(error),
    }
}

/// Whether an error says that there is no such directory or file.
fn is_none(error: io::Error) -> io::Result<bool> {
    match Errno::from_io_error(&error) {
        Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG) => Ok(false),
        _ => Err(error),
    }
}

/// Makes a directory that only its owner may enter, or makes sure that what is there is one.
fn make_or_check(path: &Path) -> io::Result<()> {
    match make_private_directory(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            match storage::status(CWD, path)?.kind {
                FileKind::Directory => Ok(()),
                _ => Err(io::Error::other(NotFollowed(path.to_owned()))),
            }
        }
        made => made,
    }
}

fn holds_mailbox(root: BorrowedFd<'_>, name: &[u8]) -> bool {
    // What one may not look into is no mailbox in a list of them.
    let directory = storage::open_directory(root, name);
    directory.is_ok_and(|directory| is_maildir(directory.as_fd()).unwrap_or(false))
}

fn is_maildir(directory: BorrowedFd<'_>) -> io::Result<bool> {
    let is = |name: &str, kind| match storage::status(directory, name) {
        Ok(status) => Ok(status.kind == kind),
        Err(error) => is_none(error),
    };
    Ok(is("cur", FileKind::Directory)? || is(FOLDER_MARKER, FileKind::Regular)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::storage::change::Scope;
    use crate::disk::storage::recording::{Recorder, Step};
    use crate::disk::storage::{Call, faults};

    #[test]
    fn each_directory_on_the_way_to_a_new_account_is_durable_in_the_one_above() {
        let home = tempfile::tempdir().unwrap();
        let recorder = Recorder::start(home.path());
        let place = Place {
            operators: home.path().join("domain"),
            users: "user/Maildir".into(),
        };
        Tree::make_root(&place).unwrap();
        let mut made = Vec::new();
        for step in recorder.finish().steps {
            match step {
                Step::Named { at, .. } => {
                    made.push((at.directory, at.name.escape_ascii().to_string(), "made"))
                }
                Step::Synced {
                    node,
                    scope: Scope::Names,
                    ..
                } => made.push((node, String::new(), "synced")),
                other => panic!("{other:?}"),
            }
        }
        let step = |at, name: &str, what| (at, name.to_owned(), what);
        let expected = [
            step(0, "domain", "made"),
            step(0, "", "synced"),
            step(1, "user", "made"),
            step(1, "", "synced"),
            step(2, "Maildir", "made"),
            step(2, "", "synced"),
        ];
        assert_eq!(made, expected);
    }

    #[test]
    fn an_account_is_made_where_its_user_may_not_list() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("user");
        let denied = io::ErrorKind::PermissionDenied;
        faults::with(Call::Open, denied, || make_private_directories(&path)).unwrap();
        assert!(path.is_dir());
    }

    /// B14.
    #[test]
    fn a_uidvalidity_that_is_known_to_be_noted_does_not_cost_a_listing_of_the_root() {
        let home = tempfile::tempdir().unwrap();
        let tree = Tree::open(home.path().to_owned(), Sharing::Shared).unwrap();
        tree.note_uid_validity(500).unwrap();
        faults::with(Call::List, io::ErrorKind::Other, || {
            tree.note_uid_validity(499).unwrap();
            tree.note_uid_validity(500).unwrap();
            assert!(tree.note_uid_validity(501).is_err(), "that one has to be noted");
        });
        assert!(tree.next_uid_validity().unwrap() > 500);
    }
}
